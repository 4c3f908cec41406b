//! NDJSON: a JSON value on each line, which are the items of an array of data: records, rows or values.

use serde::de::DeserializeSeed;

use super::budget::{Budget, Limits};
use super::data::{Data, data_of};
use super::faults::Faults;
use super::pointer::data_pointer;
use super::rows::Items;
use crate::error::Failure;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads an NDJSON body. Empty lines are passed over.
pub(crate) fn read_ndjson(body: &[u8], limits: Limits) -> Result<Data, Failure> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    limits.check_json(body)?;
    let mut faults = Faults::within(Budget::beside(body, limits));
    let mut items = Items::default();
    for (n_lines, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let row = items.n_rows();
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let item = items.next(&mut faults).deserialize(&mut deserializer);
        match item.and_then(|item| deserializer.end().map(|()| item)) {
            Ok(item) => items.took(item),
            Err(error) => {
                faults.stop_at(|| data_pointer(&[&row.to_string()]));
                return Err(faults.into_stopped_in(&error, line, "NDJSON", n_lines));
            }
        }
    }
    match items.finish::<serde_json::Error>(&mut faults) {
        Ok(read) => data_of(read, faults),
        Err(error) => Err(faults.into_stopped(&error, body)),
    }
}
