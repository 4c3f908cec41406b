//! How much memory a body and what it holds may take, counted as the values come. This bounds the time, too.

use drifting_domain::data::{Image, Images};
use drifting_inference::ReadLimits;

use super::image::Arrays;
use crate::error::{Code, Failure};

/// What an operation takes at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of a body.
    read: ReadLimits,
    /// Rows.
    rows: usize,
    /// What arrays are.
    arrays: Arrays,
}

impl Limits {
    /// Those of bodies, and so many rows.
    pub(crate) fn of(read: ReadLimits, rows: usize) -> Self {
        Self { read, rows, arrays: Arrays::Other }
    }

    /// The same of data in which arrays are images, or are not.
    pub(crate) fn taking(self, arrays: Arrays) -> Self {
        Self { arrays, ..self }
    }

    /// Bytes of a body.
    pub(super) fn body_bytes(&self) -> usize {
        self.read.bytes
    }

    /// Refuses JSON that is nested too deep.
    pub(super) fn check_json(&self, json: &[u8]) -> Result<(), Failure> {
        Ok(self.read.check_json(json)?)
    }
}

/// What is left of the memory that the values of a body may take.
#[derive(Debug)]
pub(crate) struct Budget {
    /// What a body and its values may take together.
    bytes_max: usize,
    left: usize,
    rows_max: usize,
    /// The longest text so far: a parser holds it beside the values.
    longest_text: usize,
    /// The numbers of the largest image so far, which are held beside the values.
    largest_image: usize,
    arrays: Arrays,
    spent: Option<Spent>,
}

/// There is no memory left of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent(usize);

impl From<Spent> for Failure {
    fn from(Spent(bytes_max): Spent) -> Self {
        let detail = format!(
            "expected at most {bytes_max} bytes for the body and the data that it becomes together, more came; send fewer rows or columns at a time"
        );
        Self::new(Code::BodyTooLarge, detail)
    }
}

impl Default for Budget {
    /// For what holds no data.
    fn default() -> Self {
        Self {
            bytes_max: usize::MAX,
            left: usize::MAX,
            rows_max: usize::MAX,
            longest_text: 0,
            largest_image: 0,
            arrays: Arrays::Other,
            spent: None,
        }
    }
}

impl Budget {
    /// A value takes at least so much, whatever it is: what is missing may become a number.
    const CELL: usize = size_of::<f64>();
    /// A column takes so much beside its name and its values. So does a value of which nothing will come, as it is one
    /// too many: a body need not be read on for long that has many of them.
    const COLUMN: usize = 256;

    /// The budget of the values of a body. A request takes no more than twice the limit of bodies; half of the limit is
    /// left for what is not counted, most of which is memory that columns gave back as they grew.
    pub(crate) fn beside(body: &[u8], limits: Limits) -> Self {
        let bytes_max = limits.body_bytes().saturating_add(limits.body_bytes() / 2);
        let left = bytes_max.saturating_sub(body.len());
        Self { bytes_max, left, rows_max: limits.rows, arrays: limits.arrays, ..Self::default() }
    }

    /// Takes memory before it is reserved.
    pub(super) fn take(&mut self, n_bytes: usize) -> Result<(), Spent> {
        match self.left.checked_sub(n_bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(*self.spent.insert(Spent(self.bytes_max))),
        }
    }

    /// Takes the memory of a value of this row that is no text.
    pub(super) fn take_cell(&mut self, row: usize) -> Result<(), Spent> {
        if row >= self.rows_max { self.take_one_too_many() } else { self.take(Self::CELL) }
    }

    /// Takes the memory of a text of this row.
    pub(super) fn take_text(&mut self, row: usize, n_bytes: usize) -> Result<(), Spent> {
        let longer = n_bytes.saturating_sub(self.longest_text);
        self.longest_text += longer;
        self.take(n_bytes.saturating_add(longer))?;
        self.take_cell(row)
    }

