//! Records that wait in a file because their database does not take them: first in, first out, of bounded size.
//!
//! The files have no names, so that nothing is left of them when the process ends, however it does.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use chrono::DateTime;
use drifting_domain::ports::{DriftRecord, FeatureRecord};
use serde::{Deserialize, Serialize};

/// A file that has been read to its end gives its room back; there are eight of them at the least.
const SEGMENT_BYTES_MAX: u64 = 16 << 20;

/// The files.
pub(super) struct Spill {
    folder: PathBuf,
    bytes_max: u64,
    segment_bytes: u64,
    segments: VecDeque<Segment>,
    n_bytes: u64,
    n_records: usize,
    open: fn(&PathBuf) -> io::Result<File>,
}

struct Segment {
    file: File,
    /// Where each block begins and how many records it has, those not yet read.
    blocks: VecDeque<Block>,
    end: u64,
}

struct Block {
    start: u64,
    n_bytes: usize,
    n_records: usize,
}

/// Why records did not go into the file.
#[derive(Debug)]
pub(super) enum SpillError {
    /// It is as large as it may be.
    Full,
    /// The disk has failed.
    Failed(io::Error),
}

#[derive(Serialize, Deserialize)]
struct Spilled<'a> {
    project: &'a str,
    generation: u64,
    at_us: i64,
    time: u64,
    rows: u64,
    values: [Option<f64>; 4],
    is_drift: bool,
    warm_up: bool,
    #[serde(borrow)]
    features: Vec<SpilledFeature<'a>>,
}

#[derive(Serialize, Deserialize)]
struct SpilledFeature<'a> {
    name: &'a str,
    is_drift: bool,
    values: [Option<f64>; 4],
}

impl Spill {
    /// Files in a folder, which is made when it is needed.
    pub(super) fn new(folder: PathBuf, bytes_max: u64) -> Self {
        let open = |folder: &PathBuf| {
            std::fs::create_dir_all(folder)?;
            tempfile::tempfile_in(folder)
        };
        let segment_bytes = SEGMENT_BYTES_MAX.min(bytes_max / 8);
        Self { folder, bytes_max, segment_bytes, segments: VecDeque::new(), n_bytes: 0, n_records: 0, open }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.n_records == 0
    }

    pub(super) fn n_records(&self) -> usize {
        self.n_records
    }

    /// The room that the files take.
    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Puts records behind all others: all of them or none.
    pub(super) fn push(&mut self, records: &[DriftRecord]) -> Result<(), SpillError> {
        let bytes = encode(records).map_err(SpillError::Failed)?;
        if self.n_bytes + bytes.len() as u64 > self.bytes_max {
            return Err(SpillError::Full);
        }
        if self.segments.back().is_none_or(|segment| segment.end >= self.segment_bytes) {
            let file = (self.open)(&self.folder).map_err(SpillError::Failed)?;
            self.segments.push_back(Segment { file, blocks: VecDeque::new(), end: 0 });
        }
        let Some(segment) = self.segments.back_mut() else { return Err(SpillError::Full) };
        // What was written of a block that failed is written over by the next one.
        segment.file.write_all_at(&bytes, segment.end).map_err(SpillError::Failed)?;
        segment.blocks.push_back(Block { start: segment.end, n_bytes: bytes.len(), n_records: records.len() });
        segment.end += bytes.len() as u64;
        self.n_bytes += bytes.len() as u64;
        self.n_records += records.len();
        Ok(())
    }

    /// Takes the records of the push before all others; none where there are none.
    ///
    /// # Errors
    /// When they cannot be read: then they are lost, and so many they were.
    pub(super) fn pop(&mut self) -> Result<Vec<DriftRecord>, (usize, io::Error)> {
        while let Some(segment) = self.segments.front_mut() {
            let Some(block) = segment.blocks.pop_front() else {
                self.n_bytes -= segment.end;
                self.segments.pop_front();
                continue;
            };
            self.n_records -= block.n_records;
            let mut bytes = vec![0; block.n_bytes];
            let read = segment.file.read_exact_at(&mut bytes, block.start);
            if segment.blocks.is_empty() {
                self.n_bytes -= segment.end;
                self.segments.pop_front();
            }
            return read.and_then(|()| decode(&bytes)).map_err(|error| (block.n_records, error));
        }
        Ok(Vec::new())
    }
}

fn encode(records: &[DriftRecord]) -> io::Result<Vec<u8>> {
    let records: Vec<Spilled<'_>> = records.iter().map(spilled).collect();
    postcard::to_allocvec(&records).map_err(io::Error::other)
}

