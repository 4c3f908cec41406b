//! A chart in a few lines of text: values over time, and what they are compared with.

use super::output::number;

const MARK: char = '•';
const RANGE: char = '│';
const THRESHOLD: char = '╌';
const DRIFT: char = '^';
/// What stands between the labels and the values.
pub(super) const AXIS: char = '┤';

/// What stands at a place of the time axis.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Point {
    /// The smallest value, the mean, the largest.
    pub(super) values: Option<[f64; 3]>,
    /// What they are compared with.
    pub(super) threshold: Option<f64>,
    /// Whether there is drift.
    pub(super) is_drift: bool,
}

/// Draws points in at most so many columns, each of which shows all values of its points: marks for means, bars from the smallest to
/// the largest, a dashed line for the threshold, and a last line that marks drift.
pub(super) fn chart(points: &[Point], width: usize, height: usize) -> Vec<String> {
    let columns = columns(points, width);
    let all = columns.iter().flat_map(|column| column.values.into_iter().flatten().chain(column.threshold));
    let range = all.filter(|value| value.is_finite()).fold(None, |range: Option<(f64, f64)>, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    let Some((low, high)) = range else { return Vec::new() };
    // A straight line stands in a line of its own.
    let height = if high > low { height.max(2) } else { 1 };
    let row = |value: f64| {
        let share = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the height")]
        let row = (share * (height - 1) as f64).round() as usize;
        row
    };
    let mut grid = vec![vec![' '; columns.len()]; height];
    for (x, column) in columns.iter().enumerate() {
        if let Some(threshold) = column.threshold {
            grid[row(threshold)][x] = THRESHOLD;
        }
        if let Some([min, mean, max]) = column.values {
            for line in &mut grid[row(min)..=row(max)] {
                line[x] = RANGE;
            }
            grid[row(mean)][x] = MARK;
        }
    }
    let mut labels = vec![String::new(); height];
    if let Some(threshold) = columns.iter().rev().find_map(|column| column.threshold) {
        labels[row(threshold)] = format!("threshold {}", number(threshold));
    }
    for (value, line) in [(low, 0), (high, height - 1)] {
        if labels[line].is_empty() {
            labels[line] = number(value);
        }
    }
    let margin = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let lines = labels.iter().zip(&grid).rev().map(|(label, line)| {
        let line: String = line.iter().collect();
        format!("{label:>margin$} {AXIS}{}", line.trim_end())
    });
    let marks: String = columns.iter().map(|column| if column.is_drift { DRIFT } else { ' ' }).collect();
    let marks = format!("{:margin$}  {}", "", marks.trim_end());
    lines.chain((!marks.trim().is_empty()).then_some(marks)).collect()
}

/// Points that share a column, put together.
fn columns(points: &[Point], width: usize) -> Vec<Point> {
    let n_columns = width.min(points.len());
    let bound = |index: usize| index * points.len() / n_columns;
    (0..n_columns).filter_map(|index| points.get(bound(index)..bound(index + 1))).map(together).collect()
}

fn together(points: &[Point]) -> Point {
    let values: Vec<[f64; 3]> = points.iter().filter_map(|point| point.values).collect();
    let n = values.len() as f64;
    let all = values
        .iter()
        .copied()
        .reduce(|[min, sum, max], [other_min, mean, other_max]| [min.min(other_min), sum + mean, max.max(other_max)]);
    Point {
        values: all.map(|[min, sum, max]| [min, sum / n, max]),
        threshold: points.iter().rev().find_map(|point| point.threshold),
        is_drift: points.iter().any(|point| point.is_drift),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        let point = |value: &f64| Point { values: Some([*value; 3]), threshold: Some(3.0), is_drift: *value > 3.0 };
        values.iter().map(point).collect()
    }

    #[test]
    fn values_stand_at_their_heights_with_the_threshold_between_them() {
        let drawn = chart(&points(&[0.0, 1.0, 2.0, 4.0, 3.0, 0.0]), 60, 5);
        let expected = [
            "          4 ┤   •",
            "threshold 3 ┤╌╌╌╌•╌",
            "            ┤  •",
            "            ┤ •",
            "          0 ┤•    •",
            "                ^",
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn points_that_share_a_column_show_their_range() {
        let mut values = vec![1.0; 100];
        values[50] = 5.0;
        let drawn = chart(&points(&values), 10, 5);
        assert_eq!(drawn[0], "          5 ┤     │");
        assert_eq!(drawn[2], "threshold 3 ┤╌╌╌╌╌│╌╌╌╌");
        assert_eq!(drawn[5], "                  ^");
    }

    #[test]
    fn gaps_constants_and_nothing_can_be_drawn() {
        assert!(chart(&[], 10, 5).is_empty());
        assert!(chart(&[Point::default()], 10, 5).is_empty());
        let one = Point { values: Some([2.0; 3]), ..Point::default() };
        assert_eq!(chart(&[Point::default(), one, one], 10, 5), ["2 ┤ ••"]);
    }
}
