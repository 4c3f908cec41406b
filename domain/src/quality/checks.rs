//! The checks of a project: which apply to which column, and how a column's cells are looked at.

use super::apparent_type::ApparentType;
use super::findings::{Evidence, QualityFinding};
use super::law::Share;
use super::profile::{self, ColumnProfile};
use super::settings::{QualityCheck, QualitySettings};
use super::stream::StreamLimits;
use super::{stream, unseen, window};
use crate::data::{Cells, ColumnType, Frame, MISSING_CODE, MissingValues, Schema, TensorError, Tensors};
use crate::ports::CpuPool;
use crate::project::WindowPolicy;

/// The checks of a project. They never change.
pub(crate) struct Quality {
    profiles: Vec<ColumnProfile>,
    pub(super) columns: Vec<CheckedColumn>,
    pub(super) mode: Mode,
    /// Checks of columns that are on and can say something.
    pub(super) n_checks: usize,
}

/// How rows come.
pub(super) enum Mode {
    /// A request is a window: it is tested by itself, at this significance.
    Windows {
        /// The significance of all checks together.
        significance: f64,
    },
    /// Rows come one by one or are collected, and are counted in blocks.
    Rows {
        /// What the counts of each column may be.
        limits: Vec<StreamLimits>,
    },
}

/// Rows that a significance is for, where no window says so.
const STRETCH: usize = 100;

/// What is counted in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Missing,
    OutOfRange,
    OtherType,
}

/// Kinds of events.
pub(super) const N_EVENTS: usize = 3;

impl Event {
    pub(super) const ALL: [Self; N_EVENTS] = [Self::Missing, Self::OutOfRange, Self::OtherType];

    fn check(self) -> QualityCheck {
        match self {
            Self::Missing => QualityCheck::MissingBurst,
            Self::OutOfRange => QualityCheck::OutOfRange,
            Self::OtherType => QualityCheck::TypeChange,
        }
    }
}

/// A column with the checks that apply to it.
pub(super) struct CheckedColumn {
    pub(super) name: String,
    reading: Reading,
    /// The share of each event in the reference, where it is counted.
    pub(super) shares: [Option<Share>; N_EVENTS],
    /// How often categories stand in the reference, where new ones are counted.
    pub(super) categories: Option<Categories>,
    /// The share of the most frequent value and the longest run of equal ones, where a constant column is looked for.
    pub(super) most: Option<(Share, u64)>,
}

/// The categories of a reference.
pub(super) struct Categories {
    pub(super) n_rows: u64,
    pub(super) frequencies: Vec<u64>,
}

impl Categories {
    /// The share of rows with a new category that is expected (Good 1953).
    pub(super) fn expected_share(&self) -> f64 {
        self.frequencies.first().copied().unwrap_or(0) as f64 / self.n_rows.max(1) as f64
    }
}

/// How the cells of a column are looked at.
enum Reading {
    Number { low: f64, high: f64 },
    Category { apparent: ApparentType, is_other_type: Vec<bool> },
}

/// What a cell is.
pub(super) enum Seen<'c> {
    /// A missing value.
    Missing,
    /// A value, by what it is known again, and whether it stands out.
    Value { identity: u64, event: Option<Event> },
    /// A category that the reference did not hold.
    New { identity: u64, event: Option<Event>, text: &'c str },
}

/// About what looking at a cell costs, in nanoseconds.
const CELL_COST_NS: u64 = 20;

impl Quality {
    /// About how long checking so many rows takes, in nanoseconds.
    pub(crate) fn cost_ns(&self, n_rows: usize) -> u64 {
        (n_rows as u64).saturating_mul(self.columns.len() as u64).saturating_mul(CELL_COST_NS)
    }

    /// Learns the checks from a reference that was read by the schema, rows with missing values included. Time O(n log n) a
    /// column.
    pub(crate) fn fit(
        settings: &QualitySettings,
        schema: &Schema,
        reference: &Frame<'_>,
        rows: RowsCome,
        pool: &dyn CpuPool,
    ) -> Self {
        Self::new(settings, schema, profile::learn(schema, reference, pool), rows)
    }

