//! Files of pandas, polars and pyarrow, as testdata/make.py wrote them.

#![expect(clippy::unwrap_used, reason = "a failure in what the tests share fails the test, too")]

use drifting_domain::data::{Column, Table, Values};
use drifting_formats::{Format, FormatError, TableReader, arrow_stream};
use serde_json::{Map, Value};

const BYTES_MAX: usize = 16 << 20;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn format_of(name: &str) -> Format {
    if name.ends_with("parquet") { Format::Parquet } else { Format::Arrow }
}

fn open(name: &str, columns: &[&str]) -> Result<TableReader, FormatError> {
    let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    TableReader::open(format_of(name), file(name).into(), &columns, BYTES_MAX)
}

fn table(name: &str) -> Result<Table, FormatError> {
    open(name, &[])?.into_table()
}

fn expected() -> Map<String, Value> {
    serde_json::from_slice(&file("expected.json")).unwrap()
}

/// Holds a column against the values that it should have, to the last bit.
fn hold(file: &str, column: &Column, expected: &Value) {
    let expected = expected.as_array().unwrap();
    assert_eq!(column.values.len(), expected.len(), "{file}: {}", column.name);
    for (row, expected) in expected.iter().enumerate() {
        let is_as_expected = match &column.values {
            Values::Numeric(numbers) if expected.is_null() => numbers[row].is_nan(),
            Values::Numeric(numbers) => Some(numbers[row]) == expected.as_f64(),
            Values::Text(texts) | Values::Untyped(texts) => texts.get(row) == expected.as_str(),
            Values::Boolean(truths) => truths[row] == expected.as_bool(),
            Values::Missing(_) => expected.is_null(),
            Values::Images(_) => false,
        };
        assert!(is_as_expected, "{file}: {}, row {row}: {expected} expected in {:?}", column.name, column.values);
    }
}

fn hold_all(file: &str, columns: &[Column], without: &[&str]) {
    let expected = expected();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut missing: Vec<&str> = expected.keys().map(String::as_str).filter(|name| !names.contains(name)).collect();
    missing.sort_unstable();
    assert_eq!(missing, without, "{file}");
    assert_eq!(names.len() + without.len(), expected.len(), "{file}: {names:?}");
    for column in columns {
        hold(file, column, &expected[&column.name]);
    }
}

#[test]
fn every_type_is_read_from_every_codec_and_version() {
    let parquet =
        ["snappy", "gzip", "zstd", "brotli", "lz4", "none", "second"].map(|kind| format!("frame.{kind}.parquet"));
    let feather = ["uncompressed", "lz4", "zstd"].map(|kind| format!("frame.{kind}.feather"));
    let streams = ["uncompressed", "lz4", "zstd"].map(|kind| format!("frame.{kind}.arrows"));
    for name in parquet.iter().chain(&feather).chain(&streams) {
        let table = table(name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        hold_all(name, table.columns(), &[]);
    }
}

#[test]
fn data_frames_are_read_as_they_are_written() {
    for (name, without) in [
        ("frame.pandas.parquet", &["half", "nothing"][..]),
        ("frame.pandas.feather", &["nothing"]),
        ("frame.polars.parquet", &["half", "nothing"]),
        ("frame.polars.arrow", &["half", "nothing"]),
        ("frame.polars.arrows", &["half", "nothing"]),
    ] {
        let table = table(name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        hold_all(name, table.columns(), without);
    }
}

#[test]
fn columns_and_rows_can_be_chosen() {
    for name in ["frame.zstd.parquet", "frame.zstd.arrows", "frame.lz4.feather"] {
        let mut reader = open(name, &["weekday", "__index_level_0__", "price"]).unwrap();
        assert_eq!(reader.columns().collect::<Vec<_>>(), ["weekday", "__index_level_0__", "price"], "{name}");
        assert_eq!((reader.n_rows(), reader.skip(2).unwrap()), (12, 2), "{name}");
        let mut batches = Vec::new();
        while let Some(batch) = reader.next(4).unwrap() {
            batches.push(batch);
        }
        assert_eq!(batches.iter().map(|batch| batch[0].values.len()).collect::<Vec<_>>(), [4, 4, 2], "{name}");
        let Values::Text(weekdays) = &batches[1][0].values else { panic!("{name}: {:?}", batches[1][0]) };
        assert_eq!(weekdays.get(0), Some("mon"), "{name}: row 6");
        assert_eq!(weekdays.get(3), None, "{name}: row 9");
        let Values::Numeric(index) = &batches[2][1].values else { panic!("{name}: {:?}", batches[2][1]) };
        assert_eq!(*index, [10.0 * 7.0 % 12.0, 11.0 * 7.0 % 12.0], "{name}");
    }
    let error = open("frame.none.parquet", &["prize"]).err().unwrap().to_string();
    assert!(error.starts_with("there is no column `prize`, only price, narrow, "), "{error}");
}

#[test]
fn what_is_written_is_read_again() {
    let columns = table("frame.none.parquet").unwrap().columns().to_vec();
    let stream = arrow_stream(columns).unwrap();
    let again = TableReader::open(Format::Arrow, stream.into(), &[], BYTES_MAX).unwrap().into_table().unwrap();
    hold_all("a stream of ours", again.columns(), &[]);
}

#[test]
fn columns_that_no_table_holds_are_named() {
    for name in ["nested.parquet", "nested.arrows"] {
        let FormatError::Data(invalid) = open(name, &[]).err().unwrap() else { panic!("{name}") };
        let came: Vec<(&str, &str)> = invalid
            .issues()
            .iter()
            .map(|issue| {
                let expected = "expected numbers, texts, truth values, dates or times, a column of ";
                (issue.column.as_deref().unwrap(), issue.detail.strip_prefix(expected).unwrap())
            })
            .collect();
        assert_eq!(came, [("tags", "lists came"), ("place", "structures came"), ("raw", "binary data came")], "{name}");
        let columns = open(name, &["price"]).unwrap().next(10).unwrap().unwrap();
        assert_eq!(columns[0].values, Values::Numeric(vec![1.0, 2.0]), "{name}");
    }
    let error = table("delta_byte_array.parquet").unwrap_err().to_string();
    assert!(error.starts_with("column `name`: expected texts that are encoded one by one"), "{error}");
}
