use super::{Case, cases, distributions, integers, numbers, width};
use crate::detectors::{
    ClassifierModel, ClassifierOutcome, ClassifierSettings, ClassifierTest, Validation, prediction_test,
};
use crate::ports::Silent;
use crate::test_pool::Threads;

pub(super) fn case(case: &Case) {
    match case.kind() {
        "function" => test_of_predictions(case),
        "detector" => folds(case),
        _ => single_splits(case),
    }
}

fn binarize_preds(case: &Case) -> bool {
    case.params("binarize_preds").as_bool().expect("a choice")
}

fn test_of_predictions(case: &Case) {
    let (mut reference, mut window) = (Vec::new(), Vec::new());
    for (label, probability) in integers(case.input("y")).into_iter().zip(numbers(case.input("prob_of_test"))) {
        if label == 0 { reference.push(probability) } else { window.push(probability) }
    }
    let test = if binarize_preds(case) { prediction_test::of_labels } else { prediction_test::of_probabilities };
    let found = test(&reference, &window);
    case.check("p_val", &[found.p_value]);
    case.check("distance", &[found.distance]);
}

fn settings(case: &Case, validation: Validation) -> ClassifierSettings {
    ClassifierSettings {
        model: ClassifierModel::LogisticRegression,
        validation,
        binarize_preds: binarize_preds(case),
        calibrated: false,
    }
}

fn folds(case: &Case) {
    let test = ClassifierTest::new(numbers(case.input("x_ref")), width(case.input("x_ref"))).expect("rows enough");
    let window = numbers(case.input("x"));
    let held_out: Vec<Vec<usize>> = case.input("test_folds").as_array().expect("lists").iter().map(integers).collect();
    let settings = settings(case, Validation::NFolds(held_out.len()));
    let outcome = test.test_with_held_out(&window, &settings, &held_out, &Threads(2));
    // The case has one tolerance for the probabilities of both, none for the p-value, and wide ones, as the library stops
    // its solver early.
    case.check_within("probs_ref", "probs", &outcome.reference.probabilities);
    case.check_within("probs_test", "probs", &outcome.window.probabilities);
    case.check("distance", &[outcome.distance]);
    case.check("is_drift", &[f64::from(u8::from(outcome.p_value < 0.05))]);
}

fn single_splits(case: &Case) {
    let of_case = case.input("same_input_as_case").as_str().expect("another case");
    let all = cases("classifier.json");
    let with_rows = all.iter().find(|other| other.id() == of_case).expect("that case");
    let reference = with_rows.input("x_ref");
    let test = ClassifierTest::new(numbers(reference), width(reference)).expect("rows enough");
    let window = numbers(with_rows.input("x"));
    let settings = settings(case, Validation::TrainSize(case.params("train_size").as_f64().expect("a share")));
    let outcome = |seed| -> ClassifierOutcome {
        test.test(&window, &settings, seed, None, &Threads(2), &Silent).expect("rows enough").expect("nobody cancels")
    };
    let p_values: Vec<f64> = (0..100).map(|seed| outcome(seed).p_value).collect();
    distributions::check_summary(case, "p_val", &p_values);
}
