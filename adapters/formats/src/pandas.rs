//! What pandas notes about a data frame: which of its columns are the index. `df.to_dict("list")` has no index, so it is
//! no column of the data in any other form, either.

use std::collections::HashSet;

use serde_json::Value;

/// The key of the note.
pub(crate) const KEY: &str = "pandas";

/// The columns that are the index.
#[derive(Debug, Default)]
pub(crate) struct Index(HashSet<String>);

impl Index {
    /// Reads the note; one that cannot be read is none.
    pub(crate) fn of(note: Option<&str>) -> Self {
        let note: Value = note.and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default();
        let columns = note["index_columns"].as_array().into_iter().flatten();
        // An index of consecutive numbers is an object, and no column.
        Self(columns.filter_map(|column| column.as_str().map(str::to_owned)).collect())
    }

    /// Whether a column is one of the index. One without a name is known by the name that it gets in a file.
    pub(crate) fn has(&self, column: &str) -> bool {
        let unnamed = column.strip_prefix("__index_level_").and_then(|rest| rest.strip_suffix("__"));
        unnamed.is_some_and(|level| level.parse::<u32>().is_ok()) || self.0.contains(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_known() {
        let index = Index::of(Some(r#"{"index_columns": ["id", {"kind": "range"}], "columns": []}"#));
        for (column, is_index) in [
            ("id", true),
            ("price", false),
            ("__index_level_0__", true),
            ("__index_level_x__", false),
            ("range", false),
        ] {
            assert_eq!(index.has(column), is_index, "{column}");
        }
        for note in [None, Some("{"), Some("[1]"), Some(r#"{"index_columns": 5}"#)] {
            assert!(!Index::of(note).has("id"));
        }
    }
}
