//! JSON data: sent as they are.

use serde_json::Value;
use serde_json::value::RawValue;

/// What a request has as its `data`.
#[derive(Debug)]
pub struct JsonData {
    raw: Box<RawValue>,
    is_one_column: bool,
}

impl JsonData {
    pub(super) fn read(text: String) -> anyhow::Result<Self> {
        let is_one_column = is_one_column(&serde_json::from_str(&text)?);
        Ok(Self { raw: RawValue::from_string(text)?, is_one_column })
    }

    /// The data.
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// Whether the rows have one column.
    pub fn is_one_column(&self) -> bool {
        self.is_one_column
    }
}

/// Data are an object of columns, an array of records, an array of rows or an array of values.
pub(super) fn is_one_column(data: &Value) -> bool {
    match data {
        Value::Object(columns) => columns.len() == 1,
        Value::Array(rows) => match rows.first() {
            Some(Value::Object(record)) => record.len() == 1,
            Some(Value::Array(row)) => row.len() == 1,
            _ => true,
        },
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_seen_in_every_form() {
        for one in [r#"{"a": [1, 2]}"#, r#"[{"a": 1}]"#, "[[1], [2]]", "[1, null]", r#"["x"]"#] {
            assert!(JsonData::read(one.to_owned()).unwrap().is_one_column(), "{one}");
        }
        for more in [r#"{"a": [1], "b": [2]}"#, r#"[{"a": 1, "b": 2}]"#, "[[1, 2]]"] {
            assert!(!JsonData::read(more.to_owned()).unwrap().is_one_column(), "{more}");
        }
        assert!(JsonData::read("{".to_owned()).is_err());
    }

    #[test]
    fn numbers_travel_as_they_are_written() {
        let data = JsonData::read("[0.10000000000000000001, 1e3]".to_owned()).unwrap();
        assert_eq!(data.raw().get(), "[0.10000000000000000001, 1e3]");
    }
}
