//! Records in the binary format of Postgres's `COPY`: a tenth of the work of an `INSERT`, on both sides.
//!
//! <https://www.postgresql.org/docs/current/sql-copy.html>

use chrono::{DateTime, Utc};
use drifting_domain::ports::DriftRecord;

use crate::row::{signed, storable};

/// The signature, no flags, no extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Midnight of 2000-01-01, from which Postgres counts, in microseconds since 1970.
const EPOCH_US: i64 = 946_684_800_000_000;

pub(crate) const COPY_RECORDS: &str = "COPY drift_record (project, generation, at, time, rows, statistic, threshold, p_value, \
     distance, is_drift, warm_up, server_id, number) FROM STDIN WITH (FORMAT binary)";
const N_RECORD_COLUMNS: i16 = 13;

pub(crate) const COPY_FEATURES: &str = "COPY drift_feature (project, at, server_id, number, position, name, is_drift, statistic, \
     threshold, p_value, distance) FROM STDIN WITH (FORMAT binary)";
const N_FEATURE_COLUMNS: i16 = 11;

/// A number of rows in the making.
struct Rows(Vec<u8>);

impl Rows {
    fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(HEAD);
        Self(bytes)
    }

    fn begin(&mut self, n_columns: i16) {
        self.0.extend_from_slice(&n_columns.to_be_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        // A text of 2 GiB does not come this far: names are bounded by what a body may have.
        let length = i32::try_from(bytes.len()).unwrap_or(0);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(&bytes[..length.unsigned_abs() as usize]);
    }

    fn integer(&mut self, value: i64) {
        self.field(&value.to_be_bytes());
    }

    fn number(&mut self, value: Option<f64>) {
        match value {
            Some(value) => self.field(&value.to_be_bytes()),
            None => self.0.extend_from_slice(&(-1_i32).to_be_bytes()),
        }
    }

    fn truth(&mut self, value: bool) {
        self.field(&[u8::from(value)]);
    }

    fn time(&mut self, value: DateTime<Utc>) {
        self.integer(value.timestamp_micros().saturating_sub(EPOCH_US));
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&(-1_i16).to_be_bytes());
        self.0
    }
}

/// The rows of records, numbered from `first` on.
pub(crate) fn records(records: &[DriftRecord], server_id: i64, first: u64) -> Vec<u8> {
    const ROW_BYTES: usize = 160;
    let mut rows = Rows::new(records.len() * ROW_BYTES);
    for (number, record) in (first..).zip(records) {
        rows.begin(N_RECORD_COLUMNS);
        rows.field(record.project.as_str().as_bytes());
        rows.integer(signed(record.generation));
        rows.time(record.at);
        rows.integer(signed(record.time));
        rows.integer(signed(record.rows));
        rows.number(record.statistic);
        rows.number(record.threshold);
        rows.number(record.p_value);
        rows.number(record.distance);
        rows.truth(record.is_drift);
        rows.truth(record.warm_up);
        rows.integer(server_id);
        rows.integer(signed(number));
    }
    rows.end()
}

/// The rows of their columns; `None` where there are none.
pub(crate) fn features(records: &[DriftRecord], server_id: i64, first: u64) -> Option<Vec<u8>> {
    let n_rows: usize = records.iter().map(|record| record.features.len()).sum();
    if n_rows == 0 {
        return None;
    }
    let mut rows = Rows::new(n_rows * 160);
    for (number, record) in (first..).zip(records) {
        for (column, position) in record.features.iter().zip(0_i32..) {
            rows.begin(N_FEATURE_COLUMNS);
            rows.field(record.project.as_str().as_bytes());
            rows.time(record.at);
            rows.integer(server_id);
            rows.integer(signed(number));
            rows.field(&position.to_be_bytes());
            rows.field(storable(&column.name).as_bytes());
            rows.truth(column.is_drift);
            rows.number(column.statistic);
            rows.number(column.threshold);
            rows.number(column.p_value);
            rows.number(column.distance);
        }
    }
    Some(rows.end())
}