    /// The checks that were saved; nothing of a project that was fitted without.
    ///
    /// # Errors
    /// When the arrays are not those of such checks.
    pub(crate) fn restore(
        settings: Option<&QualitySettings>,
        schema: &Schema,
        parameters: &Tensors,
        rows: RowsCome,
    ) -> Result<Option<Self>, TensorError> {
        let Some(settings) = settings.filter(|_| profile::is_in(parameters)) else { return Ok(None) };
        Ok(Some(Self::new(settings, schema, profile::restore(schema, parameters)?, rows)))
    }

    /// The arrays of the checks.
    pub(crate) fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        profile::save(&self.profiles, &mut tensors);
        tensors
    }

    fn new(settings: &QualitySettings, schema: &Schema, profiles: Vec<ColumnProfile>, rows: RowsCome) -> Self {
        let column = |(column, profile): (&crate::data::ColumnSchema, &ColumnProfile)| {
            CheckedColumn::new(settings, &column.name, &column.kind, profile, schema.missing_values)
        };
        let columns: Vec<CheckedColumn> = schema.columns.iter().zip(&profiles).map(column).collect();
        let n_checks = columns.iter().map(CheckedColumn::n_checks).sum();
        // A configuration can be written by hand.
        let significance = settings.significance.clamp(0.0, 1.0);
        let mode = match rows {
            RowsCome::AsWindows => Mode::Windows { significance },
            RowsCome::InTurn { stretch } => {
                let rate = significance / stretch.max(STRETCH) as f64 / (n_checks as f64).max(1.0);
                Mode::Rows { limits: stream::limits(&columns, rate) }
            }
        };
        Self { profiles, columns, mode, n_checks }
    }

    /// Checks the rows of a request, those with missing values included, and counts them in the state where they come in
    /// turn. The findings are in the order of their rows. Rows `(n_rows, n_columns)` of the schema; O(1) a cell.
    pub(crate) fn check(&self, state: &mut stream::QualityState, rows: &Frame<'_>) -> Vec<QualityFinding> {
        let mut findings = Vec::new();
        if self.n_checks > 0 {
            match &self.mode {
                Mode::Windows { significance } => {
                    let level = significance / self.n_checks as f64;
                    window::check(&self.columns, rows, level, &mut findings);
                }
                Mode::Rows { limits } => state.check(&self.columns, limits, rows, &mut findings),
            }
        }
        if findings.len() > 1 {
            findings.sort_by_key(|finding| finding.row);
        }
        findings
    }

    /// The state before the first row.
    pub(crate) fn start(&self) -> stream::QualityState {
        match &self.mode {
            Mode::Windows { .. } => stream::QualityState::default(),
            Mode::Rows { .. } => stream::QualityState::start(self.columns.len()),
        }
    }

    /// The state of such arrays; that before the first row where they hold none.
    ///
    /// # Errors
    /// When they are not what [`stream::QualityState::save`] gives.
    pub(crate) fn restore_state(&self, tensors: &Tensors) -> Result<stream::QualityState, TensorError> {
        match &self.mode {
            Mode::Windows { .. } => Ok(stream::QualityState::default()),
            Mode::Rows { limits } => stream::QualityState::restore(limits, tensors),
        }
    }
}

/// How the rows of a project come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsCome {
    /// Each request is a window.
    AsWindows,
    /// One by one, or collected over requests: the significance is for so many rows, at least 100.
    InTurn {
        /// Rows from one verdict to the next.
        stretch: usize,
    },
}

impl RowsCome {
    /// Those of a detector that judges row by row, or of one that judges windows, with or without a policy on them.
    pub(crate) fn of(is_online: bool, window: Option<WindowPolicy>) -> Self {
        match window {
            None if !is_online => Self::AsWindows,
            window => Self::InTurn { stretch: window.map_or(1, |window| window.stride) },
        }
    }
}

