//! The rows of a backtest: which of them are the reference, and where changes begin.

use std::borrow::Cow;
use std::ops::Range;

use super::report::{BacktestReport, CandidateReport, Suggestion};
use super::{BacktestRequest, CHANGES_MAX};
use crate::data::{DataIssue, Frame, InvalidData, MissingValues, Schema, Table};
use crate::detectors::InvalidSettings;
use crate::use_cases::fit_computation::read_reference;
use crate::use_cases::{FitError, RequestLimits};

/// More rows than this are not replayed.
pub const ROWS_MAX: usize = 10_000_000;

/// How much of a history is the reference: its first rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReferencePart {
    /// So many rows.
    Rows(usize),
    /// This share of the rows, between 0 and 1.
    Share(f64),
}

impl Default for ReferencePart {
    /// 30 % of the rows.
    fn default() -> Self {
        Self::Share(0.3)
    }
}

impl ReferencePart {
    /// How many of so many rows; at least one is left to be replayed.
    fn of(self, n_rows: usize) -> Result<usize, InvalidSettings> {
        let wanted = match self {
            Self::Rows(rows) => rows,
            Self::Share(share) if !(share > 0.0 && share < 1.0) => {
                let detail = format!("expected a share above 0 and below 1, {share} came");
                return Err(InvalidSettings::one("reference", detail));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the number of rows")]
            Self::Share(share) => (share * n_rows as f64) as usize,
        };
        if (1..n_rows).contains(&wanted) {
            return Ok(wanted);
        }
        let detail = format!(
            "expected 1 to {} of these {n_rows} rows as the reference, {wanted} came",
            n_rows.saturating_sub(1)
        );
        Err(InvalidSettings::one("reference", detail))
    }
}

/// The rows that are used. They are counted from 0 without those left out; what came has other numbers then.
pub(super) struct History<'h> {
    rows: Cow<'h, Table>,
    /// The number in what came of each row, where rows with missing values have been left out.
    numbers: Option<Vec<usize>>,
    n_came: usize,
    n_reference: usize,
    /// The first row of each change, where it is known what changes.
    changes: Option<Vec<usize>>,
}

impl<'h> History<'h> {
    /// The history of a request, whose rows are given as they are read, and, as a table of its own, the reference. Time and memory O(cells).
    ///
    /// # Errors
    /// When there is no such reference or change, or when no rows are left.
    pub(super) fn read(
        request: &BacktestRequest,
        came: &'h Table,
        limits: RequestLimits,
    ) -> Result<(Self, Table), FitError> {
        limits.check_columns(came)?;
        let n_came = came.n_rows();
        if n_came > ROWS_MAX {
            return Err(InvalidData::whole(format!("expected at most {ROWS_MAX} rows, {n_came} came")).into());
        }
        let first_replayed = request.reference.of(n_came)?;
        if let Some(changes) = &request.changes
            && let Some(wrong) = changes.iter().take(CHANGES_MAX).find(|row| !(first_replayed..n_came).contains(*row))
        {
            let last = n_came - 1;
            let detail = format!("expected rows after the reference, {first_replayed} to {last}, {wrong} came");
            return Err(InvalidSettings::one("changes", detail).into());
        }
        let numbers = match request.missing_values {
            MissingValues::Drop => Some(rows_without_missing(came)).filter(|numbers| numbers.len() < n_came),
            MissingValues::Reject | MissingValues::Impute => None,
        };
        let place =
            |row: usize| numbers.as_ref().map_or(row, |numbers| numbers.partition_point(|number| *number < row));
        let (n_reference, n_rows) = (place(first_replayed), place(n_came));
        if n_reference == 0 || n_reference == n_rows {
            let detail = "expected rows without missing values in the reference and after it, every row of one has one";
            return Err(InvalidData::whole(detail).into());
        }
        let changes: Option<Vec<usize>> =
            request.changes.as_ref().map(|rows| rows.iter().map(|row| place(*row)).collect());
        let ends = |changes: &Vec<usize>| changes.last().is_some_and(|last| *last == n_rows);
        let meets = |changes: &Vec<usize>| changes.windows(2).any(|pair| pair[0] == pair[1]);
        if changes.as_ref().is_some_and(|changes| ends(changes) || meets(changes)) {
            let detail = "expected a row without missing values after each change and before the next, one has none";
            return Err(InvalidSettings::one("changes", detail).into());
        }
        let rows = match &numbers {
            None => Cow::Borrowed(came),
            Some(numbers) => Cow::Owned(came.select(&numbers.iter().copied())?),
        };
        let reference = rows.select(&(0..n_reference))?;
        Ok((Self { rows, numbers, n_came, n_reference, changes }, reference))
    }

    /// Holds every row against what the reference is like, before anything is fitted.
    ///
    /// # Errors
    /// When a row is none of these data; then no candidate could be replayed.
    pub(super) fn check<'r>(
        &self,
        request: &BacktestRequest,
        reference: &'r Table,
        limits: RequestLimits,
    ) -> Result<(Schema, Frame<'r>), InvalidData> {
        let BacktestRequest { drift_type, missing_values, .. } = *request;
        let read = read_reference(reference, drift_type, &request.of_no_kind(), missing_values, limits);
        let (schema, frame) = read.map_err(|invalid| self.as_it_came(&invalid, 0))?;
        schema.read(&self.rows).map_err(|invalid| self.as_it_came(&invalid, 0))?;
        Ok((schema, frame))
    }

    /// What is wrong with rows from one on, by the numbers of the rows that came.
    pub(super) fn as_it_came(&self, invalid: &InvalidData, from: usize) -> InvalidData {
        let told = |issue: &DataIssue| DataIssue { row: issue.row.map(|row| self.number(from + row)), ..issue.clone() };
        InvalidData::new(invalid.issues().iter().map(told).collect())
    }

    /// The number that a row had when it came.
    pub(super) fn number(&self, row: usize) -> usize {
        self.numbers.as_ref().map_or(row, |numbers| numbers[row])
    }

    /// The rows after the reference.
    pub(super) fn replayed(&self) -> Range<usize> {
        self.n_reference..self.rows.n_rows()
    }

    /// The first row of each change; none where none is known.
    pub(super) fn changes(&self) -> &[usize] {
        self.changes.as_deref().unwrap_or_default()
    }

    /// The rows after the reference in which an alarm is known to be false.
    pub(super) fn known_unchanged(&self) -> Range<usize> {
        let replayed = self.replayed();
        let end = match &self.changes {
            None => replayed.start,
            Some(changes) => changes.first().copied().unwrap_or(replayed.end),
        };
        replayed.start..end
    }

    /// Some rows as a table. Copies them.
    ///
    /// # Errors
    /// Without any row.
    pub(super) fn table(&self, rows: Range<usize>) -> Result<Table, InvalidData> {
        self.rows.select(&rows)
    }

    /// The report on these rows.
    pub(super) fn report(
        &self,
        margin: usize,
        candidates: Vec<CandidateReport>,
        suggestion: Suggestion,
    ) -> BacktestReport {
        BacktestReport {
            rows: self.n_came,
            rows_dropped: self.n_came - self.rows.n_rows(),
            reference_rows: self.n_reference,
            replayed_rows: self.replayed().len(),
            changes: self.changes.as_ref().map(|rows| rows.iter().map(|row| self.number(*row)).collect()),
            margin,
            candidates,
            suggestion,
        }
    }
}

fn rows_without_missing(table: &Table) -> Vec<usize> {
    let has_missing = |row: usize| table.columns().iter().any(|column| column.values.is_missing(row));
    (0..table.n_rows()).filter(|row| !has_missing(*row)).collect()
}
