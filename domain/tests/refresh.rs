//! Stores that change while a server runs: what a refresh takes up, and what a server may do that serves read-only.

use std::sync::Arc;

use chrono::DateTime;
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest, WindowRequest};
use drifting_domain::ports::{ArtifactStore, NoEvents, ProjectIndex};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName, Status};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{
    Access, DriftService, FitError, FitRequest, ListQuery, Ports, PredictError, ProjectError, ServiceSettings,
    StateDurability,
};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

/// Stores that several servers share, and the clock.
#[derive(Default)]
struct Stores {
    artifacts: Arc<MemoryArtifacts>,
    index: Arc<MemoryIndex>,
}

impl Stores {
    async fn serve(&self, access: Access, second: i64) -> DriftService {
        let metrics = Arc::new(MemoryMetrics::new());
        let noon = DateTime::from_timestamp(1_780_000_000 + second, 0).expect("a time");
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
            access,
            durability: StateDurability::Always,
            records_features: false,
            fitted_by: "test 0".to_owned(),
        };
        let service = DriftService::new(ports, settings);
        service.start().await.expect("the stores are read");
        service
    }

    /// Takes a project out of the store, as somebody else would.
    async fn take_out(&self, project: &str) {
        assert!(self.artifacts.delete(&name(project)).await.expect("the store works"));
    }

    async fn statuses(&self) -> Vec<(String, Option<Status>)> {
        let entries = self.index.all().await.expect("the index is read");
        entries.into_iter().map(|entry| (entry.project.to_string(), entry.status)).collect()
    }
}

fn name(text: &str) -> ProjectName {
    text.parse().expect("a valid name")
}

fn names(of: &[ProjectName]) -> Vec<&str> {
    of.iter().map(ProjectName::as_str).collect()
}

fn values(n: u32, shift: f64) -> Table {
    let numbers = (0..n).map(|n| f64::from((n * 37) % 101) + shift).collect();
    Table::unnamed(vec![Values::Numeric(numbers)]).expect("a column")
}

fn request(project: &str, kind: DetectorKind) -> FitRequest {
    FitRequest {
        project: name(project),
        drift_type: DriftType::Label,
        reference: values(100, 0.0),
        detector: DetectorRequest { kind: Some(kind), ..DetectorRequest::default() },
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::default(),
        report_run_length: false,
        overwrite: false,
    }
}

async fn fit(service: &DriftService, request: FitRequest) {
    let fitted = service.fit(request).await.expect("a fit");
    service.store(fitted).await.expect("it is stored");
}

async fn predict(service: &DriftService, project: &str, rows: Table) -> Result<bool, PredictError> {
    let open = service.open(&name(project)).await.expect("it is open");
    let prediction = service.predict(&open, rows).await?;
    Ok(prediction.detections[0].is_drift)
}

#[tokio::test]
async fn projects_that_come_and_go_are_noticed() {
    let stores = Stores::default();
    let service = stores.serve(Access::ReadWrite, 0).await;
    fit(&service, request("stays", DetectorKind::Ks)).await;
    fit(&service, request("goes", DetectorKind::Ks)).await;
    // Copied in by somebody else, one of them with a status.
    let elsewhere = Stores { artifacts: Arc::clone(&stores.artifacts), index: Arc::default() };
    let other = elsewhere.serve(Access::ReadWrite, 1).await;
    fit(&other, request("comes", DetectorKind::Ks)).await;
    fit(&other, request("STAYS2", DetectorKind::Ks)).await;
    stores.index.set_status(&name("STAYS2"), Status::Inactive).await.expect("the index works");
    stores.take_out("goes").await;

    let report = service.refresh().await.expect("the store is read");
    assert_eq!((report.n_projects, names(&report.added)), (3, vec!["STAYS2", "comes"]));
    assert_eq!((names(&report.vanished), names(&report.clashing)), (vec!["goes"], vec![]));
    assert!(predict(&service, "comes", values(50, 60.0)).await.expect("it is judged"));
    assert!(matches!(service.open(&name("goes")).await.map(|_| ()), Err(ProjectError::NotFound)));
    assert!(matches!(service.open(&name("STAYS2")).await.map(|_| ()), Err(ProjectError::Inactive)));
    let active = Some(Status::Active);
    let expected = [("STAYS2", Some(Status::Inactive)), ("comes", active), ("stays", active)];
    assert_eq!(stores.statuses().await, expected.map(|(name, status)| (name.to_owned(), status)));
    let again = service.refresh().await.expect("the store is read");
    assert_eq!((again.n_projects, again.added.len(), again.vanished.len()), (3, 0, 0));
}

