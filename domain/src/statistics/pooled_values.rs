//! A walk over two samples at once: what ranks and distribution functions are read from.

use super::sorted_sample::SortedSample;

/// One value of two samples, with how many values of each are smaller and equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledValue {
    /// The value, which stands in at least one of them.
    pub value: f64,
    /// Values of the reference below it.
    pub reference_below: usize,
    /// Values of the reference equal to it.
    pub reference_equal: usize,
    /// Values of the window below it.
    pub window_below: usize,
    /// Values of the window equal to it.
    pub window_equal: usize,
}

/// The different values of two samples, ascending. Time O(n + m) for all of them, no memory.
#[derive(Debug, Clone)]
pub struct PooledValues<'s> {
    reference: &'s [f64],
    window: &'s [f64],
    reference_below: usize,
    window_below: usize,
}

impl<'s> PooledValues<'s> {
    /// Of a reference and a window.
    pub fn new(reference: &'s SortedSample, window: &'s SortedSample) -> Self {
        Self { reference: reference.values(), window: window.values(), reference_below: 0, window_below: 0 }
    }
}

impl Iterator for PooledValues<'_> {
    type Item = PooledValue;

    #[inline]
    fn next(&mut self) -> Option<PooledValue> {
        let (reference_below, window_below) = (self.reference_below, self.window_below);
        let value = match (self.reference.get(reference_below), self.window.get(window_below)) {
            (Some(reference), Some(window)) => {
                if reference < window {
                    *reference
                } else {
                    *window
                }
            }
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => return None,
        };
        self.reference_below = end_of_run(self.reference, reference_below, value);
        self.window_below = end_of_run(self.window, window_below, value);
        Some(PooledValue {
            value,
            reference_below,
            reference_equal: self.reference_below - reference_below,
            window_below,
            window_equal: self.window_below - window_below,
        })
    }
}

/// Where the values equal to `value`, which begin at `start` if there are any, end.
#[inline]
fn end_of_run(values: &[f64], start: usize, value: f64) -> usize {
    // Whether the first value is equal is a toss of a coin; as a number, not a branch, it cannot be guessed wrongly.
    let mut end = start + usize::from(values.get(start) == Some(&value));
    while end < values.len() && values[end] == value {
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_are_those_of_a_search(
            reference in prop::collection::vec(-5_i8..5, 1..30),
            window in prop::collection::vec(-5_i8..5, 1..30),
        ) {
            let sample = |values: &[i8]| {
                SortedSample::sort(values.iter().map(|value| f64::from(*value)).collect()).unwrap()
            };
            let (reference_sample, window_sample) = (sample(&reference), sample(&window));
            let pooled: Vec<PooledValue> = PooledValues::new(&reference_sample, &window_sample).collect();
            let mut values: Vec<i8> = reference.iter().chain(&window).copied().collect();
            values.sort_unstable();
            values.dedup();
            let expected: Vec<PooledValue> = values.into_iter().map(|value| PooledValue {
                value: f64::from(value),
                reference_below: reference.iter().filter(|other| **other < value).count(),
                reference_equal: reference.iter().filter(|other| **other == value).count(),
                window_below: window.iter().filter(|other| **other < value).count(),
                window_equal: window.iter().filter(|other| **other == value).count(),
            }).collect();
            prop_assert_eq!(pooled, expected);
        }
    }

    #[test]
    fn both_zeros_are_one_value() {
        let reference = SortedSample::sort(vec![-0.0, 0.0]).unwrap();
        let window = SortedSample::sort(vec![0.0, -0.0, 1.0]).unwrap();
        let counts: Vec<(usize, usize)> =
            PooledValues::new(&reference, &window).map(|value| (value.reference_equal, value.window_equal)).collect();
        assert_eq!(counts, [(2, 2), (0, 1)]);
    }
}
