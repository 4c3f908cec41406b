//! Run lengths that are next to each other, taken together.

/// Sums that are added to side by side, in the same order on every machine.
const LANES: usize = 8;
/// What a group's mass counts for in the cost of a pair; the rest is what its most probable run length counts for.
const KAPPA: f64 = 0.1;

/// Groups of run lengths, the longest first, which is that without a change.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Groups {
    /// Of all run lengths in it: a probability up to a factor, which is the same for all.
    pub(super) masses: Vec<f64>,
    /// Of the mean, from that of the prior, given the values of each run.
    pub(super) means: Vec<f64>,
    /// Of the mean, in units of the precision of a value: the values of the run, and what the prior is worth.
    pub(super) precisions: Vec<f64>,
    /// Of the most probable run length in the mass.
    pub(super) shares: Vec<f64>,
}

impl Groups {
    pub(super) fn of_one(mean: f64, precision: f64) -> Self {
        Self { masses: vec![1.0], means: vec![mean], precisions: vec![precision], shares: vec![1.0] }
    }

    pub(super) fn push(&mut self, mass: f64, mean: f64, precision: f64) {
        self.masses.push(mass);
        self.means.push(mean);
        self.precisions.push(precision);
        self.shares.push(1.0);
    }

    /// The mass of the unchanged run, and about that of the most probable of the others.
    pub(super) fn largest(&self) -> (f64, f64) {
        let unchanged = self.masses.first().copied().unwrap_or_default();
        let (masses, shares) = (self.masses.get(1..).unwrap_or_default(), self.shares.get(1..).unwrap_or_default());
        let (in_lanes, masses) = masses.as_chunks::<LANES>();
        let (shares_in_lanes, shares) = shares.as_chunks::<LANES>();
        let mut largest = [0.0; LANES];
        let mut take = |masses: &[f64], shares: &[f64]| {
            for ((largest, mass), share) in largest.iter_mut().zip(masses).zip(shares) {
                *largest = larger(mass * share, *largest);
            }
        };
        for (masses, shares) in in_lanes.iter().zip(shares_in_lanes) {
            take(masses, shares);
        }
        take(masses, shares);
        (unchanged, largest.into_iter().fold(0.0, larger))
    }

    pub(super) fn fields_mut(&mut self) -> [&mut Vec<f64>; 4] {
        [&mut self.masses, &mut self.means, &mut self.precisions, &mut self.shares]
    }

    /// What it costs to take each group and the next one together: the mass that would be about wrong, times how much
    /// what is known differs, to the fourth.
    pub(super) fn costs(&self, data_precision: f64, costs: &mut [f64]) {
        let (masses, means) = (pairs(&self.masses), pairs(&self.means));
        let (precisions, shares) = (pairs(&self.precisions), pairs(&self.shares));
        for ((((mass, mean), precision), share), cost) in masses.zip(means).zip(precisions).zip(shares).zip(costs) {
            let apart = mean.1 - mean.0;
            let of_means = apart * apart * data_precision * precision.1;
            let of_precisions = (precision.0 - precision.1).abs() / precision.0;
            let difference = of_means + of_precisions;
            // At most 1, for what is no number as well: a limit above all costs takes any two together.
            let difference = if difference < 1.0 { difference } else { 1.0 };
            let peaks = mass.0 * share.0 + mass.1 * share.1;
            *cost = (KAPPA * (mass.0 + mass.1) + (1.0 - KAPPA) * peaks) * difference * difference;
        }
    }

    /// Takes neighbours together whose cost is not above a limit. Each goes with one other at most.
    pub(super) fn sweep(&mut self, limit: f64, data_precision: f64, costs: &[f64]) {
        let [masses, means, precisions, shares] = self.fields_mut().map(Vec::as_mut_slice);
        let n = masses.len().min(means.len()).min(precisions.len()).min(shares.len());
        // The first is the unchanged run.
        let (mut from, mut to) = (1, 1);
        while from < n {
            let mut group =
                Group { mass: masses[from], mean: means[from], precision: precisions[from], share: shares[from] };
            // What is no number goes together as well.
            let is_apart = costs.get(from).is_none_or(|cost| *cost > limit);
            if from + 1 < n && !is_apart {
                from += 1;
                let next =
                    Group { mass: masses[from], mean: means[from], precision: precisions[from], share: shares[from] };
                group = group.with(&next, data_precision);
            }
            Group { mass: masses[to], mean: means[to], precision: precisions[to], share: shares[to] } = group;
            from += 1;
            to += 1;
        }
        for field in self.fields_mut() {
            field.truncate(to);
        }
    }
}

/// One of [`Groups`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) mass: f64,
    pub(super) mean: f64,
    pub(super) precision: f64,
    /// Of its most probable run length in the mass.
    pub(super) share: f64,
}

impl Group {
    /// Both: the mean and the variance of the mixture of the two.
    pub(super) fn with(&self, next: &Self, data_precision: f64) -> Self {
        let mass = self.mass + next.mass;
        let part = if mass > 0.0 { next.mass / mass } else { 0.0 };
        let apart = next.mean - self.mean;
        let within = ((1.0 - part) * next.precision + part * self.precision) / (self.precision * next.precision);
        let both = part * (1.0 - part);
        let between = if both > 0.0 { both * apart * apart * data_precision } else { 0.0 };
        let share = larger((1.0 - part) * self.share, part * next.share);
        Self { mass, mean: self.mean + part * apart, precision: 1.0 / (within + between), share }
    }
}

/// The larger of two numbers; the second where the first is none.
pub(super) fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The sum of numbers, the same on every machine.
pub(super) fn sum(values: &[f64]) -> f64 {
    let (in_lanes, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for values in in_lanes {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += value;
    }
    sums.iter().sum()
}

/// Each number and the next one.
fn pairs(values: &[f64]) -> impl Iterator<Item = (&f64, &f64)> {
    values.iter().zip(values.get(1..).unwrap_or_default())
}
