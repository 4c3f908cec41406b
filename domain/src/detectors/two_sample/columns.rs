//! Tests of each column by itself, and one verdict from them.
//!
//! The kinds `ks`, `cvm`, `chi_square`, `fisher_exact` and `tabular` are these tests with a correction for their number. For
//! kinds that judge all columns together they tell which columns moved.
//!
//! **Cost**: a fit O(n log n) a column, a test O(m log m + n + m) a column of numbers and O(m + levels) one of categories;
//! memory O(n) a column of numbers.
//!
//! **Source**: Rabanser, Günnemann & Lipton, *Failing loudly: an empirical study of methods for detecting dataset shift*
//! (2019).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::column_test::{ColumnResult, test_counts, test_numbers};
use super::explanation::{Direction, Explanation, Summary, quantiles, shifts};
use super::{BatchDetector, BatchSpec, ColumnTest, Window, WindowProblem};
use crate::data::{Cells, ColumnType, MISSING_CODE, Schema, TensorError, Tensors};
use crate::detection::{Detection, FeatureDetection};
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Progress, Silent};
use crate::statistics::alternative::Alternative;
use crate::statistics::correction::Correction;
use crate::statistics::kolmogorov_smirnov;
use crate::statistics::parallel::run_tasks;
use crate::statistics::sorted_sample::SortedSample;

/// Parameters of the kinds that judge columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnsSpec {
    /// Significance: the probability of a false alarm in a window.
    pub p_val: f64,
    /// How the significance is shared among the columns.
    pub correction: Correction,
    /// Which change counts, of tests that know a direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<Alternative>,
    /// The test of each column, of `tabular`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<BTreeMap<String, ColumnTest>>,
    /// Effect size from which on a significant column counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of everything random: what moves the reference on.
    pub seed: u64,
}

impl ColumnsSpec {
    /// Whether any column has this test.
    pub(super) fn uses(&self, test: ColumnTest) -> bool {
        self.tests.iter().flat_map(BTreeMap::values).any(|used| *used == test)
    }
}

impl BatchSpec {
    /// The test of a column, of a kind that judges columns.
    fn test_of(&self, column: &str, kind: &ColumnType) -> ColumnTest {
        match self {
            Self::Ks(_) => ColumnTest::Ks,
            Self::Cvm(_) => ColumnTest::Cvm,
            Self::ChiSquare(_) => ColumnTest::ChiSquare,
            Self::FisherExact(_) => ColumnTest::FisherExact,
            Self::Tabular(spec) => {
                let asked = spec.tests.as_ref().and_then(|tests| tests.get(column)).copied();
                asked.unwrap_or_else(|| ColumnTest::suiting(kind))
            }
            _ => ColumnTest::suiting(kind),
        }
    }
}

/// The columns of a reference, ready to be held against windows. It never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnTests {
    columns: Vec<ReferenceColumn>,
    alternative: Alternative,
    n_rows: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct ReferenceColumn {
    test: ColumnTest,
    n_missing: u64,
    values: ReferenceValues,
}

#[derive(Debug, Clone, PartialEq)]
enum ReferenceValues {
    Numeric(SortedSample),
    /// How often each category stands there; those of the schema first, then those that came later.
    Categorical {
        names: Vec<String>,
        counts: Vec<u64>,
        n_of_schema: usize,
    },
}

/// What is said of one column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ColumnVerdict {
    pub(super) result: ColumnResult,
    pub(super) explanation: Option<Explanation>,
}

/// More rows than this are no reference.
const REFERENCE_ROWS_MAX: u64 = 20_000_000;
/// Fewer cells than this are tested where they are, without the pool.
const CELLS_INLINE_MAX: usize = 20_000;

impl ColumnTests {
    /// Of a reference, with the tests that suit the types of its columns.
    ///
    /// # Errors
    /// When cancelled.
    pub fn suiting(
        schema: &Schema,
        reference: &Window<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let tests = schema.columns.iter().map(|column| ColumnTest::suiting(&column.kind)).collect::<Vec<_>>();
        Self::fit(&tests, Alternative::TwoSided, schema, reference, pool, progress)
    }

