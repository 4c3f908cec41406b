//! The numbers of a state in a fixed order, as they are stored.

use crate::data::{TensorError, Tensors};

/// Numbers in the order in which they were put.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Record {
    counts: Vec<u64>,
    values: Vec<f64>,
}

impl Record {
    pub(super) fn count(mut self, count: u64) -> Self {
        self.counts.push(count);
        self
    }

    pub(super) fn flag(self, flag: bool) -> Self {
        self.count(u64::from(flag))
    }

    pub(super) fn value(mut self, value: f64) -> Self {
        self.values.push(value);
        self
    }

    /// Values whose number a count before them tells.
    pub(super) fn values(mut self, values: impl IntoIterator<Item = f64>) -> Self {
        self.values.extend(values);
        self
    }

    /// Flags whose number a count before them tells, 64 in a count.
    pub(super) fn bits(mut self, bits: impl IntoIterator<Item = bool>) -> Self {
        for (n_bits, bit) in bits.into_iter().enumerate() {
            if n_bits % 64 == 0 {
                self.counts.push(0);
            }
            if let Some(word) = self.counts.last_mut() {
                *word |= u64::from(bit) << (n_bits % 64);
            }
        }
        self
    }

    pub(super) fn store(self, tensors: &mut Tensors) {
        tensors.insert_u64(COUNTS, self.counts);
        tensors.insert_f64(VALUES, self.values);
    }
}

const COUNTS: &str = "streaming_counts";
const VALUES: &str = "streaming_values";

/// Takes numbers in the order in which they were put.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    counts: &'t [u64],
    values: &'t [f64],
}

impl<'t> Reader<'t> {
    pub(super) fn new(tensors: &'t Tensors) -> Result<Self, TensorError> {
        Ok(Self { counts: tensors.u64s(COUNTS)?, values: tensors.f64s(VALUES)? })
    }

    pub(super) fn count(&mut self) -> Result<u64, TensorError> {
        let (first, rest) = self.counts.split_first().ok_or_else(|| wrong(COUNTS, "numbers are missing"))?;
        self.counts = rest;
        Ok(*first)
    }

    /// A count that is not above a limit.
    pub(super) fn count_to(&mut self, most: usize) -> Result<usize, TensorError> {
        let count = usize::try_from(self.count()?).unwrap_or(usize::MAX);
        if count > most {
            return Err(wrong(COUNTS, "a count is too large"));
        }
        Ok(count)
    }

    pub(super) fn flag(&mut self) -> Result<bool, TensorError> {
        Ok(self.count_to(1)? == 1)
    }

    pub(super) fn value(&mut self) -> Result<f64, TensorError> {
        Ok(self.values(1)?[0])
    }

    pub(super) fn values(&mut self, n: usize) -> Result<&'t [f64], TensorError> {
        let (taken, rest) = self.values.split_at_checked(n).ok_or_else(|| wrong(VALUES, "numbers are missing"))?;
        self.values = rest;
        Ok(taken)
    }

    /// Values as they came in rows, which are numbers.
    pub(super) fn finite(&mut self, n: usize) -> Result<&'t [f64], TensorError> {
        let values = self.values(n)?;
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(wrong(VALUES, "a value is no number"))
        }
    }

    pub(super) fn bits(&mut self, n: usize) -> Result<impl Iterator<Item = bool> + use<'t>, TensorError> {
        let words = self.counts.split_at_checked(n.div_ceil(64));
        let (words, rest) = words.ok_or_else(|| wrong(COUNTS, "numbers are missing"))?;
        self.counts = rest;
        Ok((0..n).map(move |index| words[index / 64] >> (index % 64) & 1 == 1))
    }

    /// After the last number.
    ///
    /// # Errors
    /// When some are left.
    pub(super) fn end(self) -> Result<(), TensorError> {
        if self.counts.is_empty() && self.values.is_empty() {
            Ok(())
        } else {
            Err(wrong(COUNTS, "more numbers than this kind has"))
        }
    }
}

/// Why values are none that a detector saves.
pub(super) fn refused(reason: &str) -> TensorError {
    wrong(VALUES, reason)
}

fn wrong(name: &str, reason: &str) -> TensorError {
    TensorError::Value { name: name.to_owned(), reason: reason.to_owned() }
}
