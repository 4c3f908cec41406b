//! The reported run length is what a user would see, and its interval holds what it says.

use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName, RunLengthReport};
use drifting_domain::quality::QualityRequest;
use drifting_domain::statistics::draws::stream;
use drifting_domain::use_cases::{DriftService, FitRequest, ProjectView};
use drifting_memory::service;
use rand::RngExt;

const ERT: f64 = 50.0;

fn name() -> ProjectName {
    "trial".parse().expect("a valid name")
}

fn table(values: &[f64]) -> Table {
    Table::unnamed(vec![Values::Numeric(values.to_vec())]).expect("a column")
}

async fn fit(service: &DriftService, kind: DetectorKind, values: &[f64], report_run_length: bool) -> ProjectView {
    let detector = DetectorRequest {
        kind: Some(kind),
        ert: Some(ERT),
        window_size: Some(10),
        n_bootstraps: Some(2_000),
        ..DetectorRequest::default()
    };
    let request = FitRequest {
        project: name(),
        drift_type: DriftType::Label,
        reference: table(values),
        detector,
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::default(),
        report_run_length,
        overwrite: true,
    };
    let fitted = service.fit(request).await.expect("a fit");
    service.store(fitted).await.expect("it is stored")
}

fn report(view: &ProjectView) -> RunLengthReport {
    view.configuration.as_ref().and_then(|configuration| configuration.run_length).expect("a report")
}

/// Rows judged and alarms, of the project in service, starting anew after each alarm.
async fn replay(service: &DriftService, values: &[f64]) -> (u64, u64) {
    let (mut rows, mut alarms) = (0, 0);
    service.reset(&name()).await.expect("it is reset");
    for value in values {
        let open = service.open(&name()).await.expect("it is open");
        let verdicts = service.predict(&open, table(&[*value])).await.expect("a row is fed");
        let last = verdicts.detections.last().expect("a verdict");
        rows += u64::from(!last.warm_up);
        if last.is_drift {
            alarms += 1;
            service.reset(&name()).await.expect("it is reset");
        }
    }
    (rows, alarms)
}

/// Standard normal values, each with a correlation to the one before.
fn series(n: usize, correlation: f64, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 5);
    let mut last = 0.0;
    let mut next = || {
        let (u, v): (f64, f64) = (generator.random(), generator.random());
        let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        last = correlation * last + (1.0 - correlation * correlation).sqrt() * normal;
        last
    };
    (0..n).map(|_| next()).collect()
}

#[tokio::test]
async fn it_counts_what_a_server_would_have_answered() {
    let service = service();
    for kind in [DetectorKind::CvmOnline, DetectorKind::MmdOnline] {
        let values = series(1_000, 0.0, 1);
        let reported = report(&fit(&service, kind, &values, true).await);
        fit(&service, kind, &values[..800], false).await;
        let (rows, alarms) = replay(&service, &values[800..]).await;
        assert_eq!((reported.rows, reported.alarm_starts), (rows, alarms), "{kind}");
        assert!(rows > 100 && reported.wanted_per_1000_rows == 20.0);
    }
}

#[tokio::test]
async fn the_interval_holds_the_rate_of_the_trial_detector() {
    let service = service();
    let mut n_held = 0;
    for seed in 0..60 {
        let values = series(1_000, 0.0, seed);
        let reported = report(&fit(&service, DetectorKind::CvmOnline, &values, true).await);
        fit(&service, DetectorKind::CvmOnline, &values[..800], false).await;
        let (rows, alarms) = replay(&service, &series(20_000, 0.0, 1_000 + seed)).await;
        let rate = 1_000.0 * alarms as f64 / rows as f64;
        n_held += usize::from((reported.low..=reported.high).contains(&rate));
    }
    // Of 60 intervals at 95 %, 57 are expected; fewer than 51 come once in two hundred thousand times.
    assert!(n_held >= 51, "{n_held} of 60 intervals hold the rate");
}

#[tokio::test]
async fn rows_that_depend_on_each_other_are_found_out() {
    let service = service();
    let reported = report(&fit(&service, DetectorKind::CvmOnline, &series(2_000, 0.9, 3), true).await);
    assert!(reported.low > 1.5 * reported.wanted_per_1000_rows, "{reported:?}");
}

#[tokio::test]
async fn where_no_row_can_be_judged_the_fit_says_so_and_holds() {
    let service = service();
    let view = fit(&service, DetectorKind::CvmOnline, &series(40, 0.0, 4), true).await;
    let configuration = view.configuration.expect("a stored project has a configuration");
    assert_eq!(configuration.run_length, None);
    let told = configuration.warnings.iter().any(|warning| warning.contains("the run length cannot be reported"));
    assert!(told, "{:?}", configuration.warnings);
}