    /// The same with each column of numbers in at most so many quantiles: a value keeps its place among the others to one
    /// part in as many.
    pub fn thinned(mut self, n_max: usize) -> Self {
        for column in &mut self.columns {
            if let ReferenceValues::Numeric(sample) = &mut column.values {
                let values = sample.values();
                if values.len() > n_max {
                    let thin = (0..n_max).map(|index| values[(2 * index + 1) * values.len() / (2 * n_max)]).collect();
                    if let Ok(thin) = SortedSample::from_sorted(thin) {
                        *sample = thin;
                    }
                }
            }
        }
        self
    }

    /// Tests and explains every column of a window, each held against the level that a correction leaves it.
    pub fn features(
        &self,
        window: &Window<'_>,
        correction: Correction,
        level: f64,
        pool: &dyn CpuPool,
    ) -> Vec<FeatureDetection> {
        Self::judged(self.test(window, true, pool), correction, level, None)
    }

    pub(super) fn fit(
        tests: &[ColumnTest],
        alternative: Alternative,
        schema: &Schema,
        reference: &Window<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let fit = |index: usize| {
            let values = match (&schema.columns[index].kind, &reference.cells.columns()[index]) {
                (_, Cells::Numeric(values)) => {
                    // The cells are filled in and there is a row, so this is a sample.
                    SortedSample::sort(values.to_vec()).ok().map(ReferenceValues::Numeric)?
                }
                (kind, Cells::Categorical { codes, unseen, .. }) => {
                    let mut names = names_of(kind);
                    let n_of_schema = names.len();
                    names.extend(unseen.iter().cloned());
                    let counts = counted(codes, names.len());
                    ReferenceValues::Categorical { names, counts, n_of_schema }
                }
            };
            Some(ReferenceColumn { test: tests[index], n_missing: reference.n_missing[index], values })
        };
        let columns = run_tasks(tests.len(), pool, progress, &fit).ok_or(FitProblem::Cancelled)?;
        let columns: Option<Vec<ReferenceColumn>> = columns.into_iter().collect();
        let columns = columns.ok_or(FitProblem::TooFewReferenceRows { expected: 1, actual: 0 })?;
        Ok(Self { columns, alternative, n_rows: reference.cells.n_rows() })
    }

