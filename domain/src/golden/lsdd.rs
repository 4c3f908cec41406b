use super::{Case, cases, distributions, integers, number, numbers, width, with_id};
use crate::detectors::two_sample::lsdd::{LsddReference, LsddSpec};
use crate::ports::Silent;
use crate::statistics::permutation::{Assignments, PValueRule, PermutationSpec};
use crate::test_pool::Threads;

fn spec(case: &Case, n_rows: usize, seed: u64) -> LsddSpec {
    let sigma = case.params("sigma");
    let centers = case.params("n_kernel_centers").as_u64().map(|n| usize::try_from(n).expect("small"));
    LsddSpec {
        sigma: if sigma.is_null() { Vec::new() } else { numbers(sigma) },
        n_kernel_centers: centers.unwrap_or(LsddSpec::n_kernel_centers_of(n_rows)),
        lambda_rd_max: case.params("lambda_rd_max").as_f64().unwrap_or(0.2),
        seed,
    }
}

fn permutations(case: &Case, n_permutations: usize, seed: u64) -> PermutationSpec {
    let level = case.params("p_val").as_f64().unwrap_or(0.05);
    PermutationSpec { n_permutations, level, rule: PValueRule::Library, seed }
}

pub(super) fn case(case: &Case) {
    match case.kind() {
        "replay" => replay(case),
        _ => distribution(case),
    }
}

fn replay(case: &Case) {
    let d = width(case.input("x_ref"));
    let (reference, window) = (numbers(case.input("x_ref")), numbers(case.input("x")));
    let order = integers(case.input("center_permutation"));
    let spec = spec(case, order.len(), 0);
    let fitted = LsddReference::fit_with_order(&spec, &reference, d, &order, &Threads(2), &Silent).expect("a fit");
    case.check("sigma_used", fitted.sigma());

    let orders: Vec<Vec<usize>> =
        case.input("permutations").as_array().expect("permutations").iter().map(integers).collect();
    let n_effective = order.len() - spec.n_kernel_centers;
    let assignments = Assignments::of_orders(n_effective, window.len() / d, &orders);
    let differences = fitted.differences(&window, &assignments, &Threads(2), &Silent).expect("differences");
    case.check("h_first", &fitted.kernels_of(differences.observed()));
    let lambda = differences.choose_lambda(spec.lambda_rd_max).expect("a regulariser");
    case.check("lambda", &[lambda]);
    case.check("lsdd_permuted", &differences.statistics(lambda)[1..]);

    let permutations = permutations(case, orders.len(), 0);
    let test = differences.test(lambda, &permutations);
    case.check("distance", &[test.distance]);
    case.check("p_val", &[test.p_value]);
    case.check("distance_threshold", &[test.distance_threshold]);
    case.check("is_drift", &[f64::from(u8::from(test.p_value < permutations.level))]);
}

fn distribution(case: &Case) {
    let with_rows = with_id(cases("lsdd.json"), case.input("same_input_as_case"));
    let d = width(with_rows.input("x_ref"));
    let (reference, window) = (numbers(with_rows.input("x_ref")), numbers(with_rows.input("x")));
    let n_permutations = usize::try_from(case.params("n_permutations").as_u64().expect("a number")).expect("small");
    let p_values: Vec<f64> = (0..40)
        .map(|seed| {
            let spec = spec(case, reference.len() / d, seed);
            let fitted = LsddReference::fit(&spec, &reference, d, &Threads(2), &Silent).expect("a fit");
            let permutations = permutations(case, n_permutations, seed);
            fitted.test(&window, &permutations, &Threads(2), &Silent).expect("a test").p_value
        })
        .collect();
    distributions::check_summary(case, "p_val", &p_values);
    let is_drift = |p_value: &&f64| **p_value < 0.05;
    let share = p_values.iter().filter(is_drift).count() as f64 / p_values.len() as f64;
    let expected = number(case.expected("n_drift_of_20")) / 20.0;
    // Of 40 verdicts against 20, in four standard errors and one verdict.
    let error = (expected * (1.0 - expected) * (1.0 / 40.0 + 1.0 / 20.0)).sqrt();
    assert!((share - expected).abs() <= 4.0 * error + 1.0 / 20.0, "{}: {share} drift, expected {expected}", case.id());
}
