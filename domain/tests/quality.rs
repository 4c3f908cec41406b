//! Quality of rows on projects as they are served: beside the verdict, never in it.

use std::sync::Arc;

use chrono::DateTime;
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest, WindowRequest};
use drifting_domain::ports::{ArtifactStore, NoEvents, StoredProject};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::{QualityCheck, QualityRequest};
use drifting_domain::use_cases::{
    Access, DriftService, FitRequest, Ports, Prediction, ServiceSettings, StateDurability,
};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

struct House {
    artifacts: Arc<MemoryArtifacts>,
    index: Arc<MemoryIndex>,
}

impl House {
    fn new() -> Self {
        Self { artifacts: Arc::default(), index: Arc::new(MemoryIndex::new()) }
    }

    /// A server on the same stores.
    async fn serve(&self) -> DriftService {
        let metrics = Arc::new(MemoryMetrics::new());
        let noon = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        let ports = Ports {
            artifacts: Arc::clone(&self.artifacts) as _,
            index: Arc::clone(&self.index) as _,
            operations: Arc::new(MemoryOperations::new()),
            sink: Arc::clone(&metrics) as _,
            events: Arc::new(NoEvents),
            metrics,
            clock: Arc::new(FixedClock::new(noon)),
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
}

fn name() -> ProjectName {
    "p".parse().expect("a valid name")
}

fn numbers(values: Vec<f64>) -> Table {
    Table::unnamed(vec![Values::Numeric(values)]).expect("a column")
}

/// Numbers from 0 to 100 in an order without a pattern.
fn reference() -> Table {
    numbers((0..400).map(|n| f64::from((n * 37) % 101)).collect())
}

fn request(kind: DetectorKind, missing_values: MissingValues) -> FitRequest {
    let n_bootstraps = (kind == DetectorKind::CvmOnline).then_some(500);
    let ert = n_bootstraps.map(|_| 30.0);
    let window_size = n_bootstraps.map(|_| 5);
    FitRequest {
        project: name(),
        drift_type: DriftType::Label,
        reference: reference(),
        detector: DetectorRequest { kind: Some(kind), ert, window_size, n_bootstraps, ..DetectorRequest::default() },
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values,
        quality: QualityRequest::default(),
        report_run_length: false,
        overwrite: true,
    }
}

async fn fit(service: &DriftService, request: FitRequest) {
    let fitted = service.fit(request).await.expect("a fit");
    service.store(fitted).await.expect("it is stored");
}

async fn feed(service: &DriftService, rows: Table) -> Prediction {
    let open = service.open(&name()).await.expect("it is open");
    service.predict(&open, rows).await.expect("rows are fed")
}

fn found(prediction: &Prediction) -> Vec<(QualityCheck, usize)> {
    prediction.quality.iter().map(|finding| (finding.check, finding.row)).collect()
}

#[tokio::test]
async fn verdicts_are_the_same_with_and_without_checks() {
    let rows = || numbers((0..60).map(|n| if n % 3 == 0 { 1e6 } else { f64::from(n) }).collect());
    for kind in [DetectorKind::CvmOnline, DetectorKind::Ks] {
        let service = House::new().serve().await;
        fit(&service, request(kind, MissingValues::Reject)).await;
        let checked = feed(&service, rows()).await;
        assert!(checked.quality.iter().all(|finding| finding.check == QualityCheck::OutOfRange), "{kind}");
        assert!(!checked.quality.is_empty(), "{kind}");
        // A row's verdict has what was found at it; a window's has all.
        for (index, detection) in checked.detections.iter().enumerate() {
            let is_its = |row: usize| kind == DetectorKind::Ks || row == index;
            let its = checked.quality.iter().filter(|finding| is_its(finding.row)).cloned().collect::<Vec<_>>();
            assert_eq!(detection.quality, its, "{kind} {index}");
        }

        fit(&service, FitRequest { quality: QualityRequest::none(), ..request(kind, MissingValues::Reject) }).await;
        let mut expected = checked;
        expected.quality.clear();
        expected.detections.iter_mut().for_each(|detection| detection.quality.clear());
        assert_eq!(feed(&service, rows()).await, expected, "{kind}");
    }
}

#[tokio::test]
async fn findings_are_counted_by_check() {
    let service = House::new().serve().await;
    fit(&service, request(DetectorKind::Ks, MissingValues::Reject)).await;
    feed(&service, numbers((0..50).map(|n| 1e6 + f64::from(n)).collect())).await;
    feed(&service, numbers(vec![1e6; 50])).await;
    let measures = service.measures();
    let n_found = |check: QualityCheck| match check {
        QualityCheck::OutOfRange => 2,
        QualityCheck::ConstantColumn => 1,
        _ => 0,
    };
    assert_eq!(measures.projects[0].findings, QualityCheck::ALL.map(|check| (check, n_found(check))));
}

#[tokio::test]
async fn rows_that_are_left_out_are_counted_too() {
    let service = House::new().serve().await;
    fit(&service, request(DetectorKind::CvmOnline, MissingValues::Drop)).await;
    // Not even one row is judged.
    let prediction = feed(&service, numbers(vec![f64::NAN; 20])).await;
    assert_eq!((prediction.rows, prediction.rows_dropped, prediction.detections.len()), (0, 20, 0));
    assert!(!prediction.quality.is_empty());
    assert!(prediction.quality.iter().all(|finding| finding.check == QualityCheck::MissingBurst));
    // What was found at a row that is left out stands with the last one before it.
    fit(&service, request(DetectorKind::CvmOnline, MissingValues::Drop)).await;
    let rows = (0..20).map(|n| if n % 2 == 0 { f64::from(n) } else { f64::NAN });
    let prediction = feed(&service, numbers(rows.collect())).await;
    assert_eq!(prediction.detections.len(), 10);
    let row = prediction.quality.first().expect("a finding").row;
    assert!(
        row % 2 == 1 && prediction.detections[row / 2].quality == prediction.quality[..1],
        "{:?}",
        prediction.quality
    );
}

#[tokio::test]
async fn counts_go_on_over_requests_windows_and_starts() {
    let window = WindowRequest { size: Some(50), ..WindowRequest::default() };
    let mut of_windows = request(DetectorKind::Ks, MissingValues::Impute);
    of_windows.detector.window = Some(window);
    for request in [request(DetectorKind::CvmOnline, MissingValues::Impute), of_windows] {
        let row = |n: u32| numbers(vec![if n.is_multiple_of(2) { f64::NAN } else { f64::from(n) }]);
        let house = House::new();
        let service = house.serve().await;
        fit(&service, request.clone()).await;
        let mut expected = Vec::new();
        for n in 0..40 {
            expected.push(found(&feed(&service, row(n)).await));
        }
        assert!(expected.iter().flatten().count() > 1);
        fit(&service, request).await;
        let mut rows = Vec::new();
        for n in 0..40 {
            rows.push(found(&feed(&house.serve().await, row(n)).await));
        }
        assert_eq!(rows, expected);
        // A reset is a new start.
        let service = house.serve().await;
        service.reset(&name()).await.expect("it is reset");
        assert_eq!(found(&feed(&service, row(0)).await), []);
    }
}

#[tokio::test]
async fn projects_of_versions_without_checks_serve_without() {
    let house = House::new();
    fit(&house.serve().await, request(DetectorKind::Ks, MissingValues::Reject)).await;
    let far = || numbers(vec![1e6; 50]);
    assert!(!feed(&house.serve().await, far()).await.quality.is_empty());
    let StoredProject { mut configuration, mut parameters } =
        house.artifacts.project(&name()).await.expect("it is read").expect("it is there");
    let has_arrays = parameters.iter().any(|(name, _)| name.starts_with("quality."));
    assert!(has_arrays && configuration.quality.is_some());
    configuration.quality = None;
    let former = parameters.iter().filter(|(name, _)| !name.starts_with("quality."));
    let mut kept = drifting_domain::data::Tensors::new();
    former.for_each(|(name, tensor)| kept.insert(name, tensor.clone()));
    parameters = kept;
    let house = House::new();
    house.artifacts.put_project(&StoredProject { configuration, parameters }).await.expect("it is stored");
    let prediction = feed(&house.serve().await, far()).await;
    assert!(prediction.quality.is_empty() && prediction.detections[0].is_drift);
}

#[tokio::test]
async fn missing_texts_are_found() {
    let service = House::new().serve().await;
    let words = ["red", "green", "blue", "heavy", "light", "old", "new", "warm"];
    let texts = |n: usize, every: usize| {
        let text = |row: usize| format!("{} {} thing", words[row % 8], words[row / 8 % 8]);
        let texts = (0..n).map(|row| (!row.is_multiple_of(every)).then(|| text(row))).collect();
        Table::unnamed(vec![Values::Text(texts)]).expect("a column")
    };
    let detector = DetectorRequest { kind: Some(DetectorKind::Ks), ..DetectorRequest::default() };
    let of_texts = FitRequest {
        drift_type: DriftType::Text,
        reference: texts(400, 50),
        detector,
        ..request(DetectorKind::Ks, MissingValues::Impute)
    };
    fit(&service, of_texts).await;
    assert_eq!(found(&feed(&service, texts(100, 50)).await), []);
    assert_eq!(found(&feed(&service, texts(100, 2)).await), [(QualityCheck::MissingBurst, 99)]);
}

#[tokio::test]
async fn a_significance_that_is_none_is_refused() {
    let service = House::new().serve().await;
    let quality = QualityRequest { significance: Some(2.0), ..QualityRequest::default() };
    let wrong = FitRequest { quality, ..request(DetectorKind::Ks, MissingValues::Reject) };
    let error = service.fit(wrong).await.err().expect("it is refused").to_string();
    assert!(error.contains("quality/significance: expected a number above 0, up to 0.5, 2 came"), "{error}");
}