#[tokio::test]
async fn a_fit_under_way_is_left_to_itself() {
    let stores = Stores::default();
    let service = stores.serve(Access::ReadWrite, 0).await;
    let fitted = service.fit(request("a", DetectorKind::Ks)).await.expect("a fit");
    let report = service.refresh().await.expect("the store is read");
    assert_eq!((report.n_projects, report.added.len()), (0, 0));
    service.store(fitted).await.expect("it is stored");
    assert_eq!(service.refresh().await.expect("the store is read").added, []);
}

#[tokio::test]
async fn read_only_serves_what_another_server_keeps_and_writes_nothing() {
    let stores = Stores::default();
    let writer = stores.serve(Access::ReadWrite, 0).await;
    fit(&writer, request("a", DetectorKind::Ks)).await;
    let reader = stores.serve(Access::ReadOnly, 0).await;
    assert!(predict(&reader, "a", values(50, 60.0)).await.expect("it is judged"));

    assert!(matches!(reader.fit(request("b", DetectorKind::Ks)).await.map(|_| ()), Err(FitError::ReadOnly)));
    assert!(matches!(reader.load(&name("a")).await, Err(ProjectError::ReadOnly)));
    assert!(matches!(reader.unload(&name("a")).await, Err(ProjectError::ReadOnly)));
    assert!(matches!(reader.reset(&name("a")).await, Err(ProjectError::ReadOnly)));
    assert!(matches!(reader.delete(&name("a")).await, Err(ProjectError::ReadOnly)));
    assert_eq!(reader.checkpoint().await.expect("nothing is written"), 0);
    assert_eq!(stores.artifacts.state(&name("a"), 1).await.expect("the store works"), None);

    // What the writer changes is seen after a look.
    fit(&writer, request("b", DetectorKind::Ks)).await;
    writer.unload(&name("a")).await.expect("it is unloaded");
    let report = reader.refresh().await.expect("the store is read");
    assert_eq!((report.n_projects, names(&report.added)), (2, vec!["b"]));
    assert!(matches!(reader.open(&name("a")).await.map(|_| ()), Err(ProjectError::Inactive)));
    writer.load(&name("a")).await.expect("it is loaded");
    reader.refresh().await.expect("the store is read");
    assert!(predict(&reader, "a", values(50, 60.0)).await.expect("it is judged"));
    // A later fit is another one.
    let later = stores.serve(Access::ReadWrite, 1).await;
    let moved = FitRequest { reference: values(100, 60.0), overwrite: true, ..request("a", DetectorKind::Ks) };
    fit(&later, moved).await;
    reader.refresh().await.expect("the store is read");
    assert!(!predict(&reader, "a", values(50, 60.0)).await.expect("it is judged"));
    let listed = reader.list(&ListQuery { page_size: 10, ..ListQuery::default() }).await.expect("they are listed");
    assert_eq!(listed.projects.len(), 2);
}

#[tokio::test]
async fn read_only_refuses_rows_that_would_move_a_state() {
    let stores = Stores::default();
    let writer = stores.serve(Access::ReadWrite, 0).await;
    fit(&writer, request("online", DetectorKind::CvmOnline)).await;
    let windows = WindowRequest { size: Some(20), stride: None, max_age: None };
    let mut collects = request("collects", DetectorKind::Ks);
    collects.detector.window = Some(windows);
    fit(&writer, collects).await;
    let mut latches = request("latches", DetectorKind::Ks);
    latches.detector.after_alarm = Some(drifting_domain::project::AfterAlarm::Latch);
    fit(&writer, latches).await;
    let reader = stores.serve(Access::ReadOnly, 0).await;
    for project in ["online", "collects", "latches"] {
        let refused = predict(&reader, project, values(30, 0.0)).await;
        assert!(matches!(refused, Err(PredictError::ReadOnly)), "{project}: {refused:?}");
    }
}

#[tokio::test]
async fn read_only_closes_no_windows_and_saves_nothing() {
    let stores = Stores::default();
    let writer = stores.serve(Access::ReadWrite, 0).await;
    let mut collects = request("collects", DetectorKind::Ks);
    collects.detector.window = Some(WindowRequest { size: Some(50), stride: None, max_age: Some(10.0) });
    fit(&writer, collects).await;
    let open = writer.open(&name("collects")).await.expect("it is open");
    let fed = writer.predict(&open, values(7, 0.0)).await.expect("rows are fed");
    assert_eq!(fed.pending_rows, Some(7));

    // Long after.
    let reader = stores.serve(Access::ReadOnly, 1_000).await;
    reader.show(&name("collects")).await.expect("it is shown");
    reader.close_aged_windows().await;
    reader.close_aged_windows().await;
    assert_eq!(reader.last_checkpoint().await.expect("there is nothing to save"), 0);
    let view = reader.show(&name("collects")).await.expect("it is shown");
    assert_eq!(view.last_detection, writer.show(&name("collects")).await.expect("it is shown").last_detection);
}
