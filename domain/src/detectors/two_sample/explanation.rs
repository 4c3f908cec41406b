//! What moved in a column: quantiles, categories, and which way.

use super::column_test::ColumnTest;
use crate::statistics::alternative::Alternative;
use crate::statistics::kolmogorov_smirnov::Distance;
use crate::statistics::sorted_sample::SortedSample;

/// What moved in a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The test behind the verdict on the column.
    pub test: ColumnTest,
    /// Which way the numbers moved, where they did.
    pub direction: Option<Direction>,
    /// The reference.
    pub reference: Summary,
    /// The window.
    pub window: Summary,
    /// The categories whose shares moved most, the one that moved most first; at most 10.
    pub categories: Vec<CategoryShift>,
    /// Categories of the window that the reference does not hold, the most frequent first; at most 20.
    pub unseen: Vec<String>,
    /// Categories of the reference of which the window holds none though it should hold five or more, the most frequent
    /// first; at most 20.
    pub vanished: Vec<String>,
    /// What the column contributes to telling window from reference, of kinds that learn it; all columns sum to 1.
    pub importance: Option<f64>,
    /// The words by which texts of the window were told from those of the reference, at most 50: those of the window first, by falling
    /// weight, then those of the reference.
    pub words: Vec<WordWeight>,
}

/// How much a word tells.
#[derive(Debug, Clone, PartialEq)]
pub struct WordWeight {
    /// The word, in lower case.
    pub word: String,
    /// Above 0 where it speaks for the window, below where it speaks for the reference.
    pub weight: f64,
    /// The share of the texts of the reference that hold it.
    pub reference_share: f64,
    /// The share of the texts of the window that hold it.
    pub window_share: f64,
}

/// Which way numbers moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To larger values.
    Up,
    /// To smaller values.
    Down,
    /// To both ends.
    Wider,
    /// To the middle.
    Narrower,
}

impl Direction {
    /// Its name in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Wider => "wider",
            Self::Narrower => "narrower",
        }
    }

    /// From the gaps of the distribution functions: up or down where one gap is at least twice the other; else by which
    /// of both stands further to the right.
    pub(super) fn of(distance: &Distance) -> Option<Self> {
        let (greater, less) = (distance.greater, distance.less);
        if distance.of(Alternative::TwoSided).size == 0.0 {
            None
        } else if greater.size >= 2.0 * less.size {
            Some(Self::Up)
        } else if less.size >= 2.0 * greater.size {
            Some(Self::Down)
        } else if greater.at > less.at {
            Some(Self::Wider)
        } else {
            Some(Self::Narrower)
        }
    }
}

/// The values of a column in few numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows.
    pub n_rows: u64,
    /// Share of them that had no value.
    pub missing_share: f64,
    /// The quantiles at [`QUANTILES`], of numbers.
    pub quantiles: Option<[f64; QUANTILES.len()]>,
}

/// The quantiles of a [`Summary`].
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];
/// Categories that are told at most.
pub const SHIFTS_MAX: usize = 10;
/// Names of unseen and vanished categories that are told at most.
pub const NAMES_MAX: usize = 20;
/// A category of which so many are expected is in a window but for one time in a hundred and fifty.
const EXPECTED_MIN: f64 = 5.0;

/// The shares of a category.
#[derive(Debug, Clone, PartialEq)]
pub struct CategoryShift {
    /// The category.
    pub category: String,
    /// Its share of the reference.
    pub reference_share: f64,
    /// Its share of the window.
    pub window_share: f64,
}

