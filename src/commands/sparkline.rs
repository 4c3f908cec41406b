//! A chart in one line of text.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const DRIFT: char = '^';

/// Draws values over time, at most `width` characters, and in a second line marks where there is drift. A character
/// that stands for several values shows the greatest, so that no peak is lost; one without a value is blank.
pub(super) fn sparkline(points: &[(Option<f64>, bool)], width: usize) -> Vec<String> {
    let n_characters = width.min(points.len());
    let bounds = |index: usize| index * points.len() / n_characters;
    let buckets = (0..n_characters).filter_map(|index| points.get(bounds(index)..bounds(index + 1)));
    let buckets: Vec<_> = buckets.map(|bucket| (greatest(bucket), bucket.iter().any(|point| point.1))).collect();
    let (low, high) = range(buckets.iter().filter_map(|bucket| bucket.0)).unwrap_or_default();
    let curve: String = buckets.iter().map(|bucket| bucket.0.map_or(' ', |value| level(value, low, high))).collect();
    let marks: String = buckets.iter().map(|bucket| if bucket.1 { DRIFT } else { ' ' }).collect();
    [curve, marks].iter().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The smallest and the greatest value.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.map(|value| (value, value)).reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))
}

fn greatest(bucket: &[(Option<f64>, bool)]) -> Option<f64> {
    bucket.iter().filter_map(|point| point.0).filter(|value| value.is_finite()).reduce(f64::max)
}

fn level(value: f64, low: f64, high: f64) -> char {
    let share = if high > low { (value - low) / (high - low) } else { 0.0 };
    let highest = LEVELS.len() - 1;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 7, from 0 to 7")]
    let index = (share * highest as f64).round() as usize;
    LEVELS[index.min(highest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<(Option<f64>, bool)> {
        values.iter().map(|value| (Some(*value), *value > 6.0)).collect()
    }

    #[test]
    fn values_become_heights_and_drift_is_marked() {
        let points = points(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(sparkline(&points, 60), ["▁▂▃▄▅▆▇█", "       ^"]);
    }

    #[test]
    fn many_values_share_a_character_and_peaks_stay() {
        let mut values = vec![0.0; 1000];
        values[500] = 5.0;
        let lines = sparkline(&points(&values), 10);
        assert_eq!(lines, ["▁▁▁▁▁█▁▁▁▁"]);
    }

    #[test]
    fn gaps_constants_and_nothing_can_be_drawn() {
        assert_eq!(sparkline(&[(None, false), (Some(1.0), false)], 10), [" ▁"]);
        assert_eq!(sparkline(&points(&[3.0, 3.0]), 10), ["▁▁"]);
        assert!(sparkline(&[], 10).is_empty());
        assert!(sparkline(&[(None, false)], 10).is_empty());
    }
}
