//! Bins of equal width, and how many values of a sample stand in each.
//!
//! **Source**: Sturges, *The choice of a class interval* (1926); Doane, *Aesthetic frequency classifications* (1976).

use super::sorted_sample::SortedSample;

/// The edges of so many bins of equal width from `min` to `max`; one bin of width 1 around a constant.
pub fn edges(min: f64, max: f64, n_bins: usize) -> Vec<f64> {
    if max <= min {
        return vec![min - 0.5, min + 0.5];
    }
    let step = (max - min) / n_bins as f64;
    let mut edges: Vec<f64> = (0..=n_bins).map(|index| index as f64 * step + min).collect();
    if let Some(last) = edges.last_mut() {
        *last = max;
    }
    edges
}

/// Bins of Sturges' rule for `n` values from `min` to `max`. Whole numbers get bins at least 1 wide with
/// `whole_bins`, as `NumPy` 2 has it.
pub fn sturges(n: usize, min: f64, max: f64, whole_bins: bool) -> usize {
    bins_of_width((max - min) / ((n.max(1) as f64).log2() + 1.0), min, max, whole_bins)
}

/// Bins of Doane's rule, which has more of them for a skewed sample. Time O(n).
pub fn doane(sample: &SortedSample) -> usize {
    let (values, n) = (sample.values(), sample.n_values() as f64);
    let (min, max) = (values[0], values[values.len() - 1]);
    let mean = values.iter().sum::<f64>() / n;
    let moment = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
    let deviation = moment(2).sqrt();
    if values.len() <= 2 || deviation == 0.0 {
        return 1;
    }
    let skewness = values.iter().map(|value| ((value - mean) / deviation).powi(3)).sum::<f64>() / n;
    let its_deviation = (6.0 * (n - 2.0) / ((n + 1.0) * (n + 3.0))).sqrt();
    let width = (max - min) / (1.0 + n.log2() + (1.0 + skewness.abs() / its_deviation).log2());
    bins_of_width(width, min, max, false)
}

fn bins_of_width(width: f64, min: f64, max: f64, whole_bins: bool) -> usize {
    let width = if whole_bins && width < 1.0 { 1.0 } else { width };
    if width > 0.0 && (max - min).is_finite() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of bins")]
        let n_bins = ((max - min) / width).ceil() as usize;
        n_bins.max(1)
    } else {
        1
    }
}

/// How many values stand in each bin: bins hold their lower edge, the last one both. Values outside are in none.
/// Time O(bins log n).
pub fn counts(sample: &SortedSample, edges: &[f64]) -> Vec<u64> {
    let values = sample.values();
    let last = edges.len().saturating_sub(1);
    let below = |(index, edge): (usize, &f64)| {
        values.partition_point(|value| if index == last { value <= edge } else { value < edge }) as u64
    };
    let below: Vec<u64> = edges.iter().enumerate().map(below).collect();
    below.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bin_holds_both_its_edges() {
        let sample = SortedSample::sort(vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 3.0]).unwrap();
        assert_eq!(counts(&sample, &edges(0.0, 2.0, 2)), [2, 4]);
        assert_eq!(edges(3.0, 3.0, 5), [2.5, 3.5]);
    }

    #[test]
    fn skewed_samples_get_more_bins() {
        let even: Vec<f64> = (0..100).map(f64::from).collect();
        let skewed: Vec<f64> = even.iter().map(|value| (value / 20.0).exp()).collect();
        let bins = |values: Vec<f64>| doane(&SortedSample::sort(values).unwrap());
        assert_eq!(bins(even), sturges(100, 0.0, 99.0, false));
        assert!(bins(skewed) > sturges(100, 0.0, 99.0, false));
        assert_eq!(sturges(1_000, 0.0, 3.0, true), 3);
    }
}
