//! CSV: read row by row, handed on in batches of the chosen columns and rows.

use std::io::Read;

use anyhow::{Context, bail};
use csv::ByteRecord;

use super::{Batch, RowRange, Rows};

/// The chosen columns and rows of a CSV file.
pub struct CsvRows {
    reader: csv::Reader<Box<dyn Read>>,
    size: Option<u64>,
    /// Indices of the chosen columns, in the order they are sent in.
    columns: Vec<usize>,
    header: ByteRecord,
    rows: RowRange,
    next_row: u64,
}

impl CsvRows {
    pub(super) fn open(
        file: Box<dyn Read>,
        size: Option<u64>,
        columns: &[String],
        rows: RowRange,
    ) -> anyhow::Result<Self> {
        let mut reader = csv::Reader::from_reader(file);
        let names = reader.byte_headers()?.clone();
        if names.is_empty() {
            bail!("expected a first line that names the columns, got nothing");
        }
        let columns = chosen(&names, columns)?;
        let header = columns.iter().filter_map(|column| names.get(*column)).collect();
        Ok(Self { reader, size, columns, header, rows, next_row: 0 })
    }
}

impl Rows for CsvRows {
    fn is_one_column(&self) -> bool {
        self.columns.len() == 1
    }

    fn size(&self) -> Option<u64> {
        self.size
    }

    fn position(&self) -> u64 {
        self.reader.position().byte()
    }

    fn next_batch(&mut self, n_rows_max: usize) -> anyhow::Result<Option<Batch>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_byte_record(&self.header)?;
        let mut first_row = None;
        let mut n_rows = 0;
        let mut record = ByteRecord::new();
        while n_rows < n_rows_max && self.rows.to.is_none_or(|to| self.next_row < to) {
            if !self.reader.read_byte_record(&mut record)? {
                break;
            }
            let row = self.next_row;
            self.next_row += 1;
            if row < self.rows.from {
                continue;
            }
            first_row.get_or_insert(row);
            n_rows += 1;
            writer.write_record(self.columns.iter().filter_map(|column| record.get(*column)))?;
        }
        let csv = writer.into_inner().context("cannot write CSV to memory")?;
        let batch = |first_row| Batch { first_row, n_rows: n_rows as u64, media_type: "text/csv", rows: csv.into() };
        Ok(first_row.map(batch))
    }
}

fn chosen(names: &ByteRecord, columns: &[String]) -> anyhow::Result<Vec<usize>> {
    if columns.is_empty() {
        return Ok((0..names.len()).collect());
    }
    let index = |column: &String| {
        names.iter().position(|name| name == column.as_bytes()).with_context(|| {
            let names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
            format!("it has no column `{column}`, only {}", names.join(", "))
        })
    };
    columns.iter().map(index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"day,price,note\nmon,1,\"a, b\"\ntue,2,\nwed,3,c\nthu,4,\"d\"\"e\"\n";

    fn rows(file: &'static [u8], columns: &[&str], range: &str) -> anyhow::Result<CsvRows> {
        let columns: Vec<_> = columns.iter().map(|column| (*column).to_owned()).collect();
        CsvRows::open(Box::new(file), None, &columns, range.parse().unwrap())
    }

    fn batches(rows: &mut CsvRows, n_rows_max: usize) -> Vec<(u64, u64, String)> {
        let mut batches = Vec::new();
        while let Some(batch) = rows.next_batch(n_rows_max).unwrap() {
            batches.push((batch.first_row, batch.n_rows, String::from_utf8(batch.rows.to_vec()).unwrap()));
        }
        batches
    }

    #[test]
    fn without_a_choice_everything_is_sent() {
        let mut rows = rows(FILE, &[], "..").unwrap();
        assert!(!rows.is_one_column());
        let batches = batches(&mut rows, usize::MAX);
        assert_eq!(batches, [(0, 4, String::from_utf8(FILE.to_vec()).unwrap())]);
    }

    #[test]
    fn columns_are_sent_in_the_order_asked_for() {
        let mut rows = rows(FILE, &["price", "day"], "1..3").unwrap();
        assert!(!rows.is_one_column());
        assert_eq!(batches(&mut rows, 10), [(1, 2, "price,day\n2,tue\n3,wed\n".to_owned())]);
    }

    #[test]
    fn each_batch_names_the_columns() {
        let mut rows = rows(FILE, &["price"], "1..").unwrap();
        assert!(rows.is_one_column());
        let expected = [(1, 2, "price\n2\n3\n".to_owned()), (3, 1, "price\n4\n".to_owned())];
        assert_eq!(batches(&mut rows, 2), expected);
    }

    #[test]
    fn an_empty_cell_of_a_single_column_stays_a_row() {
        let mut rows = rows(FILE, &["note"], "1..3").unwrap();
        assert_eq!(batches(&mut rows, 10), [(1, 2, "note\n\"\"\nc\n".to_owned())]);
    }

    #[test]
    fn rows_beyond_the_end_are_nothing() {
        assert!(batches(&mut rows(FILE, &[], "4..").unwrap(), 10).is_empty());
        assert!(batches(&mut rows(b"a,b\n", &[], "..").unwrap(), 10).is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let error = rows(FILE, &["prize"], "..").err().unwrap().to_string();
        assert_eq!(error, "it has no column `prize`, only day, price, note");
        assert!(rows(b"", &[], "..").is_err());
        let error = rows(b"a,b\n1\n", &[], "..").unwrap().next_batch(10).unwrap_err().to_string();
        assert!(error.contains("line: 2"), "{error}");
    }
}
