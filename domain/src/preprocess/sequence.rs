//! Series: what a row is compared with stands before it, or is of its season.
//!
//! Between the schema and the detector each number becomes, in this order,
//! 1. its difference from the number `difference` rows before, which the state keeps;
//! 2. its distance from the mean of its season in the reference, in standard deviations of that season, so that Mondays are compared
//!    with Mondays; without seasons, or in one that the reference did not hold, those of the whole.
//!
//! Rows to come follow the reference: the first is differenced from its last rows, and a `period` goes on where it left off. A missing
//! number becomes 0, what is usual.
//!
//! **Cost**: a row O(columns); memory O(columns (seasons + difference)).

mod seasons;

use serde::{Deserialize, Serialize};

use self::seasons::UsualValues;
use crate::data::{Cells, ColumnType, Frame, Schema, TensorError, Tensors};

/// Longer differences and periods than this, in rows, are refused.
pub const LENGTH_MAX: usize = 10_000;

/// What a series is compared by, as it is stored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceSpec {
    /// Rows from a number to the one that it is differenced with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<usize>,
    /// What rows are compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<Season>,
    /// How the detector was calibrated; nothing where the client gave its sensitivity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<SequenceCalibration>,
}

/// How a detector of a series was calibrated: by streams that are drawn from the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceCalibration {
    /// The wanted mean number of rows between alarms.
    pub ert: f64,
    /// Mean rows of the blocks that were drawn.
    pub block_length: f64,
    /// Rows before that each column was predicted from, where blocks are of what that leaves.
    pub orders: Vec<usize>,
}

/// Which rows of the reference a row is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Season {
    /// Those of the same value in a column, which is not judged itself.
    Column {
        /// The column's name.
        column: String,
    },
    /// Those of the same place in a period.
    Period {
        /// Its rows.
        period: usize,
    },
    /// Those of the same time of day or of the week, by a column of times, which is not judged itself.
    Timestamp {
        /// The column's name.
        timestamp: String,
        /// What of the time counts.
        by: Vec<TimeOf>,
    },
}

/// What of a time is a season. The time is as written, in its own offset; that of seconds is UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeOf {
    /// 0 to 23.
    HourOfDay,
    /// Monday to Sunday.
    DayOfWeek,
}

impl TimeOf {
    fn n_seasons(self) -> usize {
        match self {
            Self::HourOfDay => 24,
            Self::DayOfWeek => 7,
        }
    }

    /// Of seconds since 1970.
    fn season(self, seconds: i64) -> usize {
        let season = match self {
            Self::HourOfDay => seconds.rem_euclid(86_400) / 3_600,
            // 1970 began with a Thursday.
            Self::DayOfWeek => (seconds.div_euclid(86_400) + 3).rem_euclid(7),
        };
        usize::try_from(season).unwrap_or(0)
    }
}

impl Season {
    /// The column that tells the season, and is not judged.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Column { column } => Some(column),
            Self::Period { .. } => None,
            Self::Timestamp { timestamp, .. } => Some(timestamp),
        }
    }
}

/// A fitted reading of a series. It never changes: its memory is a [`SequenceState`].
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    difference: usize,
    season: Option<Season>,
    /// Where the column stands that tells the season.
    place: Option<usize>,
    n_seasons: usize,
    /// The columns that are judged.
    schema: Schema,
    usual: Vec<UsualValues>,
    start: SequenceState,
}

/// What moves while a series is read: the last numbers, as many rows as the difference, and the number of rows that came, those of
/// the reference included.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SequenceState {
    /// Row-major; the row that came as number `n` stands at `n` modulo the difference.
    last: Vec<f64>,
    n_rows: u64,
}

