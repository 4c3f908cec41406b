//! Parquet and Arrow: read batch by batch, the chosen columns and rows handed on as Arrow streams.

use bytes::Bytes;
use drifting_formats::{Format, FormatError, TableReader, arrow_stream};

use super::{Batch, RowRange, Rows};

const PARQUET: &str = "application/vnd.apache.parquet";
const ARROW: &str = "application/vnd.apache.arrow.stream";

/// The chosen columns and rows of a Parquet or Arrow file.
pub struct TableRows {
    /// The file, while all of it may be sent as it is.
    whole: Option<(&'static str, Bytes)>,
    reader: TableReader,
    format: Format,
    size: u64,
    rows: RowRange,
    next_row: u64,
}

impl TableRows {
    pub(super) fn open(format: Format, file: Bytes, columns: &[String], rows: RowRange) -> anyhow::Result<Self> {
        let reader = TableReader::open(format, file.clone(), columns, usize::MAX);
        let reader = reader.map_err(|error| told(error, format))?;
        let size = file.len() as u64;
        let media_type = match format {
            Format::Parquet => PARQUET,
            Format::Arrow => ARROW,
        };
        let is_whole = columns.is_empty() && rows == RowRange::ALL;
        let whole = is_whole.then_some((media_type, file));
        Ok(Self { whole, reader, format, size, rows, next_row: 0 })
    }
}

/// A file of the user's own: what a library said may help.
fn told(error: FormatError, format: Format) -> anyhow::Error {
    match error {
        FormatError::Malformed { detail, cause } => {
            let cause = cause.map_or_else(String::new, |cause| format!(" ({cause})"));
            anyhow::anyhow!("it is not {}: {detail}{cause}", format.as_str())
        }
        other => anyhow::Error::new(other),
    }
}

impl Rows for TableRows {
    fn is_one_column(&self) -> bool {
        self.reader.columns().len() == 1
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    /// As many of the bytes as of the rows.
    fn position(&self) -> u64 {
        let n_rows = (self.reader.n_rows() as u64).max(1);
        let position = u128::from(self.size) * u128::from(self.next_row) / u128::from(n_rows);
        u64::try_from(position).unwrap_or(self.size)
    }

    fn next_batch(&mut self, n_rows_max: usize) -> anyhow::Result<Option<Batch>> {
        let n_rows = self.reader.n_rows();
        if let Some((media_type, file)) = self.whole.take()
            && n_rows <= n_rows_max
        {
            let n_rows = n_rows as u64;
            self.next_row = n_rows;
            return Ok((n_rows > 0).then_some(Batch { first_row: 0, n_rows, media_type, rows: file }));
        }
        let format = self.format;
        let damaged = |error| told(error, format);
        if self.next_row < self.rows.from {
            let n_skipped = usize::try_from(self.rows.from - self.next_row).unwrap_or(usize::MAX);
            self.next_row += self.reader.skip(n_skipped).map_err(damaged)? as u64;
        }
        let left = self.rows.to.map_or(u64::MAX, |to| to.saturating_sub(self.next_row));
        let n_rows_max = n_rows_max.min(usize::try_from(left).unwrap_or(usize::MAX));
        if n_rows_max == 0 || self.next_row >= n_rows as u64 {
            return Ok(None);
        }
        let Some(columns) = self.reader.next(n_rows_max).map_err(damaged)? else { return Ok(None) };
        let first_row = self.next_row;
        let n_rows = columns.first().map_or(0, |column| column.values.len()) as u64;
        self.next_row += n_rows;
        let rows = arrow_stream(columns).map_err(damaged)?.into();
        Ok(Some(Batch { first_row, n_rows, media_type: ARROW, rows }))
    }
}

#[cfg(test)]
mod tests {
    use drifting_domain::data::{Column, Values};

    use super::*;

    fn file() -> Bytes {
        let texts = ["a", "b", "c", "d", "e"].into_iter().map(Some).collect();
        let columns = [("price", Values::Numeric(vec![0.5, 1.5, 2.5, 3.5, 4.5])), ("name", Values::Text(texts))];
        arrow_stream(columns.map(|(name, values)| Column { name: name.to_owned(), values }).into()).unwrap().into()
    }

    fn rows(columns: &[&str], range: &str) -> anyhow::Result<TableRows> {
        let columns: Vec<_> = columns.iter().map(|column| (*column).to_owned()).collect();
        TableRows::open(Format::Arrow, file(), &columns, range.parse().unwrap())
    }

    #[test]
    fn a_file_that_is_wanted_whole_is_sent_as_it_is() {
        let mut whole = rows(&[], "..").unwrap();
        let batch = whole.next_batch(5).unwrap().unwrap();
        assert_eq!((batch.n_rows, batch.media_type, batch.rows), (5, ARROW, file()));
        assert_eq!(whole.next_batch(5).unwrap(), None);
        assert_eq!(Some(whole.position()), whole.size());
    }

    #[test]
    fn columns_and_rows_are_chosen() {
        let mut chosen = rows(&["name"], "1..4").unwrap();
        assert!(chosen.is_one_column());
        let mut came = Vec::new();
        while let Some(batch) = chosen.next_batch(2).unwrap() {
            let mut reader = TableReader::open(Format::Arrow, batch.rows, &[], usize::MAX).unwrap();
            came.push((batch.first_row, batch.n_rows, reader.next(9).unwrap().unwrap()));
        }
        let column = |texts: &[&str]| {
            let texts = texts.iter().map(Some).collect();
            vec![Column { name: "name".to_owned(), values: Values::Text(texts) }]
        };
        assert_eq!(came, [(1, 2, column(&["b", "c"])), (3, 1, column(&["d"]))]);
        assert_eq!(rows(&[], "5..").unwrap().next_batch(9).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let error = rows(&["prize"], "..").err().unwrap().to_string();
        assert_eq!(error, "there is no column `prize`, only price, name");
        let error = TableRows::open(Format::Parquet, file(), &[], RowRange::ALL).err().unwrap().to_string();
        assert_eq!(error, "it is not Parquet: expected `PAR1` as its first bytes, others came");
    }
}
