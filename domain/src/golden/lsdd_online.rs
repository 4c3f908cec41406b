use super::{Case, cases, distributions, integers, numbers, width};
use crate::detectors::{LsddOnline, LsddOnlineSpec, OnlineDetector, OnlineSpec, Splits};
use crate::ports::Silent;
use crate::test_pool::Threads;

fn spec(case: &Case, seed: u64) -> LsddOnlineSpec {
    let integer = |name: &str| case.params(name).as_u64().map(|value| usize::try_from(value).expect("small"));
    let window_size = integer("window_size").expect("a window");
    let sigma = case.params("sigma");
    LsddOnlineSpec {
        ert: case.params("ert").as_f64().expect("an ert"),
        window_size,
        n_bootstraps: integer("n_bootstraps").expect("bootstraps"),
        sigma: if sigma.is_null() { Vec::new() } else { numbers(sigma) },
        n_kernel_centers: integer("n_kernel_centers").unwrap_or(2 * window_size),
        lambda_rd_max: case.params("lambda_rd_max").as_f64().unwrap_or(0.2),
        seed,
    }
}

/// The permutations that the reference library drew: the rows held out stand at their ends.
struct Recorded {
    order: Vec<usize>,
    bootstraps: Vec<Vec<usize>>,
    splits: Vec<Vec<usize>>,
}

impl Splits for Recorded {
    fn permutation(&self, permutation: usize, n_rows: usize, held_out: &mut [usize]) {
        held_out.copy_from_slice(&self.bootstraps[permutation][n_rows - held_out.len()..]);
    }

    fn split(&self, attempt: usize, n_rows: usize, held_out: &mut [usize]) {
        held_out.copy_from_slice(&self.splits[attempt][n_rows - held_out.len()..]);
    }

    fn unusual(&self, ert: f64) -> f64 {
        1.0 / ert
    }

    fn order(&self, _n_rows: usize) -> Vec<usize> {
        self.order.clone()
    }
}

pub(super) fn case(case: &Case) {
    let fit = |reference: &[f64], d: usize, seed: u64| {
        LsddOnline::fit(&spec(case, seed), reference, d, &Threads(2), &Silent).expect("a fit")
    };
    match case.kind() {
        "replay" => replay(case),
        _ if case.id().contains("-thresholds-") => {
            let reference = numbers(case.input("x_ref"));
            let d = width(case.input("x_ref"));
            let sets = (0..20).map(|seed| fit(&reference, d, seed).thresholds().to_vec());
            distributions::check_thresholds(case, &sets.collect::<Vec<_>>());
            case.check("sigma_used", &sigma(&fit(&reference, d, 0)));
        }
        _ => {
            let of_case = case.input("x_ref_of_case").as_str().expect("the case of the reference").to_owned();
            let all = cases("lsdd_online.json");
            let with_reference = all.iter().find(|other| other.id().contains(&of_case)).expect("that case");
            let reference = numbers(with_reference.input("x_ref"));
            let d = width(with_reference.input("x_ref"));
            let settled = 2 * spec(case, 0).window_size;
            distributions::RunLengths { case, fit: &|reference, seed| Box::new(fit(reference, d, seed)), warm_up: 0 }
                .of_numbers(&reference, d, settled);
        }
    }
}

fn sigma(detector: &LsddOnline) -> Vec<f64> {
    let OnlineSpec::LsddOnline(spec) = detector.spec() else { unreachable!() };
    spec.sigma
}

fn replay(case: &Case) {
    let spec = spec(case, 0);
    let d = width(case.input("x_ref"));
    let reference = numbers(case.input("x_ref"));
    let lists = |name: &str| case.input(name).as_array().expect("lists").iter().map(integers).collect();
    let order = integers(case.input("center_permutation"));
    let recorded = Recorded {
        order: order.clone(),
        bootstraps: lists("bootstrap_permutations"),
        splits: lists("split_permutations"),
    };
    let detector = LsddOnline::fit_with_splits(&spec, &reference, d, &recorded, &Threads(2), &Silent).expect("a fit");
    case.check("sigma_used", &sigma(&detector));
    case.check("lambda", &[detector.lambda()]);
    case.check("thresholds", detector.thresholds());
    case.check("c2s", &detector.mean_kernels());
    // The initial window in the order of the permutation of the rows that are no centres.
    let window: Vec<f64> = integers(case.expected("init_test_inds"))
        .iter()
        .map(|index| order[spec.n_kernel_centers + index])
        .flat_map(|row| reference[row * d..(row + 1) * d].to_vec())
        .collect();
    assert_eq!(detector.save().f64s("initial_window").expect("saved"), window, "{}", case.id());

    let mut state = detector.start();
    let (mut times, mut statistics, mut used, mut verdicts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in numbers(case.input("stream")).chunks_exact(d) {
        let detection = detector.step(&mut state, row);
        times.push(detection.time as f64);
        statistics.push(detection.statistic.expect("a statistic from the first row on"));
        used.push(detection.threshold.expect("a threshold from the first row on"));
        verdicts.push(f64::from(u8::from(detection.is_drift)));
    }
    case.check("time", &times);
    case.check("test_stat", &statistics);
    case.check("threshold", &used);
    case.check("is_drift", &verdicts);
}
