use super::{Case, numbers, width};
use crate::detectors::{ModelOutputs, entropies, narrow_margins, spreads};

/// The uncertainties of the reference; the tests of them have golden values of their own.
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
}
