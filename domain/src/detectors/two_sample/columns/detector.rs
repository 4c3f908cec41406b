//! The kinds that judge columns.

use super::stored::order_of;
use super::{ColumnTests, ColumnsSpec};
use crate::data::{Cells, ColumnType, Schema, TensorError, Tensors};
use crate::detection::{Detection, FeatureDetection};
use crate::detectors::FitProblem;
use crate::detectors::two_sample::distance::{DistanceRule, Order};
use crate::detectors::two_sample::{BatchDetector, BatchSpec, ColumnTest, Window, WindowProblem};
use crate::ports::{CpuPool, Progress};
use crate::statistics::correction::Correction;

/// A kind that judges columns.
pub(in super::super) struct ColumnsDetector {
    spec: BatchSpec,
    p_val: f64,
    correction: Correction,
    min_effect: Option<f64>,
    drift_share: Option<f64>,
    tests: ColumnTests,
}

impl ColumnsDetector {
    pub(in super::super) fn fit(
        spec: &BatchSpec,
        columns: &ColumnsSpec,
        schema: &Schema,
        reference: &Window<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let alternative = columns.alternative.unwrap_or_default();
        let tests = ColumnTests::fit(&tests_of(spec, schema), alternative, schema, reference, pool, progress)?;
        let tests = tests.measured_by(DistanceRule::of(columns), |index, _| {
            Ok::<Order, FitProblem>(match &reference.cells.columns()[index] {
                Cells::Numeric(values) => Order::Numbers(values.to_vec()),
                Cells::Categorical { codes, .. } => Order::Levels(codes.clone()),
            })
        })?;
        Ok(Self::of(spec, columns, tests))
    }

    pub(in super::super) fn restore(
        spec: &BatchSpec,
        columns: &ColumnsSpec,
        schema: &Schema,
        tensors: &Tensors,
    ) -> Result<Self, TensorError> {
        let tests = tests_of(spec, schema);
        // A preset holds the first of several categories against the others.
        let takes = |test: &ColumnTest, kind: &ColumnType| {
            let is_of_preset = *test == ColumnTest::ZTest && columns.preset.is_some();
            test.takes(kind) || (is_of_preset && *kind != ColumnType::Numeric)
        };
        if let Some((column, _)) = schema.columns.iter().zip(&tests).find(|(column, test)| !takes(test, &column.kind)) {
            let reason = format!("no fit gives the column `{}` such a test", column.name);
            return Err(TensorError::Value { name: "columns".to_owned(), reason });
        }
        let tests = ColumnTests::restore(&tests, columns.alternative.unwrap_or_default(), schema, tensors)?;
        let n_rows = tests.n_rows;
        let tests =
            tests.measured_by(DistanceRule::of(columns), |index, values| order_of(index, values, n_rows, tensors))?;
        Ok(Self::of(spec, columns, tests))
    }

    fn of(spec: &BatchSpec, columns: &ColumnsSpec, tests: ColumnTests) -> Self {
        let ColumnsSpec { p_val, correction, min_effect, drift_share, .. } = *columns;
        Self { spec: spec.clone(), p_val, correction, min_effect, drift_share, tests }
    }

    /// Whether the columns that drift are enough for the table.
    fn is_drift(&self, features: &[FeatureDetection]) -> bool {
        let n_drifting = features.iter().filter(|feature| feature.is_drift).count();
        let n_judged =
            features.iter().filter(|feature| feature.statistic.is_some() || feature.p_value.is_some()).count();
        match self.drift_share {
            None => n_drifting > 0,
            Some(share) => n_drifting > 0 && n_drifting as f64 >= share * n_judged as f64,
        }
    }
}

fn tests_of(spec: &BatchSpec, schema: &Schema) -> Vec<ColumnTest> {
    schema.columns.iter().map(|column| spec.test_of(&column.name, &column.kind)).collect()
}

impl BatchDetector for ColumnsDetector {
    fn test(&self, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> Result<Detection, WindowProblem> {
        let verdicts = self.tests.test(window, explain, pool);
        let features = ColumnTests::judged(verdicts, self.correction, self.p_val, self.min_effect);
        // The column with the smallest p-value speaks for all; of several, the one that moved most.
        let key = |feature: &FeatureDetection| {
            // Without p-values: the one that is furthest beyond its threshold.
            let measured = feature.distance.filter(|distance| *distance > 0.0);
            let beyond = measured.zip(feature.distance_threshold).map(|(distance, threshold)| threshold / distance);
            (feature.p_value.or(beyond).unwrap_or(f64::INFINITY), feature.effect_size)
        };
        let speaking = features.iter().min_by(|a, b| {
            let ((p, effect), (other_p, other_effect)) = (key(a), key(b));
            p.total_cmp(&other_p).then(other_effect.unwrap_or(0.0).total_cmp(&effect.unwrap_or(0.0)))
        });
        Ok(Detection {
            is_drift: self.is_drift(&features),
            rows: window.cells.n_rows() as u64,
            statistic: speaking.and_then(|feature| feature.statistic),
            threshold: speaking.and_then(|feature| feature.threshold),
            p_value: speaking.and_then(|feature| feature.p_value),
            distance: speaking.and_then(|feature| feature.distance),
            distance_threshold: speaking.and_then(|feature| feature.distance_threshold),
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
