//! What a fit finds worth knowing about the reference.

use std::borrow::Cow;

use crate::data::{Cells, Frame, MISSING_CODE, Schema};
use crate::detectors::DetectorKind;
use crate::preprocess::Encoding;

/// Fewer rows than this make thresholds that fit the reference more than the law behind it.
const FEW_ROWS: usize = 200;
/// A share of equal values above this counts as many.
const MANY_TIES: f64 = 0.05;
/// Of a reference in its order, the correlation of neighbours above which it counts as autocorrelated.
const AUTOCORRELATED: f64 = 0.3;

/// Of texts, kernels see the components alone, so nothing follows from the other columns.
pub(super) fn warnings(schema: &Schema, frame: &Frame, kind: DetectorKind, n_components: Option<usize>) -> Vec<String> {
    let mut warnings = Vec::new();
    if frame.n_dropped() > 0 {
        warnings.push(format!("{} rows with missing values were left out", frame.n_dropped()));
    }
    // Whatever the rows are like, nothing follows from it.
    if kind == DetectorKind::Dummy {
        return warnings;
    }
    if frame.n_rows() < FEW_ROWS {
        warnings.push(format!(
            "{} {} are few: {}; {FEW_ROWS} or more are better",
            frame.n_rows(),
            if n_components.is_some() {
                "texts to compare with (the others teach the features)"
            } else {
                "rows of reference"
            },
            if kind.is_online() {
                "the time between false alarms will differ much from the ert"
            } else {
                "small changes will not be told"
            }
        ));
    }
    let n_judged = n_components.filter(|_| !kind.judges_columns()).unwrap_or(schema.columns.len());
    for (column, cells) in schema.columns.iter().zip(frame.columns()).take(n_judged) {
        let values: Cow<'_, [f64]> = match cells {
            Cells::Numeric(values) => Cow::Borrowed(values),
            Cells::Categorical { codes, .. } if kind.encoding() == Encoding::Binary => {
                let value = |code: &u32| if *code == MISSING_CODE { f64::NAN } else { f64::from(*code) };
                Cow::Owned(codes.iter().map(value).collect())
            }
            Cells::Categorical { .. } => continue,
        };
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        if sorted.first() == sorted.last() {
            let consequence = match kind.encoding() {
                Encoding::Binary => "its share of ones is not watched",
                Encoding::Raw | Encoding::Cells | Encoding::Kernel => "every other value of it counts as a departure",
            };
            warnings.push(format!("column `{}` is constant in the reference: {consequence}", column.name));
            continue;
        }
        let n_ties = sorted.windows(2).filter(|pair| pair[0] == pair[1]).count();
        if kind == DetectorKind::CvmOnline && n_ties as f64 > MANY_TIES * sorted.len() as f64 {
            warnings.push(format!(
                "column `{}` has many equal values: the thresholds assume continuous ones, so the time between false alarms will differ from the ert",
                column.name
            ));
        }
        let correlation = neighbour_correlation(&values);
        if correlation > AUTOCORRELATED {
            warnings.push(format!(
                "column `{}` is autocorrelated in the order of the reference ({correlation:.2} from row to row): {} assume independent rows, so rows in time order will raise many false alarms; difference them, or take every k-th",
                column.name,
                if kind.is_online() { "the thresholds" } else { "the tests" }
            ));
        }
    }
    warnings
}

/// Correlation of each value with the next one; 0 with missing values or overflow.
fn neighbour_correlation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let covariance: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let correlation = covariance / variance;
    if correlation.is_finite() { correlation } else { 0.0 }
}
