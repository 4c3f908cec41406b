use super::{Case, cases, distributions, integers, numbers, width};
use crate::detectors::{MmdOnline, MmdOnlineSpec, OnlineDetector, Splits};
use crate::ports::Silent;
use crate::test_pool::Threads;

fn spec(case: &Case, seed: u64) -> MmdOnlineSpec {
    let sigma = case.params("sigma");
    MmdOnlineSpec {
        ert: case.params("ert").as_f64().expect("an ert"),
        window_size: integers(&serde_json::json!([case.params("window_size")]))[0],
        n_bootstraps: integers(&serde_json::json!([case.params("n_bootstraps")]))[0],
        sigma: if sigma.is_null() { Vec::new() } else { numbers(sigma) },
        seed,
    }
}

/// The permutations that the reference library drew: the rows held out stand at their ends.
struct Recorded {
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

    fn order(&self, n_rows: usize) -> Vec<usize> {
        (0..n_rows).collect()
    }
}

pub(super) fn case(case: &Case) {
    let fit = |reference: &[f64], d: usize, seed: u64| -> Box<dyn OnlineDetector> {
        Box::new(MmdOnline::fit(&spec(case, seed), reference, d, &Threads(2), &Silent).expect("a fit"))
    };
    match case.kind() {
        "replay" => replay(case),
        _ if case.id().contains("-thresholds-") => {
            let reference = numbers(case.input("x_ref"));
            let d = width(case.input("x_ref"));
            let sets = (0..20)
                .map(|seed| fit(&reference, d, seed).save().f64s("thresholds").expect("thresholds are saved").to_vec());
            distributions::check_thresholds(case, &sets.collect::<Vec<_>>());
        }
        _ => {
            let of_case = case.input("x_ref_of_case").as_str().expect("the case of the reference").to_owned();
            let all = cases("mmd_online.json");
            let with_reference = all.iter().find(|other| other.id().contains(&of_case)).expect("that case");
            let reference = numbers(with_reference.input("x_ref"));
            let d = width(with_reference.input("x_ref"));
            let settled = 2 * spec(case, 0).window_size;
            distributions::RunLengths { case, fit: &|reference, seed| fit(reference, d, seed), warm_up: 0 }
                .of_numbers(&reference, d, settled);
        }
    }
}

fn replay(case: &Case) {
    let spec = spec(case, 0);
    let d = width(case.input("x_ref"));
    let reference = numbers(case.input("x_ref"));
    let lists = |name: &str| case.input(name).as_array().expect("lists").iter().map(integers).collect();
    let recorded = Recorded { bootstraps: lists("bootstrap_permutations"), splits: lists("split_permutations") };
    let detector = MmdOnline::fit_with_splits(&spec, &reference, d, &recorded, &Threads(2), &Silent).expect("a fit");
    case.check("thresholds", detector.thresholds());
    case.check("k_xx_sub_mean", &[detector.within_reference()]);

    // The sub-reference in the order of the rows, and the initial window in the order of the permutation.
    let rows_of = |indices: Vec<usize>| -> Vec<f64> {
        indices.iter().flat_map(|row| reference[row * d..(row + 1) * d].to_vec()).collect()
    };
    let mut kept = integers(case.expected("ref_inds"));
    kept.sort_unstable();
    let saved = detector.save();
    assert_eq!(saved.f64s("reference").expect("saved"), rows_of(kept), "{}", case.id());
    let window = rows_of(integers(case.expected("init_test_inds")));
    assert_eq!(saved.f64s("initial_window").expect("saved"), window, "{}", case.id());

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