fn spilled(record: &DriftRecord) -> Spilled<'_> {
    Spilled {
        project: record.project.as_str(),
        generation: record.generation,
        at_us: record.at.timestamp_micros(),
        time: record.time,
        rows: record.rows,
        values: [record.statistic, record.threshold, record.p_value, record.distance],
        is_drift: record.is_drift,
        warm_up: record.warm_up,
        features: record.features.iter().map(spilled_feature).collect(),
    }
}

fn spilled_feature(feature: &FeatureRecord) -> SpilledFeature<'_> {
    SpilledFeature {
        name: &feature.name,
        is_drift: feature.is_drift,
        values: [feature.statistic, feature.threshold, feature.p_value, feature.distance],
    }
}

fn decode(bytes: &[u8]) -> io::Result<Vec<DriftRecord>> {
    let spilled: Vec<Spilled<'_>> = postcard::from_bytes(bytes).map_err(io::Error::other)?;
    let feature = |feature: SpilledFeature<'_>| {
        let SpilledFeature { name, is_drift, values: [statistic, threshold, p_value, distance] } = feature;
        FeatureRecord { name: name.into(), is_drift, statistic, threshold, p_value, distance }
    };
    let record = |spilled: Spilled<'_>| {
        let [statistic, threshold, p_value, distance] = spilled.values;
        Ok(DriftRecord {
            project: spilled.project.parse().map_err(io::Error::other)?,
            generation: spilled.generation,
            at: DateTime::from_timestamp_micros(spilled.at_us).ok_or_else(|| io::Error::other("no time"))?,
            time: spilled.time,
            rows: spilled.rows,
            statistic,
            threshold,
            p_value,
            distance,
            is_drift: spilled.is_drift,
            warm_up: spilled.warm_up,
            features: spilled.features.into_iter().map(feature).collect(),
        })
    };
    spilled.into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use drifting_domain::contract::sample_record;

    use super::*;

    fn records(from: u32, n: u32) -> Vec<DriftRecord> {
        let feature = FeatureRecord {
            name: "größe".into(),
            is_drift: true,
            statistic: Some(-0.0),
            threshold: None,
            p_value: Some(1e-300),
            distance: Some(f64::INFINITY),
        };
        let record = |second| DriftRecord { features: Box::new([feature.clone()]), ..sample_record("a", second) };
        (from..from + n).map(record).collect()
    }

    #[test]
    fn records_come_out_as_they_went_in_and_the_room_is_given_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spill = Spill::new(folder.path().join("spill"), u64::MAX);
        assert!(spill.pop().expect("nothing").is_empty());
        spill.push(&records(0, 3)).expect("there is room");
        spill.push(&records(3, 2)).expect("there is room");
        assert_eq!(spill.n_records(), 5);
        assert_eq!(spill.pop().expect("they are there"), records(0, 3));
        spill.push(&records(5, 1)).expect("there is room");
        assert_eq!(spill.pop().expect("they are there"), records(3, 2));
        assert_eq!(spill.pop().expect("they are there"), records(5, 1));
        assert!(spill.is_empty() && spill.n_bytes() == 0);
        let left = std::fs::read_dir(folder.path().join("spill")).expect("the folder").count();
        assert_eq!(left, 0, "the files have no names");
    }

    #[test]
    fn room_is_bounded_and_comes_back_by_segments() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spill = Spill::new(folder.path().to_owned(), 3 * SEGMENT_BYTES_MAX);
        let block = records(0, 50_000);
        let mut n_pushed = 0;
        while spill.push(&block).is_ok() {
            n_pushed += 1;
        }
        assert!(matches!(spill.push(&block), Err(SpillError::Full)));
        assert!(
            spill.n_bytes() > 2 * SEGMENT_BYTES_MAX && spill.n_bytes() <= 3 * SEGMENT_BYTES_MAX,
            "{}",
            spill.n_bytes()
        );
        let full = spill.n_bytes();
        for _ in 0..n_pushed / 2 {
            assert_eq!(spill.pop().expect("they are there").len(), block.len());
        }
        assert!(spill.n_bytes() < full);
        spill.push(&block).expect("there is room again");
    }

    #[test]
    fn a_full_disk_takes_nothing_and_harms_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let full = |_: &PathBuf| File::options().write(true).open("/dev/full");
        let mut spill = Spill { open: full, ..Spill::new(folder.path().to_owned(), u64::MAX) };
        assert!(matches!(spill.push(&records(0, 3)), Err(SpillError::Failed(_))));
        assert!(spill.is_empty() && spill.pop().expect("nothing").is_empty());
        let mut nowhere = Spill::new("/proc/no/such/folder".into(), u64::MAX);
        assert!(matches!(nowhere.push(&records(0, 3)), Err(SpillError::Failed(_))));
    }
}