impl Sequence {
    /// Learns what is usual from the rows of a reference of finite or missing numbers, beside the column of the season, and reads them:
    /// those after the first `difference` ones. O(n) a column.
    ///
    /// # Panics
    /// When there are no more rows than `difference`.
    pub fn fit(spec: &SequenceSpec, schema: &Schema, reference: &Frame<'_>) -> (Self, Frame<'static>) {
        let mut sequence = Self::of(spec, schema);
        let n_columns = sequence.schema.columns.len();
        let mut state = SequenceState { last: vec![0.0; sequence.difference * n_columns], n_rows: 0 };
        let lag = sequence.difference;
        let seasons = sequence.seasons(reference, 0);
        let mut residuals = Vec::with_capacity(n_columns);
        let mut usual = Vec::with_capacity(n_columns);
        for (index, cells) in sequence.judged(reference).enumerate() {
            // A missing number is as the one before it here, until what is usual is known.
            let mut former = numbers(cells).iter().copied().find(|value| !value.is_nan()).unwrap_or(0.0);
            let filled: Vec<f64> = numbers(cells)
                .iter()
                .map(|value| {
                    former = if value.is_nan() { former } else { *value };
                    former
                })
                .collect();
            let differences: Vec<f64> = if lag == 0 {
                filled.clone()
            } else {
                filled.iter().zip(&filled[lag..]).map(|(one, other)| bounded(other - one)).collect()
            };
            let learnt = UsualValues::learn(&differences, &seasons[lag..], sequence.n_seasons);
            let residual =
                differences.iter().zip(&seasons[lag..]).map(|(value, season)| learnt.residual(*value, *season));
            residuals.push(Cells::Numeric(residual.collect()));
            usual.push(learnt);
            for (row, value) in filled.iter().enumerate().skip(filled.len() - lag) {
                state.last[row % lag * n_columns + index] = *value;
            }
        }
        state.n_rows = reference.n_rows() as u64;
        sequence.usual = usual;
        sequence.start = state;
        (sequence, Frame::of(residuals).having_dropped(reference.n_dropped()))
    }

    fn of(spec: &SequenceSpec, schema: &Schema) -> Self {
        let name = spec.season.as_ref().and_then(Season::column);
        let place = name.and_then(|name| schema.columns.iter().position(|column| column.name == name));
        let n_seasons = match &spec.season {
            None => 0,
            Some(Season::Period { period }) => *period,
            Some(Season::Timestamp { by, .. }) => by.iter().map(|part| part.n_seasons()).product(),
            Some(Season::Column { .. }) => place.map_or(0, |place| schema.columns[place].kind.n_categories()),
        };
        let columns = schema.columns.iter().enumerate().filter(|(index, _)| Some(*index) != place);
        let schema = Schema {
            columns: columns.map(|(_, column)| column.clone()).collect(),
            missing_values: schema.missing_values,
        };
        let difference = spec.difference.unwrap_or(0);
        let (usual, start) = (Vec::new(), SequenceState::default());
        Self { difference, season: spec.season.clone(), place, n_seasons, schema, usual, start }
    }

    /// The columns that are judged.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The state before the first row: the reference has just ended.
    pub fn start(&self) -> SequenceState {
        self.start.clone()
    }