impl CheckedColumn {
    fn new(
        settings: &QualitySettings,
        name: &str,
        kind: &ColumnType,
        profile: &ColumnProfile,
        missing_values: MissingValues,
    ) -> Self {
        let is_on = |check| settings.checks.contains(&check);
        let ColumnProfile { n_present, n_missing, n_most, longest_run, apparent, n_other_type, low, high, .. } =
            *profile;
        let texts = match kind {
            ColumnType::Categorical { categories, is_numeric: false } => categories.as_slice(),
            _ => &[],
        };
        let share = |event: Event| {
            let can_come = match event {
                Event::Missing => missing_values != MissingValues::Reject,
                // Times go on beyond any range.
                Event::OutOfRange => low <= high && n_present > 1 && *kind != ColumnType::Timestamp,
                Event::OtherType => !texts.is_empty(),
            };
            let share = match event {
                Event::Missing => Share { count: n_missing, of: n_present + n_missing },
                Event::OutOfRange => Share::outside_of(n_present),
                Event::OtherType => Share { count: n_other_type, of: n_present },
            };
            (can_come && is_on(event.check())).then_some(share)
        };
        let has_categories = matches!(kind, ColumnType::Categorical { .. }) && n_present > 1;
        let categories = (has_categories && is_on(QualityCheck::NewCategory))
            .then(|| Categories { n_rows: n_present, frequencies: profile.frequencies.clone() });
        let is_compared = !matches!(kind, ColumnType::Text | ColumnType::Image | ColumnType::Timestamp);
        let has_varied = n_most < n_present && is_compared;
        let most = (has_varied && is_on(QualityCheck::ConstantColumn))
            .then_some((Share { count: n_most, of: n_present }, longest_run));
        let reading = if matches!(kind, ColumnType::Numeric | ColumnType::Timestamp) {
            Reading::Number { low, high }
        } else {
            let is_other_type = texts.iter().map(|text| ApparentType::of(text) != apparent);
            Reading::Category { apparent, is_other_type: is_other_type.collect() }
        };
        Self { name: name.to_owned(), reading, shares: Event::ALL.map(share), categories, most }
    }

    fn n_checks(&self) -> usize {
        let n_counted = self.shares.iter().flatten().count();
        n_counted + usize::from(self.categories.is_some()) + usize::from(self.most.is_some())
    }

    /// Goes through the cells of the column.
    pub(super) fn for_each<'c>(&self, cells: &'c Cells<'_>, mut see: impl FnMut(usize, Seen<'c>)) {
        match (cells, &self.reading) {
            (Cells::Numeric(values), Reading::Number { low, high }) => {
                for (row, value) in values.iter().enumerate() {
                    if value.is_nan() {
                        see(row, Seen::Missing);
                    } else {
                        let event = (!(*low..=*high).contains(value)).then_some(Event::OutOfRange);
                        see(row, Seen::Value { identity: (value + 0.0).to_bits(), event });
                    }
                }
            }
            (Cells::Categorical { codes, n_categories, unseen }, Reading::Category { apparent, is_other_type }) => {
                for (row, code) in codes.iter().enumerate() {
                    if *code == MISSING_CODE {
                        see(row, Seen::Missing);
                    } else if let Some(text) = code.checked_sub(*n_categories).and_then(|i| unseen.get(i as usize)) {
                        let has_other_type = !is_other_type.is_empty() && ApparentType::of(text) != *apparent;
                        let event = has_other_type.then_some(Event::OtherType);
                        see(row, Seen::New { identity: unseen::hash(text), event, text });
                    } else {
                        let has_other_type = is_other_type.get(*code as usize).copied().unwrap_or(false);
                        let event = has_other_type.then_some(Event::OtherType);
                        see(row, Seen::Value { identity: u64::from(*code), event });
                    }
                }
            }
            _ => unreachable!("columns of one schema have one type"),
        }
    }

    /// What stands out by an event.
    pub(super) fn evidence(&self, event: Event) -> Evidence<'static> {
        match (event, &self.reading) {
            (Event::OutOfRange, Reading::Number { low, high }) => Evidence::OutOfRange { low: *low, high: *high },
            (Event::OtherType, Reading::Category { apparent, .. }) => Evidence::TypeChange { expected: *apparent },
            _ => Evidence::MissingBurst,
        }
    }

    /// A finding in the column.
    pub(super) fn finding(&self, evidence: Evidence<'_>, counted: Counted) -> QualityFinding {
        let Counted { column, row, n_rows, of_rows, expected_share, p_value } = counted;
        QualityFinding {
            check: evidence.check(),
            column,
            row,
            n_rows,
            of_rows,
            expected_share,
            observed_share: n_rows as f64 / of_rows.max(1) as f64,
            p_value,
            detail: evidence.sentence(&self.name, n_rows, of_rows, expected_share),
        }
    }
}

/// The numbers of a finding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) column: usize,
    pub(super) row: usize,
    pub(super) n_rows: u64,
    pub(super) of_rows: u64,
    pub(super) expected_share: f64,
    pub(super) p_value: f64,
}
