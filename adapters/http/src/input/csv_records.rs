//! The records of a CSV body, one after the other in the same memory.

use csv_core::{ReadRecordResult, Reader};

use super::budget::{Budget, Spent};

/// A body, and the record at hand.
pub(super) struct Records<'b> {
    rest: &'b [u8],
    reader: Reader,
    /// The fields of the record, one after the other.
    fields: Vec<u8>,
    /// Where each field ends, up to the most that a record may have, and some more.
    ends: Vec<usize>,
    n_fields_max: usize,
    n_fields: usize,
    line: u64,
    is_ended: bool,
    is_cut_off: bool,
}

impl<'b> Records<'b> {
    /// Fields beyond those that a record may have are counted in steps of this many; so many places there are at first.
    const BEYOND: usize = 64;

    /// Records of which so many fields at most are wanted.
    pub(super) fn of(body: &'b [u8], n_fields_max: usize) -> Self {
        Self {
            rest: body,
            reader: Reader::new(),
            fields: vec![0; 1024],
            ends: vec![0; Self::BEYOND],
            n_fields_max,
            n_fields: 0,
            line: 0,
            is_ended: false,
            is_cut_off: false,
        }
    }

    /// Reads the next record, unless there is none. Blank lines are passed over.
    pub(super) fn next(&mut self, budget: &mut Budget) -> Result<bool, Spent> {
        self.line = self.reader.line();
        self.n_fields = 0;
        let (mut n_bytes, mut n_ends) = (0, 0);
        loop {
            let (result, n_read, n_written, n_ended) =
                self.reader.read_record(self.rest, &mut self.fields[n_bytes..], &mut self.ends[n_ends..]);
            self.rest = &self.rest[n_read..];
            n_bytes += n_written;
            n_ends += n_ended;
            self.n_fields += n_ended;
            match result {
                // A line break ends whatever can end; within quotes it becomes a part of the field.
                ReadRecordResult::InputEmpty if !self.is_ended => {
                    self.is_ended = true;
                    self.rest = b"\n";
                }
                ReadRecordResult::InputEmpty => self.is_cut_off |= n_written > 0,
                ReadRecordResult::OutputFull => {
                    budget.take(self.fields.len())?;
                    self.fields.resize(2 * self.fields.len(), 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < self.n_fields_max + Self::BEYOND => {
                    let n_grown = (2 * self.ends.len()).min(self.n_fields_max + Self::BEYOND);
                    self.ends.resize(n_grown, 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    (0..Self::BEYOND).try_for_each(|_| budget.take_one_too_many())?;
                    n_ends = self.n_fields_max;
                }
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// Whether the body ends within quotes.
    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    /// How many fields the record has.
    pub(super) fn n_fields(&self) -> usize {
        self.n_fields
    }

    /// A field of the record, of those that are wanted.
    pub(super) fn field(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.fields[start..self.ends[index]]
    }

    /// The line, from 1, at which the record began, or the blank lines before it.
    pub(super) fn line(&self) -> u64 {
        self.line
    }
}
