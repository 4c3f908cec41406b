//! The values of a column as cells: numbers, or codes of categories.

use std::borrow::Cow;
use std::collections::HashMap;

use super::recent::Recent;
use crate::data::frame::{Cells, MISSING_CODE, UNSEEN_LAST, UNSEEN_MAX};
use crate::data::images::KeptImage;
use crate::data::table::{DataIssue, InvalidData, Values};

pub(super) fn read_numeric<'t>(values: &'t Values, column: &str, issues: &mut Vec<DataIssue>) -> Cells<'t> {
    let values = match values {
        Values::Numeric(numbers) => {
            for (row, number) in numbers.iter().enumerate() {
                if number.is_infinite() {
                    report(issues, row, column, || "expected a finite number, an infinite one came".to_owned());
                }
            }
            return Cells::Numeric(Cow::Borrowed(numbers));
        }
        Values::Untyped(texts) => texts
            .iter()
            .enumerate()
            .map(|(row, text)| {
                let Some(text) = text else { return f64::NAN };
                match parse_number(text) {
                    Some(number) if number.is_finite() => number,
                    _ => {
                        report(issues, row, column, || {
                            format!("expected a finite number, the text {} came", quoted(text))
                        });
                        f64::NAN
                    }
                }
            })
            .collect(),
        Values::Text(texts) => texts
            .iter()
            .enumerate()
            .map(|(row, text)| {
                if let Some(text) = text {
                    report(issues, row, column, || format!("expected a number, the text {} came", quoted(text)));
                }
                f64::NAN
            })
            .collect(),
        Values::Boolean(truths) => truths
            .iter()
            .enumerate()
            .map(|(row, truth)| {
                if let Some(truth) = truth {
                    report(issues, row, column, || format!("expected a number, `{truth}` came"));
                }
                f64::NAN
            })
            .collect(),
        Values::Images(images) => {
            let missing = |(row, image): (usize, Option<KeptImage<'_>>)| {
                report_image(image, row, column, "a number", issues);
                f64::NAN
            };
            images.iter().enumerate().map(missing).collect()
        }
        Values::Missing(n) => vec![f64::NAN; *n],
    };
    Cells::Numeric(values.into())
}

/// Reads a column of categories. Each text that the reference did not hold has a code of its own after the known ones;
/// past [`UNSEEN_MAX`] of them in one table, the others share the last one.
pub(super) fn read_categorical(
    values: &Values,
    column: &str,
    categories: &[String],
    is_numeric: bool,
    issues: &mut Vec<DataIssue>,
) -> Cells<'static> {
    let n_categories = u32::try_from(categories.len()).unwrap_or(MISSING_CODE - 1);
    let mut unseen = Unseen { n_categories, names: Vec::new(), codes: HashMap::new() };
    let mut code = |text: &str| match categories.binary_search_by(|category| category.as_str().cmp(text)) {
        Ok(index) => u32::try_from(index).unwrap_or(n_categories),
        Err(_) => unseen.code(text),
    };
    let codes = match values {
        _ if is_numeric => {
            let Cells::Numeric(numbers) = read_numeric(values, column, issues) else {
                unreachable!("numbers are read as numbers")
            };
            // Numbers come in runs and repeat: writing each anew would cost more than all the rest.
            let mut known: HashMap<u64, u32> = HashMap::new();
            let code = |number: &f64| {
                if number.is_nan() {
                    MISSING_CODE
                } else {
                    *known.entry((number + 0.0).to_bits()).or_insert_with(|| code(&written(*number)))
                }
            };
            numbers.iter().map(code).collect()
        }
        Values::Text(texts) | Values::Untyped(texts) => {
            let mut recent = Recent::of_texts(texts.len());
            let mut code = |text| recent.get_or_find(text, || code(text));
            texts.iter().map(|text| text.map_or(MISSING_CODE, &mut code)).collect()
        }
        Values::Boolean(truths) => truths
            .iter()
            .map(|truth| truth.map_or(MISSING_CODE, |truth| code(if truth { "true" } else { "false" })))
            .collect(),
        Values::Numeric(numbers) => numbers
            .iter()
            .enumerate()
            .map(|(row, number)| {
                if !number.is_nan() {
                    report(issues, row, column, || format!("expected a text, the number {number} came"));
                }
                MISSING_CODE
            })
            .collect(),
        Values::Images(images) => {
            let missing = |(row, image): (usize, Option<KeptImage<'_>>)| {
                report_image(image, row, column, "a text", issues);
                MISSING_CODE
            };
            images.iter().enumerate().map(missing).collect()
        }
        Values::Missing(n) => vec![MISSING_CODE; *n],
    };
    Cells::Categorical { codes, n_categories, unseen: unseen.names }
}

/// The texts that the reference did not hold.
struct Unseen {
    n_categories: u32,
    names: Vec<String>,
    codes: HashMap<String, u32>,
}

impl Unseen {
    fn code(&mut self, text: &str) -> u32 {
        if let Some(code) = self.codes.get(text) {
            return *code;
        }
        if self.names.len() == UNSEEN_MAX {
            return self.n_categories + UNSEEN_LAST;
        }
        let code = self.n_categories + u32::try_from(self.names.len()).unwrap_or(UNSEEN_LAST);
        self.names.push(text.to_owned());
        self.codes.insert(text.to_owned(), code);
        code
    }
}

/// The shortest text that is read as the same number; that of 0 for -0, which equals it.
pub(super) fn written(number: f64) -> String {
    let number = number + 0.0;
    let (plain, scientific) = (number.to_string(), format!("{number:e}"));
    if plain.len() <= scientific.len() + 4 { plain } else { scientific }
}

pub(super) fn report_missing(cells: &Cells, name: &str, issues: &mut Vec<DataIssue>) {
    for row in 0..cells.len() {
        if cells.is_missing(row) && !issues.iter().any(|issue| is_at(issue, row, name)) {
            if issues.len() >= InvalidData::ISSUES_MAX {
                return;
            }
            issues.push(DataIssue::cell(row, name, "expected a value, a missing one came"));
        }
    }
}

fn is_at(issue: &DataIssue, row: usize, name: &str) -> bool {
    issue.row == Some(row) && issue.column.as_deref() == Some(name)
}

/// Reports a value. What is wrong with it is put into words only where that is told.
pub(super) fn report(issues: &mut Vec<DataIssue>, row: usize, column: &str, detail: impl FnOnce() -> String) {
    if issues.len() < InvalidData::ISSUES_MAX {
        issues.push(DataIssue::cell(row, column, detail()));
    }
}

/// Reports an image where there is none.
pub(super) fn report_image(
    image: Option<KeptImage<'_>>,
    row: usize,
    column: &str,
    expected: &str,
    issues: &mut Vec<DataIssue>,
) {
    if image.is_some() {
        report(issues, row, column, || format!("expected {expected}, an image came"));
    }
}

/// A number as written in a CSV file; surrounding blanks are allowed, names such as `nan` and `inf` are texts.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let starts_like_a_number = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    if starts_like_a_number && !text.bytes().any(|byte| byte.is_ascii_alphabetic() && !b"eE".contains(&byte)) {
        text.parse().ok()
    } else {
        None
    }
}

pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() == text.len() { format!("{shown:?}") } else { format!("{shown:?}…") }
}
