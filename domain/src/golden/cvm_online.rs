use super::{Case, distributions, integers, numbers, width};
use crate::detectors::{CvmOnline, CvmOnlineSpec, CvmThresholds, OnlineDetector};
use crate::ports::Silent;
use crate::statistics::quantile::QuantileType;
use crate::statistics::run_length::{Survivors, thresholds};
use crate::test_pool::Threads;

fn spec(case: &Case, seed: u64) -> CvmOnlineSpec {
    CvmOnlineSpec {
        ert: case.params("ert").as_f64().expect("an ert"),
        window_sizes: integers(case.params("window_sizes")),
        n_bootstraps: integers(&serde_json::json!([case.params("n_bootstraps")]))[0],
        seed,
    }
}

fn fit(spec: &CvmOnlineSpec, reference: &[f64], n_columns: usize) -> Box<dyn OnlineDetector> {
    let thresholds = CvmThresholds::default();
    Box::new(CvmOnline::fit(spec, reference, n_columns, &thresholds, &Threads(2), &Silent).expect("a fit"))
}

pub(super) fn case(case: &Case) {
    let warm_up = |spec: &CvmOnlineSpec| spec.window_sizes.iter().min().map_or(0, |smallest| smallest - 1);
    match case.kind() {
        "replay" => replay(case),
        _ if case.id().contains("-thresholds-") => {
            let n = case.input("n_ref").as_u64().expect("a size");
            let d = usize::try_from(case.input("n_features").as_u64().expect("a width")).expect("small");
            let n_values = usize::try_from(n).expect("small") * d;
            let reference: Vec<f64> = (0..n_values).map(|value| value as f64).collect();
            let sets = (0..20).map(|seed| {
                let spec = spec(case, seed);
                let saved = fit(&spec, &reference, d).save();
                let mut all = vec![f64::NAN; warm_up(&spec)];
                all.extend(saved.f64s("thresholds").expect("thresholds are saved"));
                all
            });
            distributions::check_thresholds(case, &sets.collect::<Vec<_>>());
        }
        _ => {
            let reference = numbers(case.input("x_ref"));
            let d = width(case.input("x_ref"));
            let largest = spec(case, 0).window_sizes.into_iter().max().expect("a window");
            distributions::RunLengths {
                case,
                fit: &|reference, seed| fit(&spec(case, seed), reference, d),
                warm_up: warm_up(&spec(case, 0)),
            }
            .of_numbers(&reference, d, 2 * largest);
        }
    }
}

fn replay(case: &Case) {
    let spec = spec(case, 0);
    let d = width(case.input("x_ref"));
    let reference = numbers(case.input("x_ref"));
    let n = reference.len() / d;
    let thresholds = parity_thresholds(case, &spec, n, d);
    case.check("thresholds", &thresholds);

    let warm_up = thresholds.iter().filter(|threshold| threshold.is_nan()).count();
    let detector = CvmOnline::with_thresholds(&spec, &reference, d, thresholds[warm_up..].to_vec());
    let mut state = detector.start();
    let (mut statistics, mut verdicts, mut used) = (Vec::new(), Vec::new(), Vec::new());
    for row in numbers(case.input("stream")).chunks_exact(d) {
        let detection = detector.step(&mut state, row);
        verdicts.push(f64::from(u8::from(detection.is_drift)));
        used.push(detection.threshold.unwrap_or(f64::NAN));
        statistics.extend_from_slice(&detection.windows);
    }
    case.check("test_stat", &statistics);
    case.check("is_drift", &verdicts);
    case.check("threshold", &used);
}

/// Thresholds from recorded draws as the reference library computes them: it evaluates the sum over the window at
/// points shifted one step back (its defect, which ours does not share; so this stands in the test alone).
fn parity_thresholds(case: &Case, spec: &CvmOnlineSpec, n: usize, d: usize) -> Vec<f64> {
    let largest = spec.window_sizes.iter().copied().max().expect("a window");
    let smallest = spec.window_sizes.iter().copied().min().expect("a window");
    let n_steps = 2 * largest - 1;
    let rows = case.input("simulated_normals").as_array().expect("rows");
    let mut by_step = vec![Vec::with_capacity(rows.len()); n_steps + 1 - smallest];
    for row in rows {
        let row = numbers(row);
        for step in smallest - 1..n_steps {
            let statistic = spec
                .window_sizes
                .iter()
                .filter(|size| step + 1 >= **size)
                .map(|size| {
                    let window = &row[n + step + 1 - size..=n + step];
                    let points = &row[n + step - size..n + step];
                    statistic(&row[..n], window, points)
                })
                .fold(f64::NEG_INFINITY, f64::max);
            by_step[step + 1 - smallest].push(statistic);
        }
    }
    let probability = 1.0 - (1.0 - 1.0 / spec.ert).powf(1.0 / d as f64);
    let mut all = vec![f64::NAN; smallest - 1];
    all.extend(
        thresholds(&by_step, probability, Survivors::AtOrBelow, QuantileType::Seven).expect("enough bootstraps"),
    );
    all
}

fn statistic(reference: &[f64], window: &[f64], points: &[f64]) -> f64 {
    let share =
        |sample: &[f64], x: f64| sample.iter().filter(|value| **value <= x).count() as f64 / sample.len() as f64;
    let sum: f64 = reference.iter().chain(points).map(|x| (share(reference, *x) - share(window, *x)).powi(2)).sum();
    let (n, w) = (reference.len() as f64, window.len() as f64);
    let mean = 1.0 / 6.0 + 1.0 / (6.0 * (n + w));
    let variance = (n + w + 1.0) * (4.0 * n * w * (n + w) - 3.0 * (n * n + w * w) - 2.0 * n * w)
        / (45.0 * (n + w).powi(2) * 4.0 * n * w);
    (sum * n * w / (n + w).powi(2) - mean) / variance.sqrt()
}
