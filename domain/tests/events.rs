//! What others are told of verdicts: all of them, in the order of the rows, with what they came of.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta};
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest, WindowRequest};
use drifting_domain::ports::{EventSink, Verdicts};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{
    Access, DriftService, FitRequest, Ports, PredictRequest, ServiceSettings, StateDurability,
};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

/// What was told of a verdict: its time, the rows judged, the windows, the request.
type Told = (u64, u64, Vec<usize>, Option<String>);

#[derive(Default)]
struct Listener(Mutex<Vec<Told>>);

impl Listener {
    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl EventSink for Listener {
    fn tell(&self, verdicts: Verdicts<'_>) {
        // Whoever comes next would overtake here.
        std::thread::yield_now();
        let Verdicts { records, window_sizes, request_id, .. } = verdicts;
        let told = |time, rows| (time, rows, window_sizes.to_vec(), request_id.map(str::to_owned));
        let told = records.iter().map(|record| told(record.time, record.rows));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(told);
    }
}

struct House {
    service: Arc<DriftService>,
    listener: Arc<Listener>,
    clock: Arc<FixedClock>,
}

impl House {
    async fn with(detector: DetectorRequest) -> Self {
        let (listener, metrics) = (Arc::<Listener>::default(), Arc::new(MemoryMetrics::new()));
        let clock = Arc::new(FixedClock::new(DateTime::UNIX_EPOCH));
        let ports = Ports {
            artifacts: Arc::new(MemoryArtifacts::new()),
            index: Arc::new(MemoryIndex::new()),
            operations: Arc::new(MemoryOperations::new()),
            sink: Arc::clone(&metrics) as _,
            events: Arc::clone(&listener) as _,
            metrics,
            clock: Arc::clone(&clock) as _,
            fit_pool: Arc::new(InlineCpuPool),
            predict_pool: Arc::new(InlineCpuPool),
        };
        let settings = ServiceSettings {
            access: Access::ReadWrite,
            durability: StateDurability::Interval,
            records_features: false,
            fitted_by: "test 0".to_owned(),
        };
        let service = Arc::new(DriftService::new(ports, settings));
        let reference = (0..200).map(|n| f64::from(n * 37 % 101)).collect();
        let request = FitRequest {
            project: name(),
            drift_type: DriftType::Label,
            reference: Table::unnamed(vec![Values::Numeric(reference)]).expect("a column"),
            detector,
            standardize: None,
            n_components: None,
            texts: TextRequest::DEFAULT,
            missing_values: MissingValues::Reject,
            quality: QualityRequest::default(),
            report_run_length: false,
            overwrite: false,
        };
        let fitted = service.fit(request).await.expect("a fit");
        service.store(fitted).await.expect("it is stored");
        Self { service, listener, clock }
    }

    async fn feed(service: &DriftService, n_rows: u32, id: Option<&str>) {
        let rows = Table::unnamed(vec![Values::Numeric((0..n_rows).map(f64::from).collect())]).expect("a column");
        let open = service.open(&name()).await.expect("it is open");
        let request = PredictRequest { id: id.map(Into::into), ..rows.into() };
        service.predict(&open, request).await.expect("rows are fed");
    }
}

fn name() -> ProjectName {
    "p".parse().expect("a valid name")
}

fn online() -> DetectorRequest {
    DetectorRequest {
        kind: Some(DetectorKind::CvmOnline),
        ert: Some(50.0),
        window_sizes: Some(vec![5, 8]),
        n_bootstraps: Some(2_000),
        ..DetectorRequest::default()
    }
}

#[tokio::test]
async fn every_verdict_is_told_with_its_windows_and_its_request() {
    let house = House::with(online()).await;
    House::feed(&house.service, 2, Some("order-918")).await;
    House::feed(&house.service, 1, None).await;
    let windows = vec![5, 8];
    let id = Some("order-918".to_owned());
    let expected = [(1, 1, windows.clone(), id.clone()), (2, 1, windows.clone(), id), (3, 1, windows, None)];
    assert_eq!(house.listener.told(), expected);
}

#[tokio::test]
async fn windows_that_size_or_age_closes_are_told() {
    let window = WindowRequest { size: Some(20), max_age: Some(60.0), ..WindowRequest::default() };
    let kind = Some(DetectorKind::Ks);
    let house = House::with(DetectorRequest { kind, window: Some(window), ..DetectorRequest::default() }).await;
    House::feed(&house.service, 30, Some("a")).await;
    assert_eq!(house.listener.told(), [(20, 20, vec![20], Some("a".to_owned()))]);
    house.clock.advance(TimeDelta::seconds(61));
    house.service.close_aged_windows().await;
    assert_eq!(house.listener.told(), [(30, 10, vec![20], None)]);
    house.service.close_aged_windows().await;
    assert!(house.listener.told().is_empty(), "nothing is told of nothing");
}

#[tokio::test]
async fn a_request_that_is_the_window_has_no_size_of_its_own() {
    let house = House::with(DetectorRequest { kind: Some(DetectorKind::Ks), ..DetectorRequest::default() }).await;
    House::feed(&house.service, 50, None).await;
    assert_eq!(house.listener.told(), [(50, 50, vec![], None)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_order_is_that_of_the_rows_whoever_feeds_them() {
    let house = House::with(online()).await;
    let feeders = (0..8).map(|_| {
        let service = Arc::clone(&house.service);
        tokio::spawn(async move {
            for _ in 0..100 {
                House::feed(&service, 1, None).await;
            }
        })
    });
    for feeder in feeders.collect::<Vec<_>>() {
        feeder.await.expect("it feeds");
    }
    let times: Vec<u64> = house.listener.told().iter().map(|(time, ..)| *time).collect();
    assert_eq!(times, (1..=800).collect::<Vec<u64>>());
}
