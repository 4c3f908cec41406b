//! What is told to whoever watches projects: which of them have moved, and their latest rows beside the reference.

use std::sync::Arc;

use chrono::DateTime;
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::ports::NoEvents;
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{
    Access, DriftService, FitRequest, Mark, Ports, PredictRequest, RecentColumns, ServiceSettings, StateDurability,
};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

async fn serve(artifacts: &Arc<MemoryArtifacts>, index: &Arc<MemoryIndex>) -> DriftService {
    let metrics = Arc::new(MemoryMetrics::new());
    let ports = Ports {
        artifacts: Arc::clone(artifacts) as _,
        index: Arc::clone(index) as _,
        operations: Arc::new(MemoryOperations::new()),
        sink: Arc::clone(&metrics) as _,
        events: Arc::new(NoEvents),
        metrics,
        clock: Arc::new(FixedClock::new(DateTime::from_timestamp(1_780_000_000, 0).expect("a time"))),
        fit_pool: Arc::new(InlineCpuPool),
        predict_pool: Arc::new(InlineCpuPool),
    };
    let settings = ServiceSettings {
        access: Access::ReadWrite,
        durability: StateDurability::Always,
        records_features: false,
        fitted_by: "test 0".to_owned(),
    };
    let service = DriftService::new(ports, settings);
    service.start().await.expect("the stores are read");
    service
}

async fn new_service() -> DriftService {
    serve(&Arc::default(), &Arc::new(MemoryIndex::new())).await
}

fn name() -> ProjectName {
    "p".parse().expect("a valid name")
}

fn numbers(values: &[f64]) -> Table {
    Table::unnamed(vec![Values::Numeric(values.to_vec())]).expect("a column")
}

fn reference() -> Vec<f64> {
    (0..200).map(|n| f64::from(n * 37 % 200)).collect()
}

async fn fit(service: &DriftService, detector: DetectorRequest) {
    let request = FitRequest {
        project: name(),
        drift_type: DriftType::Label,
        reference: numbers(&reference()),
        detector,
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::default(),
        report_run_length: false,
        overwrite: true,
    };
    let fitted = service.fit(request).await.expect("a fit");
    service.store(fitted).await.expect("it is stored");
}

fn online() -> DetectorRequest {
    DetectorRequest {
        kind: Some(DetectorKind::CvmOnline),
        ert: Some(20.0),
        window_sizes: Some(vec![10]),
        n_bootstraps: Some(2_000),
        ..DetectorRequest::default()
    }
}

async fn feed(service: &DriftService, values: &[f64], explain: Option<bool>) {
    let open = service.open(&name()).await.expect("it is open");
    let request = PredictRequest { explain, ..numbers(values).into() };
    service.predict(&open, request).await.expect("verdicts");
}

async fn recent(service: &DriftService) -> Option<RecentColumns> {
    let open = service.open(&name()).await.expect("it is open");
    service.recent_columns(&open).await.expect("columns are compared")
}

fn medians(recent: &RecentColumns) -> (f64, f64) {
    let explanation = recent.features[0].explanation.as_ref().expect("an explanation");
    let median = |quantiles: Option<[f64; 5]>| quantiles.expect("quantiles")[2];
    (median(explanation.reference.quantiles), median(explanation.window.quantiles))
}

#[tokio::test]
async fn the_last_rows_of_an_online_detector_are_compared_whenever_somebody_looks() {
    let service = new_service().await;
    fit(&service, online()).await;
    assert_eq!(recent(&service).await, None, "before the first row");
    feed(&service, &[1_000.0; 30], None).await;
    feed(&service, &[50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0], Some(false)).await;
    let columns = recent(&service).await.expect("rows");
    assert_eq!(columns.rows, 10, "those of the window");
    let (before, now) = medians(&columns);
    assert!((90.0..=110.0).contains(&before) && (90.0..=100.0).contains(&now), "{before} {now}");
    let position = service.open(&name()).await.expect("it is open").position();
    assert_eq!(position.fill, Some(1.0));
    service.reset(&name()).await.expect("it is reset");
    assert_eq!(recent(&service).await, None, "after a reset");
}

#[tokio::test]
async fn of_windows_the_last_one_that_was_explained_is_told() {
    let service = new_service().await;
    fit(&service, DetectorRequest { kind: Some(DetectorKind::Ks), ..DetectorRequest::default() }).await;
    assert_eq!(recent(&service).await, None, "before the first window");
    feed(&service, &[500.0; 25], None).await;
    feed(&service, &[900.0; 35], Some(false)).await;
    let columns = recent(&service).await.expect("a window");
    assert_eq!((columns.rows, medians(&columns).1), (25, 500.0));
    feed(&service, &[700.0; 15], None).await;
    let columns = recent(&service).await.expect("a window");
    assert_eq!((columns.rows, medians(&columns).1), (15, 700.0));
    service.reset(&name()).await.expect("it is reset");
    assert_eq!(recent(&service).await, None, "after a reset");
}

#[tokio::test]
async fn a_mark_differs_once_something_has_moved() {
    let (artifacts, index) = (Arc::default(), Arc::new(MemoryIndex::new()));
    let service = serve(&artifacts, &index).await;
    assert!(service.marks().is_empty());
    fit(&service, online()).await;
    let mark = |service: &DriftService| -> Mark { service.marks().first().expect("a project").1.clone() };
    let mut before = mark(&service);
    assert_eq!(before, mark(&service), "while nothing moves");
    let mut has_moved = |service: &DriftService| {
        let now = mark(service);
        std::mem::replace(&mut before, now.clone()) != now
    };
    feed(&service, &[1.0], None).await;
    assert!(has_moved(&service), "by a row");
    service.unload(&name()).await.expect("it is unloaded");
    assert!(has_moved(&service), "by its status");
    service.load(&name()).await.expect("it is loaded");
    assert!(has_moved(&service));
    service.reset(&name()).await.expect("it is reset");
    assert!(has_moved(&service), "by a reset");
    service.delete(&name()).await.expect("it is deleted");
    assert!(service.marks().is_empty());
    let again = serve(&artifacts, &index).await;
    assert!(again.marks().is_empty(), "nothing of it is left");
}
