//! Tests of one column: how a window's values differ from the reference's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::ColumnType;
use crate::statistics::alternative::Alternative;
use crate::statistics::cramer_von_mises::CramerVonMises;
use crate::statistics::divergence::{self, shares};
use crate::statistics::epps_singleton::Covariance;
use crate::statistics::sorted_sample::SortedSample;
use crate::statistics::t_test::Variances;
use crate::statistics::{
    anderson_darling, chi_square, epps_singleton, fisher_exact, g_test, kolmogorov_smirnov, kuiper, mann_whitney,
    t_test, z_test,
};

/// A test of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnTest {
    /// Kolmogorov–Smirnov, of numbers.
    Ks,
    /// Cramér–von Mises, of numbers.
    Cvm,
    /// Pearson's chi-square, of categories.
    ChiSquare,
    /// Fisher's exact test, of two classes.
    FisherExact,
    /// Population stability index.
    Psi,
    /// Divergence of Kullback and Leibler.
    KlDivergence,
    /// Jensen–Shannon distance.
    JensenShannon,
    /// Wasserstein distance, of numbers.
    Wasserstein,
    /// Hellinger distance.
    Hellinger,
    /// Total variation distance.
    TotalVariation,
    /// L-infinity distance, of categories.
    LInfinity,
    /// Anderson–Darling, of numbers.
    AndersonDarling,
    /// Kuiper's test, of numbers.
    Kuiper,
    /// Mann–Whitney U, of numbers.
    MannWhitney,
    /// Test of means, of numbers.
    TTest,
    /// Test of two shares, of two classes.
    ZTest,
    /// G-test, of categories.
    GTest,
    /// Epps–Singleton, of numbers.
    EppsSingleton,
    /// Energy distance, of numbers.
    Energy,
    /// Maximum mean discrepancy, of numbers, as Evidently has it of a column.
    Mmd,
}

impl ColumnTest {
    /// Every test.
    pub const ALL: [Self; 20] = [
        Self::Ks,
        Self::Cvm,
        Self::ChiSquare,
        Self::FisherExact,
        Self::Psi,
        Self::KlDivergence,
        Self::JensenShannon,
        Self::Wasserstein,
        Self::Hellinger,
        Self::TotalVariation,
        Self::LInfinity,
        Self::AndersonDarling,
        Self::Kuiper,
        Self::MannWhitney,
        Self::TTest,
        Self::ZTest,
        Self::GTest,
        Self::EppsSingleton,
        Self::Energy,
        Self::Mmd,
    ];

