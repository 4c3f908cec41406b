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

mod detector;
mod levels;
mod spec;
mod stored;

use std::sync::Arc;

pub(super) use self::detector::ColumnsDetector;
use self::levels::{Levels, counted, names_of};
pub use self::spec::ColumnsSpec;
use super::column_test::{ColumnResult, test_counts, test_numbers};
use super::distance::{DistanceColumn, DistanceRule, Measured, Order, ResampledLaw};
use super::explanation::{Direction, Explanation, Summary, quantiles, shifts};
use super::preset::FixedThreshold;
use super::{ColumnTest, Window};
use crate::data::{Cells, MISSING_CODE, Schema};
use crate::detection::FeatureDetection;
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Progress, Silent};
use crate::statistics::alternative::Alternative;
use crate::statistics::correction::Correction;
use crate::statistics::parallel::run_tasks;
use crate::statistics::sorted_sample::SortedSample;
use crate::statistics::{kolmogorov_smirnov, kuiper};

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
    /// Of columns that are measured by a distance, or as another library does.
    distance: Option<DistanceColumn>,
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
    /// What decides, where the p-value and its correction do not.
    fixed: Option<FixedThreshold>,
    /// The law behind the p-value of a distance.
    law: Option<Arc<ResampledLaw>>,
}

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
            Some(ReferenceColumn { test: tests[index], n_missing: reference.n_missing[index], values, distance: None })
        };
        let columns = run_tasks(tests.len(), pool, progress, &fit).ok_or(FitProblem::Cancelled)?;
        let columns: Option<Vec<ReferenceColumn>> = columns.into_iter().collect();
        let columns = columns.ok_or(FitProblem::TooFewReferenceRows { expected: 1, actual: 0 })?;
        Ok(Self { columns, alternative, n_rows: reference.cells.n_rows() })
    }

    /// Tests every column of a window.
    pub(super) fn test(&self, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> Vec<ColumnVerdict> {
        let test = |index: usize| self.test_column(index, window, explain, pool);
        let n_columns = self.columns.len();
        let n_cells = n_columns.saturating_mul(self.n_rows + window.cells.n_rows());
        if n_cells > CELLS_INLINE_MAX
            && let Some(verdicts) = run_tasks(n_columns, pool, &Silent, &test)
        {
            return verdicts;
        }
        (0..n_columns).map(test).collect()
    }

    fn test_column(&self, index: usize, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> ColumnVerdict {
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
                let measured = match &column.distance {
                    Some(column) => column.numbers(self.alternative, reference, &sample, &distance, pool),
                    None => Measured::of(test_numbers(column.test, self.alternative, reference, &sample, &distance)),
                };
                let explanation = explain.then(|| {
                    let (reference, window) = summaries(Some(quantiles(reference)), Some(quantiles(&sample)));
                    let direction = Direction::of(&distance);
                    Explanation { direction, ..Explanation::of(column.test, reference, window) }
                });
                ColumnVerdict::of(measured, explanation)
            }
            (ReferenceValues::Categorical { names, counts, n_of_schema }, Cells::Categorical { codes, unseen, .. }) => {
                let levels = Levels::new(names, *n_of_schema, unseen);
                let mut window_counts = vec![0; levels.n];
                for code in codes.iter().filter(|code| **code != MISSING_CODE) {
                    window_counts[levels.of(*code)] += 1;
                }
                let mut reference_counts = counts.clone();
                reference_counts.resize(levels.n, 0);
                let measured = match &column.distance {
                    Some(column) => column
                        .categories(self.alternative, &reference_counts, &window_counts, |level| levels.name(level)),
                    None => Measured::of(test_counts(column.test, self.alternative, &reference_counts, &window_counts)),
                };
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
                ColumnVerdict::of(measured, explanation)
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
        // Columns with a threshold of their own are no tests that the significance is shared among.
        let of_test = |verdict: &ColumnVerdict| verdict.result.p_value.filter(|_| verdict.fixed.is_none());
        let p_values: Vec<Option<f64>> = verdicts.iter().map(of_test).collect();
        let corrected = correction.judge(&p_values, level);
        verdicts
            .into_iter()
            .zip(corrected.columns)
            .enumerate()
            .map(|(column, (ColumnVerdict { result, explanation, fixed, law }, is_significant))| {
                let is_far = fixed.map_or(is_significant, |fixed| fixed.is_met(result.statistic, result.p_value));
                let of_law = law.filter(|_| fixed.is_none()).map(|law| law.threshold(corrected.threshold));
                FeatureDetection {
                    column,
                    is_drift: is_far && min_effect.is_none_or(|least| result.effect_size >= least),
                    statistic: result.statistic,
                    p_value: result.p_value,
                    threshold: Some(fixed.map_or(corrected.threshold, FixedThreshold::value)),
                    distance: result.statistic,
                    distance_threshold: fixed.and_then(FixedThreshold::of_distance).or(of_law),
                    effect_size: Some(result.effect_size),
                    explanation: explanation.map(Box::new),
                }
            })
            .collect()
    }

    /// Number of columns.
    pub(super) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// The same with the distances of a rule; `order_of` gives the rows of a column in their order where it needs them.
    fn measured_by<E>(
        mut self,
        rule: DistanceRule,
        order_of: impl Fn(usize, &ReferenceValues) -> Result<Order, E>,
    ) -> Result<Self, E> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            if !rule.measures(column.test) {
                continue;
            }
            let order = if rule.needs_order(column.test) { Some(order_of(index, &column.values)?) } else { None };
            column.distance = Some(match &column.values {
                ReferenceValues::Numeric(sample) => DistanceColumn::of_numbers(rule, column.test, index, sample, order),
                ReferenceValues::Categorical { counts, .. } => {
                    DistanceColumn::of_categories(rule, column.test, index, counts, order)
                }
            });
        }
        Ok(self)
    }

    /// Rows of the reference.
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// About what testing a window of so many rows takes, in nanoseconds.
    pub(super) fn cost_ns(&self, n_reference: usize, n_rows: usize) -> u64 {
        let sorting = 25 * n_rows.max(2).ilog2() as usize / 20;
        let of_a_column = 500 + 4 * n_reference + n_rows * (10 + sorting) + 50 * self.n_levels();
        let measured = self.columns.iter().filter_map(|column| column.distance.as_ref());
        let of_laws: usize = measured.map(|column| column.law_cost_ns(n_rows)).sum();
        let n_exact = self.columns.iter().filter(|column| column.test == ColumnTest::Kuiper).count();
        let of_exact = n_exact.saturating_mul(kuiper::cost_ns(n_reference.max(1), n_rows.max(1)));
        self.columns.len() as u64 * of_a_column as u64 + of_laws as u64 + of_exact as u64
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
        let result = ColumnResult { statistic: None, p_value: None, effect_size: 0.0 };
        Self { result, explanation: None, fixed: None, law: None }
    }

    fn of(measured: Measured, explanation: Option<Explanation>) -> Self {
        let Measured { result, fixed, law } = measured;
        Self { result, explanation, fixed, law }
    }
}

impl Explanation {
    pub(super) fn of(test: ColumnTest, reference: Summary, window: Summary) -> Self {
        Self {
            test,
            direction: None,
            reference,
            window,
            categories: Vec::new(),
            unseen: Vec::new(),
            vanished: Vec::new(),
            importance: None,
            words: Vec::new(),
        }
    }
}
