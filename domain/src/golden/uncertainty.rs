use super::{Case, numbers, width};
use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema};
use crate::detectors::{
    BatchSpec, ClassifierUncertaintySpec, ModelOutputs, RegressorUncertaintySpec, UncertaintyType, Window, entropies,
    fit_batch, narrow_margins, spreads,
};
use crate::ports::Silent;
use crate::test_pool::Threads;

/// The uncertainties of the reference, and the test of those of a batch.
pub(super) fn case(case: &Case) {
    let (outputs, n_outputs) = (numbers(case.input("model_out_ref")), width(case.input("model_out_ref")));
    let form = if case.params("preds_type") == "logits" { ModelOutputs::Logits } else { ModelOutputs::Probs };
    let uncertainties = match case.params("uncertainty_type").as_str() {
        Some("entropy") => entropies(&outputs, n_outputs, form),
        Some("margin") => {
            let width = case.params("margin_width").as_f64().expect("a width");
            narrow_margins(&outputs, n_outputs, form, width)
                .map(|are_narrow| are_narrow.into_iter().map(|is_narrow| f64::from(u8::from(is_narrow))).collect())
        }
        _ => spreads(&outputs, n_outputs),
    };
    case.check("uncertainty_ref", &uncertainties.expect("outputs of a model"));

    let spec = match case.params("uncertainty_type").as_str() {
        Some("entropy" | "margin") => BatchSpec::ClassifierUncertainty(ClassifierUncertaintySpec {
            p_val: 0.05,
            preds_type: form,
            uncertainty_type: match case.params("uncertainty_type").as_str() {
                Some("margin") => UncertaintyType::Margin,
                _ => UncertaintyType::Entropy,
            },
            margin_width: case.params("margin_width").as_f64().unwrap_or(0.1),
            min_effect: None,
            seed: 0,
        }),
        _ => BatchSpec::RegressorUncertainty(RegressorUncertaintySpec { p_val: 0.05, min_effect: None, seed: 0 }),
    };
    let column = |index: usize| ColumnSchema { name: format!("x{index}"), kind: ColumnType::Numeric };
    let schema = Schema { columns: (0..n_outputs).map(column).collect(), missing_values: MissingValues::Reject };
    let n_missing = vec![0; n_outputs];
    let frame = |rows: &[f64]| {
        let column = |column| rows.iter().skip(column).step_by(n_outputs).copied().collect::<Vec<f64>>();
        Frame::of((0..n_outputs).map(|index| Cells::Numeric(column(index).into())).collect())
    };
    let batch = numbers(case.input("model_out"));
    let (reference_cells, batch_cells) = (frame(&outputs), frame(&batch));
    let reference = Window { cells: &reference_cells, n_missing: &n_missing, encoded: &outputs, origins: &[] };
    let detector = fit_batch(&spec, &schema, &reference, &Threads(2), &Silent).expect("a reference");
    let window = Window { cells: &batch_cells, n_missing: &n_missing, encoded: &batch, origins: &[] };
    let detection = detector.test(&window, false, &Threads(2)).expect("a window");
    case.check("p_val", &[detection.p_value.expect("a p-value")]);
    case.check("distance", &[detection.distance.expect("a distance")]);
    case.check("is_drift", &[f64::from(u8::from(detection.is_drift))]);
}