    /// The test that suits a type by default.
    pub fn suiting(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::Numeric | ColumnType::Timestamp => Self::Ks,
            ColumnType::Categorical { .. } | ColumnType::Binary { .. } | ColumnType::Text | ColumnType::Image => {
                Self::ChiSquare
            }
        }
    }

    /// Whether it can test columns of a type.
    pub fn takes(self, kind: &ColumnType) -> bool {
        match self {
            Self::Ks
            | Self::Cvm
            | Self::Wasserstein
            | Self::AndersonDarling
            | Self::Kuiper
            | Self::MannWhitney
            | Self::TTest
            | Self::EppsSingleton
            | Self::Energy
            | Self::Mmd => matches!(kind, ColumnType::Numeric),
            Self::ChiSquare | Self::GTest | Self::LInfinity => !matches!(kind, ColumnType::Numeric),
            Self::FisherExact | Self::ZTest => matches!(kind, ColumnType::Binary { .. }),
            Self::Psi | Self::KlDivergence | Self::JensenShannon | Self::Hellinger | Self::TotalVariation => true,
        }
    }

    /// Whether it is a distance, which has a p-value only from resampling.
    pub fn is_distance(self) -> bool {
        self.is_binned() || matches!(self, Self::Wasserstein | Self::Energy)
    }

    /// Whether its p-value comes from draws from the reference.
    pub fn is_resampled(self) -> bool {
        self.is_distance() || self == Self::EppsSingleton
    }

    /// Whether it is a distance between the shares of cells.
    pub fn is_binned(self) -> bool {
        matches!(
            self,
            Self::Psi
                | Self::KlDivergence
                | Self::JensenShannon
                | Self::Hellinger
                | Self::TotalVariation
                | Self::LInfinity
        )
    }

    /// How many values of a window it needs at least.
    pub fn window_rows_min(self) -> usize {
        match self {
            Self::Cvm | Self::TTest => 2,
            Self::EppsSingleton => epps_singleton::VALUES_MIN,
            _ => 1,
        }
    }

    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ks => "ks",
            Self::Cvm => "cvm",
            Self::ChiSquare => "chi_square",
            Self::FisherExact => "fisher_exact",
            Self::Psi => "psi",
            Self::KlDivergence => "kl_divergence",
            Self::JensenShannon => "jensen_shannon",
            Self::Wasserstein => "wasserstein",
            Self::Hellinger => "hellinger",
            Self::TotalVariation => "total_variation",
            Self::LInfinity => "l_infinity",
            Self::AndersonDarling => "anderson_darling",
            Self::Kuiper => "kuiper",
            Self::MannWhitney => "mann_whitney",
            Self::TTest => "t_test",
            Self::ZTest => "z_test",
            Self::GTest => "g_test",
            Self::EppsSingleton => "epps_singleton",
            Self::Energy => "energy",
            Self::Mmd => "mmd",
        }
    }
}

impl fmt::Display for ColumnTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a test says of one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ColumnResult {
    pub(super) statistic: Option<f64>,
    /// None where the sizes of the samples allow none.
    pub(super) p_value: Option<f64>,
    /// Share of the rows that moved at least, from 0 to 1: the largest difference of the distribution functions of
    /// numbers (that of the side that is tested), half the sum of the differences of the shares of categories.
    pub(super) effect_size: f64,
}

/// Tests numbers. Time O(n + m).
pub(super) fn test_numbers(
    test: ColumnTest,
    alternative: Alternative,
    reference: &SortedSample,
    window: &SortedSample,
    distance: &kolmogorov_smirnov::Distance,
) -> ColumnResult {
    let (n, m) = (reference.n_values(), window.n_values());
    let effect_size = distance.of(Alternative::TwoSided).size;
    let result = |statistic, p_value| ColumnResult { statistic, p_value, effect_size };
    match test {
        ColumnTest::Cvm => {
            let result = CramerVonMises::new(reference, window);
            ColumnResult {
                statistic: result.map(|result| result.statistic()),
                p_value: result.map(|result| result.p_value()),
                effect_size,
            }
        }
        ColumnTest::AndersonDarling => {
            let statistic = anderson_darling::statistic(reference, window);
            // Constants that are equal do not differ.
            result(statistic, Some(statistic.map_or(1.0, anderson_darling::p_value)))
        }
        ColumnTest::Kuiper => {
            let statistic = kuiper::statistic(distance);
            result(Some(statistic), Some(kuiper::p_value(statistic, n, m)))
        }
        // Only a preset has it.
        ColumnTest::Mmd => result(None, None),
        ColumnTest::MannWhitney => {
            let test = mann_whitney::mann_whitney(reference, window, alternative);
            result(Some(test.statistic), Some(test.p_value))
        }
        ColumnTest::TTest => {
            let test = t_test::t_test(reference.values(), window.values(), Variances::OfEach, alternative);
            result(test.map(|test| test.statistic), test.map(|test| test.p_value))
        }
        ColumnTest::EppsSingleton => {
            let test = epps_singleton::epps_singleton(reference, window, Covariance::Pooled);
            result(test.map(|test| test.statistic), test.map(|test| test.p_value))
        }
        // Those of categories and distances come here for no column of numbers.
        _ => {
            let size = distance.of(alternative).size;
            let p_value = kolmogorov_smirnov::p_value_asymptotic(size, n, m, alternative);
            ColumnResult { statistic: Some(size), p_value, effect_size: size }
        }
    }
}