    /// Tests every column of a window.
    pub(super) fn test(&self, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> Vec<ColumnVerdict> {
        let test = |index: usize| self.test_column(index, window, explain);
        let n_columns = self.columns.len();
        let n_cells = n_columns.saturating_mul(self.n_rows + window.cells.n_rows());
        if n_cells > CELLS_INLINE_MAX
            && let Some(verdicts) = run_tasks(n_columns, pool, &Silent, &test)
        {
            return verdicts;
        }
        (0..n_columns).map(test).collect()
    }

    fn test_column(&self, index: usize, window: &Window<'_>, explain: bool) -> ColumnVerdict {
        let column = &self.columns[index];
        let n_rows = window.cells.n_rows();
        let summary = |n_rows: usize, n_missing: u64, quantiles| {
            let missing_share = if n_rows == 0 { 0.0 } else { n_missing as f64 / n_rows as f64 };
            Summary { n_rows: n_rows as u64, missing_share, quantiles }
        };
        let summaries = |of_reference, of_window| {
            let reference = summary(self.n_rows, column.n_missing, of_reference);
            (reference, summary(n_rows, window.n_missing[index], of_window))
        };
        match (&column.values, &window.cells.columns()[index]) {
            (ReferenceValues::Numeric(reference), Cells::Numeric(values)) => {
                let Ok(sample) = SortedSample::sort(values.to_vec()) else { return ColumnVerdict::none() };
                let distance = kolmogorov_smirnov::distance(reference, &sample);
                let result = test_numbers(column.test, self.alternative, reference, &sample, &distance);
                let explanation = explain.then(|| {
                    let (reference, window) = summaries(Some(quantiles(reference)), Some(quantiles(&sample)));
                    let direction = Direction::of(&distance);
                    Explanation { direction, ..Explanation::of(column.test, reference, window) }
                });
                ColumnVerdict { result, explanation }
            }
            (ReferenceValues::Categorical { names, counts, n_of_schema }, Cells::Categorical { codes, unseen, .. }) => {
                let levels = Levels::new(names, *n_of_schema, unseen);
                let mut window_counts = vec![0; levels.n];
                for code in codes.iter().filter(|code| **code != MISSING_CODE) {
                    window_counts[levels.of(*code)] += 1;
                }
                let mut reference_counts = counts.clone();
                reference_counts.resize(levels.n, 0);
                let result = test_counts(column.test, self.alternative, &reference_counts, &window_counts);
                let explanation = explain.then(|| {
                    let (reference, window) = summaries(None, None);
                    let shifts = shifts(&reference_counts, &window_counts, |level| levels.name(level));
                    Explanation {
                        categories: shifts.categories,
                        unseen: shifts.unseen,
                        vanished: shifts.vanished,
                        ..Explanation::of(column.test, reference, window)
                    }
                });
                ColumnVerdict { result, explanation }
            }
            // The schema that made the reference makes every window.
            (ReferenceValues::Numeric(_), Cells::Categorical { .. })
            | (ReferenceValues::Categorical { .. }, Cells::Numeric(_)) => ColumnVerdict::none(),
        }
    }

    /// The columns one by one, each held against the level that a correction leaves it.
    pub(super) fn judged(
        verdicts: Vec<ColumnVerdict>,
        correction: Correction,
        level: f64,
        min_effect: Option<f64>,
    ) -> Vec<FeatureDetection> {
        let p_values: Vec<Option<f64>> = verdicts.iter().map(|verdict| verdict.result.p_value).collect();
        let corrected = correction.judge(&p_values, level);
        verdicts
            .into_iter()
            .zip(corrected.columns)
            .enumerate()
            .map(|(column, (ColumnVerdict { result, explanation }, is_significant))| FeatureDetection {
                column,
                is_drift: is_significant && min_effect.is_none_or(|least| result.effect_size >= least),
                statistic: result.statistic,
                p_value: result.p_value,
                threshold: Some(corrected.threshold),
                distance: result.statistic,
                effect_size: Some(result.effect_size),
                explanation: explanation.map(Box::new),
            })
            .collect()
    }

    /// Puts the arrays of every column: `columns.<index>` the values, ascending, or how often each category stands there.
    pub fn save(&self, tensors: &mut Tensors) {
        tensors.insert_u64("columns.rows", vec![self.n_rows as u64]);
        tensors.insert_u64("columns.missing", self.columns.iter().map(|column| column.n_missing).collect());
        for (index, column) in self.columns.iter().enumerate() {
            let name = format!("columns.{index}");
            match &column.values {
                ReferenceValues::Numeric(sample) => tensors.insert_f64(&name, sample.values().to_vec()),
                ReferenceValues::Categorical { names, counts, n_of_schema } => {
                    tensors.insert_u64(&name, counts.clone());
                    tensors.insert_texts(&format!("{name}.unseen"), &names[*n_of_schema..]);
                }
            }
        }
    }

    /// Those that [`ColumnTests::suiting`] fitted.
    ///
    /// # Errors
    /// When the arrays are not those of the columns of such a schema.
    pub fn restore_suiting(schema: &Schema, tensors: &Tensors) -> Result<Self, TensorError> {
        let tests: Vec<_> = schema.columns.iter().map(|column| ColumnTest::suiting(&column.kind)).collect();
        Self::restore(&tests, Alternative::TwoSided, schema, tensors)
    }

    pub(super) fn restore(
        tests: &[ColumnTest],
        alternative: Alternative,
        schema: &Schema,
        tensors: &Tensors,
    ) -> Result<Self, TensorError> {
        let n_rows = tensors.u64s_of_length("columns.rows", 1)?[0];
        if n_rows > REFERENCE_ROWS_MAX {
            let reason = "more rows than a reference can have".to_owned();
            return Err(TensorError::Value { name: "columns.rows".to_owned(), reason });
        }
        let n_missing = tensors.u64s_of_length("columns.missing", schema.columns.len())?;
        let mut columns = Vec::with_capacity(schema.columns.len());
        for (index, column) in schema.columns.iter().enumerate() {
            let name = format!("columns.{index}");
            let invalid = |reason: String| TensorError::Value { name: name.clone(), reason };
            let values = match &column.kind {
                ColumnType::Numeric => {
                    let sample = SortedSample::from_sorted(tensors.f64s(&name)?.to_vec());
                    ReferenceValues::Numeric(sample.map_err(|problem| invalid(problem.to_string()))?)
                }
                kind => {
                    let mut names = names_of(kind);
                    let n_of_schema = names.len();
                    names.extend(tensors.texts(&format!("{name}.unseen"))?);
                    let counts = tensors.u64s_of_length(&name, names.len())?.to_vec();
                    if counts.iter().any(|count| *count > n_rows) {
                        return Err(invalid("more rows of a category than of the reference".to_owned()));
                    }
                    ReferenceValues::Categorical { names, counts, n_of_schema }
                }
            };
            columns.push(ReferenceColumn { test: tests[index], n_missing: n_missing[index], values });
        }
        let n_rows = usize::try_from(n_rows).unwrap_or(usize::MAX);
        Ok(Self { columns, alternative, n_rows })
    }

    /// Rows of the reference.
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// About what testing a window of so many rows takes, in nanoseconds.
    pub(super) fn cost_ns(&self, n_reference: usize, n_rows: usize) -> u64 {
        let sorting = 25 * n_rows.max(2).ilog2() as usize / 20;
        let of_a_column = 500 + 4 * n_reference + n_rows * (10 + sorting) + 50 * self.n_levels();
        self.columns.len() as u64 * of_a_column as u64
    }

    /// About what fitting them on a reference of so many rows takes, in nanoseconds.
    pub(super) fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        let sorting = 25 * n_reference.max(2).ilog2() as usize / 20;
        self.columns.len() as u64 * (500 + n_reference * (20 + sorting)) as u64
    }

