//! The repository's real data.

use std::io::Read;

use drifting_domain::data::{Column, Table, Values};

/// The columns of a file of the repository's real data, some of their rows.
pub fn columns(file: &str, names: &[&str], rows: std::ops::Range<usize>) -> Table {
    let path = format!("{}/../tests/data/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).expect("the data are in the repository"))
        .read_to_string(&mut text)
        .expect("the data are whole");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let lines: Vec<&str> = lines.skip(rows.start).take(rows.len()).collect();
    assert_eq!(lines.len(), rows.len(), "the file has these rows");
    let column = |name: &&str| {
        let place = header.iter().position(|column| column == name).expect("a known column");
        let value = |line: &&str| line.split(',').nth(place).expect("a field").parse().expect("a number");
        Column { name: (*name).to_owned(), values: Values::Numeric(lines.iter().map(value).collect()) }
    };
    Table::named(names.iter().map(column).collect()).expect("columns")
}
