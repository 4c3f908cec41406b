//! Rows that have been held against a schema: what encoders and detectors may trust.

use std::borrow::Cow;

use super::words::Words;

/// The code of a missing category.
pub const MISSING_CODE: u32 = u32::MAX;
/// Unseen categories of a column that have codes of their own; all others count as the last of them.
pub const UNSEEN_MAX: usize = 1_000;
/// The code of the last of them, counted from the first.
pub(super) const UNSEEN_LAST: u32 = 999;

/// The cells of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells<'t> {
    /// Finite numbers; `NaN` is a missing value.
    Numeric(Cow<'t, [f64]>),
    /// Codes `0..n_categories` of known categories, those from `n_categories` on of unseen ones, [`MISSING_CODE`] for a
    /// missing one.
    Categorical {
        /// One code a row.
        codes: Vec<u32>,
        /// Number of categories in the reference.
        n_categories: u32,
        /// The unseen categories, in the order of their codes.
        unseen: Vec<String>,
    },
}

impl Cells<'_> {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Numeric(values) => values.len(),
            Self::Categorical { codes, .. } => codes.len(),
        }
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the cell of a row is missing.
    pub fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Numeric(values) => values[row].is_nan(),
            Self::Categorical { codes, .. } => codes[row] == MISSING_CODE,
        }
    }

    /// Number of missing cells.
    pub fn n_missing(&self) -> u64 {
        let n = match self {
            Self::Numeric(values) => values.iter().filter(|value| value.is_nan()).count(),
            Self::Categorical { codes, .. } => codes.iter().filter(|code| **code == MISSING_CODE).count(),
        };
        n as u64
    }

    /// The cells with `value` (a number, or the code of a category) in the place of missing ones.
    pub fn filled(&self, value: f64) -> Cells<'static> {
        match self {
            Self::Numeric(values) => {
                Cells::Numeric(values.iter().map(|cell| if cell.is_nan() { value } else { *cell }).collect())
            }
            Self::Categorical { codes, n_categories, unseen } => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a category code")]
                let fill = (value as u32).min(n_categories.saturating_sub(1));
                let codes = codes.iter().map(|code| if *code == MISSING_CODE { fill } else { *code }).collect();
                Cells::Categorical { codes, n_categories: *n_categories, unseen: unseen.clone() }
            }
        }
    }

    fn slice(&self, rows: std::ops::Range<usize>) -> Cells<'_> {
        match self {
            Self::Numeric(values) => Cells::Numeric(Cow::Borrowed(&values[rows])),
            Self::Categorical { codes, n_categories, unseen } => {
                Cells::Categorical { codes: codes[rows].to_vec(), n_categories: *n_categories, unseen: unseen.clone() }
            }
        }
    }

    fn retain(&mut self, keep: &[bool]) {
        let mut rows = keep.iter();
        match self {
            Self::Numeric(values) => values.to_mut().retain(|_| *rows.next().unwrap_or(&true)),
            Self::Categorical { codes, .. } => codes.retain(|_| *rows.next().unwrap_or(&true)),
        }
    }
}

/// The columns of a schema, in its order, with some rows. Numbers stay where the table `'t` has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame<'t> {
    pub(super) columns: Vec<Cells<'t>>,
    pub(super) n_rows: usize,
    pub(super) n_dropped: usize,
    pub(super) words: Option<Words>,
}

impl<'t> Frame<'t> {
    pub(super) fn new(columns: Vec<Cells<'t>>, n_rows: usize) -> Self {
        Self { columns, n_rows, n_dropped: 0, words: None }
    }

    /// Leaves out the rows with a missing value, and counts them.
    pub(crate) fn without_missing(mut self) -> Self {
        let keep: Vec<bool> =
            (0..self.n_rows).map(|row| !self.columns.iter().any(|cells| cells.is_missing(row))).collect();
        let kept = keep.iter().filter(|&&kept| kept).count();
        if kept < self.n_rows {
            for cells in &mut self.columns {
                cells.retain(&keep);
            }
            if let Some(words) = &mut self.words {
                words.retain(&keep);
            }
            self.n_dropped = self.n_rows - kept;
            self.n_rows = kept;
        }
        self
    }

    /// Some rows that follow each other.
    ///
    /// # Panics
    /// When there are fewer rows.
    pub fn range(&self, rows: std::ops::Range<usize>) -> Frame<'_> {
        let n_rows = rows.len();
        let columns = self.columns.iter().map(|cells| cells.slice(rows.clone())).collect();
        Frame { words: self.words.as_ref().map(|words| words.slice(rows)), ..Frame::new(columns, n_rows) }
    }

    /// The rows before one, and those from it on.
    ///
    /// # Panics
    /// When there are fewer rows than `row`.
    pub fn split_at(&self, row: usize) -> (Frame<'_>, Frame<'_>) {
        (self.range(0..row), self.range(row..self.n_rows))
    }

    /// The same rows with other cells, made from each column by its place.
    pub fn map<'c>(&self, cells: impl Fn(usize, &Cells<'_>) -> Cells<'c>) -> Frame<'c> {
        let columns = self.columns.iter().enumerate().map(|(index, column)| cells(index, column)).collect();
        Frame { columns, n_rows: self.n_rows, n_dropped: self.n_dropped, words: self.words.clone() }
    }

    /// The columns, in the order of the schema.
    pub fn columns(&self) -> &[Cells<'t>] {
        &self.columns
    }

    /// Number of rows, without those dropped.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The same, of rows of which so many had been left out before.
    #[must_use]
    pub fn having_dropped(self, n_dropped: usize) -> Self {
        Self { n_dropped, ..self }
    }

    /// The same rows, which are texts, with their words.
    ///
    /// # Panics
    /// When they are not of as many texts.
    #[must_use]
    pub fn with_words(self, words: Words) -> Self {
        assert_eq!(words.n_texts(), self.n_rows, "a row is a text");
        Self { words: Some(words), ..self }
    }

    /// The words of rows that are texts, where they are looked at.
    pub fn words(&self) -> Option<&Words> {
        self.words.as_ref()
    }

    /// Number of rows left out because of missing values.
    pub fn n_dropped(&self) -> usize {
        self.n_dropped
    }
}
