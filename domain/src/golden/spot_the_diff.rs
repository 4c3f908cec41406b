use super::{Case, integers, numbers, width};
use crate::detectors::{SpotTheDiff, SpotTheDiffModel, SpotTheDiffOutcome, SpotTheDiffSettings, Validation};
use crate::ports::Silent;
use crate::test_pool::Threads;

pub(super) fn case(case: &Case) {
    if case.kind() == "function" { loss(case) } else { seeds(case) }
}

fn number(case: &Case, name: &str) -> f64 {
    case.params(name).as_f64().expect("a number")
}

fn loss(case: &Case) {
    let x = numbers(case.input("x"));
    let labels = integers(case.input("labels"));
    let rows = || x.chunks_exact(width(case.input("x"))).zip(labels.iter().map(|label| *label == 1));
    let model = SpotTheDiffModel {
        mean: numbers(case.input("ref_mean")),
        differences: numbers(case.input("diffs")),
        coefficients: numbers(case.input("coeffs")),
        bias: numbers(case.input("bias"))[0],
        log_sigma: number(case, "sigma").ln(),
    };
    // The library's logits are (-z, z).
    let logits = rows().flat_map(|(x, _)| {
        let probability = model.probability(x);
        let z = 0.5 * (probability / (1.0 - probability)).ln();
        [-z, z]
    });
    case.check("logits", &logits.collect::<Vec<f64>>());
    let l1_reg = number(case, "l1_reg");
    case.check("loss", &[model.loss(rows(), l1_reg)]);
    let gradient = model.gradient(rows(), l1_reg);
    case.check("grad_diffs", &gradient.differences);
    case.check("grad_coeffs", &gradient.coefficients);
    case.check("grad_bias", &[gradient.bias]);
    case.check("grad_log_sigma", &[gradient.log_sigma]);
}

/// The case asks for the library's verdict in nine of ten seeds.
fn seeds(case: &Case) {
    let count = |name: &str| integers(&serde_json::json!([case.params(name)]))[0];
    let settings = SpotTheDiffSettings {
        n_diffs: count("n_diffs"),
        l1_reg: number(case, "l1_reg"),
        validation: Validation::NFolds(count("n_folds")),
        binarize_preds: false,
        learning_rate: number(case, "learning_rate"),
        epochs: count("epochs"),
        batch_size: count("batch_size"),
    };
    let test = SpotTheDiff::new(numbers(case.input("x_ref")), width(case.input("x_ref"))).expect("rows enough");
    let window = numbers(case.input("x"));
    let outcome = |seed| -> SpotTheDiffOutcome {
        test.test(&window, &settings, seed, None, &Threads(2), &Silent).expect("rows enough").expect("nobody cancels")
    };
    let outcomes: Vec<SpotTheDiffOutcome> = (0..10).map(outcome).collect();
    let n_drift = outcomes.iter().filter(|outcome| outcome.p_value < 0.05).count();
    let is_drift = case.expected("n_drift_of_10") == 10;
    assert!(if is_drift { n_drift >= 9 } else { n_drift <= 1 }, "{}: {n_drift}", case.id());
    if is_drift {
        let shift = numbers(case.params("true_shift"));
        let cosines: Vec<f64> = outcomes.iter().map(|outcome| cosine_of_signed_difference(outcome, &shift)).collect();
        assert!(cosines.iter().filter(|cosine| **cosine > 0.9).count() >= 9, "{}: {cosines:?}", case.id());
    }
}

fn cosine_of_signed_difference(outcome: &SpotTheDiffOutcome, shift: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| x * y).sum() };
    let difference = &outcome.differences;
    let size = (dot(difference, difference) * dot(shift, shift)).sqrt();
    outcome.coefficients[0].signum() * dot(difference, shift) / size
}
