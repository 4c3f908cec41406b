//! Distances and tests as Evidently 0.7 has them, from their description.

use super::super::ColumnTest;
use crate::statistics::alternative::Alternative;
use crate::statistics::cramer_von_mises::CramerVonMises;
use crate::statistics::divergence::{self, shares};
use crate::statistics::energy_distance::energy_distance;
use crate::statistics::epps_singleton::Covariance;
use crate::statistics::fisher_exact::{BinaryCounts, fisher_exact};
use crate::statistics::pooled_values::PooledValues;
use crate::statistics::sorted_sample::SortedSample;
use crate::statistics::t_test::{Variances, t_test};
use crate::statistics::wasserstein::wasserstein;
use crate::statistics::{
    anderson_darling, chi_square, epps_singleton, g_test, histogram, kolmogorov_smirnov, mann_whitney, z_test,
};

/// Numbers of at most so many different values in the reference have a cell for each.
const DIFFERENT_MAX: usize = 20;
/// Deviations below are this.
const DEVIATION_MIN: f64 = 0.001;
/// Empty cells get this share, or a millionth of the smallest share of their side where that is not larger.
const FILLER: f64 = 0.0001;

/// What the library says of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Outcome {
    Distance(f64),
    Test {
        statistic: Option<f64>,
        p_value: Option<f64>,
    },
    /// What ours says.
    Other,
}

pub(crate) fn numbers(test: ColumnTest, reference: &SortedSample, window: &SortedSample) -> Outcome {
    let of_test = |statistic, p_value| Outcome::Test { statistic, p_value };
    match test {
        ColumnTest::Psi | ColumnTest::KlDivergence | ColumnTest::JensenShannon => {
            let (of_reference, of_window) = cells(reference, window);
            Outcome::Distance(binned(test, &of_reference, &of_window))
        }
        ColumnTest::Hellinger => Outcome::Distance(hellinger(reference, window)),
        ColumnTest::Wasserstein => {
            let deviation = deviation(reference.values()).max(DEVIATION_MIN);
            Outcome::Distance(wasserstein(reference, window) / deviation)
        }
        ColumnTest::Energy => Outcome::Distance(energy_distance(reference, window)),
        ColumnTest::AndersonDarling => {
            let statistic = anderson_darling::statistic(reference, window);
            of_test(statistic, statistic.map(anderson_darling::p_value_interpolated))
        }
        ColumnTest::Ks => {
            let (n, m, both) = (reference.n_values(), window.n_values(), Alternative::TwoSided);
            let size = kolmogorov_smirnov::distance(reference, window).of(both).size;
            let is_exact = n.max(m) <= kolmogorov_smirnov::EXACT_SIZE_MAX;
            let exact = is_exact.then(|| kolmogorov_smirnov::p_value_exact(size, n, m, both));
            of_test(Some(size), exact.or_else(|| kolmogorov_smirnov::p_value_asymptotic(size, n, m, both)))
        }
        ColumnTest::Cvm => {
            let test = CramerVonMises::new(reference, window);
            of_test(test.as_ref().map(CramerVonMises::statistic), test.as_ref().map(CramerVonMises::p_value))
        }
        // It asks only whether the window's values are larger.
        ColumnTest::MannWhitney => {
            let test = mann_whitney::mann_whitney(reference, window, Alternative::Greater);
            of_test(Some(test.statistic), Some(test.p_value))
        }
        ColumnTest::TTest => {
            let test = t_test(reference.values(), window.values(), Variances::Pooled, Alternative::TwoSided);
            of_test(test.map(|test| test.statistic), test.map(|test| test.p_value))
        }
        ColumnTest::EppsSingleton => {
            let test = epps_singleton::epps_singleton(reference, window, Covariance::OfEach);
            of_test(test.map(|test| test.statistic), test.map(|test| test.p_value))
        }
        _ => Outcome::Other,
    }
}

pub(crate) fn categories<'n>(
    test: ColumnTest,
    reference: &[u64],
    window: &[u64],
    name: impl Fn(usize) -> &'n str,
) -> Outcome {
    let of_test = |statistic, p_value| Outcome::Test { statistic, p_value };
    match test {
        ColumnTest::Psi | ColumnTest::KlDivergence | ColumnTest::JensenShannon => {
            // A level in neither sample has no cell.
            let (reference, window): (Vec<u64>, Vec<u64>) =
                reference.iter().zip(window).filter(|(a, b)| **a + **b > 0).unzip();
            Outcome::Distance(binned(test, &reference, &window))
        }
        ColumnTest::Hellinger => Outcome::Distance(of_coefficient(&shares(reference), &shares(window))),
        ColumnTest::ChiSquare => {
            let test = chi_square::goodness_of_fit(reference, window);
            of_test(test.map(|test| test.statistic), test.map(|test| test.p_value))
        }
        ColumnTest::FisherExact => of_test(None, of_two_classes(reference, window)),
        ColumnTest::GTest => {
            let test = g_test::goodness_of_fit(reference, window);
            of_test(test.map(|test| test.statistic), test.map(|test| test.p_value))
        }
        ColumnTest::ZTest => {
            // The first value, in order, against all others.
            let first = (0..reference.len())
                .filter(|level| reference[*level] + window[*level] > 0)
                .min_by_key(|level| name(*level));
            let others = |counts: &[u64]| {
                let all = counts.iter().sum::<u64>();
                (all - first.map_or(0, |first| counts[first]), all)
            };
            let test = z_test::z_test(others(reference), others(window), Alternative::TwoSided);
            of_test(test.map(|test| test.statistic), test.map(|test| test.p_value))
        }
        _ => Outcome::Other,
    }
}