/// The quantiles of a sample, between the values on both sides of them.
pub(super) fn quantiles(sample: &SortedSample) -> [f64; QUANTILES.len()] {
    let values = sample.values();
    QUANTILES.map(|p| {
        let place = p * (values.len() - 1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the values")]
        let below = place.floor() as usize;
        let above = (below + 1).min(values.len() - 1);
        // Not their difference: it may overflow.
        let share = place - place.floor();
        values[below] * (1.0 - share) + values[above] * share
    })
}

/// The categories that moved, those that are new, and those that are gone.
pub(super) struct Shifts {
    pub(super) categories: Vec<CategoryShift>,
    pub(super) unseen: Vec<String>,
    pub(super) vanished: Vec<String>,
}

/// From how often each level stands in both samples; `name` gives the name of a level.
pub(super) fn shifts<'n>(reference: &[u64], window: &[u64], name: impl Fn(usize) -> &'n str) -> Shifts {
    let (n, m) = (reference.iter().sum::<u64>() as f64, window.iter().sum::<u64>() as f64);
    let share = |count: u64, of: f64| if of > 0.0 { count as f64 / of } else { 0.0 };
    let shares: Vec<(usize, f64, f64)> = (0..reference.len())
        .map(|level| (level, share(reference[level], n), share(window[level], m)))
        .filter(|(_, reference, window)| reference + window > 0.0)
        .collect();
    let ranked = |key: &dyn Fn(&(usize, f64, f64)) -> f64, most: usize| {
        let mut ranked: Vec<(usize, f64, f64)> = shares.iter().copied().filter(|level| key(level) > 0.0).collect();
        ranked.sort_by(|a, b| key(b).total_cmp(&key(a)));
        ranked.truncate(most);
        ranked
    };
    let names =
        |levels: Vec<(usize, f64, f64)>| levels.into_iter().map(|(level, _, _)| name(level).to_owned()).collect();
    let is_unseen = |level: &(usize, f64, f64)| if reference[level.0] == 0 { level.2 } else { 0.0 };
    let is_vanished =
        |level: &(usize, f64, f64)| if window[level.0] == 0 && level.1 * m >= EXPECTED_MIN { level.1 } else { 0.0 };
    let moved = ranked(&|(_, reference, window)| (window - reference).abs(), SHIFTS_MAX);
    let shift = |(level, reference_share, window_share)| CategoryShift {
        category: name(level).to_owned(),
        reference_share,
        window_share,
    };
    Shifts {
        categories: moved.into_iter().map(shift).collect(),
        unseen: names(ranked(&is_unseen, NAMES_MAX)),
        vanished: names(ranked(&is_vanished, NAMES_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::kolmogorov_smirnov::distance;

    fn direction(reference: &[f64], window: &[f64]) -> Option<Direction> {
        let sorted = |values: &[f64]| SortedSample::sort(values.to_vec()).unwrap();
        Direction::of(&distance(&sorted(reference), &sorted(window)))
    }

    #[test]
    fn directions_are_told() {
        let reference: Vec<f64> = (0..100).map(f64::from).collect();
        let changed = |change: &dyn Fn(f64) -> f64| reference.iter().map(|value| change(*value)).collect::<Vec<f64>>();
        assert_eq!(direction(&reference, &reference), None);
        assert_eq!(direction(&reference, &changed(&|value| value + 10.0)), Some(Direction::Up));
        assert_eq!(direction(&reference, &changed(&|value| value - 10.0)), Some(Direction::Down));
        assert_eq!(direction(&reference, &changed(&|value| (value - 49.5) * 2.0 + 49.5)), Some(Direction::Wider));
        assert_eq!(direction(&reference, &changed(&|value| (value - 49.5) * 0.5 + 49.5)), Some(Direction::Narrower));
    }

    #[test]
    fn new_and_vanished_categories_are_named() {
        let names = ["a", "b", "c", "d"];
        let shifts = shifts(&[50, 40, 10, 0], &[45, 0, 0, 5], |level| names[level]);
        assert_eq!(shifts.unseen, ["d"]);
        // Five of the third are expected among fifty rows, and none of them came.
        assert_eq!(shifts.vanished, ["b", "c"]);
        let moved: Vec<&str> = shifts.categories.iter().map(|shift| shift.category.as_str()).collect();
        assert_eq!(moved, ["a", "b", "c", "d"]);
        assert_eq!((shifts.categories[0].reference_share, shifts.categories[0].window_share), (0.5, 0.9));
    }

    #[test]
    fn quantiles_of_extreme_values_do_not_overflow() {
        let sample = SortedSample::sort(vec![-1.7e308, 1.7e308]).unwrap();
        assert!(quantiles(&sample).iter().all(|quantile| quantile.is_finite()));
        let sample = SortedSample::sort(vec![3.0]).unwrap();
        assert_eq!(quantiles(&sample), [3.0; 5]);
    }
}
