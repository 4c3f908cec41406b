use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::{Case, distributions, integers, numbers, width};
use crate::detectors::{Curve, FetOnline, FetOnlineSpec, OnlineDetector, TiedStreams, curve};
use crate::ports::Silent;
use crate::statistics::alternative::Alternative;
use crate::test_pool::Threads;

fn spec(case: &Case, seed: u64) -> FetOnlineSpec {
    let window_sizes = integers(case.params("window_sizes"));
    FetOnlineSpec {
        ert: case.params("ert").as_f64().expect("an ert"),
        t_max: FetOnlineSpec::t_max_least(&window_sizes),
        window_sizes,
        alternative: match case.params("alternative").as_str() {
            Some("greater") => Alternative::Greater,
            Some("less") => Alternative::Less,
            other => panic!("another alternative: {other:?}"),
        },
        lam: case.params("lam").as_f64().expect("a weight"),
        n_bootstraps: integers(&serde_json::json!([case.params("n_bootstraps")]))[0],
        seed,
    }
}

/// So many ones among so many rows.
fn reference(case: &Case) -> Vec<f64> {
    let integer = |name: &str| integers(&serde_json::json!([case.input(name)]))[0];
    (0..integer("n_ref")).map(|row| f64::from(u8::from(row < integer("ones_ref")))).collect()
}

pub(super) fn case(case: &Case) {
    let fit = |reference: &[f64], seed: u64| -> Box<dyn OnlineDetector> {
        Box::new(FetOnline::fit(&spec(case, seed), reference, 1, &Threads(2), &Silent).expect("a fit"))
    };
    let (smallest, largest) = {
        let sizes = spec(case, 0).window_sizes;
        (sizes.iter().copied().min().expect("a window"), sizes.into_iter().max().expect("a window"))
    };
    match case.kind() {
        "replay" => replay(case, smallest),
        _ if case.id().contains("-thresholds-") => {
            let sets = (0..20).map(|seed| {
                let mut all = vec![f64::NAN; smallest - 1];
                all.extend(fit(&reference(case), seed).save().f64s("thresholds").expect("thresholds are saved"));
                all
            });
            distributions::check_thresholds(case, &sets.collect::<Vec<_>>());
        }
        _ => {
            let reference = reference(case);
            let share = reference.iter().sum::<f64>() / reference.len() as f64;
            let shifted = case.expected("shifted_p").as_f64().expect("a share");
            let row = |generator: &mut ChaCha8Rng, is_changed: bool| {
                let share = if is_changed { shifted } else { share };
                vec![f64::from(u8::from(generator.random::<f64>() < share))]
            };
            let unchanged = |generator: &mut ChaCha8Rng, _| row(generator, false);
            let runs = distributions::RunLengths { case, fit: &fit, warm_up: smallest - 1 };
            // Streams have exactly the share of this reference. Of 100 or 200 fresh rows the share is not known well
            // enough for the promise, so those are held against the reference library alone.
            let mean = runs.fixed("null_fixed_ref", &reference, 0, smallest - 1, &unchanged);
            distributions::check_promise(case, mean);
            runs.fresh(reference.len(), &unchanged);
            runs.fixed("delay_shift_from_start", &reference, 0, 0, &row);
            runs.fixed("delay_shift_after_2maxW", &reference, 2 * largest, 2 * largest, &row);
        }
    }
}

/// The numbers of tied streams that went on, in order of use.
struct Recorded(std::vec::IntoIter<usize>);

impl TiedStreams for Recorded {
    fn kept(&mut self, _n_equal: usize, _permit: f64) -> usize {
        self.0.next().expect("a number of streams was recorded")
    }
}

fn replay(case: &Case, smallest: usize) {
    let spec = spec(case, 0);
    let d = width(case.input("x_ref"));
    let reference = numbers(case.input("x_ref"));
    let curves = curves(case, &spec, &reference, d);
    let mut thresholds = vec![f64::NAN; (smallest - 1) * d];
    let mut permits = thresholds.clone();
    for step in 0..curves[0].thresholds.len() {
        thresholds.extend(curves.iter().map(|curve| curve.thresholds[step]));
        permits.extend(curves.iter().map(|curve| curve.permits[step]));
    }
    case.check("thresholds", &thresholds);
    case.check("permit_probs", &permits);

    let detector = FetOnline::with_curves(&spec, &reference, d, curves);
    let mut uniforms = numbers(case.input("uniform_draws")).into_iter();
    let mut state = detector.start();
    let (mut statistics, mut verdicts, mut used, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in numbers(case.input("stream")).chunks_exact(d) {
        let mut draw = || uniforms.next().expect("a number was drawn here");
        let detection = detector.step_with_draws(&mut state, row, &mut draw);
        times.push(detection.time as f64);
        verdicts.push(f64::from(u8::from(detection.is_drift)));
        // The columns in their order.
        let mut by_column = vec![f64::NAN; d];
        for feature in &detection.features {
            by_column[feature.column] = feature.threshold.unwrap_or(f64::NAN);
        }
        if d == 1 {
            by_column[0] = detection.threshold.unwrap_or(f64::NAN);
        }
        used.extend(by_column);
        statistics.extend_from_slice(&detection.windows);
    }
    case.check("time", &times);
    case.check("test_stat", &statistics);
    case.check("threshold", &used);
    case.check("is_drift", &verdicts);
    assert_eq!(uniforms.next(), None, "{}: more ties in the reference library", case.id());
}

/// From the recorded streams and draws.
fn curves(case: &Case, spec: &FetOnlineSpec, reference: &[f64], d: usize) -> Vec<Curve> {
    let blank = FetOnline::with_curves(spec, reference, d, vec![Curve::default(); d]);
    let mut tied = Recorded(integers(case.input("binomial_draws")).into_iter());
    let columns = case.input("simulated_streams").as_array().expect("columns").iter().enumerate();
    columns
        .map(|(column, streams)| {
            let by_stream: Vec<Vec<f32>> = streams
                .as_array()
                .expect("streams")
                .iter()
                .map(|bits| {
                    bits.as_str().expect("a text of bits").bytes().map(|bit| bit == b'1').collect::<Vec<bool>>()
                })
                .map(|stream| blank.simulated(column, &stream))
                .collect();
            let by_step: Vec<Vec<f32>> =
                (0..by_stream[0].len()).map(|step| by_stream.iter().map(|stream| stream[step]).collect()).collect();
            let probability = 1.0 - (1.0 - 1.0 / spec.ert).powf(1.0 / d as f64);
            curve(&by_step, probability, &mut tied).expect("enough bootstraps")
        })
        .collect()
}
