//! What is kept of a column of the reference: a few counts, learnt in one pass and a sort.

use super::apparent_type::ApparentType;
use super::unseen::FREQUENCY_MAX;
use crate::data::{Cells, ColumnType, Frame, Schema, Tensor, TensorError, TensorValues, Tensors};
use crate::ports::{CpuPool, Silent};
use crate::statistics::parallel::run_tasks;

/// A column of the reference in few numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ColumnProfile {
    /// Rows with a value, and without.
    pub(super) n_present: u64,
    pub(super) n_missing: u64,
    /// Rows of the most frequent value.
    pub(super) n_most: u64,
    /// Most equal values that follow each other.
    pub(super) longest_run: u64,
    /// What most values seem to be, and how many do not; of texts.
    pub(super) apparent: ApparentType,
    pub(super) n_other_type: u64,
    /// The least and the largest number; `NaN` of other columns.
    pub(super) low: f64,
    pub(super) high: f64,
    /// How many categories stand once, twice, … in the reference, the last ones so often or oftener; of categories.
    pub(super) frequencies: Vec<u64>,
}

const COUNTS: &str = "quality.counts";
const RANGES: &str = "quality.ranges";
const FREQUENCIES: &str = "quality.frequencies";
/// Counts of a column.
const N_COUNTS: usize = 6;
/// Larger counts are none of a reference.
const COUNT_MAX: u64 = 1 << 40;

/// The profile of each column of a reference that was read by a schema, rows with missing values included. Time
/// O(n log n) a column, memory O(n) for each that is being learnt.
pub(super) fn learn(schema: &Schema, reference: &Frame<'_>, pool: &dyn CpuPool) -> Vec<ColumnProfile> {
    let learn = |index: usize| ColumnProfile::of(&schema.columns[index].kind, &reference.columns()[index]);
    // It takes moments, and nobody is told of them.
    run_tasks(reference.columns().len(), pool, &Silent, &learn).unwrap_or_default()
}

impl ColumnProfile {
    fn of(kind: &ColumnType, cells: &Cells<'_>) -> Self {
        let n_missing = cells.n_missing();
        let n_present = cells.len() as u64 - n_missing;
        let mut profile = Self {
            n_present,
            n_missing,
            n_most: 0,
            longest_run: 0,
            apparent: ApparentType::Words,
            n_other_type: 0,
            low: f64::NAN,
            high: f64::NAN,
            frequencies: Vec::new(),
        };
        match cells {
            Cells::Numeric(values) => {
                let present = values.iter().filter(|value| !value.is_nan()).map(|value| value + 0.0);
                profile.low = present.clone().fold(f64::NAN, f64::min);
                profile.high = present.clone().fold(f64::NAN, f64::max);
                let mut bits: Vec<u64> = present.map(f64::to_bits).collect();
                profile.longest_run = longest_run(bits.iter().copied());
                bits.sort_unstable();
                profile.n_most = longest_run(bits.into_iter());
            }
            Cells::Categorical { codes, n_categories, .. } => {
                let mut counts = vec![0_u64; *n_categories as usize];
                for code in codes {
                    if let Some(count) = counts.get_mut(*code as usize) {
                        *count += 1;
                    }
                }
                profile.n_most = counts.iter().copied().max().unwrap_or(0);
                let is_present = |code: &u32| (*code as usize) < counts.len();
                profile.longest_run = longest_run(codes.iter().filter(|code| is_present(code)).map(|c| u64::from(*c)));
                profile.of_categories(kind, &counts);
            }
        }
        profile
    }

    /// What the categories of a column seem to be, and how often they come.
    fn of_categories(&mut self, kind: &ColumnType, counts: &[u64]) {
        let ColumnType::Categorical { categories, .. } = kind else { return };
        self.frequencies = vec![0; FREQUENCY_MAX];
        let mut by_type = [0_u64; ApparentType::ALL.len()];
        for (category, count) in categories.iter().zip(counts).filter(|(_, count)| **count > 0) {
            let place = usize::try_from(*count).unwrap_or(FREQUENCY_MAX).min(FREQUENCY_MAX) - 1;
            self.frequencies[place] += 1;
            by_type[ApparentType::of(category) as usize] += count;
        }
        // Of equally many, the first one.
        let most = by_type.iter().copied().max().unwrap_or(0);
        let first = by_type.iter().position(|n| *n == most).unwrap_or(0);
        self.apparent = ApparentType::ALL[first];
        self.n_other_type = self.n_present - most;
    }
}

/// Puts the profiles of columns into arrays.
pub(super) fn save(profiles: &[ColumnProfile], tensors: &mut Tensors) {
    let counts = profiles.iter().flat_map(|profile| {
        let ColumnProfile { n_present, n_missing, n_most, longest_run, apparent, n_other_type, .. } = *profile;
        [n_present, n_missing, n_most, longest_run, apparent as u64, n_other_type]
    });
    let counts: Vec<u64> = counts.collect();
    if let Ok(tensor) = Tensor::new(vec![profiles.len(), N_COUNTS], TensorValues::U64(counts)) {
        tensors.insert(COUNTS, tensor);
    }
    tensors.insert_rows(
        RANGES,
        profiles.len(),
        profiles.iter().flat_map(|profile| [profile.low, profile.high]).collect(),
    );
    let frequencies = profiles.iter().flat_map(|profile| profile.frequencies.iter().copied());
    tensors.insert_u64(FREQUENCIES, frequencies.collect());
}

