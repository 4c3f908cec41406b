//! Histograms of components on a grid that reference and window share, and what they are without drift.

use super::{DivergenceMetric, invalid};
use crate::data::{TensorError, Tensors};
use crate::preprocess::Pca;

/// Components, and the bins of each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    pca: Pca,
    n_bins: usize,
    /// Between the bins, ascending; component by component.
    edges: Vec<f64>,
    /// Rows of the reference in each bin, component by component.
    counts: Vec<u32>,
    n_reference: f64,
}

/// The names of the components.
const OWNER: &str = "pca_cd";
const COMPONENTS: &str = "pca_cd.components";

/// How many rows of a window stand in each bin, component by component.
pub(super) type Bins = Vec<u32>;

/// Bins of a window.
fn n_bins(window_size: usize) -> usize {
    window_size.isqrt()
}

impl Grid {
    /// With bins that hold as many rows each. `None` where components overflow. Time O(k n (d + log n)).
    pub(super) fn over(pca: Pca, rows: &[f64], d: usize, window_size: usize) -> Option<Self> {
        let (k, n_bins, n) = (pca.n_components(), n_bins(window_size), rows.len() / d);
        let mut of_component = vec![Vec::with_capacity(n); k];
        for row in rows.chunks_exact(d) {
            of_component.iter_mut().zip(pca.project(row)).for_each(|(values, value)| values.push(value));
        }
        let mut edges = Vec::with_capacity(k * (n_bins - 1));
        for values in &mut of_component {
            if !values.iter().all(|value| value.is_finite()) {
                return None;
            }
            values.sort_unstable_by(f64::total_cmp);
            edges.extend((1..n_bins).map(|bin| values[bin * n / n_bins]));
        }
        Some(Self { pca, n_bins, edges, counts: Vec::new(), n_reference: 0.0 })
    }

    /// Takes the reference.
    pub(super) fn hold(&mut self, counts: Vec<u32>, n_reference: f64) {
        (self.counts, self.n_reference) = (counts, n_reference);
    }

    pub(super) fn n_components(&self) -> usize {
        self.pca.n_components()
    }

    /// The place of a row's bin of each component.
    fn places<'g>(&'g self, row: &'g [f64]) -> impl Iterator<Item = usize> + 'g {
        let edges = self.edges.chunks_exact(self.n_bins - 1);
        let bin = |(value, edges): (f64, &[f64])| edges.partition_point(|edge| *edge <= value);
        self.pca.project(row).zip(edges).map(bin).enumerate().map(|(component, bin)| component * self.n_bins + bin)
    }

    pub(super) fn no_rows(&self) -> Bins {
        vec![0; self.n_components() * self.n_bins]
    }

    pub(super) fn add(&self, bins: &mut Bins, row: &[f64]) {
        self.places(row).for_each(|place| bins[place] += 1);
    }

    /// Of a row that was added.
    pub(super) fn remove(&self, bins: &mut Bins, row: &[f64]) {
        self.places(row).for_each(|place| bins[place] -= 1);
    }

    /// The largest divergence of a component from the reference.
    pub(super) fn divergence(&self, bins: &Bins, metric: DivergenceMetric, n_window: f64) -> f64 {
        let term = |(reference, window): (&u32, &u32)| {
            metric.term(f64::from(*reference) / self.n_reference, f64::from(*window) / n_window)
        };
        let terms: Vec<f64> = self.counts.iter().zip(bins).map(term).collect();
        largest(metric, &terms, self.n_bins)
    }

    pub(super) fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.pca.save_as(OWNER, &mut tensors);
        tensors.insert_f64("edges", self.edges.clone());
        tensors.insert_u64("counts", self.counts.iter().map(|count| u64::from(*count)).collect());
        tensors
    }

    /// What [`Self::save`] gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a grid.
    pub(super) fn restore(tensors: &Tensors, d: usize, window_size: usize) -> Result<Self, TensorError> {
        let n_bins = n_bins(window_size);
        let n_values = tensors.f64s(COMPONENTS)?.len();
        let k = n_values / d;
        if n_bins < 2 || k == 0 || k > d || n_values != k * d {
            return Err(invalid(COMPONENTS, "they do not fit the columns"));
        }
        let counts = tensors.u64s_of_length("counts", k * n_bins)?.iter();
        let counts: Option<Vec<u32>> = counts.map(|count| u32::try_from(*count).ok()).collect();
        let counts = counts.ok_or_else(|| invalid("counts", "a count is too large"))?;
        let n_reference = counts[..n_bins].iter().map(|count| f64::from(*count)).sum();
        let edges = tensors.f64s_of_length("edges", k * (n_bins - 1))?.to_vec();
        if n_reference == 0.0 || !edges.iter().all(|edge| edge.is_finite()) {
            return Err(invalid("edges", "they are numbers, and rows stand between them"));
        }
        Ok(Self { pca: Pca::restore_as(OWNER, tensors, d, k)?, n_bins, edges, counts, n_reference })
    }
}

