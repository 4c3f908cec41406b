//! The use cases on memory adapters: what users are promised when requests cross each other and stores fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::DateTime;
use drifting_domain::data::{MissingValues, Table, Tensors, Values};
use drifting_domain::detectors::DetectorRequest;
use drifting_domain::ports::{
    ArtifactStore, IndexEntry, MetricsHistory, NoEvents, PortError, PortErrorKind, ProjectIndex, StoredProject,
    TrendQuery,
};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{Configuration, DriftType, ProjectName, Status};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{
    Access, DriftService, FitError, FitRequest, ListQuery, Ports, PredictError, ProjectError, ProjectStatus,
    ProjectStatusFilter, ServiceSettings, StateDurability,
};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

/// A store whose states can be made to fail.
#[derive(Default)]
struct Artifacts {
    inner: MemoryArtifacts,
    states_fail: AtomicBool,
}

#[async_trait]
impl ArtifactStore for Artifacts {
    async fn put_project(&self, project: &StoredProject) -> Result<(), PortError> {
        self.inner.put_project(project).await
    }

    async fn configuration(&self, name: &ProjectName) -> Result<Option<Configuration>, PortError> {
        self.inner.configuration(name).await
    }

    async fn project(&self, name: &ProjectName) -> Result<Option<StoredProject>, PortError> {
        self.inner.project(name).await
    }

    async fn put_state(&self, name: &ProjectName, generation: u64, state: &Tensors) -> Result<(), PortError> {
        if self.states_fail.load(Ordering::SeqCst) {
            return Err(PortError::new(PortErrorKind::Full, "write a state", "no room"));
        }
        self.inner.put_state(name, generation, state).await
    }

    async fn state(&self, name: &ProjectName, generation: u64) -> Result<Option<Tensors>, PortError> {
        self.inner.state(name, generation).await
    }

    async fn list(&self) -> Result<Vec<ProjectName>, PortError> {
        self.inner.list().await
    }

    async fn delete(&self, name: &ProjectName) -> Result<bool, PortError> {
        self.inner.delete(name).await
    }

    async fn sweep(&self) -> Result<usize, PortError> {
        self.inner.sweep().await
    }
}

struct House {
    artifacts: Arc<Artifacts>,
    index: Arc<MemoryIndex>,
    operations: Arc<MemoryOperations>,
    metrics: Arc<MemoryMetrics>,
    clock: Arc<FixedClock>,
}

impl House {
    fn new() -> Self {
        let noon = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        Self {
            artifacts: Arc::default(),
            index: Arc::new(MemoryIndex::new()),
            operations: Arc::new(MemoryOperations::new()),
            metrics: Arc::new(MemoryMetrics::new()),
            clock: Arc::new(FixedClock::new(noon)),
        }
    }

    /// A server on the same stores.
    async fn serve(&self, durability: StateDurability) -> Arc<DriftService> {
        let ports = Ports {
            artifacts: Arc::clone(&self.artifacts) as _,
            index: Arc::clone(&self.index) as _,
            operations: Arc::clone(&self.operations) as _,
            sink: Arc::clone(&self.metrics) as _,
            events: Arc::new(NoEvents),
            metrics: Arc::clone(&self.metrics) as _,
            clock: Arc::clone(&self.clock) as _,
            fit_pool: Arc::new(InlineCpuPool),
            predict_pool: Arc::new(InlineCpuPool),
        };
        let service = DriftService::new(
            ports,
            ServiceSettings {
                access: Access::ReadWrite,
                durability,
                records_features: false,
                fitted_by: "test 0".to_owned(),
            },
        );
        service.start().await.expect("the stores are read");
        Arc::new(service)
    }
}

fn name(text: &str) -> ProjectName {
    text.parse().expect("a valid name")
}

fn values(numbers: &[f64]) -> Table {
    Table::unnamed(vec![Values::Numeric(numbers.to_vec())]).expect("a column")
}

fn request(project: &str) -> FitRequest {
    let reference: Vec<f64> = (0..100).map(|n| f64::from((n * 37) % 101)).collect();
    FitRequest {
        project: name(project),
        drift_type: DriftType::Label,
        reference: values(&reference),
        detector: DetectorRequest {
            ert: Some(30.0),
            window_size: Some(5),
            n_bootstraps: Some(500),
            ..DetectorRequest::default()
        },
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::default(),
        report_run_length: false,
        overwrite: false,
    }
}

async fn fit(service: &DriftService, request: FitRequest) -> u64 {
    let fitted = service.fit(request).await.expect("a fit");
    let view = service.store(fitted).await.expect("it is stored");
    view.configuration.expect("a stored project has a configuration").generation
}

async fn feed(service: &DriftService, project: &str, numbers: &[f64]) -> u64 {
    let open = service.open(&name(project)).await.expect("it is open");
    service.predict(&open, values(numbers)).await.expect("rows are fed").time
}

