//! Predictions held against the truth: the errors of a model, which detectors watch.

use super::schema::parse_number;
use super::{ColumnType, Texts, Values};

/// How far a number is from the true one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorMeasure {
    /// 1 where it is another one, 0 where it is the same. Of texts and truth values errors are always such.
    Differs,
    /// The absolute difference.
    Distance,
}

/// Why predictions cannot be held against a truth.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TruthProblem {
    /// There is not one for each row.
    #[error("expected a value of truth for each row of the data, {rows} rows and {came} values of truth came")]
    Length {
        /// Rows of predictions.
        rows: usize,
        /// Values of truth.
        came: usize,
    },
    /// They are of different types.
    #[error("expected truth of the type of the predictions, which are {predictions}; {truth} came")]
    Type {
        /// What the predictions are.
        predictions: &'static str,
        /// What the truth is.
        truth: &'static str,
    },
}

/// The errors of predictions.
#[derive(Debug, Clone, PartialEq)]
pub struct Errors {
    /// One a row; `NaN` where the prediction or the truth is missing.
    pub values: Vec<f64>,
    /// The rows that have a prediction, but no truth.
    pub without_truth: Vec<usize>,
}

impl Errors {
    /// The errors of predictions, a column of one value a row, held against a column of truth. Written values (from CSV) are numbers
    /// where all of them are, otherwise texts. O(n) time and memory.
    ///
    /// # Errors
    /// When the columns have different lengths or types.
    pub fn of(predictions: &Values, truth: &Values, measure: ErrorMeasure) -> Result<Self, TruthProblem> {
        if predictions.len() != truth.len() {
            return Err(TruthProblem::Length { rows: predictions.len(), came: truth.len() });
        }
        let n = predictions.len();
        let errors = match (predictions, truth) {
            (Values::Missing(_), _) => Self { values: vec![f64::NAN; n], without_truth: Vec::new() },
            (_, Values::Missing(_)) => {
                let without_truth = (0..n).filter(|row| !is_missing(predictions, *row)).collect();
                Self { values: vec![f64::NAN; n], without_truth }
            }
            (Values::Boolean(predictions), Values::Boolean(truth)) => {
                Self::pairwise(predictions.iter().copied(), truth.iter().copied(), differs)
            }
            _ => Self::of_values(predictions, truth, measure)?,
        };
        Ok(errors)
    }

    /// Of numbers, or of texts.
    fn of_values(predictions: &Values, truth: &Values, measure: ErrorMeasure) -> Result<Self, TruthProblem> {
        if let (Some(predictions), Some(truth)) = (numbers(predictions), numbers(truth)) {
            let error = |prediction: f64, truth: f64| match measure {
                ErrorMeasure::Differs => differs(&prediction, &truth),
                ErrorMeasure::Distance => (prediction - truth).abs(),
            };
            return Ok(Self::pairwise(predictions.into_iter(), truth.into_iter(), |a, b| error(*a, *b)));
        }
        if let (Some(predictions), Some(truth)) = (texts(predictions), texts(truth)) {
            return Ok(Self::pairwise(predictions.iter(), truth.iter(), differs));
        }
        Err(TruthProblem::Type { predictions: type_of(predictions), truth: type_of(truth) })
    }

    fn pairwise<T>(
        predictions: impl Iterator<Item = Option<T>>,
        truth: impl Iterator<Item = Option<T>>,
        error: impl Fn(&T, &T) -> f64,
    ) -> Self {
        let mut without_truth = Vec::new();
        let pairs = predictions.zip(truth).enumerate();
        let values = pairs.map(|(row, pair)| match pair {
            (Some(prediction), Some(truth)) => error(&prediction, &truth),
            (Some(_), None) => {
                without_truth.push(row);
                f64::NAN
            }
            (None, _) => f64::NAN,
        });
        Self { values: values.collect(), without_truth }
    }

    /// The errors as a column of this type holds them: where it has two classes, the second one is an error.
    pub fn into_values(self, column: &ColumnType) -> Values {
        let ColumnType::Binary { categories: [right, wrong], .. } = column else {
            return Values::Numeric(self.values);
        };
        let class = |error: f64| match error {
            error if error.is_nan() => None,
            0.0 => Some(right.as_str()),
            _ => Some(wrong.as_str()),
        };
        Values::Untyped(self.values.into_iter().map(class).collect())
    }
}

fn differs<T: PartialEq>(prediction: &T, truth: &T) -> f64 {
    f64::from(u8::from(prediction != truth))
}

fn is_missing(values: &Values, row: usize) -> bool {
    match values {
        Values::Numeric(values) => values[row].is_nan(),
        Values::Text(values) | Values::Untyped(values) => values.get(row).is_none(),
        Values::Boolean(values) => values[row].is_none(),
        Values::Images(images) => images.get(row).is_none(),
        Values::Missing(_) => true,
    }
}