/// Fisher's exact p-value, of samples of one size that have at most two levels together. What the library says of more levels depends on
/// the order of a set, and of samples of other sizes it says nothing.
fn of_two_classes(reference: &[u64], window: &[u64]) -> Option<f64> {
    let of_level: Vec<(u64, u64)> =
        reference.iter().zip(window).map(|(a, b)| (*a, *b)).filter(|(a, b)| a + b > 0).collect();
    let sizes = (reference.iter().sum::<u64>(), window.iter().sum::<u64>());
    if of_level.len() > 2 || sizes.0 != sizes.1 {
        return None;
    }
    let ones = of_level.first().copied().unwrap_or_default();
    let counts = |ones, all| BinaryCounts { ones, zeros: all - ones };
    Some(fisher_exact(counts(ones.0, sizes.0), counts(ones.1, sizes.1), Alternative::TwoSided).p_value)
}

/// The counts of both samples, in bins of Sturges' rule over both or in a cell for each different value.
fn cells(reference: &SortedSample, window: &SortedSample) -> (Vec<u64>, Vec<u64>) {
    let values = reference.values();
    let different = 1 + values.windows(2).filter(|pair| pair[0] != pair[1]).take(DIFFERENT_MAX).count();
    if different <= DIFFERENT_MAX {
        let each = PooledValues::new(reference, window);
        return each.map(|pooled| (pooled.reference_equal as u64, pooled.window_equal as u64)).unzip();
    }
    let (min, max) = range(reference, window);
    let total = reference.n_values() + window.n_values();
    let edges = histogram::edges(min, max, histogram::sturges(total, min, max, are_whole(reference, window)));
    (histogram::counts(reference, &edges), histogram::counts(window, &edges))
}

fn range(reference: &SortedSample, window: &SortedSample) -> (f64, f64) {
    let ends = |sample: &SortedSample| (sample.values()[0], sample.values()[sample.n_values() - 1]);
    let ((min, max), (other_min, other_max)) = (ends(reference), ends(window));
    (min.min(other_min), max.max(other_max))
}

/// Columns of whole numbers are taken for integers.
fn are_whole(reference: &SortedSample, window: &SortedSample) -> bool {
    reference.values().iter().chain(window.values()).all(|value| value.fract() == 0.0)
}

fn binned(test: ColumnTest, reference: &[u64], window: &[u64]) -> f64 {
    let (mut reference, mut window) = (shares(reference), shares(window));
    match test {
        ColumnTest::JensenShannon => divergence::jensen_shannon(&reference, &window),
        ColumnTest::KlDivergence => {
            for side in [&mut reference, &mut window] {
                fill(side);
                let total: f64 = side.iter().sum();
                for share in side.iter_mut() {
                    *share /= total;
                }
            }
            divergence::kullback_leibler(&reference, &window)
        }
        _ => {
            fill(&mut reference);
            fill(&mut window);
            divergence::population_stability(&reference, &window)
        }
    }
}

fn fill(shares: &mut [f64]) {
    let smallest = shares.iter().copied().filter(|share| *share > 0.0).fold(f64::INFINITY, f64::min);
    let filler = if smallest <= FILLER { smallest / 1e6 } else { FILLER };
    shares.iter_mut().filter(|share| **share == 0.0).for_each(|share| *share = filler);
}

/// In bins of Sturges' rule for the number of *different* values.
fn hellinger(reference: &SortedSample, window: &SortedSample) -> f64 {
    let different = PooledValues::new(reference, window).count();
    let (min, max) = range(reference, window);
    let edges = histogram::edges(min, max, histogram::sturges(different, min, max, false));
    let shares = |sample| shares(&histogram::counts(sample, &edges));
    of_coefficient(&shares(reference), &shares(window))
}

/// From the coefficient of Bhattacharyya.
fn of_coefficient(reference: &[f64], window: &[f64]) -> f64 {
    let coefficient: f64 = reference.iter().zip(window).map(|(r, w)| (r * w).sqrt()).sum();
    (1.0 - coefficient.clamp(0.0, 1.0)).sqrt()
}

fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n).sqrt()
}
