//! Rows as objects: `hg_json` and `hg_jsonlist`, in which MLServer's runtime for language models takes texts with what belongs
//! to them.

use std::collections::HashMap;

use drifting_domain::data::Column;
use serde_json::{Map, Value};

use super::cells::Cells;
use crate::{Refusal, RefusalCode, TensorData};

/// More cells than this are refused, those included that records leave out: each record may bring new columns.
const CELLS_MAX: usize = 1_000_000;
/// Longer texts than this, in bytes, are refused: each becomes a tree of values for a moment.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// The columns of objects, one a row.
pub(super) fn columns(content_type: &str, data: &TensorData) -> Result<Vec<Column>, Refusal> {
    let TensorData::Texts(texts) = data else {
        let detail = format!("expected BYTES for the content type `{content_type}`");
        return Err(Refusal::malformed("/inputs/0/datatype", detail));
    };
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut columns: Vec<(String, Cells)> = Vec::new();
    let mut n_rows = 0;
    for (index, text) in texts.iter().enumerate() {
        let refused = |detail: String| Refusal::malformed(format!("/inputs/0/data/{index}"), detail);
        let text = text.unwrap_or_default();
        if text.len() > TEXT_BYTES_MAX {
            let detail = format!("expected objects of at most {TEXT_BYTES_MAX} bytes of JSON, {} came", text.len());
            return Err(Refusal::new(RefusalCode::TooLarge, detail));
        }
        let records = records(text).ok_or_else(|| {
            refused("expected the JSON of an object whose members are no arrays and no objects".to_owned())
        })?;
        for record in records {
            for (name, cell) in record {
                let column = *places.entry(name).or_insert_with_key(|name| {
                    columns.push((name.clone(), Cells::default()));
                    columns.len() - 1
                });
                let (name, cells) = &mut columns[column];
                cells.pad(n_rows - cells.len());
                cells.push(&cell).map_err(|_| refused(format!("expected values of one type for `{name}`")))?;
            }
            n_rows += 1;
            if columns.len().saturating_mul(n_rows) > CELLS_MAX {
                let detail = format!("expected at most {CELLS_MAX} cells, more came; send fewer rows at a time");
                return Err(Refusal::new(RefusalCode::TooLarge, detail));
            }
        }
    }
    let column = |(name, mut cells): (String, Cells)| {
        cells.pad(n_rows - cells.len());
        Column { name, values: cells.into_values() }
    };
    Ok(columns.into_iter().map(column).collect())
}

/// The objects of an element: one, or those of an array.
fn records(text: &str) -> Option<Vec<Map<String, Value>>> {
    let is_flat = |record: &Map<String, Value>| record.values().all(|cell| !cell.is_array() && !cell.is_object());
    let record = |value: Value| match value {
        Value::Object(record) if is_flat(&record) => Some(record),
        _ => None,
    };
    match serde_json::from_str(text).ok()? {
        Value::Array(items) => items.into_iter().map(record).collect(),
        value => Some(vec![record(value)?]),
    }
}