    /// What arrays are.
    pub(super) fn arrays(&self) -> Arrays {
        self.arrays
    }

    /// Takes the memory of the numbers of an image that has so many by now.
    pub(super) fn take_pixels(&mut self, n_numbers: usize) -> Result<(), Spent> {
        if n_numbers <= self.largest_image {
            return Ok(());
        }
        self.largest_image = n_numbers;
        self.take(size_of::<f64>())
    }

    /// Takes the memory of what is kept of the image of this row, but for its pixels.
    pub(super) fn take_image(&mut self, row: usize) -> Result<(), Spent> {
        self.take(match self.arrays {
            Arrays::Other | Arrays::Measured => Images::BYTES_EACH,
            Arrays::Whole => size_of::<Option<Image>>(),
        })?;
        self.take_cell(row)
    }

    /// Takes the memory of the pixels of an image, where they are kept.
    pub(super) fn take_whole(&mut self, image: &Image) -> Result<(), Spent> {
        match self.arrays {
            Arrays::Other | Arrays::Measured => Ok(()),
            Arrays::Whole => self.take(image.pixels().len()),
        }
    }

    /// Takes the memory of so many values that are missing.
    pub(super) fn take_missing(&mut self, n_cells: usize) -> Result<(), Spent> {
        self.take(n_cells.saturating_mul(Self::CELL))
    }

    /// Takes as much as a column, for something of which nothing will come.
    pub(super) fn take_one_too_many(&mut self) -> Result<(), Spent> {
        self.take(Self::COLUMN)
    }

    /// Takes the memory of a column, without its values.
    pub(super) fn take_column(&mut self, name: &str) -> Result<(), Spent> {
        self.take(Self::COLUMN.saturating_add(name.len()))
    }

    /// Why reading stopped, if it was for this.
    pub(super) fn refusal(&self) -> Option<Failure> {
        self.spent.map(Failure::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(body: &[u8], body_bytes: usize) -> Budget {
        Budget::beside(body, Limits::of(ReadLimits::of_bytes(body_bytes), 100))
    }

    #[test]
    fn a_body_and_its_values_take_less_than_twice_the_limit() {
        let mut budget = budget(&[b'1'; 800], 1_000);
        assert_eq!(budget.take_missing(86), Ok(()));
        assert_eq!(budget.take_cell(99), Ok(()));
        assert!(budget.refusal().is_none());
        assert_eq!(budget.take_cell(99), Err(Spent(1_500)));
        let refusal = budget.refusal().unwrap();
        assert_eq!(refusal.code, Code::BodyTooLarge);
        assert!(refusal.detail.starts_with("expected at most 1500 bytes for the body and the data"));
    }

    #[test]
    fn long_texts_are_held_twice() {
        let mut budget = budget(&[], 200);
        assert_eq!(budget.take_text(0, 100), Ok(()));
        assert_eq!(budget.take_text(1, 84), Ok(()));
        assert_eq!(budget.take(0), Ok(()));
        assert_eq!(budget.take_text(2, 0), Err(Spent(300)));
    }

    #[test]
    fn pixels_that_are_kept_count() {
        let image = Image::new(20, 10, 3, vec![7; 600]).unwrap();
        let budget = |arrays| Budget::beside(&[], Limits::of(ReadLimits::of_bytes(1_000), 100).taking(arrays));
        assert_eq!(budget(Arrays::Measured).take_whole(&image), Ok(()));
        let mut budget = budget(Arrays::Whole);
        assert_eq!(
            (budget.take_image(0), budget.take_whole(&image), budget.take_whole(&image)),
            (Ok(()), Ok(()), Ok(()))
        );
        assert_eq!(budget.take_whole(&image), Err(Spent(1_500)));
    }

    #[test]
    fn rows_too_many_are_read_for_a_while_only() {
        let mut budget = budget(&[], 1_000);
        let n_read = (100..200).take_while(|row| budget.take_cell(*row).is_ok()).count();
        assert_eq!(n_read, 5);
    }
}