    /// Categories of a column, on the average.
    fn n_levels(&self) -> usize {
        let of_column = |column: &ReferenceColumn| match &column.values {
            ReferenceValues::Numeric(_) => 0,
            ReferenceValues::Categorical { names, .. } => names.len(),
        };
        self.columns.iter().map(of_column).sum::<usize>() / self.columns.len().max(1)
    }
}

impl ColumnVerdict {
    fn none() -> Self {
        Self { result: ColumnResult { statistic: None, p_value: None, effect_size: 0.0 }, explanation: None }
    }
}

impl Explanation {
    fn of(test: ColumnTest, reference: Summary, window: Summary) -> Self {
        Self {
            test,
            direction: None,
            reference,
            window,
            categories: Vec::new(),
            unseen: Vec::new(),
            vanished: Vec::new(),
            importance: None,
        }
    }
}

fn names_of(kind: &ColumnType) -> Vec<String> {
    match kind {
        ColumnType::Numeric => Vec::new(),
        ColumnType::Categorical { categories, .. } => categories.clone(),
        ColumnType::Binary { categories, .. } => categories.to_vec(),
        // Only whether it is there is known.
        ColumnType::Text => vec!["text".to_owned()],
        ColumnType::Image => vec!["image".to_owned()],
    }
}

fn counted(codes: &[u32], n_levels: usize) -> Vec<u64> {
    let mut counts = vec![0; n_levels];
    for code in codes.iter().filter(|code| **code != MISSING_CODE) {
        counts[*code as usize] += 1;
    }
    counts
}

/// The levels of reference and window together: the reference's, then those that only the window has.
struct Levels<'n> {
    reference: &'n [String],
    n_of_schema: usize,
    unseen: &'n [String],
    /// The level of each category that the schema does not hold.
    of_unseen: Vec<usize>,
    /// The unseen categories that are levels after the reference's.
    added: Vec<usize>,
    n: usize,
}

impl<'n> Levels<'n> {
    fn new(reference: &'n [String], n_of_schema: usize, unseen: &'n [String]) -> Self {
        let later: HashMap<&str, usize> =
            reference.iter().enumerate().skip(n_of_schema).map(|(level, name)| (name.as_str(), level)).collect();
        let mut added = Vec::new();
        let of_unseen = unseen
            .iter()
            .enumerate()
            .map(|(index, name)| {
                later.get(name.as_str()).copied().unwrap_or_else(|| {
                    added.push(index);
                    reference.len() + added.len() - 1
                })
            })
            .collect();
        let n = reference.len() + added.len();
        Self { reference, n_of_schema, unseen, of_unseen, added, n }
    }

