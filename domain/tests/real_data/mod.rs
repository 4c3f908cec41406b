//! The real data of the repository.

use std::io::Read;
use std::ops::Range;

use drifting_domain::data::{Column, Table, Values};

/// A file, as the cells of its lines.
pub struct File {
    header: Vec<String>,
    lines: Vec<Vec<String>>,
}

impl File {
    /// Reads one of `tests/data`.
    pub fn read(name: &str) -> Self {
        let path = format!("{}/../tests/data/{name}.csv.gz", env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path).expect("the data are in the repository"))
            .read_to_string(&mut text)
            .expect("the data are whole");
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<String>>());
        let header = lines.next().expect("a header");
        Self { header, lines: lines.collect() }
    }

    /// The cells of some rows in a column.
    pub fn cells(&self, name: &str, rows: impl IntoIterator<Item = usize>) -> Vec<&str> {
        let place = self.header.iter().position(|column| column == name).expect("a known column");
        rows.into_iter().map(|row| &*self.lines[row][place]).collect()
    }

    /// Some rows of columns of numbers.
    pub fn numbers(&self, names: &[&str], rows: &[usize]) -> Table {
        let column = |name: &&str| {
            let cells = self.cells(name, rows.iter().copied());
            let values = cells.iter().map(|cell| cell.parse().expect("a number")).collect();
            Column { name: (*name).to_owned(), values: Values::Numeric(values) }
        };
        Table::named(names.iter().map(column).collect()).expect("columns")
    }

    /// Rows that follow each other, of columns of numbers.
    pub fn range(&self, names: &[&str], rows: Range<usize>) -> Table {
        self.numbers(names, &rows.collect::<Vec<_>>())
    }
}
