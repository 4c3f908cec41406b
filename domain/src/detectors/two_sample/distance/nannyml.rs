//! Distances as `NannyML` 0.13 has them, and its thresholds: three deviations above the mean over the reference's chunks, each
//! as many rows as the window and held against the whole reference.

use super::super::ColumnTest;
use crate::data::MISSING_CODE;
use crate::statistics::alternative::Alternative;
use crate::statistics::divergence::{self, shares};
use crate::statistics::sorted_sample::SortedSample;
use crate::statistics::wasserstein::wasserstein;
use crate::statistics::{histogram, kolmogorov_smirnov};

const DEVIATIONS: f64 = 3.0;

/// The cells of a column of the reference in the order of its rows.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Order {
    Numbers(Vec<f64>),
    /// Levels, or [`MISSING_CODE`].
    Levels(Vec<u32>),
}

/// A reference that can be cut into chunks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunks {
    order: Order,
    edges: Vec<f64>,
    counts: Vec<u64>,
}

impl Chunks {
    pub(super) fn of_numbers(order: Order, reference: &SortedSample) -> Self {
        let values = reference.values();
        let edges = histogram::edges(values[0], values[values.len() - 1], histogram::doane(reference));
        let counts = histogram::counts(reference, &edges);
        Self { order, edges, counts }
    }

    pub(super) fn of_categories(order: Order) -> Self {
        Self { order, edges: Vec::new(), counts: Vec::new() }
    }

    pub(super) fn order(&self) -> &Order {
        &self.order
    }

    /// The distance of a sample from the reference.
    pub(super) fn of_window(&self, test: ColumnTest, reference: &SortedSample, window: &SortedSample) -> f64 {
        match test {
            ColumnTest::Wasserstein => return wasserstein(reference, window),
            ColumnTest::Ks => return kolmogorov_smirnov::distance(reference, window).of(Alternative::TwoSided).size,
            _ => {}
        }
        let mut of_window = histogram::counts(window, &self.edges);
        let mut of_reference = self.counts.clone();
        let outside = window.n_values() as u64 - of_window.iter().sum::<u64>();
        // Values outside the reference's range have a cell of their own.
        if outside > 0 {
            of_window.push(outside);
            of_reference.push(0);
        }
        of_counts(test, &of_reference, &of_window)
    }

    /// The threshold for windows of a size. Time O(n log size).
    pub(super) fn threshold(&self, test: ColumnTest, reference: &SortedSample, size: usize) -> f64 {
        let Order::Numbers(values) = &self.order else { return f64::NAN };
        let chunks = values.chunks(size.max(1)).filter_map(|chunk| SortedSample::sort(chunk.to_vec()).ok());
        limited(test, chunks.map(|chunk| self.of_window(test, reference, &chunk)))
    }

    /// The same of categories, from how often each level stands in the reference.
    pub(super) fn threshold_of_counts(&self, test: ColumnTest, reference: &[u64], size: usize) -> f64 {
        let Order::Levels(levels) = &self.order else { return f64::NAN };
        let distances = levels.chunks(size.max(1)).map(|chunk| {
            let mut counts = vec![0; reference.len()];
            for level in chunk.iter().filter(|level| **level != MISSING_CODE) {
                counts[*level as usize] += 1;
            }
            of_counts(test, reference, &counts)
        });
        limited(test, distances)
    }
}

/// The distance of counts; the Jensen–Shannon distance with logarithms to the base 2. Unseen categories are levels of
/// their own, which the reference has none of: as one they weigh the same, but for the L-infinity distance, which is of each.
pub(super) fn of_counts(test: ColumnTest, reference: &[u64], window: &[u64]) -> f64 {
    let (reference, window) = (shares(reference), shares(window));
    match test {
        ColumnTest::Hellinger => divergence::hellinger(&reference, &window),
        ColumnTest::LInfinity => divergence::l_infinity(&reference, &window),
        _ => divergence::jensen_shannon(&reference, &window) / std::f64::consts::LN_2.sqrt(),
    }
}

fn limited(test: ColumnTest, distances: impl Iterator<Item = f64>) -> f64 {
    let distances: Vec<f64> = distances.filter(|distance| distance.is_finite()).collect();
    let n = distances.len() as f64;
    let mean = distances.iter().sum::<f64>() / n;
    let deviation = (distances.iter().map(|distance| (distance - mean).powi(2)).sum::<f64>() / n).sqrt();
    let threshold = mean + DEVIATIONS * deviation;
    if test == ColumnTest::Wasserstein { threshold } else { threshold.min(1.0) }
}
