//! Cells that are written as texts: in base64, as dates, as JSON.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use drifting_domain::data::{Texts, Values};
use serde_json::Value;

use crate::Refusal;

/// The values of a column of texts in this content type.
pub(super) fn read(content_type: &str, texts: &Texts, input: usize) -> Result<Values, Refusal> {
    match content_type {
        "base64" => each(texts, input, "a text in UTF-8 in base64", |text| {
            BASE64_STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        }),
        "datetime" => {
            each(texts, input, "a date or time as in ISO 8601", |text| is_time(text).then(|| text.to_owned()))
        }
        _ => json_cells(texts, input),
    }
}

fn each(texts: &Texts, input: usize, expected: &str, read: impl Fn(&str) -> Option<String>) -> Result<Values, Refusal> {
    let mut values = Texts::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match text.map(|text| read(text).ok_or(text)) {
            None => values.push(None),
            Some(Ok(value)) => values.push(Some(&value)),
            Some(Err(text)) => return Err(refused(input, index, expected, text)),
        }
    }
    Ok(Values::Text(values))
}

fn refused(input: usize, index: usize, expected: &str, came: &str) -> Refusal {
    let shown: String = came.chars().take(40).collect();
    Refusal::malformed(format!("/inputs/{input}/data/{index}"), format!("expected {expected}, {shown:?} came"))
}

fn is_time(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
        || text.parse::<NaiveDateTime>().is_ok()
        || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").is_ok()
        || text.parse::<NaiveDate>().is_ok()
}

/// Cells of which each is the JSON text of a number, a text, a truth value or null; all of one type.
fn json_cells(texts: &Texts, input: usize) -> Result<Values, Refusal> {
    let mut column = Cells::default();
    for (index, text) in texts.iter().enumerate() {
        let refused = |expected: &str| refused(input, index, expected, text.unwrap_or_default());
        let cell = text.map_or(Some(Value::Null), |text| serde_json::from_str(text).ok());
        let cell = cell.filter(|cell| !cell.is_array() && !cell.is_object());
        let cell = cell.ok_or_else(|| refused("the JSON of a number, a text, true, false or null"))?;
        column.push(&cell).map_err(|OtherType| refused("cells of one type in a column"))?;
    }
    Ok(column.into_values())
}

/// The cells of a column, whose type the first one decides that is not missing.
pub(super) struct Cells(Values);

/// A cell of another type than those before it.
pub(super) struct OtherType;

impl Default for Cells {
    fn default() -> Self {
        Self(Values::Missing(0))
    }
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a number, a text, a truth value or a missing one.
    pub(super) fn push(&mut self, cell: &Value) -> Result<(), OtherType> {
        if let Values::Missing(n) = &mut self.0 {
            let n_missing = *n;
            match cell {
                Value::Number(_) => self.0 = Values::Numeric(vec![f64::NAN; n_missing]),
                Value::Bool(_) => self.0 = Values::Boolean(vec![None; n_missing]),
                Value::String(_) => {
                    let mut texts = Texts::new();
                    texts.pad(n_missing);
                    self.0 = Values::Text(texts);
                }
                _ => {
                    *n += 1;
                    return Ok(());
                }
            }
        }
        match (&mut self.0, cell) {
            (Values::Numeric(numbers), Value::Number(number)) => numbers.push(number.as_f64().unwrap_or(f64::NAN)),
            (Values::Boolean(truths), Value::Bool(truth)) => truths.push(Some(*truth)),
            (Values::Text(texts), Value::String(text)) => texts.push(Some(text)),
            (_, Value::Null) => self.pad(1),
            _ => return Err(OtherType),
        }
        Ok(())
    }

    /// Adds so many missing cells.
    pub(super) fn pad(&mut self, n: usize) {
        match &mut self.0 {
            Values::Numeric(numbers) => numbers.resize(numbers.len() + n, f64::NAN),
            Values::Boolean(truths) => truths.resize(truths.len() + n, None),
            Values::Text(texts) | Values::Untyped(texts) => texts.pad(n),
            Values::Images(images) => images.pad(images.len() + n),
            Values::Missing(n_missing) => *n_missing += n,
        }
    }

    pub(super) fn into_values(self) -> Values {
        self.0
    }
}
