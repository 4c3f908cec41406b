//! What a fit finds worth knowing about the reference.

use std::borrow::Cow;

use super::reading::Reading;
use crate::data::{Cells, Frame, MISSING_CODE, Schema};
use crate::detectors::DetectorKind;
use crate::preprocess::{Encoding, Season, Sequence, SequenceSpec};

/// Fewer rows than this make thresholds that fit the reference more than the law behind it.
const FEW_ROWS: usize = 200;
/// Of a series, whose rows tell less as they depend on each other.
const FEW_ROWS_OF_SERIES: usize = 500;
/// Fewer rows than this tell little of a season.
const FEW_ROWS_OF_SEASON: usize = 10;
/// A share of equal values above this counts as many.
const MANY_TIES: f64 = 0.05;
/// Of a reference in its order, the correlation of neighbours above which it counts as autocorrelated.
const AUTOCORRELATED: f64 = 0.3;
/// From so many rows on a column may be told for a key, a time or a counter.
const ROWS_OF_A_KEY: usize = 20;

/// Of texts, kernels see the components alone, so nothing follows from the other columns.
pub(super) fn warnings(schema: &Schema, frame: &Frame, kind: DetectorKind, reading: Option<&Reading>) -> Vec<String> {
    let mut warnings = Vec::new();
    if frame.n_dropped() > 0 {
        warnings.push(format!("{} rows with missing values were left out", frame.n_dropped()));
    }
    // Whatever the rows are like, nothing follows from it, or nothing that was promised.
    if kind == DetectorKind::Dummy || kind.is_streaming() {
        return warnings;
    }
    if frame.n_rows() < FEW_ROWS {
        warnings.push(format!(
            "{} {} are few: {}; {FEW_ROWS} or more are better",
            frame.n_rows(),
            match reading {
                Some(reading) if reading.learns() => {
                    format!("{} to compare with (the others teach the features)", reading.noun())
                }
                Some(reading) => format!("{} of reference", reading.noun()),
                None => "rows of reference".to_owned(),
            },
            if kind.is_online() {
                "the time between false alarms will differ much from the ert"
            } else {
                "small changes will not be told"
            }
        ));
    }
    let n_judged = match reading {
        Some(reading) if !kind.judges_columns() => reading.n_seen_by_kernels(),
        _ => schema.columns.len(),
    };
    for (column, cells) in schema.columns.iter().zip(frame.columns()).take(n_judged) {
        let values: Cow<'_, [f64]> = match cells {
            Cells::Numeric(values) => Cow::Borrowed(values),
            Cells::Categorical { codes, .. } if kind.encoding() == Encoding::Binary => {
                let value = |code: &u32| if *code == MISSING_CODE { f64::NAN } else { f64::from(*code) };
                Cow::Owned(codes.iter().map(value).collect())
            }
            Cells::Categorical { codes, n_categories, .. } => {
                warnings.extend(key_warning(&column.name, codes, *n_categories));
                continue;
            }
        };
        if values.len() >= ROWS_OF_A_KEY && values.is_sorted_by(|one, next| one < next) {
            warnings.push(format!(
                "column `{}` grows from row to row, as a time or a counter does: rows to come lie beyond the reference, which counts as drift; leave it out",
                column.name
            ));
            continue;
        }
        let mut present = values.iter().filter(|value| !value.is_nan());
        let first = present.next();
        if present.all(|value| Some(value) == first) {
            let consequence = match kind.encoding() {
                Encoding::Binary => "its share of ones is not watched",
                Encoding::Raw | Encoding::Cells | Encoding::Kernel => "every other value of it counts as a departure",
            };
            warnings.push(format!("column `{}` is constant in the reference: {consequence}", column.name));
            continue;
        }
        if kind == DetectorKind::CvmOnline && share_of_ties(&values) > MANY_TIES {
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

/// Of a series: what its calibration can learn from is little, or some seasons are.
pub(super) fn sequence_warnings(
    spec: &SequenceSpec,
    sequence: &Sequence,
    schema: &Schema,
    reference: &Frame<'_>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let (n_rows, n_dropped) = (reference.n_rows(), reference.n_dropped());
    if n_dropped > 0 {
        let consequence = if spec.difference.is_some() { ": differences are of the rows that are left" } else { "" };
        warnings.push(format!("{n_dropped} rows with missing values were left out{consequence}"));
    }
    if n_rows < FEW_ROWS_OF_SERIES {
        warnings.push(format!(
            "{n_rows} rows of a series are few to tell how its rows depend on each other: the time between false alarms will differ much from the ert; {FEW_ROWS_OF_SERIES} or more are better"
        ));
    }
    if let Some(Season::Column { column }) = &spec.season
        && schema.columns.iter().any(|known| known.name == *column && known.kind.n_categories() > n_rows / 2)
    {
        warnings.push(format!("column `{column}` has few rows of each season: most are compared with the whole"));
    }
    let counts = sequence.rows_by_season(reference);
    let n_empty = counts.iter().filter(|count| **count == 0).count();
    let n_few = counts.iter().filter(|count| (1..FEW_ROWS_OF_SEASON).contains(*count)).count();
    if n_empty > 0 {
        warnings.push(format!(
            "{n_empty} of {} seasons have no row in the reference: rows of them are compared with the whole",
            counts.len()
        ));
    }
    if n_few > 0 {
        warnings.push(format!(
            "{n_few} of {} seasons have fewer than {FEW_ROWS_OF_SEASON} rows in the reference: what is usual in them is drawn towards the whole",
            counts.len()
        ));
    }
    warnings
}

/// Most values of the column differ, as those of keys and of times do. O(n) time, a flag a category.
fn key_warning(name: &str, codes: &[u32], n_categories: u32) -> Option<String> {
    let mut came = vec![false; n_categories as usize];
    let mut n_values = 0;
    for code in codes.iter().filter(|code| **code != MISSING_CODE) {
        n_values += 1;
        if let Some(flag) = came.get_mut(*code as usize) {
            *flag = true;
        }
    }
    let n_classes = came.into_iter().filter(|came| *came).count();
    (n_values >= ROWS_OF_A_KEY && 2 * n_classes > n_values).then(|| {
        format!(
            "column `{name}` has {n_classes} different values in {n_values} rows, as a key or a time has: rows to come will have others, which counts as drift; leave it out"
        )
    })
}

/// How many of the values that are there equal another one, but for one of each, as a share. O(n log n) time, a copy of the values.
fn share_of_ties(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.windows(2).filter(|pair| pair[0] == pair[1]).count() as f64 / sorted.len() as f64
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
