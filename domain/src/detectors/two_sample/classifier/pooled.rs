//! The rows that a model learns to tell apart.

/// The rows of the reference and then those of the window, row-major; a row is named by its place among all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pooled<'r> {
    reference: &'r [f64],
    window: &'r [f64],
    n_columns: usize,
}

impl<'r> Pooled<'r> {
    /// Both are whole rows of `n_columns` numbers.
    pub(crate) fn new(reference: &'r [f64], window: &'r [f64], n_columns: usize) -> Self {
        Self { reference, window, n_columns }
    }

    /// The rows of the reference, row-major.
    pub(crate) fn reference(&self) -> &'r [f64] {
        self.reference
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.n_columns
    }

    pub(crate) fn n_reference(&self) -> usize {
        self.reference.len() / self.n_columns
    }

    pub(crate) fn n_window(&self) -> usize {
        self.window.len() / self.n_columns
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.n_reference() + self.n_window()
    }

    pub(crate) fn row(&self, row: usize) -> &'r [f64] {
        let start = row * self.n_columns;
        match start.checked_sub(self.reference.len()) {
            Some(start) => &self.window[start..start + self.n_columns],
            None => &self.reference[start..start + self.n_columns],
        }
    }

    /// The label: whether a row is one of the window.
    pub(crate) fn is_window(&self, row: usize) -> bool {
        row >= self.n_reference()
    }
}
