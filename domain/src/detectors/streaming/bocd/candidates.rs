//! Single run lengths beside their groups.

/// Single run lengths that may become the most probable ones, the longest first. None of these numbers changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Candidates {
    /// Values before the change.
    pub(super) starts: Vec<f64>,
    /// The mean that the unchanged run knew then.
    pub(super) means: Vec<f64>,
    /// How probable the run was then, in parts of the unchanged one, times `sqrt(p / q)`, where `p` is the precision of
    /// the prior, and `q` that of the unchanged run then.
    pub(super) weights: Vec<f64>,
}

impl Candidates {
    pub(super) fn push(&mut self, start: f64, mean: f64, weight: f64) {
        self.starts.push(start);
        self.means.push(mean);
        self.weights.push(weight);
    }

    /// Keeps those whose ratios are the largest.
    pub(super) fn keep(&mut self, n: usize, ratios: &[f64], sorted: &mut Vec<f64>) {
        sorted.clear();
        sorted.extend(ratios);
        let Some(last) = n.checked_sub(1).filter(|last| *last < sorted.len()) else { return };
        let least = *sorted.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1;
        // Of those that are as probable as the last one, the older ones are kept.
        let mut n_equal = n - ratios.iter().filter(|ratio| **ratio > least).count();
        let mut to = 0;
        for (from, ratio) in ratios.iter().enumerate() {
            let is_equal = *ratio == least && n_equal > 0;
            n_equal -= usize::from(is_equal);
            if *ratio > least || is_equal {
                self.starts[to] = self.starts[from];
                self.means[to] = self.means[from];
                self.weights[to] = self.weights[from];
                to += 1;
            }
        }
        for field in [&mut self.starts, &mut self.means, &mut self.weights] {
            field.truncate(to);
        }
    }
}
