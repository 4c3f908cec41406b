//! One verdict on a window from the p-values of its columns.

use serde::{Deserialize, Serialize};

/// How the significance level is shared among several tests.
///
/// **Source**: Benjamini & Hochberg, *Controlling the false discovery rate* (1995), for the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Correction {
    /// Each of `d` tests gets `level / d`: the probability of any false alarm is at most the level.
    #[default]
    #[serde(rename = "bonferroni")]
    Bonferroni,
    /// The `i`-th smallest p-value is held against `level i / d`: the expected share of false ones among the columns
    /// that drift is at most the level, if they are independent.
    #[serde(rename = "fdr")]
    Fdr,
}

/// The verdict on a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether any column drifts.
    pub is_drift: bool,
    /// What p-values were held against: a column drifts when its own is smaller.
    pub threshold: f64,
    /// Whether each column drifts, in the order of the p-values.
    pub columns: Vec<bool>,
}

impl Correction {
    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bonferroni => "bonferroni",
            Self::Fdr => "fdr",
        }
    }

    /// Judges all columns together. A column without a p-value is no test and does not drift; `NaN` counts as a test
    /// and does not drift. Comparisons are strict.
    ///
    /// When no column drifts, the threshold of [`Self::Fdr`] is that of the smallest p-value, `level / d`: the value
    /// nearest to being reached. (alibi-detect reports the thresholds of all ranks then.) Without any test it is the
    /// level. Time O(d log d).
    pub fn judge(self, p_values: &[Option<f64>], level: f64) -> Verdict {
        let mut tests: Vec<f64> = p_values.iter().flatten().copied().collect();
        let d = tests.len().max(1) as f64;
        let threshold = match self {
            Self::Bonferroni => level / d,
            Self::Fdr => {
                tests.sort_by(f64::total_cmp);
                let by_rank = (1..=tests.len()).map(|rank| level * rank as f64 / d);
                let reached = tests.iter().zip(by_rank).filter(|(p_value, own)| *p_value < own).last();
                reached.map_or(level / d, |(_, own)| own)
            }
        };
        // No p-value lies between the last that is below its own threshold and that threshold, or it would be the last.
        let columns = below(p_values, threshold);
        Verdict { is_drift: columns.contains(&true), threshold, columns }
    }
}

/// Judges each column by itself: whether its p-value is below a level. A column without one does not drift.
pub fn below(p_values: &[Option<f64>], level: f64) -> Vec<bool> {
    p_values.iter().map(|p_value| p_value.is_some_and(|p_value| p_value < level)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn absent_columns_are_no_tests() {
        let p_values = [Some(0.02), None, Some(0.5)];
        for correction in [Correction::Bonferroni, Correction::Fdr] {
            let verdict = correction.judge(&p_values, 0.05);
            assert_eq!(verdict, Verdict { is_drift: true, threshold: 0.025, columns: vec![true, false, false] });
            assert_eq!(
                correction.judge(&[None, None], 0.05),
                Verdict { is_drift: false, threshold: 0.05, columns: vec![false, false] }
            );
        }
    }

    #[test]
    fn equality_is_no_drift() {
        for correction in [Correction::Bonferroni, Correction::Fdr] {
            assert!(!correction.judge(&[Some(0.025), Some(0.05)], 0.05).is_drift);
        }
        assert_eq!(below(&[Some(0.05), Some(0.04), None, Some(f64::NAN)], 0.05), [false, true, false, false]);
    }

    #[test]
    fn names_are_those_of_requests() {
        for correction in [Correction::Bonferroni, Correction::Fdr] {
            let text = serde_json::to_string(&correction).unwrap();
            assert_eq!(text, format!("\"{}\"", correction.as_str()));
            assert_eq!(serde_json::from_str::<Correction>(&text).unwrap(), correction);
        }
    }

    proptest! {
        #[test]
        fn the_false_discovery_rate_follows_the_step_up_procedure(
            p_values in prop::collection::vec(
                prop::sample::select(vec![0.0, 0.001, 0.004, 0.01, 0.02, 0.03, 0.2, 0.9]),
                1..12,
            ),
            level in 0.01..0.2_f64,
        ) {
            let all: Vec<Option<f64>> = p_values.iter().copied().map(Some).collect();
            let verdict = Correction::Fdr.judge(&all, level);
            let mut order: Vec<usize> = (0..p_values.len()).collect();
            order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
            let d = p_values.len() as f64;
            let is_below = |rank: &usize| p_values[order[rank - 1]] < level * *rank as f64 / d;
            let n_rejected = (1..=order.len()).rev().find(is_below).unwrap_or(0);
            for (rank, column) in order.iter().enumerate() {
                prop_assert_eq!(verdict.columns[*column], rank < n_rejected);
            }
            prop_assert!(verdict.is_drift || !Correction::Bonferroni.judge(&all, level).is_drift);
        }
    }
}
