//! What waits in files because nobody takes it now: first in, first out, of bounded size.
//!
//! The files have no names, so that nothing is left of them when the process ends, however it does.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::Waits;

/// A file that has been read to its end gives its room back; there are eight of them at the least.
const SEGMENT_BYTES_MAX: u64 = 16 << 20;

/// The files.
pub struct Spill<T> {
    folder: PathBuf,
    bytes_max: u64,
    segment_bytes: u64,
    segments: VecDeque<Segment>,
    n_bytes: u64,
    n_items: usize,
    open: fn(&PathBuf) -> io::Result<File>,
    items: PhantomData<fn(T) -> T>,
}

struct Segment {
    file: File,
    /// Where each block begins and how many items it has, those not yet read.
    blocks: VecDeque<Block>,
    end: u64,
}

struct Block {
    start: u64,
    n_bytes: usize,
    n_items: usize,
}

/// Why items did not go into the files.
#[derive(Debug)]
pub(super) enum SpillError {
    /// It is as large as it may be.
    Full,
    /// The disk has failed.
    Failed(io::Error),
}

impl<T: Waits> Spill<T> {
    /// Files in a folder, which is made when it is needed.
    pub fn new(folder: PathBuf, bytes_max: u64) -> Self {
        let open = |folder: &PathBuf| {
            std::fs::create_dir_all(folder)?;
            tempfile::tempfile_in(folder)
        };
        let segment_bytes = SEGMENT_BYTES_MAX.min(bytes_max / 8);
        Self {
            folder,
            bytes_max,
            segment_bytes,
            segments: VecDeque::new(),
            n_bytes: 0,
            n_items: 0,
            open,
            items: PhantomData,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.n_items == 0
    }

    /// How many wait.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// The room that the files take.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Puts these behind all others: all of them or none.
    pub(super) fn push(&mut self, items: &[T]) -> Result<(), SpillError> {
        let bytes = T::encode(items).map_err(SpillError::Failed)?;
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
        segment.blocks.push_back(Block { start: segment.end, n_bytes: bytes.len(), n_items: items.len() });
        segment.end += bytes.len() as u64;
        self.n_bytes += bytes.len() as u64;
        self.n_items += items.len();
        Ok(())
    }

    /// Takes what the push before all others brought; nothing where there is nothing.
    ///
    /// # Errors
    /// When they cannot be read: then they are lost, and so many they were.
    pub(super) fn pop(&mut self) -> Result<Vec<T>, (usize, io::Error)> {
        while let Some(segment) = self.segments.front_mut() {
            let Some(block) = segment.blocks.pop_front() else {
                self.n_bytes -= segment.end;
                self.segments.pop_front();
                continue;
            };
            self.n_items -= block.n_items;
            let mut bytes = vec![0; block.n_bytes];
            let read = segment.file.read_exact_at(&mut bytes, block.start);
            if segment.blocks.is_empty() {
                self.n_bytes -= segment.end;
                self.segments.pop_front();
            }
            return read.and_then(|()| T::decode(&bytes)).map_err(|error| (block.n_items, error));
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use drifting_domain::contract::sample_record;
    use drifting_domain::ports::{DriftRecord, FeatureRecord};

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
        let mut spill = Spill::<DriftRecord>::new(folder.path().join("spill"), u64::MAX);
        assert!(spill.pop().expect("nothing").is_empty());
        spill.push(&records(0, 3)).expect("there is room");
        spill.push(&records(3, 2)).expect("there is room");
        assert_eq!(spill.n_items(), 5);
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
        let mut spill = Spill::<DriftRecord>::new(folder.path().to_owned(), 3 * SEGMENT_BYTES_MAX);
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
        let mut spill = Spill { open: full, ..Spill::<DriftRecord>::new(folder.path().to_owned(), u64::MAX) };
        assert!(matches!(spill.push(&records(0, 3)), Err(SpillError::Failed(_))));
        assert!(spill.is_empty() && spill.pop().expect("nothing").is_empty());
        let mut nowhere = Spill::<DriftRecord>::new("/proc/no/such/folder".into(), u64::MAX);
        assert!(matches!(nowhere.push(&records(0, 3)), Err(SpillError::Failed(_))));
    }
}