/// Half the sum of the differences of the shares.
pub(super) fn total_variation(reference: &[u64], window: &[u64]) -> f64 {
    divergence::total_variation(&shares(reference), &shares(window)).min(1.0)
}

/// Tests categories by how often each level stands in both samples, levels in the same order. Time O(levels).
pub(super) fn test_counts(
    test: ColumnTest,
    alternative: Alternative,
    reference: &[u64],
    window: &[u64],
) -> ColumnResult {
    let (n, m) = (reference.iter().sum::<u64>() as f64, window.iter().sum::<u64>() as f64);
    let share = |(reference, window): (&u64, &u64)| *window as f64 / m - *reference as f64 / n;
    match test {
        ColumnTest::FisherExact => {
            let counts = |counts: &[u64]| fisher_exact::BinaryCounts {
                zeros: counts.first().copied().unwrap_or(0),
                ones: counts.get(1).copied().unwrap_or(0),
            };
            let result = fisher_exact::fisher_exact(counts(reference), counts(window), alternative);
            let moved = reference.iter().zip(window).nth(1).map_or(0.0, share);
            let effect_size = match alternative {
                Alternative::TwoSided => moved.abs(),
                Alternative::Greater => moved.max(0.0),
                Alternative::Less => (-moved).max(0.0),
            };
            ColumnResult { statistic: result.odds_ratio, p_value: Some(result.p_value), effect_size }
        }
        ColumnTest::ZTest => {
            let rows = |counts: &[u64]| (counts.get(1).copied().unwrap_or(0), counts.iter().sum());
            let result = z_test::z_test(rows(reference), rows(window), alternative);
            ColumnResult {
                statistic: result.map(|result| result.statistic),
                p_value: result.map(|result| result.p_value),
                effect_size: total_variation(reference, window),
            }
        }
        ColumnTest::GTest => {
            let result = g_test::g_test(reference, window);
            ColumnResult {
                statistic: result.map(|result| result.statistic),
                p_value: result.map(|result| result.p_value),
                effect_size: total_variation(reference, window),
            }
        }
        // Those of numbers and distances come here for no column of categories.
        _ => {
            // A level in neither sample says nothing of either.
            let (reference, window): (Vec<u64>, Vec<u64>) =
                reference.iter().zip(window).filter(|(reference, window)| **reference + **window > 0).unzip();
            let result = chi_square::chi_square(&reference, &window).ok();
            let effect_size = reference.iter().zip(&window).map(|pair| share(pair).abs()).sum::<f64>() / 2.0;
            ColumnResult {
                statistic: result.map(|result| result.statistic),
                p_value: result.map(|result| result.p_value),
                effect_size: effect_size.min(1.0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_in_neither_sample_is_left_out() {
        let test = |reference: &[u64], window: &[u64]| {
            test_counts(ColumnTest::ChiSquare, Alternative::TwoSided, reference, window)
        };
        assert_eq!(test(&[10, 0, 5, 4], &[3, 0, 4, 9]), test(&[10, 5, 4], &[3, 4, 9]));
    }

    #[test]
    fn effects_are_those_of_the_direction_that_counts() {
        let test = |alternative| test_counts(ColumnTest::FisherExact, alternative, &[50, 50], &[20, 80]);
        for (alternative, effect_size) in
            [(Alternative::TwoSided, 0.3), (Alternative::Greater, 0.3), (Alternative::Less, 0.0)]
        {
            let result = test(alternative);
            assert!((result.effect_size - effect_size).abs() < 1e-12, "{alternative:?} {result:?}");
            assert_eq!(result.p_value < Some(0.001), alternative != Alternative::Less);
        }
    }
}
