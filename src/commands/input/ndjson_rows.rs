//! NDJSON: read line by line, handed on in batches of the chosen columns and rows.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, bail};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json_data::is_one_column;
use super::{Batch, RowRange, Rows};

const MEDIA_TYPE: &str = "application/x-ndjson";

/// The chosen columns and rows of an NDJSON file.
pub struct NdjsonRows {
    reader: BufReader<Box<dyn Read>>,
    size: Option<u64>,
    position: u64,
    n_lines: u64,
    /// The first row, which was read to look at it.
    first: Option<Vec<u8>>,
    is_one_column: bool,
    columns: Vec<String>,
    rows: RowRange,
    next_row: u64,
}

impl NdjsonRows {
    pub(super) fn open(
        file: Box<dyn Read>,
        size: Option<u64>,
        columns: &[String],
        rows: RowRange,
    ) -> anyhow::Result<Self> {
        let reader = BufReader::new(file);
        let mut opened = Self {
            reader,
            size,
            position: 0,
            n_lines: 0,
            first: None,
            is_one_column: columns.len() == 1,
            columns: columns.to_vec(),
            rows,
            next_row: 0,
        };
        opened.first = opened.next_line()?;
        if let Some(first) = &opened.first {
            let value: Value = serde_json::from_slice(first).with_context(|| opened.place())?;
            match value.as_object() {
                Some(record) => {
                    if let Some(column) = columns.iter().find(|column| !record.contains_key(*column)) {
                        let names: Vec<&str> = record.keys().map(String::as_str).collect();
                        bail!("its first record has no column `{column}`, only {}", names.join(", "));
                    }
                }
                None if !columns.is_empty() => bail!("--columns needs records, each an object of values"),
                None => {}
            }
            if columns.is_empty() {
                opened.is_one_column = is_one_column(&Value::Array(vec![value]));
            }
        }
        Ok(opened)
    }

    fn place(&self) -> String {
        format!("line {} is no JSON", self.n_lines)
    }

    /// The next line that is not empty, with its line feed.
    fn next_line(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let n_bytes = self.reader.read_until(b'\n', &mut line)?;
            if n_bytes == 0 {
                return Ok(None);
            }
            self.position += n_bytes as u64;
            self.n_lines += 1;
            if !line.trim_ascii().is_empty() {
                if !line.ends_with(b"\n") {
                    line.push(b'\n');
                }
                return Ok(Some(line));
            }
        }
    }

    /// The chosen members of a record, in the order asked for.
    fn chosen(&self, line: &[u8], rows: &mut Vec<u8>) -> anyhow::Result<()> {
        let record: HashMap<String, &RawValue> = serde_json::from_slice(line).with_context(|| self.place())?;
        let members = self.columns.iter().filter_map(|column| Some((column, record.get(column)?)));
        for (index, (column, value)) in members.enumerate() {
            rows.push(if index == 0 { b'{' } else { b',' });
            serde_json::to_writer(&mut *rows, column)?;
            rows.push(b':');
            rows.extend(value.get().as_bytes());
        }
        if rows.last().is_none_or(|byte| *byte == b'\n') {
            rows.push(b'{');
        }
        rows.extend(b"}\n");
        Ok(())
    }
}

impl Rows for NdjsonRows {
    fn is_one_column(&self) -> bool {
        self.is_one_column
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn next_batch(&mut self, n_rows_max: usize) -> anyhow::Result<Option<Batch>> {
        let mut rows = Vec::new();
        let mut first_row = None;
        let mut n_rows = 0;
        while n_rows < n_rows_max && self.rows.to.is_none_or(|to| self.next_row < to) {
            let line = match self.first.take() {
                Some(first) => Some(first),
                None => self.next_line()?,
            };
            let Some(line) = line else { break };
            let row = self.next_row;
            self.next_row += 1;
            if row < self.rows.from {
                continue;
            }
            first_row.get_or_insert(row);
            n_rows += 1;
            if self.columns.is_empty() {
                rows.extend(line);
            } else {
                self.chosen(&line, &mut rows)?;
            }
        }
        let batch = |first_row| Batch { first_row, n_rows: n_rows as u64, media_type: MEDIA_TYPE, rows: rows.into() };
        Ok(first_row.map(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"{\"day\": \"mon\", \"price\": 1.50}\n\n{\"price\": 2}\n{\"day\": null, \"price\": 3e0}";

    fn rows(file: &'static [u8], columns: &[&str], range: &str) -> anyhow::Result<NdjsonRows> {
        let columns: Vec<_> = columns.iter().map(|column| (*column).to_owned()).collect();
        NdjsonRows::open(Box::new(file), None, &columns, range.parse().unwrap())
    }

    fn batches(rows: &mut NdjsonRows, n_rows_max: usize) -> Vec<(u64, u64, String)> {
        let mut batches = Vec::new();
        while let Some(batch) = rows.next_batch(n_rows_max).unwrap() {
            batches.push((batch.first_row, batch.n_rows, String::from_utf8(batch.rows.to_vec()).unwrap()));
        }
        batches
    }

    #[test]
    fn lines_are_sent_as_they_are() {
        let mut rows = rows(FILE, &[], "..").unwrap();
        assert!(!rows.is_one_column());
        let expected = [
            (0, 2, "{\"day\": \"mon\", \"price\": 1.50}\n{\"price\": 2}\n".to_owned()),
            (2, 1, "{\"day\": null, \"price\": 3e0}\n".to_owned()),
        ];
        assert_eq!(batches(&mut rows, 2), expected);
    }

    #[test]
    fn members_are_sent_in_the_order_asked_for() {
        let mut two = rows(FILE, &["price", "day"], "1..").unwrap();
        assert_eq!(batches(&mut two, 9), [(1, 2, "{\"price\":2}\n{\"price\":3e0,\"day\":null}\n".to_owned())]);
        let mut one = rows(FILE, &["day"], "..2").unwrap();
        assert!(one.is_one_column());
        assert_eq!(batches(&mut one, 9), [(0, 2, "{\"day\":\"mon\"}\n{}\n".to_owned())]);
    }

    #[test]
    fn rows_and_values_have_columns_too() {
        for (file, is_one) in [(&b"5\n6"[..], true), (b"[5]\n", true), (b"[5, 6]", false), (b"", false)] {
            assert_eq!(rows(file, &[], "..").unwrap().is_one_column(), is_one);
        }
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let told = |rows: anyhow::Result<NdjsonRows>| format!("{:#}", rows.err().unwrap());
        assert_eq!(told(rows(FILE, &["prize"], "..")), "its first record has no column `prize`, only day, price");
        assert_eq!(told(rows(b"[1]", &["a"], "..")), "--columns needs records, each an object of values");
        assert!(told(rows(b"\n{", &[], "..")).starts_with("line 2 is no JSON: EOF"));
        let error = rows(b"{\"a\": 1}\n{", &["a"], "..").unwrap().next_batch(9).unwrap_err();
        assert!(format!("{error:#}").starts_with("line 2 is no JSON: EOF"), "{error:#}");
    }
}
