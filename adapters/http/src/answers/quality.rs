//! The checks of quality of a project, and what they found.

use drifting_domain::data::Schema;
use drifting_domain::quality::{
    QualityCheck as DomainQualityCheck, QualityFinding as DomainQualityFinding, QualitySettings,
};
use poem_openapi::{Enum, Object};
use serde::{Serialize, Serializer};

/// The checks of quality of a project.
#[derive(Debug, Object, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a check of its own")]
pub(crate) struct QualityChecks {
    /// How rarely the checks, all of them and of all columns together, may find something though nothing has changed.
    pub(crate) significance: f64,
    /// Whether categories are told that the reference did not hold.
    pub(crate) new_category: bool,
    /// Whether texts are told that are numbers or truth values in a column of words, or the other way round.
    pub(crate) type_change: bool,
    /// Whether more missing values than in the reference are told.
    pub(crate) missing_burst: bool,
    /// Whether numbers outside of the range of the reference are told.
    pub(crate) out_of_range: bool,
    /// Whether one value over and over is told, in a column that varied.
    pub(crate) constant_column: bool,
}

impl From<&QualitySettings> for QualityChecks {
    fn from(settings: &QualitySettings) -> Self {
        let is_on = |check| settings.checks.contains(&check);
        Self {
            significance: settings.significance,
            new_category: is_on(DomainQualityCheck::NewCategory),
            type_change: is_on(DomainQualityCheck::TypeChange),
            missing_burst: is_on(DomainQualityCheck::MissingBurst),
            out_of_range: is_on(DomainQualityCheck::OutOfRange),
            constant_column: is_on(DomainQualityCheck::ConstantColumn),
        }
    }
}

/// A check of the quality of rows.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum QualityCheck {
    NewCategory,
    TypeChange,
    MissingBurst,
    OutOfRange,
    ConstantColumn,
}

/// Something in rows that the reference has not prepared anybody for. It says nothing about drift.
#[derive(Debug, Object)]
pub(crate) struct QualityFinding {
    /// The check that found it.
    pub(crate) check: QualityCheck,
    /// The name of the column.
    pub(crate) column: String,
    /// The row of the request, from 0 and those left out included, with which it was found: the last one that was counted.
    pub(crate) row: u64,
    /// Rows that stand out.
    pub(crate) n_rows: u64,
    /// Rows that were looked at, these included; some of them may have come with earlier requests.
    pub(crate) of_rows: u64,
    /// The share of such rows that the reference lets expect, from 0 to 1; of a constant column, that of its most frequent value.
    pub(crate) expected_share: f64,
    /// The share that came, from 0 to 1.
    pub(crate) observed_share: f64,
    /// The probability of so many in as many rows, if nothing has changed; where rows come one by one, in a whole block of them.
    pub(crate) p_value: f64,
    /// What was expected and what came, as a sentence for people.
    pub(crate) detail: String,
}

/// The same as it is written, in the order of its members.
#[derive(Serialize)]
struct Finding<'a> {
    check: &'static str,
    column: &'a str,
    row: usize,
    n_rows: u64,
    of_rows: u64,
    expected_share: f64,
    observed_share: f64,
    p_value: f64,
    detail: &'a str,
}

/// Findings, and the columns of the project.
#[derive(Clone, Copy)]
pub(super) struct Findings<'a> {
    pub(super) findings: &'a [DomainQualityFinding],
    pub(super) schema: &'a Schema,
}

impl Findings<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { findings, schema } = self;
        serializer.collect_seq(findings.iter().filter_map(|finding| {
            Some(Finding {
                check: finding.check.as_str(),
                column: &schema.columns.get(finding.column)?.name,
                row: finding.row,
                n_rows: finding.n_rows,
                of_rows: finding.of_rows,
                expected_share: finding.expected_share,
                observed_share: finding.observed_share,
                p_value: finding.p_value,
                detail: &finding.detail,
            })
        }))
    }
}
