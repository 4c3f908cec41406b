//! Is `report_run_length` honest? Its 95 % intervals are held against the rate at which the trial's detector really
//! raises alarms on fresh data of the same law.
//!
//!     cargo run --release -p drifting-domain --example run_length_report [REFERENCES]
//!
//! Each of REFERENCES (300) references of 2,000 values is fitted with `report_run_length`, ERT 150 and defaults; the
//! first 80 % are fitted once more, and that detector is fed 50,000 fresh rows, starting anew after each alarm. The
//! output is a Markdown table (docs/calibration.md).

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{CvmThresholds, DetectorKind, DetectorRequest, fit_online};
use drifting_domain::ports::Silent;
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, RunLengthReport};
use drifting_domain::quality::QualityRequest;
use drifting_domain::statistics::draws::stream;
use drifting_domain::use_cases::{DriftService, FitRequest};
use drifting_memory::{InlineCpuPool, service};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

const N_ROWS: usize = 2_000;
const N_TRIAL: usize = N_ROWS * 80 / 100;
const N_FRESH: usize = 50_000;
const ERT: f64 = 150.0;

fn main() {
    let n_references = std::env::args().nth(1).map_or(300, |argument| argument.parse().expect("a number"));
    println!(
        "| detector | correlation of neighbours | references | wanted per 1,000 rows | reported, mean | true, mean | true, median | true, largest | intervals that hold the true rate |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for kind in [DetectorKind::CvmOnline, DetectorKind::MmdOnline] {
        for correlation in [0.0, 0.5, 0.9] {
            println!("{}", line(kind, correlation, &reports(kind, correlation, n_references)));
        }
    }
}

fn line(kind: DetectorKind, correlation: f64, reports: &[(RunLengthReport, f64)]) -> String {
    let n = reports.len() as f64;
    let reported = reports.iter().map(|(report, _)| report.per_1000_rows).sum::<f64>() / n;
    let truth = reports.iter().map(|(_, rate)| rate).sum::<f64>() / n;
    let mut rates: Vec<f64> = reports.iter().map(|(_, rate)| *rate).collect();
    rates.sort_by(f64::total_cmp);
    let n_held = reports.iter().filter(|(report, rate)| (report.low..=report.high).contains(rate)).count();
    format!(
        "| {kind} | {correlation} | {n} | {:.2} | {reported:.2} | {truth:.2} | {:.2} | {:.0} | {:.1} % |",
        1_000.0 / ERT,
        rates[rates.len() / 2],
        rates[rates.len() - 1],
        100.0 * n_held as f64 / n
    )
}

/// What was reported, and the true rate per 1,000 rows.
fn reports(kind: DetectorKind, correlation: f64, n_references: usize) -> Vec<(RunLengthReport, f64)> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::new());
    let n_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let service = service();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= n_references {
                        return;
                    }
                    let mut law = Series { correlation, last: 0.0, generator: stream(seed as u64, 78) };
                    let reference: Vec<f64> = (0..N_ROWS).map(|_| law.next()).collect();
                    let report = runtime.block_on(report(&service, kind, &reference, seed as u64));
                    let rate = rate(kind, &reference[..N_TRIAL], seed as u64, &mut law);
                    all.lock().expect("no thread panics").push((report, rate));
                }
            });
        }
    });
    all.into_inner().expect("no thread panics")
}

fn settings(kind: DetectorKind, seed: u64) -> DetectorRequest {
    DetectorRequest { kind: Some(kind), ert: Some(ERT), seed: Some(seed), ..DetectorRequest::default() }
}

/// What the fit reports.
async fn report(service: &DriftService, kind: DetectorKind, reference: &[f64], seed: u64) -> RunLengthReport {
    let request = FitRequest {
        project: "trial".parse().expect("a name"),
        drift_type: DriftType::Label,
        reference: Table::unnamed(vec![Values::Numeric(reference.to_vec())]).expect("a column"),
        detector: settings(kind, seed),
        // The values are standard already: so the detector below sees the same numbers.
        standardize: Some(false),
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::default(),
        report_run_length: true,
        overwrite: true,
    };
    let fitted = service.fit(request).await.expect("a fit");
    let view = service.store(fitted).await.expect("it is stored");
    view.configuration.and_then(|configuration| configuration.run_length).expect("a report")
}

/// Alarms per 1,000 judged rows of the trial's detector on fresh rows.
fn rate(kind: DetectorKind, beginning: &[f64], seed: u64, law: &mut Series) -> f64 {
    let spec = settings(kind, seed).online_specification(kind, 1).expect("the defaults are valid");
    let detector = fit_online(&spec, beginning, 1, &CvmThresholds::default(), &InlineCpuPool, &Silent);
    let detector = detector.expect("the reference is large enough");
    let mut state = detector.start();
    let (mut rows, mut alarms) = (0_u64, 0_u64);
    for _ in 0..N_FRESH {
        let detection = detector.step(&mut state, &[law.next()]);
        rows += u64::from(!detection.warm_up);
        if detection.is_drift {
            alarms += 1;
            state = detector.start();
        }
    }
    1_000.0 * alarms as f64 / rows as f64
}

/// Standard normal values, each with a correlation to the one before.
struct Series {
    correlation: f64,
    last: f64,
    generator: ChaCha8Rng,
}

impl Series {
    fn next(&mut self) -> f64 {
        let (u, v): (f64, f64) = (self.generator.random(), self.generator.random());
        let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        self.last = self.correlation * self.last + (1.0 - self.correlation * self.correlation).sqrt() * normal;
        self.last
    }
}