#[tokio::test]
async fn a_taken_name_is_refused_in_any_case_unless_it_is_overwritten() {
    let service = House::new().serve(StateDurability::Interval).await;
    assert_eq!(fit(&service, request("price")).await, 1);
    for taken in ["price", "Price"] {
        let Err(FitError::Exists { existing }) = service.fit(request(taken)).await.map(|_| ()) else {
            panic!("{taken} is taken")
        };
        assert_eq!(existing, "price");
    }
    feed(&service, "price", &[1.0, 2.0]).await;
    assert_eq!(fit(&service, FitRequest { overwrite: true, ..request("price") }).await, 2);
    assert_eq!(feed(&service, "price", &[1.0]).await, 1, "a new fit starts anew");
    let other_case = FitRequest { overwrite: true, ..request("PRICE") };
    assert!(matches!(service.fit(other_case).await.map(|_| ()), Err(FitError::Exists { .. })));
}

#[tokio::test]
async fn one_fit_of_a_name_at_a_time() {
    let service = House::new().serve(StateDurability::Interval).await;
    let fitted = service.fit(request("a")).await.expect("a fit");
    assert!(matches!(service.fit(request("A")).await.map(|_| ()), Err(FitError::InProgress)));
    // Whoever does not store it gives the name free.
    drop(fitted);
    assert_eq!(fit(&service, request("A")).await, 1);
}

#[tokio::test]
async fn rows_are_fed_all_or_none() {
    let service = House::new().serve(StateDurability::Interval).await;
    fit(&service, request("a")).await;
    let open = service.open(&name("a")).await.expect("it is open");
    let bad = service.predict(&open, values(&[1.0, f64::NAN])).await;
    assert!(matches!(bad, Err(PredictError::Data(_))), "{bad:?}");
    assert_eq!(feed(&service, "a", &[1.0]).await, 1, "nothing of the bad request was fed");
}

#[tokio::test]
async fn a_request_that_found_a_project_before_it_was_unloaded_is_refused() {
    let house = House::new();
    let service = house.serve(StateDurability::Interval).await;
    fit(&service, request("a")).await;
    let open = service.open(&name("a")).await.expect("it is open");
    service.unload(&name("a")).await.expect("it is unloaded");
    assert!(matches!(service.predict(&open, values(&[1.0])).await, Err(PredictError::Inactive)));
    assert!(matches!(service.open(&name("a")).await.map(|_| ()), Err(ProjectError::Inactive)));
    service.load(&name("a")).await.expect("it is loaded");
    assert_eq!(feed(&service, "a", &[1.0]).await, 1);
    // Over a restart too.
    service.unload(&name("a")).await.expect("it is unloaded");
    let service = house.serve(StateDurability::Interval).await;
    assert!(matches!(service.open(&name("a")).await.map(|_| ()), Err(ProjectError::Inactive)));
    service.load(&name("a")).await.expect("it is loaded");
    assert_eq!(feed(&service, "a", &[1.0]).await, 2);
}

#[tokio::test]
async fn state_that_cannot_be_saved_is_tried_again() {
    let house = House::new();
    let service = house.serve(StateDurability::Interval).await;
    fit(&service, request("a")).await;
    feed(&service, "a", &[1.0, 2.0, 3.0]).await;
    house.artifacts.states_fail.store(true, Ordering::SeqCst);
    assert_eq!(service.checkpoint().await.map_err(|error| error.kind()), Err(PortErrorKind::Full));
    house.artifacts.states_fail.store(false, Ordering::SeqCst);
    assert_eq!(service.checkpoint().await.expect("there is room again"), 1);
    assert_eq!(service.checkpoint().await.expect("nothing has moved"), 0);
    let service = house.serve(StateDurability::Interval).await;
    assert_eq!(feed(&service, "a", &[4.0]).await, 4);
}

#[tokio::test]
async fn with_durability_always_an_answer_means_saved() {
    let house = House::new();
    let service = house.serve(StateDurability::Always).await;
    fit(&service, request("a")).await;
    feed(&service, "a", &[1.0, 2.0]).await;
    let again = house.serve(StateDurability::Always).await;
    assert_eq!(feed(&again, "a", &[3.0]).await, 3);
    house.artifacts.states_fail.store(true, Ordering::SeqCst);
    let open = again.open(&name("a")).await.expect("it is open");
    assert!(matches!(again.predict(&open, values(&[4.0])).await, Err(PredictError::Storage(_))));
}

#[tokio::test]
async fn deleted_projects_are_gone_for_whoever_still_holds_them() {
    let house = House::new();
    let service = house.serve(StateDurability::Interval).await;
    fit(&service, request("a")).await;
    feed(&service, "a", &[1.0]).await;
    service.delete(&name("a")).await.expect("it is deleted");
    assert!(matches!(service.delete(&name("a")).await, Err(ProjectError::NotFound)));
    assert!(matches!(service.open(&name("a")).await.map(|_| ()), Err(ProjectError::NotFound)));
    service.checkpoint().await.expect("a state of nobody is not saved");
    assert_eq!(fit(&service, request("a")).await, 1);
    assert_eq!(feed(&service, "a", &[1.0]).await, 1);
}