/// The numbers of a column, if it is one of numbers.
fn numbers(values: &Values) -> Option<Vec<Option<f64>>> {
    match values {
        Values::Numeric(values) => Some(values.iter().map(|value| (!value.is_nan()).then_some(*value)).collect()),
        Values::Untyped(values) => {
            values.iter().map(|text| text.map(parse_number).map_or(Some(None), |number| number.map(Some))).collect()
        }
        Values::Text(_) | Values::Boolean(_) | Values::Images(_) | Values::Missing(_) => None,
    }
}

fn texts(values: &Values) -> Option<&Texts> {
    match values {
        Values::Text(values) | Values::Untyped(values) => Some(values),
        Values::Numeric(_) | Values::Boolean(_) | Values::Images(_) | Values::Missing(_) => None,
    }
}

fn type_of(values: &Values) -> &'static str {
    match values {
        Values::Numeric(_) => "numbers",
        Values::Text(_) | Values::Untyped(_) => "texts",
        Values::Boolean(_) => "truth values",
        Values::Images(_) => "images",
        Values::Missing(_) => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(predictions: &Values, truth: &Values, measure: ErrorMeasure) -> Vec<f64> {
        Errors::of(predictions, truth, measure).unwrap().values
    }

    fn texts(values: &[&str]) -> Texts {
        values.iter().map(Some).collect()
    }

    #[test]
    fn classes_differ_and_numbers_are_apart() {
        let (five, six) = (Values::Numeric(vec![5.0, 5.0]), Values::Numeric(vec![5.0, 7.5]));
        assert_eq!(errors(&five, &six, ErrorMeasure::Differs), [0.0, 1.0]);
        assert_eq!(errors(&six, &five, ErrorMeasure::Distance), [0.0, 2.5]);
        let (a, b) = (Values::Text(texts(&["a", "a"])), Values::Text(texts(&["a", "b"])));
        let (no, yes) = (Values::Boolean(vec![Some(true); 2]), Values::Boolean(vec![Some(true), Some(false)]));
        for measure in [ErrorMeasure::Differs, ErrorMeasure::Distance] {
            assert_eq!(errors(&a, &b, measure), [0.0, 1.0]);
            assert_eq!(errors(&no, &yes, measure), [0.0, 1.0]);
        }
    }

    #[test]
    fn written_values_are_numbers_where_all_of_them_are() {
        let written = |values: &[&str]| Values::Untyped(texts(values));
        assert_eq!(errors(&written(&["1.0", "3"]), &written(&["1", "1"]), ErrorMeasure::Distance), [0.0, 2.0]);
        assert_eq!(errors(&written(&["1.0", "a"]), &written(&["1", "a"]), ErrorMeasure::Distance), [1.0, 0.0]);
    }

    #[test]
    fn where_a_value_is_missing_there_is_no_error() {
        let predictions = Values::Numeric(vec![1.0, f64::NAN, 1.0, f64::NAN]);
        let truth = Values::Numeric(vec![1.0, 1.0, f64::NAN, f64::NAN]);
        let errors = Errors::of(&predictions, &truth, ErrorMeasure::Differs).unwrap();
        assert_eq!((errors.values[0], &errors.without_truth[..]), (0.0, &[2][..]));
        assert!(errors.values[1..].iter().all(|value| value.is_nan()));
        let errors = Errors::of(&predictions, &Values::Missing(4), ErrorMeasure::Differs).unwrap();
        assert_eq!(errors.without_truth, [0, 2]);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let (numbers, classes) = (Values::Numeric(vec![1.0]), Values::Text(texts(&["1"])));
        let refusal =
            |predictions, truth| Errors::of(predictions, truth, ErrorMeasure::Differs).unwrap_err().to_string();
        assert_eq!(
            refusal(&numbers, &classes),
            "expected truth of the type of the predictions, which are numbers; texts came"
        );
        assert_eq!(
            refusal(&numbers, &Values::Numeric(vec![1.0; 3])),
            "expected a value of truth for each row of the data, 1 rows and 3 values of truth came"
        );
    }

    #[test]
    fn the_second_of_two_classes_is_an_error() {
        let errors = || Errors { values: vec![0.0, 1.0, f64::NAN], without_truth: Vec::new() };
        let classes = ColumnType::Binary { categories: ["ok".to_owned(), "wrong".to_owned()], is_numeric: false };
        let expected: Texts = [Some("ok"), Some("wrong"), None].into_iter().collect();
        assert_eq!(errors().into_values(&classes), Values::Untyped(expected));
        assert!(
            matches!(errors().into_values(&ColumnType::Numeric), Values::Numeric(values) if values[..2] == [0.0, 1.0])
        );
    }
}