    /// The rows of the whole schema as the detector sees them: one for each. O(columns) a row.
    pub fn read(&self, state: &mut SequenceState, rows: &Frame<'_>) -> Frame<'static> {
        let seasons = self.seasons(rows, state.n_rows);
        let n_columns = self.schema.columns.len();
        let columns = self.judged(rows).zip(&self.usual).enumerate().map(|(index, (cells, usual))| {
            let residual = |(row, (value, season)): (usize, (&f64, &usize))| {
                if self.difference == 0 {
                    return if value.is_nan() { 0.0 } else { usual.residual(*value, *season) };
                }
                let lag = self.difference as u64;
                let slot = usize::try_from((state.n_rows + row as u64) % lag).unwrap_or(0) * n_columns + index;
                let former = state.last[slot];
                if value.is_nan() {
                    state.last[slot] = bounded(former + usual.mean(*season));
                    return 0.0;
                }
                state.last[slot] = *value;
                usual.residual(bounded(value - former), *season)
            };
            Cells::Numeric(numbers(cells).iter().zip(&seasons).enumerate().map(residual).collect())
        });
        let columns = columns.collect();
        state.n_rows += rows.n_rows() as u64;
        Frame::of(columns).having_dropped(rows.n_dropped())
    }

    /// How many seasons the reference may hold, and how many rows of each it does.
    pub fn rows_by_season(&self, reference: &Frame<'_>) -> Vec<usize> {
        let mut counts = vec![0; self.n_seasons];
        for season in self.seasons(reference, 0) {
            if let Some(count) = counts.get_mut(season) {
                *count += 1;
            }
        }
        counts
    }

    fn judged<'f, 't>(&self, rows: &'f Frame<'t>) -> impl Iterator<Item = &'f Cells<'t>> + use<'f, 't> {
        let place = self.place;
        rows.columns().iter().enumerate().filter(move |(index, _)| Some(*index) != place).map(|(_, cells)| cells)
    }

    /// The season of each row, of which the first is number `n_before`; of unknown ones a number that is no season's.
    fn seasons(&self, rows: &Frame<'_>, n_before: u64) -> Vec<usize> {
        let unknown = self.n_seasons;
        let cells = self.place.map(|place| &rows.columns()[place]);
        match (&self.season, cells) {
            (Some(Season::Period { period }), _) => {
                let period = (*period).max(1) as u64;
                (0..rows.n_rows() as u64).map(|row| usize::try_from((n_before + row) % period).unwrap_or(0)).collect()
            }
            (Some(Season::Timestamp { by, .. }), Some(Cells::Numeric(times))) => {
                let season = |time: &f64| {
                    if time.is_nan() {
                        return unknown;
                    }
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "times are read within the years of a calendar"
                    )]
                    let seconds = time.floor() as i64;
                    by.iter().fold(0, |season, part| season * part.n_seasons() + part.season(seconds))
                };
                times.iter().map(season).collect()
            }
            (Some(Season::Column { .. }), Some(Cells::Categorical { codes, .. })) => {
                codes.iter().map(|code| (*code as usize).min(unknown)).collect()
            }
            _ => vec![unknown; rows.n_rows()],
        }
    }

    /// The fitted arrays.
    pub fn save(&self, tensors: &mut Tensors) {
        let all = |values: fn(&UsualValues) -> &Vec<f64>| self.usual.iter().flat_map(values).copied().collect();
        tensors.insert_rows("sequence.means", self.usual.len(), all(|usual| &usual.means));
        tensors.insert_rows("sequence.deviations", self.usual.len(), all(|usual| &usual.deviations));
        self.start.save(tensors);
    }

    /// The reading that was saved.
    ///
    /// # Errors
    /// When the arrays are not those of such a reading.
    pub fn restore(spec: &SequenceSpec, schema: &Schema, tensors: &Tensors) -> Result<Self, TensorError> {
        // A configuration can be written by hand; from here on its sizes are trusted.
        let period = match spec.season {
            Some(Season::Period { period }) => period,
            _ => 1,
        };
        let mut sequence = Self::of(spec, schema);
        let are_numbers = sequence.schema.columns.iter().all(|column| column.kind == ColumnType::Numeric);
        if !are_numbers || !(1..=LENGTH_MAX).contains(&period) || sequence.difference > LENGTH_MAX {
            let reason = "no fit reads such a series".to_owned();
            return Err(TensorError::Value { name: "sequence.means".to_owned(), reason });
        }
        let (n_columns, n_laws) = (sequence.schema.columns.len(), sequence.n_seasons + 1);
        let means = tensors.f64s_of_length("sequence.means", n_columns * n_laws)?;
        let deviations = tensors.f64s_of_length("sequence.deviations", n_columns * n_laws)?;
        if n_columns == 0 || !means.iter().all(|mean| mean.is_finite()) || !deviations.iter().all(|value| *value > 0.0)
        {
            let reason = "no fit gives such seasons".to_owned();
            return Err(TensorError::Value { name: "sequence.deviations".to_owned(), reason });
        }
        let of_columns = means.chunks_exact(n_laws).zip(deviations.chunks_exact(n_laws));
        let usual = |(means, deviations): (&[f64], &[f64])| UsualValues {
            means: means.to_vec(),
            deviations: deviations.to_vec(),
        };
        sequence.usual = of_columns.map(usual).collect();
        sequence.start = sequence.restore_state(tensors)?;
        Ok(sequence)
    }

    /// The state that was saved.
    ///
    /// # Errors
    /// When the arrays are not those of a state of this reading.
    pub fn restore_state(&self, tensors: &Tensors) -> Result<SequenceState, TensorError> {
        let n_rows = tensors.u64s_of_length("sequence.rows", 1)?[0];
        let last = tensors.f64s_of_length("sequence.last", self.difference * self.schema.columns.len())?.to_vec();
        if last.iter().any(|value| !value.is_finite()) {
            let reason = "a value that is no number".to_owned();
            return Err(TensorError::Value { name: "sequence.last".to_owned(), reason });
        }
        Ok(SequenceState { last, n_rows })
    }
}

impl SequenceState {
    /// The arrays of the state.
    pub fn save(&self, tensors: &mut Tensors) {
        tensors.insert_u64("sequence.rows", vec![self.n_rows]);
        tensors.insert_f64("sequence.last", self.last.clone());
    }
}

/// Differences of the largest numbers leave the range of numbers.
fn bounded(value: f64) -> f64 {
    value.clamp(f64::MIN / 4.0, f64::MAX / 4.0)
}

fn numbers<'c>(cells: &'c Cells<'_>) -> &'c [f64] {
    match cells {
        Cells::Numeric(values) => values,
        // The fit has refused such columns.
        Cells::Categorical { .. } => &[],
    }
}
