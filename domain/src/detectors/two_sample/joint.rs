//! Kinds that judge all columns together, with the columns one by one to explain what they see.

use super::classifier::shares;
use super::context_mmd::{ContextMmdReference, ContextMmdSpec};
use super::lsdd::{LsddReference, LsddSpec};
use super::mean_distance::MeanDistanceReference;
use super::mmd::{MmdBandwidth, MmdReference};
use super::{
    BatchDetector, BatchSpec, ClassifierArea, ClassifierTest, ClassifierTestSpec, ColumnTests, ContextMmdTestSpec,
    LsddTestSpec, MeanDistanceSpec, MmdTestSpec, SpotTheDiff, SpotTheDiffTestSpec, TestProblem, Window, WindowProblem,
};
use crate::data::{Schema, TensorError, Tensors};
use crate::detection::{Detection, FeatureDetection};
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Progress, Silent};
use crate::preprocess::Encoder;
use crate::statistics::correction::Correction;
use crate::statistics::permutation::PermutationTest;

/// The parameters of a kind that judges all columns together.
#[derive(Clone, Copy)]
pub(super) enum JointSpec<'s> {
    Mmd(&'s MmdTestSpec),
    MeanDistance(&'s MeanDistanceSpec),
    Lsdd(&'s LsddTestSpec),
    Classifier(&'s ClassifierTestSpec),
    SpotTheDiff(&'s SpotTheDiffTestSpec),
    ContextMmd(&'s ContextMmdTestSpec),
}

/// A kind that judges all columns together.
pub(super) struct JointDetector {
    test: JointTest,
    columns: ColumnTests,
    n_rows: usize,
    n_encoded: usize,
}

/// The test, and the reference as it needs it.
enum JointTest {
    Mmd(MmdTestSpec, MmdReference),
    MeanDistance(MeanDistanceSpec, MeanDistanceReference),
    Lsdd(LsddTestSpec, Box<LsddReference>),
    Classifier(ClassifierTestSpec, ClassifierTest),
    SpotTheDiff(SpotTheDiffTestSpec, SpotTheDiff),
    /// With which numbers of an encoded row are of the context.
    ContextMmd(ContextMmdTestSpec, Box<ContextMmdReference>, Vec<bool>),
}

/// What Evidently holds squared discrepancies against.
const EVIDENTLY_MMD: f64 = 0.015;
/// Larger numbers are not moderate: a distance of some of them overflows.
const MODERATE_MAX: f64 = 1e100;

/// What a test says of all columns together.
struct JointVerdict {
    distance: f64,
    /// None where a fixed threshold is kept instead of a significance.
    p_value: Option<f64>,
    distance_threshold: Option<f64>,
    is_beyond: bool,
    effect_size: f64,
    /// Of encoded columns.
    importances: Option<Vec<f64>>,
}

impl JointDetector {
    pub(super) fn fit(
        spec: JointSpec<'_>,
        schema: &Schema,
        reference: &Window<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let n_rows = reference.cells.n_rows();
        let n_encoded = reference.encoded.len().checked_div(n_rows).unwrap_or(0);
        let rows = reference.encoded;
        let too_few = |_| FitProblem::TooFewReferenceRows { expected: 2, actual: n_rows };
        let test = match spec {
            JointSpec::Mmd(spec) => {
                let bandwidth = if spec.preset.is_some() {
                    MmdBandwidth::OfEachTest
                } else if !spec.sigma.is_empty() {
                    MmdBandwidth::Given(spec.sigma.clone())
                } else if spec.configure_kernel_from_x_ref {
                    MmdBandwidth::OfReference
                } else {
                    MmdBandwidth::OfEachTest
                };
                JointTest::Mmd(spec.clone(), MmdReference::fit(rows, n_encoded, bandwidth, pool, progress)?)
            }
            JointSpec::MeanDistance(spec) => {
                let is_permuted = spec.fixed_threshold().is_none();
                let reference = MeanDistanceReference::fit(spec.metric, rows, n_encoded, is_permuted)?;
                JointTest::MeanDistance(spec.clone(), reference)
            }
            JointSpec::Lsdd(spec) => {
                let LsddTestSpec { sigma, n_kernel_centers, lambda_rd_max, seed, .. } = spec.clone();
                let fit = LsddSpec { sigma, n_kernel_centers, lambda_rd_max, seed };
                let reference = LsddReference::fit(&fit, rows, n_encoded, pool, progress)?;
                JointTest::Lsdd(spec.clone(), Box::new(reference))
            }
            JointSpec::Classifier(spec) => {
                let test = ClassifierTest::new(rows.to_vec(), n_encoded).map_err(too_few)?;
                JointTest::Classifier(spec.clone(), test)
            }
            JointSpec::SpotTheDiff(spec) => {
                let test = SpotTheDiff::new(rows.to_vec(), n_encoded).map_err(too_few)?;
                JointTest::SpotTheDiff(spec.clone(), test)
            }
            JointSpec::ContextMmd(spec) => {
                if rows.iter().any(|value| value.abs() > MODERATE_MAX) {
                    return Err(FitProblem::Overflow);
                }
                let is_context = of_context(spec, schema, reference.origins);
                let (rows, contexts) = parted(rows, &is_context);
                let n_context = is_context.iter().filter(|is_context| **is_context).count();
                let fit = ContextMmdSpec {
                    sigma: spec.sigma.clone(),
                    context_sigma: spec.context_sigma.clone(),
                    held_out: spec.prop_c_held,
                };
                let reference =
                    ContextMmdReference::fit(&fit, &rows, is_context.len() - n_context, &contexts, n_context)?;
                JointTest::ContextMmd(spec.clone(), Box::new(reference), is_context)
            }
        };
        let columns = ColumnTests::suiting(schema, reference, pool, progress)?;
        Ok(Self { test, columns, n_rows, n_encoded })
    }

    pub(super) fn restore(
        spec: JointSpec<'_>,
        schema: &Schema,
        tensors: &Tensors,
        encoder: &Encoder,
    ) -> Result<Self, TensorError> {
        let n_encoded = encoder.width();
        let rows = || -> Result<Vec<f64>, TensorError> {
            let rows = tensors.f64s(ROWS)?;
            let invalid = |reason: &str| TensorError::Value { name: ROWS.to_owned(), reason: reason.to_owned() };
            if n_encoded == 0 || rows.len() % n_encoded != 0 || !rows.iter().all(|value| value.is_finite()) {
                return Err(invalid("these are no rows of these columns"));
            }
            Ok(rows.to_vec())
        };
        let too_few = |_| TensorError::Value { name: ROWS.to_owned(), reason: "too few rows".to_owned() };
        let test = match spec {
            JointSpec::Mmd(spec) => JointTest::Mmd(spec.clone(), MmdReference::from_tensors(tensors, n_encoded)?),
            JointSpec::MeanDistance(spec) => {
                let is_permuted = spec.fixed_threshold().is_none();
                let reference = MeanDistanceReference::from_tensors(spec.metric, tensors, n_encoded, is_permuted)?;
                JointTest::MeanDistance(spec.clone(), reference)
            }
            JointSpec::Lsdd(spec) => {
                JointTest::Lsdd(spec.clone(), Box::new(LsddReference::from_tensors(tensors, n_encoded)?))
            }
            JointSpec::Classifier(spec) => {
                JointTest::Classifier(spec.clone(), ClassifierTest::new(rows()?, n_encoded).map_err(too_few)?)
            }
            JointSpec::SpotTheDiff(spec) => {
                JointTest::SpotTheDiff(spec.clone(), SpotTheDiff::new(rows()?, n_encoded).map_err(too_few)?)
            }
            JointSpec::ContextMmd(spec) => {
                let is_context = of_context(spec, schema, &encoder.origins());
                let n_context = is_context.iter().filter(|is_context| **is_context).count();
                let n_columns = is_context.len() - n_context;
                if n_context == 0 || n_columns == 0 {
                    let reason = "the configuration has no context, or nothing else".to_owned();
                    return Err(TensorError::Value { name: "contexts".to_owned(), reason });
                }
                let reference = ContextMmdReference::from_tensors(tensors, n_columns, n_context)?;
                JointTest::ContextMmd(spec.clone(), Box::new(reference), is_context)
            }
        };
        let columns = ColumnTests::restore_suiting(schema, tensors)?;
        let n_rows = columns.n_rows();
        Ok(Self { test, columns, n_rows, n_encoded })
    }

    fn judge(&self, rows: &[f64], pool: &dyn CpuPool) -> Result<JointVerdict, WindowProblem> {
        let problem = |problem: &dyn std::fmt::Display| WindowProblem(problem.to_string());
        // Nobody cancels the test of a window: its rows are fed whatever becomes of the client.
        let cancelled = || WindowProblem("the test was cancelled".to_owned());
        match &self.test {
            JointTest::Mmd(spec, reference) if spec.preset.is_some() => {
                let distance =
                    reference.statistic_of_evidently(rows, pool, &Silent).map_err(|error| problem(&error))?;
                let threshold = spec.threshold.unwrap_or(EVIDENTLY_MMD);
                Ok(above(distance, threshold, distance.sqrt().min(1.0), None))
            }
            JointTest::Mmd(spec, reference) => {
                let permutations = spec.permutations();
                let test = reference.test(rows, &permutations, pool, &Silent);
                test.map(|test| permuted(test, permutations.level)).map_err(|error| problem(&error))
            }
            JointTest::MeanDistance(spec, reference) => {
                let importances = reference.contributions(rows).map(|contributions| shares(&contributions));
                if let Some(threshold) = spec.fixed_threshold() {
                    let distance = reference.distance(rows);
                    if !distance.is_finite() {
                        return Err(problem(&TestProblem::Overflow));
                    }
                    return Ok(above(distance, threshold, reference.effect_size(distance), importances));
                }
                let permutations = spec.permutations();
                let test = reference.test(rows, &permutations, pool, &Silent).map_err(|error| problem(&error))?;
                let effect_size = reference.effect_size(test.distance);
                Ok(JointVerdict { effect_size, importances, ..permuted(test, permutations.level) })
            }
            JointTest::Lsdd(spec, reference) => {
                let permutations = spec.permutations();
                let test = reference.test(rows, &permutations, pool, &Silent);
                test.map(|test| permuted(test, permutations.level)).map_err(|error| problem(&error))
            }
            JointTest::Classifier(ClassifierTestSpec { preset: Some(preset), threshold, .. }, test) => {
                let found = test.area(rows, *preset, pool, &Silent).map_err(|error| problem(&error))?;
                let found = found.ok_or_else(cancelled)?;
                Ok(of_area(ClassifierArea { upper: threshold.unwrap_or(found.upper), ..found }))
            }
            JointTest::Classifier(spec, test) => {
                let outcome = test.test(rows, &spec.settings, spec.seed, Some(spec.fold_permutations()), pool, &Silent);
                let outcome = outcome.map_err(|error| problem(&error))?.ok_or_else(cancelled)?;
                Ok(learnt(outcome.distance, outcome.p_value, spec.p_val, outcome.importances))
            }
            JointTest::SpotTheDiff(spec, test) => {
                let outcome = test.test(rows, &spec.settings, spec.seed, Some(spec.fold_permutations()), pool, &Silent);
                let outcome = outcome.map_err(|error| problem(&error))?.ok_or_else(cancelled)?;
                Ok(learnt(outcome.distance, outcome.p_value, spec.p_val, outcome.importances))
            }
            JointTest::ContextMmd(spec, reference, is_context) => {
                // Squares of larger ones leave the range of numbers, and decompositions do not end then.
                if rows.iter().any(|value| value.abs() > MODERATE_MAX) {
                    return Err(problem(&TestProblem::Overflow));
                }
                let (rows, contexts) = parted(rows, is_context);
                let permutations = spec.permutations();
                let outcome = reference.test(&rows, &contexts, &permutations, pool, &Silent);
                outcome.map(|outcome| permuted(outcome.test, permutations.level)).map_err(|error| problem(&error))
            }
        }
    }
}

/// Which numbers of an encoded row are of the context.
fn of_context(spec: &ContextMmdTestSpec, schema: &Schema, origins: &[usize]) -> Vec<bool> {
    let is_context = |column: &usize| spec.context_columns.contains(&schema.columns[*column].name);
    origins.iter().map(is_context).collect()
}

/// Rows without their contexts, and the contexts, both row-major.
fn parted(rows: &[f64], is_context: &[bool]) -> (Vec<f64>, Vec<f64>) {
    let (mut own, mut contexts) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows.chunks_exact(is_context.len().max(1)) {
        for (value, is_context) in row.iter().zip(is_context) {
            if *is_context { contexts.push(*value) } else { own.push(*value) }
        }
    }
    (own, contexts)
}

/// The rows of a reference, encoded.
const ROWS: &str = "rows";

impl BatchDetector for JointDetector {
    fn test(&self, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> Result<Detection, WindowProblem> {
        let verdict = self.judge(window.encoded, pool)?;
        let spec = self.spec();
        let p_val = spec.p_val();
        let mut features = Vec::new();
        if explain {
            features = self.columns.features(window, Correction::Bonferroni, p_val, pool);
            if let Some(importances) = &verdict.importances {
                share_out(importances, window.origins, &mut features);
            }
        }
        let counts = spec.min_effect().is_none_or(|least| verdict.effect_size >= least);
        Ok(Detection {
            is_drift: verdict.is_beyond && counts,
            rows: window.cells.n_rows() as u64,
            statistic: Some(verdict.distance),
            threshold: if verdict.p_value.is_some() { Some(p_val) } else { verdict.distance_threshold },
            p_value: verdict.p_value,
            distance: Some(verdict.distance),
            distance_threshold: verdict.distance_threshold,
            effect_size: Some(verdict.effect_size),
            features,
            ..Detection::default()
        })
    }

    fn save(&self) -> Tensors {
        let mut tensors = match &self.test {
            JointTest::Mmd(_, reference) => reference.to_tensors(),
            JointTest::MeanDistance(_, reference) => reference.to_tensors(),
            JointTest::Lsdd(_, reference) => reference.to_tensors(),
            JointTest::Classifier(_, test) => rows_tensor(test.reference(), self.n_encoded),
            JointTest::SpotTheDiff(_, test) => rows_tensor(test.reference(), self.n_encoded),
            JointTest::ContextMmd(_, reference, _) => reference.to_tensors(),
        };
        self.columns.save(&mut tensors);
        tensors
    }

    fn spec(&self) -> BatchSpec {
        match &self.test {
            JointTest::Mmd(spec, reference) => {
                BatchSpec::Mmd(MmdTestSpec { sigma: reference.sigma().to_vec(), ..spec.clone() })
            }
            JointTest::MeanDistance(spec, _) => BatchSpec::MeanDistance(spec.clone()),
            JointTest::Lsdd(spec, reference) => {
                BatchSpec::Lsdd(LsddTestSpec { sigma: reference.sigma().to_vec(), ..spec.clone() })
            }
            JointTest::Classifier(spec, _) => BatchSpec::Classifier(spec.clone()),
            JointTest::SpotTheDiff(spec, _) => BatchSpec::SpotTheDiff(spec.clone()),
            JointTest::ContextMmd(spec, _, _) => BatchSpec::ContextMmd(spec.clone()),
        }
    }

    fn n_reference_rows(&self) -> usize {
        self.n_rows
    }

    fn test_cost_ns(&self, n_reference: usize, n_rows: usize) -> u64 {
        let (n, d) = (n_reference as u64 + n_rows as u64, self.n_encoded as u64);
        let pairs = n.saturating_mul(n);
        let joint = match &self.test {
            JointTest::MeanDistance(spec, _) if spec.fixed_threshold().is_some() => 2 * n_rows as u64 * d,
            JointTest::MeanDistance(spec, _) => {
                let p = spec.n_permutations as u64;
                let drawn = (n_reference.min(n_rows) as u64).saturating_mul(10 * p);
                n.saturating_mul(2 + p / 16).saturating_mul(d).saturating_add(drawn)
            }
            JointTest::Mmd(spec, _) => {
                let n_permutations = if spec.preset.is_some() { 0 } else { spec.n_permutations as u64 };
                let per_pair = (8 + d + n_permutations / 8) / 4;
                (pairs / 2).saturating_mul(1 + per_pair)
            }
            JointTest::Lsdd(spec, _) => {
                let centers = spec.n_kernel_centers as u64;
                (n * centers).saturating_mul(5 + d + spec.n_permutations as u64 / 8)
            }
            // Few windows are near the level, and of those most end early: a quarter of the permutations is more than most take.
            JointTest::Classifier(spec, _) => {
                (1 + spec.n_permutations as u64 / 4).saturating_mul(spec.settings.cost_ns(n, d))
            }
            JointTest::SpotTheDiff(spec, _) => {
                (1 + spec.n_permutations as u64 / 4).saturating_mul(spec.settings.cost_ns(n, d))
            }
            JointTest::ContextMmd(spec, _, _) => pairs.saturating_mul(d + 6 * spec.n_permutations as u64),
        };
        joint.saturating_add(self.columns.cost_ns(n_reference, n_rows))
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        let (n, d) = (n_reference as u64, self.n_encoded as u64);
        let joint = match &self.test {
            // Bandwidths are known.
            JointTest::Mmd(..)
            | JointTest::MeanDistance(..)
            | JointTest::Classifier(..)
            | JointTest::SpotTheDiff(..)
            | JointTest::ContextMmd(..) => 4 * n * d,
            JointTest::Lsdd(spec, _) => {
                let centers = spec.n_kernel_centers as u64;
                20 * n * d + 5 * centers * centers * centers
            }
        };
        joint.saturating_add(self.columns.fit_cost_ns(n_reference))
    }
}

fn rows_tensor(rows: &[f64], n_columns: usize) -> Tensors {
    let mut tensors = Tensors::new();
    tensors.insert_rows(ROWS, rows.len().checked_div(n_columns).unwrap_or(0), rows.to_vec());
    tensors
}

/// The verdict of permutations on a squared discrepancy.
fn permuted(test: PermutationTest, level: f64) -> JointVerdict {
    JointVerdict {
        distance: test.distance,
        p_value: Some(test.p_value),
        distance_threshold: Some(test.distance_threshold),
        is_beyond: test.p_value < level,
        effect_size: test.distance.max(0.0).sqrt(),
        importances: None,
    }
}

/// The verdict of a fixed threshold.
fn above(distance: f64, threshold: f64, effect_size: f64, importances: Option<Vec<f64>>) -> JointVerdict {
    let (distance_threshold, is_beyond) = (Some(threshold), distance > threshold);
    JointVerdict { distance, p_value: None, distance_threshold, is_beyond, effect_size, importances }
}

/// The verdict of a library's classifier: how far it is from guessing is the effect.
fn of_area(found: ClassifierArea) -> JointVerdict {
    let is_below = found.lower.is_some_and(|lower| found.area < lower);
    JointVerdict {
        distance: found.area,
        p_value: None,
        distance_threshold: Some(if is_below { found.lower.unwrap_or_default() } else { found.upper }),
        is_beyond: found.is_beyond(),
        effect_size: (2.0 * found.area - 1.0).abs(),
        importances: Some(found.importances),
    }
}

/// The verdict of a model that was trained to tell window from reference: how well it does is the effect, too.
fn learnt(distance: f64, p_value: f64, level: f64, importances: Vec<f64>) -> JointVerdict {
    JointVerdict {
        distance,
        p_value: Some(p_value),
        distance_threshold: None,
        is_beyond: p_value < level,
        effect_size: distance,
        importances: Some(importances),
    }
}

/// Gives each column of the schema the importances of the numbers that it is encoded in; none where those are mixed.
pub(super) fn share_out(importances: &[f64], origins: &[usize], features: &mut [FeatureDetection]) {
    if origins.len() != importances.len() {
        return;
    }
    for feature in features {
        let column = feature.column;
        let of_column = importances.iter().zip(origins).filter(|(_, origin)| **origin == column);
        if let Some(explanation) = &mut feature.explanation {
            explanation.importance = Some(of_column.map(|(importance, _)| importance).sum());
        }
    }
}