/// The profiles of the columns of a schema.
///
/// # Errors
/// When the arrays are not those that [`save`] gives.
pub(super) fn restore(schema: &Schema, tensors: &Tensors) -> Result<Vec<ColumnProfile>, TensorError> {
    let n_columns = schema.columns.len();
    let counts = tensors.u64s_of_length(COUNTS, n_columns * N_COUNTS)?;
    let ranges = tensors.f64s_of_length(RANGES, n_columns * 2)?;
    let is_categorical = |kind: &ColumnType| matches!(kind, ColumnType::Categorical { .. });
    let n_categorical = schema.columns.iter().filter(|column| is_categorical(&column.kind)).count();
    let mut frequencies =
        tensors.u64s_of_length(FREQUENCIES, n_categorical * FREQUENCY_MAX)?.chunks_exact(FREQUENCY_MAX);
    let mut profiles = Vec::with_capacity(n_columns);
    for ((column, counts), range) in
        schema.columns.iter().zip(counts.chunks_exact(N_COUNTS)).zip(ranges.chunks_exact(2))
    {
        let [n_present, n_missing, n_most, longest_run, apparent, n_other_type] = *counts else {
            unreachable!("so many are in a chunk")
        };
        let apparent = usize::try_from(apparent).ok().and_then(|code| ApparentType::ALL.get(code));
        let are_counts = n_present <= COUNT_MAX
            && n_missing <= COUNT_MAX
            && [n_most, longest_run, n_other_type].iter().all(|count| *count <= n_present);
        let (Some(apparent), true) = (apparent, are_counts) else {
            let reason = format!("these are no counts of a column: {counts:?}");
            return Err(TensorError::Value { name: COUNTS.to_owned(), reason });
        };
        let of_categories = is_categorical(&column.kind).then(|| frequencies.next()).flatten();
        profiles.push(ColumnProfile {
            n_present,
            n_missing,
            n_most,
            longest_run,
            apparent: *apparent,
            n_other_type,
            low: range[0],
            high: range[1],
            frequencies: of_categories.map(<[u64]>::to_vec).unwrap_or_default(),
        });
    }
    Ok(profiles)
}

/// Whether a project has such arrays.
pub(super) fn is_in(tensors: &Tensors) -> bool {
    tensors.get(COUNTS).is_some()
}

/// Most equal values that follow each other.
fn longest_run(values: impl Iterator<Item = u64>) -> u64 {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for value in values {
        run = if last == Some(value) { run + 1 } else { 1 };
        last = Some(value);
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{MissingValues, Table, Values};
    use crate::test_pool::Threads;

    fn profiles(values: Values) -> (Schema, Vec<ColumnProfile>) {
        let table = Table::unnamed(vec![values]).unwrap();
        let schema = Schema::infer(&table, MissingValues::Impute).unwrap();
        let profiles = learn(&schema, &schema.read(&table).unwrap(), &Threads(2));
        (schema, profiles)
    }

    #[test]
    fn a_column_of_numbers_has_a_range_and_a_most_frequent_value() {
        let (_, profiles) = profiles(Values::Numeric(vec![1.5, 1.5, f64::NAN, 1.5, -0.0, 0.0, 1.5, 3.0]));
        let profile = &profiles[0];
        assert_eq!((profile.n_present, profile.n_missing), (7, 1));
        assert_eq!((profile.low, profile.high), (0.0, 3.0));
        // A missing value ends no run.
        assert_eq!((profile.n_most, profile.longest_run), (4, 3));
        assert!(profile.frequencies.is_empty());
    }

    #[test]
    fn a_column_of_categories_has_frequencies_and_a_type() {
        let texts = ["a", "b", "b", "7", "c", "c"].map(Some);
        let (_, profiles) = profiles(Values::Text(texts.into_iter().chain([None]).collect()));
        let profile = &profiles[0];
        assert_eq!(profile.frequencies[..3], [2, 2, 0]);
        assert_eq!((profile.apparent, profile.n_other_type), (ApparentType::Words, 1));
        assert_eq!((profile.n_present, profile.n_missing, profile.n_most, profile.longest_run), (6, 1, 2, 2));
    }

    #[test]
    fn profiles_are_stored_and_checked() {
        let (schema, profiles) = profiles(Values::Text(["a", "b", "7"].into_iter().map(Some).collect()));
        let mut tensors = Tensors::new();
        save(&profiles, &mut tensors);
        assert!(is_in(&tensors) && !is_in(&Tensors::new()));
        let restored = restore(&schema, &tensors).unwrap();
        // Their ranges are no numbers, which equal nothing.
        assert_eq!(format!("{restored:?}"), format!("{profiles:?}"));
        for wrong in [vec![3, 0, 4, 1, 0, 0], vec![3, 0, 1, 1, 3, 0], vec![3, 0, 1, 1, 0]] {
            tensors.insert_u64(COUNTS, wrong);
            assert!(restore(&schema, &tensors).is_err());
        }
    }
}
