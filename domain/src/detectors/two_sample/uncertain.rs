//! Kinds that judge how uncertain a model is, from its outputs: a test of one column that is computed from all.

use super::columns::ColumnVerdict;
use super::{
    BatchDetector, BatchSpec, ClassifierUncertaintySpec, ColumnTest, ColumnTests, UncertaintyProblem, UncertaintyType,
    Window, WindowProblem, entropies, narrow_margins, spreads,
};
use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema, TensorError, Tensors};
use crate::detection::Detection;
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Progress};
use crate::statistics::alternative::Alternative;

/// A kind that judges the uncertainty of a model.
pub(super) struct UncertaintyDetector {
    spec: BatchSpec,
    /// The uncertainties of the reference.
    uncertainty: ColumnTests,
}

impl UncertaintyDetector {
    pub(super) fn fit(
        spec: &BatchSpec,
        reference: &Window<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let uncertainties = uncertainties(spec, reference).map_err(FitProblem::Uncertainty)?;
        let frame = Frame::of(vec![uncertainties]);
        let window = Window { cells: &frame, n_missing: &[0], encoded: &[], origins: &[] };
        let (schema, tests) = (schema(spec), [test(spec)]);
        let uncertainty = ColumnTests::fit(&tests, Alternative::TwoSided, &schema, &window, pool, progress)?;
        Ok(Self { spec: spec.clone(), uncertainty })
    }

    pub(super) fn restore(spec: &BatchSpec, tensors: &Tensors) -> Result<Self, TensorError> {
        let uncertainty = ColumnTests::restore(&[test(spec)], Alternative::TwoSided, &schema(spec), tensors)?;
        Ok(Self { spec: spec.clone(), uncertainty })
    }
}

/// One column: the uncertainty.
fn schema(spec: &BatchSpec) -> Schema {
    let kind = match test(spec) {
        ColumnTest::ChiSquare => {
            let categories = vec!["narrow".to_owned(), "wide".to_owned()];
            ColumnType::Categorical { categories, is_numeric: false }
        }
        _ => ColumnType::Numeric,
    };
    Schema {
        columns: vec![ColumnSchema { name: "uncertainty".to_owned(), kind }],
        missing_values: MissingValues::Reject,
    }
}

fn test(spec: &BatchSpec) -> ColumnTest {
    match spec {
        BatchSpec::ClassifierUncertainty(ClassifierUncertaintySpec {
            uncertainty_type: UncertaintyType::Margin,
            ..
        }) => ColumnTest::ChiSquare,
        _ => ColumnTest::Ks,
    }
}

/// The uncertainty of each row of outputs.
fn uncertainties(spec: &BatchSpec, rows: &Window<'_>) -> Result<Cells<'static>, UncertaintyProblem> {
    let n_columns = rows.cells.columns().len();
    match spec {
        BatchSpec::ClassifierUncertainty(spec) => match spec.uncertainty_type {
            UncertaintyType::Entropy => Ok(Cells::Numeric(entropies(rows.encoded, n_columns, spec.preds_type)?.into())),
            UncertaintyType::Margin => {
                let narrow = narrow_margins(rows.encoded, n_columns, spec.preds_type, spec.margin_width)?;
                let codes = narrow.iter().map(|is_narrow| u32::from(!is_narrow)).collect();
                Ok(Cells::Categorical { codes, n_categories: 2, unseen: Vec::new() })
            }
        },
        _ => Ok(Cells::Numeric(spreads(rows.encoded, n_columns)?.into())),
    }
}

impl BatchDetector for UncertaintyDetector {
    fn checks_rows(&self) -> bool {
        true
    }

    fn check(&self, rows: &Window<'_>) -> Result<(), WindowProblem> {
        uncertainties(&self.spec, rows).map(drop).map_err(|problem| WindowProblem(problem.to_string()))
    }

    fn test(&self, window: &Window<'_>, _explain: bool, pool: &dyn CpuPool) -> Result<Detection, WindowProblem> {
        let uncertainties = uncertainties(&self.spec, window).map_err(|problem| WindowProblem(problem.to_string()))?;
        let frame = Frame::of(vec![uncertainties]);
        let window = Window { cells: &frame, n_missing: &[0], encoded: &[], origins: &[] };
        let verdicts = self.uncertainty.test(&window, false, pool);
        let Some(ColumnVerdict { result, .. }) = verdicts.into_iter().next() else { return Ok(Detection::default()) };
        let counts = self.spec.min_effect().is_none_or(|least| result.effect_size >= least);
        Ok(Detection {
            is_drift: result.p_value.is_some_and(|p_value| p_value < self.spec.p_val()) && counts,
            rows: frame.n_rows() as u64,
            statistic: result.statistic,
            threshold: Some(self.spec.p_val()),
            p_value: result.p_value,
            distance: result.statistic,
            effect_size: Some(result.effect_size),
            ..Detection::default()
        })
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.uncertainty.save(&mut tensors);
        tensors
    }

    fn spec(&self) -> BatchSpec {
        self.spec.clone()
    }

    fn n_reference_rows(&self) -> usize {
        self.uncertainty.n_rows()
    }

    fn test_cost_ns(&self, n_reference: usize, n_rows: usize) -> u64 {
        // A logarithm or two for each of some classes.
        self.uncertainty.cost_ns(n_reference, n_rows) + 100 * n_rows as u64
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        self.uncertainty.fit_cost_ns(n_reference) + 100 * n_reference as u64
    }
}
