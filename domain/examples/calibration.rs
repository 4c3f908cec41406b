//! Mean run length without drift, over fresh references: whether the expected run time is kept.
//!
//!     cargo run --release -p drifting-domain --example calibration [REFERENCES [RUNS [KIND…]]]
//!
//! Each of REFERENCES (400) references of 5,000 rows has a detector of its own with its own seed, fed RUNS (5) independent
//! streams from its start until the first alarm. Values are standard normal, or ones with probability 0.3 for
//! `fet_online`. Run lengths count from the first full window.
//! The standard error includes the spread between references. The output is a Markdown table (docs/calibration.md).

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use drifting_domain::detectors::{
    CvmThresholds, DetectorKind, DetectorRequest, OnlineDetector, OnlineSpec, fit_online,
};
use drifting_domain::ports::{CpuPool, Silent};
use drifting_domain::statistics::draws::stream;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

const N_ROWS: usize = 5_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().map_or(default, |argument| argument.parse().expect("a number"));
    let (n_references, n_runs): (usize, usize) = (number(400), number(5));
    let wanted: Vec<String> = arguments.collect();
    println!(
        "| detector | columns | ERT | references | runs | mean run | s.e. | mean / ERT | ± 2 s.e. | median | sd between references |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let online = DetectorKind::ALL.into_iter().filter(|kind| kind.is_online() && *kind != DetectorKind::Dummy);
    for kind in online.filter(|kind| wanted.is_empty() || wanted.contains(&kind.to_string())) {
        for d in [1, 5] {
            for ert in [50.0, 150.0, 400.0] {
                let runs = runs_of(kind, d, ert, n_references, n_runs);
                println!("{}", row(kind, d, ert, &runs));
            }
        }
    }
}

/// As it is served by default.
fn specification(kind: DetectorKind, ert: f64, d: usize, seed: u64) -> OnlineSpec {
    let request = DetectorRequest { ert: Some(ert), seed: Some(seed), ..DetectorRequest::default() };
    request.online_specification(kind, d).expect("the defaults are valid")
}

/// The run lengths of each reference.
fn runs_of(kind: DetectorKind, d: usize, ert: f64, n_references: usize, n_runs: usize) -> Vec<Vec<f64>> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::new());
    let n_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= n_references {
                        return;
                    }
                    let mut generator = stream(index as u64, 77);
                    let reference: Vec<f64> = (0..N_ROWS * d).map(|_| value(kind, &mut generator)).collect();
                    let spec = specification(kind, ert, d, index as u64);
                    let detector = fit_online(&spec, &reference, d, &CvmThresholds::default(), &Here, &Silent);
                    let detector = detector.expect("the reference is large enough");
                    let warm_up = match &spec {
                        OnlineSpec::CvmOnline(spec) => spec.window_sizes[0] - 1,
                        OnlineSpec::FetOnline(spec) => spec.window_sizes[0] - 1,
                        OnlineSpec::Dummy(_)
                        | OnlineSpec::LsddOnline(_)
                        | OnlineSpec::MmdOnline(_)
                        | OnlineSpec::PcaCd(_)
                        | OnlineSpec::Streaming(_) => 0,
                    };
                    let runs = (0..n_runs).map(|_| run(kind, &*detector, d, &mut generator) - warm_up as f64).collect();
                    all.lock().expect("no thread panics").push(runs);
                }
            });
        }
    });
    all.into_inner().expect("no thread panics")
}

/// Rows until the first alarm.
fn run(kind: DetectorKind, detector: &dyn OnlineDetector, d: usize, generator: &mut ChaCha8Rng) -> f64 {
    let mut state = detector.start();
    let mut row = vec![0.0; d];
    loop {
        row.fill_with(|| value(kind, generator));
        let detection = detector.step(&mut state, &row);
        if detection.is_drift {
            return detection.time as f64;
        }
    }
}

fn row(kind: DetectorKind, d: usize, ert: f64, runs: &[Vec<f64>]) -> String {
    let mut all: Vec<f64> = runs.concat();
    all.sort_by(f64::total_cmp);
    let means: Vec<f64> = runs.iter().map(|runs| moments(runs).0).collect();
    let (mean, between) = moments(&means);
    let error = (between / means.len() as f64).sqrt();
    // What is left of the spread of the means when that of the runs of one reference is taken away.
    let within = runs.iter().map(|runs| moments(runs).1 / runs.len() as f64).sum::<f64>() / runs.len() as f64;
    let spread = (between - within).max(0.0).sqrt();
    format!(
        "| {kind} | {d} | {ert} | {} | {} | {mean:.1} | {error:.1} | {:.3} | {:.3}–{:.3} | {:.0} | {spread:.0} |",
        runs.len(),
        all.len(),
        mean / ert,
        (mean - 2.0 * error) / ert,
        (mean + 2.0 * error) / ert,
        all[all.len() / 2],
    )
}

/// Mean and sample variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// A value without drift that suits a kind.
fn value(kind: DetectorKind, generator: &mut ChaCha8Rng) -> f64 {
    match kind {
        DetectorKind::FetOnline => f64::from(u8::from(generator.random::<f64>() < 0.3)),
        _ => normal(generator),
    }
}

/// A standard normal number, by Box and Muller.
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (generator.random(), generator.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Work is done where it is asked for: references are what runs side by side.
struct Here;

impl CpuPool for Here {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n_tasks).for_each(task);
    }
}
