use super::{Case, cases, distributions, integers, number, numbers, with_id};
use crate::detectors::two_sample::mmd::{MmdBandwidth, MmdReference};
use crate::ports::Silent;
use crate::statistics::kernel::Points;
use crate::statistics::permutation::{Assignments, PValueRule, PermutationSpec, PermutationTest};
use crate::test_pool::Threads;

fn spec(case: &Case, n_permutations: usize, seed: u64) -> PermutationSpec {
    let level = number(case.params("p_val"));
    PermutationSpec { n_permutations, level, rule: PValueRule::Library, seed }
}

/// Rows of any shape, row-major, and how many numbers each has.
fn rows(case: &Case, name: &str) -> (Vec<f64>, usize) {
    let rows = numbers(case.input(name));
    let n_rows = case.input(name).as_array().expect("rows").len();
    let n_columns = rows.len() / n_rows;
    (rows, n_columns)
}

fn fit(case: &Case, data: &Case) -> MmdReference {
    let (reference, d) = rows(data, "x_ref");
    let bandwidth = match case.params("sigma") {
        sigma if !sigma.is_null() => MmdBandwidth::Given(numbers(sigma)),
        _ if case.params("configure_kernel_from_x_ref").as_bool() == Some(false) => MmdBandwidth::OfEachTest,
        _ => MmdBandwidth::OfReference,
    };
    MmdReference::fit(&reference, d, bandwidth, &Threads(2), &Silent).expect("a fit")
}

pub(super) fn case(case: &Case) {
    match case.kind() {
        "replay" => replay(case),
        _ => distribution(case),
    }
}

fn replay(case: &Case) {
    let fitted = fit(case, case);
    let (window, d) = rows(case, "x");
    let window = Points::from_rows(&window, d);
    case.check("sigma_used", &fitted.sigma_for(&window, &Threads(2), &Silent).expect("a bandwidth"));
    let orders: Vec<Vec<usize>> =
        case.input("permutations").as_array().expect("permutations").iter().map(integers).collect();
    let n_rows = case.input("x_ref").as_array().expect("rows").len();
    let assignments = Assignments::of_orders(n_rows, window.n_rows(), &orders);
    let spec = spec(case, orders.len(), 0);
    let test = fitted.test_assignments(&window, &assignments, &spec, &Threads(2), &Silent).expect("a test");
    case.check("distance", &[test.distance]);
    case.check("p_val", &[test.p_value]);
    case.check("distance_threshold", &[test.distance_threshold]);
    case.check("is_drift", &[f64::from(u8::from(test.p_value < spec.level))]);
}

fn distribution(case: &Case) {
    let with_rows = with_id(cases("mmd.json"), case.input("same_input_as_case"));
    let fitted = fit(case, &with_rows);
    let (window, _) = rows(&with_rows, "x");
    let test = |n_permutations, seed| {
        fitted.test(&window, &spec(case, n_permutations, seed), &Threads(2), &Silent).expect("a test")
    };
    let tests: Vec<PermutationTest> = (0..20).map(|seed| test(100, seed)).collect();
    let each = |field: fn(&PermutationTest) -> f64| tests.iter().map(field).collect::<Vec<f64>>();
    distributions::check_summary(case, "p_val", &each(|test| test.p_value));
    distributions::check_summary(case, "distance_threshold", &each(|test| test.distance_threshold));
    distributions::check_share(case, "p_val_4000_permutations", test(4_000, 100).p_value, 4_000.0);
}