    fn of(&self, code: u32) -> usize {
        let code = code as usize;
        if code < self.n_of_schema { code } else { self.of_unseen[code - self.n_of_schema] }
    }

    fn name(&self, level: usize) -> &'n str {
        match level.checked_sub(self.reference.len()) {
            None => &self.reference[level],
            Some(index) => &self.unseen[self.added[index]],
        }
    }
}

/// A kind that judges columns.
pub(super) struct ColumnsDetector {
    spec: BatchSpec,
    p_val: f64,
    correction: Correction,
    min_effect: Option<f64>,
    tests: ColumnTests,
}

impl ColumnsDetector {
    pub(super) fn fit(
        spec: &BatchSpec,
        columns: &ColumnsSpec,
        schema: &Schema,
        reference: &Window<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let alternative = columns.alternative.unwrap_or_default();
        let tests = ColumnTests::fit(&tests_of(spec, schema), alternative, schema, reference, pool, progress)?;
        Ok(Self::of(spec, columns, tests))
    }

    pub(super) fn restore(
        spec: &BatchSpec,
        columns: &ColumnsSpec,
        schema: &Schema,
        tensors: &Tensors,
    ) -> Result<Self, TensorError> {
        let tests = tests_of(spec, schema);
        if let Some((column, _)) = schema.columns.iter().zip(&tests).find(|(column, test)| !test.takes(&column.kind)) {
            let reason = format!("no fit gives the column `{}` such a test", column.name);
            return Err(TensorError::Value { name: "columns".to_owned(), reason });
        }
        let tests = ColumnTests::restore(&tests, columns.alternative.unwrap_or_default(), schema, tensors)?;
        Ok(Self::of(spec, columns, tests))
    }

    fn of(spec: &BatchSpec, columns: &ColumnsSpec, tests: ColumnTests) -> Self {
        let ColumnsSpec { p_val, correction, min_effect, .. } = *columns;
        Self { spec: spec.clone(), p_val, correction, min_effect, tests }
    }
}

fn tests_of(spec: &BatchSpec, schema: &Schema) -> Vec<ColumnTest> {
    schema.columns.iter().map(|column| spec.test_of(&column.name, &column.kind)).collect()
}

impl BatchDetector for ColumnsDetector {
    fn test(&self, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> Result<Detection, WindowProblem> {
        let verdicts = self.tests.test(window, explain, pool);
        let features = ColumnTests::judged(verdicts, self.correction, self.p_val, self.min_effect);
        let threshold = features.first().and_then(|feature| feature.threshold);
        // The column with the smallest p-value speaks for all; of several, the one that moved most.
        let key = |feature: &FeatureDetection| (feature.p_value.unwrap_or(f64::INFINITY), feature.effect_size);
        let speaking = features.iter().min_by(|a, b| {
            let ((p, effect), (other_p, other_effect)) = (key(a), key(b));
            p.total_cmp(&other_p).then(other_effect.unwrap_or(0.0).total_cmp(&effect.unwrap_or(0.0)))
        });
        Ok(Detection {
            is_drift: features.iter().any(|feature| feature.is_drift),
            rows: window.cells.n_rows() as u64,
            statistic: speaking.and_then(|feature| feature.statistic),
            threshold,
            p_value: speaking.and_then(|feature| feature.p_value),
            distance: speaking.and_then(|feature| feature.distance),
            effect_size: speaking.and_then(|feature| feature.effect_size),
            features,
            ..Detection::default()
        })
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.tests.save(&mut tensors);
        tensors
    }

    fn spec(&self) -> BatchSpec {
        self.spec.clone()
    }

    fn n_reference_rows(&self) -> usize {
        self.tests.n_rows()
    }

    fn test_cost_ns(&self, n_reference: usize, n_rows: usize) -> u64 {
        self.tests.cost_ns(n_reference, n_rows)
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        self.tests.fit_cost_ns(n_reference)
    }
}
