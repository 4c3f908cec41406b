//! Files that somebody made to do harm, or that arrived damaged: each is read or refused, within its memory.

#![expect(clippy::unwrap_used, reason = "a failure in what the tests share fails the test, too")]

use std::sync::Arc;

use arrow_array::{ArrayRef, NullArray, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use drifting_domain::data::{Column, Table, Values};
use drifting_formats::{Format, FormatError, TableReader, arrow_stream};
use parquet::arrow::ArrowWriter;

const BYTES_MAX: usize = 16 << 20;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn read(format: Format, file: Vec<u8>) -> Result<Table, FormatError> {
    TableReader::open(format, file.into(), &[], BYTES_MAX)?.into_table()
}

fn malformed(format: Format, file: Vec<u8>) -> String {
    match read(format, file) {
        Err(FormatError::Malformed { detail, .. }) => detail,
        other => panic!("expected a refusal, {other:?} came"),
    }
}

/// The most memory that this process has ever had, in bytes.
#[cfg(target_os = "linux")]
fn memory_peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn bombs_are_refused_before_they_go_off() {
    let before = memory_peak();
    for (name, format) in [
        ("bomb.runs.parquet", Format::Parquet),
        ("bomb.dictionary.parquet", Format::Parquet),
        ("bomb.gzip.parquet", Format::Parquet),
        ("bomb.brotli.parquet", Format::Parquet),
        ("bomb.zstd.arrows", Format::Arrow),
        ("bomb.lz4.arrows", Format::Arrow),
        ("bomb.dictionary.arrows", Format::Arrow),
    ] {
        let refused = read(format, file(name)).unwrap_err();
        assert_eq!(refused, FormatError::TooLarge { bytes_max: BYTES_MAX }, "{name}");
    }
    let grown = memory_peak() - before;
    assert!(grown < 2 * BYTES_MAX, "reading them took {grown} bytes");
}

#[test]
fn rows_of_nothing_are_counted_all_the_same() {
    let schema = Arc::new(Schema::new(vec![Field::new("nothing", DataType::Null, true)]));
    let nothing: ArrayRef = Arc::new(NullArray::new(1_000_000_000_000));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&RecordBatch::try_new(schema, vec![nothing]).unwrap()).unwrap();
    let refused = read(Format::Arrow, writer.into_inner().unwrap()).unwrap_err();
    assert_eq!(refused, FormatError::TooLarge { bytes_max: BYTES_MAX });
}

fn columns(n_columns: usize) -> Vec<Column> {
    (0..n_columns).map(|i| Column { name: format!("c{i}"), values: Values::Numeric(vec![i as f64, 1.5]) }).collect()
}

fn as_parquet(columns: Vec<Column>) -> Vec<u8> {
    let stream = arrow_stream(columns).unwrap();
    let batch = arrow_ipc::reader::StreamReader::try_new(stream.as_slice(), None).unwrap().next().unwrap().unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn thousands_of_columns_are_read_and_more_refused() {
    for n_columns in [3_000, 10_001] {
        let files = [
            (Format::Arrow, arrow_stream(columns(n_columns)).unwrap()),
            (Format::Parquet, as_parquet(columns(n_columns))),
        ];
        for (format, file) in files {
            let read = read(format, file);
            if n_columns <= 10_000 {
                assert_eq!(read.unwrap().columns(), columns(n_columns), "{format:?}");
            } else {
                let refused = read.unwrap_err().to_string();
                assert_eq!(refused, "expected at most 10000 columns, 10001 came", "{format:?}");
            }
        }
    }
}

#[test]
fn what_is_no_such_file_is_told() {
    let parquet = file("frame.zstd.parquet");
    let stream = file("frame.zstd.arrows");
    let feather = file("frame.zstd.feather");
    let cut = |file: &[u8]| file[..file.len() / 2].to_vec();
    for (format, file, expected) in [
        (Format::Parquet, Vec::new(), "expected `PAR1` as its first bytes, others came"),
        (Format::Parquet, b"PAR1".to_vec(), "expected `PAR1` as its last bytes, others came; it may have been cut off"),
        (Format::Parquet, stream.clone(), "expected `PAR1` as its first bytes, others came"),
        (Format::Parquet, cut(&parquet), "expected `PAR1` as its last bytes, others came; it may have been cut off"),
        (Format::Parquet, b"PAR1\xff\xff\xff\x7fPAR1".to_vec(), "its metadata tell more bytes than it has"),
        (Format::Parquet, b"PAR1\0\0\0\0PAR1".to_vec(), "its metadata cannot be read"),
        (Format::Arrow, Vec::new(), "expected a schema first, none came"),
        (Format::Arrow, parquet.clone(), "expected a schema first, none came"),
        (Format::Arrow, cut(&stream), "it ends early"),
        (Format::Arrow, cut(&feather), "it ends early"),
        (Format::Arrow, b"ARROW1".to_vec(), "it ends early"),
        (Format::Arrow, b"a,b\n1,2\n".to_vec(), "expected a schema first, none came"),
    ] {
        assert_eq!(malformed(format, file), expected);
    }
    let mut encrypted = parquet;
    let end = encrypted.len();
    encrypted[end - 4..].copy_from_slice(b"PARE");
    assert_eq!(malformed(Format::Parquet, encrypted), "expected a file without encryption, an encrypted one came");
}

/// Numbers that vary, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % n
    }
}

/// A file with some bytes changed, cut off, taken out or put in.
fn mutant(file: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(file.len());
        match numbers.below(16) {
            0 => file.truncate(at.max(1)),
            1 => drop(file.drain(at..(at + 1 + numbers.below(16)).min(file.len()))),
            2 => drop(file.splice(at..at, [0xff; 8])),
            3..=5 => {
                let end = (at + 1 + numbers.below(8)).min(file.len());
                file[at..end].fill([0x00, 0x7f, 0x80, 0xff][numbers.below(4)]);
            }
            _ => file[at] ^= 1 << numbers.below(8),
        }
        if file.is_empty() {
            file.push(0);
        }
    }
    file
}

/// Parquet's metadata are most of a small file, and its pages a smaller part: both get their share.
#[test]
#[cfg(target_os = "linux")]
fn mutants_are_read_or_refused() {
    let before = memory_peak();
    let (mut n_read, mut n_refused) = (0, 0);
    for (name, format) in [
        ("frame.none.parquet", Format::Parquet),
        ("frame.zstd.parquet", Format::Parquet),
        ("frame.second.parquet", Format::Parquet),
        ("frame.polars.parquet", Format::Parquet),
        ("delta_byte_array.parquet", Format::Parquet),
        ("frame.uncompressed.arrows", Format::Arrow),
        ("frame.lz4.feather", Format::Arrow),
        ("frame.polars.arrow", Format::Arrow),
    ] {
        let original = file(name);
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for _ in 0..1_500 {
            match read(format, mutant(&original, &mut numbers)) {
                Ok(_) => n_read += 1,
                Err(_) => n_refused += 1,
            }
        }
    }
    let grown = memory_peak() - before;
    assert!(n_read > 500 && n_refused > 5_000, "{n_read} read, {n_refused} refused");
    assert!(grown < 3 * BYTES_MAX, "reading them took {grown} bytes");
}