impl DivergenceMetric {
    /// What a bin adds.
    fn term(self, reference: f64, window: f64) -> f64 {
        match self {
            Self::Kl => {
                let mean = f64::midpoint(reference, window);
                let part = |share: f64| if share > 0.0 { share * (share / mean).ln() } else { 0.0 };
                part(reference) + part(window)
            }
            Self::Intersection => reference.min(window),
        }
    }

    /// Of what all bins add.
    fn of_sum(self, sum: f64) -> f64 {
        match self {
            Self::Kl => (sum.max(0.0) / 2.0).sqrt(),
            Self::Intersection => (1.0 - sum).max(0.0),
        }
    }
}

fn largest(metric: DivergenceMetric, terms: &[f64], n_bins: usize) -> f64 {
    let of_component = |terms: &[f64]| metric.of_sum(terms.iter().sum());
    terms.chunks_exact(n_bins).map(of_component).fold(0.0, f64::max)
}

/// Statistics of windows taken out of the reference itself.
pub(super) struct Simulation {
    /// The places of each row's bins.
    places: Vec<u32>,
    total: Vec<u32>,
    n_components: usize,
    n_bins: usize,
    metric: DivergenceMetric,
    window_size: usize,
}

impl Simulation {
    pub(super) fn new(grid: &Grid, rows: &[f64], d: usize, metric: DivergenceMetric, window_size: usize) -> Self {
        let mut total = grid.no_rows();
        let mut places = Vec::with_capacity(rows.len() / d * grid.n_components());
        for row in rows.chunks_exact(d) {
            places.extend(grid.places(row).map(|place| u32::try_from(place).unwrap_or(u32::MAX)));
            grid.add(&mut total, row);
        }
        Self { places, total, n_components: grid.n_components(), n_bins: grid.n_bins, metric, window_size }
    }

    fn of_row(&self, row: usize) -> impl Iterator<Item = usize> {
        let k = self.n_components;
        self.places[row * k..(row + 1) * k].iter().map(|place| *place as usize)
    }

    /// The counts of the rows that are not held out.
    pub(super) fn left(&self, held_out: &[usize]) -> Vec<u32> {
        let mut counts = self.total.clone();
        for row in held_out {
            self.of_row(*row).for_each(|place| counts[place] -= 1);
        }
        counts
    }

    /// The statistic of the window at each of its `W` positions. Time O(W k sqrt(W)).
    pub(super) fn statistics(&self, held_out: &[usize]) -> Vec<f64> {
        let n_reference = (self.places.len() / self.n_components - held_out.len()) as f64;
        let (w, n_window) = (self.window_size, self.window_size as f64);
        let reference = self.left(held_out);
        let mut window = vec![0_u32; reference.len()];
        let term = |place: usize, window: &[u32]| {
            self.metric.term(f64::from(reference[place]) / n_reference, f64::from(window[place]) / n_window)
        };
        let mut terms: Vec<f64> = (0..reference.len()).map(|place| term(place, &window)).collect();
        let mut statistics = Vec::with_capacity(w);
        for (index, row) in held_out.iter().enumerate() {
            if let Some(leaving) = index.checked_sub(w) {
                for place in self.of_row(held_out[leaving]) {
                    window[place] -= 1;
                    terms[place] = term(place, &window);
                }
            }
            for place in self.of_row(*row) {
                window[place] += 1;
                terms[place] = term(place, &window);
            }
            if index + 1 >= w {
                statistics.push(largest(self.metric, &terms, self.n_bins));
            }
        }
        statistics
    }
}