#[tokio::test]
async fn a_start_mends_the_index() {
    let house = House::new();
    let service = house.serve(StateDurability::Interval).await;
    fit(&service, request("a")).await;
    fit(&service, request("b")).await;
    service.unload(&name("b")).await.expect("it is unloaded");
    let vanished = IndexEntry { project: name("c"), path: Some("c".to_owned()), status: Some(Status::Active) };
    house.index.put(&[vanished]).await.expect("an entry without a project");
    house.index.remove(&[name("a")]).await.expect("a project without an entry");
    // The paths are lost, the statuses are not.
    house.index.remove(&[name("b")]).await.expect("a path is lost");
    house.index.set_status(&name("b"), Status::Inactive).await.expect("a status is left");

    let ports_only = house.serve(StateDurability::Interval).await;
    let entries = house.index.all().await.expect("the index is read");
    let expected =
        |project: &str, status| IndexEntry { project: name(project), path: Some(project.to_owned()), status };
    assert_eq!(entries, [expected("a", Some(Status::Active)), expected("b", Some(Status::Inactive))]);
    let query = ListQuery { page_size: 9, ..ListQuery::default() };
    assert_eq!(ports_only.list(&query).await.expect("a page").projects.len(), 2);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let service = House::new().serve(StateDurability::Interval).await;
    for project in ["b", "A", "d", "c"] {
        fit(&service, request(project)).await;
    }
    service.unload(&name("c")).await.expect("it is unloaded");
    let mut query = ListQuery { page_size: 2, status: Some(ProjectStatusFilter::Active), ..ListQuery::default() };
    let first = service.list(&query).await.expect("a page");
    let names = |page: &drifting_domain::use_cases::ProjectPage| -> Vec<String> {
        page.projects.iter().map(|view| view.name.to_string()).collect()
    };
    assert_eq!((names(&first), first.next.as_deref()), (vec!["A".to_owned(), "b".to_owned()], Some("b")));
    query.after = first.next;
    let second = service.list(&query).await.expect("a page");
    assert_eq!((names(&second), second.next), (vec!["d".to_owned()], None));
    query = ListQuery { page_size: 9, drift_type: Some(DriftType::Tabular), ..ListQuery::default() };
    assert_eq!(service.list(&query).await.expect("a page").projects.len(), 0);
    assert_eq!(service.show(&name("c")).await.expect("it is shown").status, ProjectStatus::Inactive);
}

#[tokio::test]
async fn a_reset_starts_anew_and_keeps_the_count_of_rows() {
    let service = House::new().serve(StateDurability::Interval).await;
    fit(&service, request("a")).await;
    feed(&service, "a", &[1.0, 2.0, 3.0]).await;
    let view = service.reset(&name("a")).await.expect("it is reset");
    assert_eq!((view.time, view.rows_seen), (Some(0), Some(3)));
    assert_eq!(feed(&service, "a", &[1.0]).await, 1);
}

#[tokio::test]
async fn lists_tell_what_was_counted_before_a_restart() {
    let house = House::new();
    let service = house.serve(StateDurability::Interval).await;
    fit(&service, request("a")).await;
    feed(&service, "a", &[1.0; 7]).await;
    let before = service.show(&name("a")).await.expect("it is shown");
    service.checkpoint().await.expect("it is saved");
    let service = house.serve(StateDurability::Interval).await;
    let query = ListQuery { page_size: 9, ..ListQuery::default() };
    let listed = service.list(&query).await.expect("a page").projects.remove(0);
    assert_eq!((listed.rows_seen, listed.time), (Some(7), Some(7)));
    assert_eq!(listed, before);
    assert_eq!(service.show(&name("a")).await.expect("it is shown"), before);
}

#[tokio::test]
async fn every_row_leaves_a_record() {
    let house = House::new();
    let service = house.serve(StateDurability::Interval).await;
    fit(&service, request("a")).await;
    feed(&service, "a", &[1.0; 7]).await;
    let query =
        TrendQuery { project: name("a"), from: None, to: None, page_size: 100, after: None, with_features: false };
    let records = house.metrics.trend(&query).await.expect("a trend").records;
    let times: Vec<(u64, bool)> = records.iter().map(|record| (record.time, record.warm_up)).collect();
    let expected: Vec<(u64, bool)> = (1..=7).map(|time| (time, time < 5)).collect();
    assert_eq!(times, expected, "warm-up rows are included");
    // A later fit of the name is another detector.
    house.clock.advance(chrono::TimeDelta::seconds(1));
    fit(&service, FitRequest { overwrite: true, ..request("a") }).await;
    assert_eq!(service.trend(&query).await.expect("a trend").records, []);
    feed(&service, "a", &[1.0; 2]).await;
    assert_eq!(service.trend(&query).await.expect("a trend").records.len(), 2);
}
