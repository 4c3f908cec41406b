//! Operations on memory adapters: progress, cancelling, the queue, and what a restart tells of them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta};
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest, FitProblem};
use drifting_domain::operation::{OperationId, OperationNote};
use drifting_domain::ports::{ArtifactStore, Clock, CpuPool, NoEvents, OperationJournal};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{
    Access, BegunFit, DriftService, FitError, FitRequest, OperationQuery, OperationStatus, OperationView, Ports,
    ServiceSettings, StateDurability,
};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};
use futures_util::FutureExt;

type Job = Box<dyn FnOnce() + Send>;
type Watcher = Box<dyn Fn(usize) + Send + Sync>;

/// A pool whose jobs run when they are told to, and whose tasks somebody may watch.
#[derive(Default)]
struct Gated {
    jobs: Mutex<VecDeque<Job>>,
    watcher: Mutex<Option<Watcher>>,
}

impl Gated {
    fn run_next(&self) {
        let job = self.jobs.lock().expect("nobody panics").pop_front().expect("a job waits");
        job();
    }
}

impl CpuPool for Gated {
    fn spawn(&self, job: Job) {
        self.jobs.lock().expect("nobody panics").push_back(job);
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        for index in 0..n_tasks {
            if let Some(watcher) = &*self.watcher.lock().expect("nobody panics") {
                watcher(index);
            }
            task(index);
        }
    }
}

struct House {
    artifacts: Arc<MemoryArtifacts>,
    operations: Arc<MemoryOperations>,
    clock: Arc<FixedClock>,
    pool: Arc<Gated>,
}

impl House {
    fn new() -> Self {
        let noon = DateTime::from_timestamp(1_780_000_000, 0).expect("a time");
        Self {
            artifacts: Arc::default(),
            operations: Arc::default(),
            clock: Arc::new(FixedClock::new(noon)),
            pool: Arc::default(),
        }
    }

    /// A server on the same stores.
    async fn serve(&self) -> Arc<DriftService> {
        let metrics = Arc::new(MemoryMetrics::new());
        let ports = Ports {
            artifacts: Arc::clone(&self.artifacts) as _,
            index: Arc::new(MemoryIndex::new()),
            operations: Arc::clone(&self.operations) as _,
            sink: Arc::clone(&metrics) as _,
            events: Arc::new(NoEvents),
            metrics,
            clock: Arc::clone(&self.clock) as _,
            fit_pool: Arc::clone(&self.pool) as _,
            predict_pool: Arc::new(InlineCpuPool),
        };
        let settings = ServiceSettings {
            access: Access::ReadWrite,
            durability: StateDurability::Interval,
            records_features: false,
            fitted_by: "test 0".to_owned(),
        };
        let service = DriftService::new(ports, settings);
        service.start().await.expect("the stores are read");
        Arc::new(service)
    }

    async fn n_notes(&self) -> usize {
        self.operations.notes().await.expect("the notes are read").len()
    }
}

fn name(text: &str) -> ProjectName {
    text.parse().expect("a valid name")
}

fn request(project: &str, numbers: Vec<f64>) -> FitRequest {
    FitRequest {
        project: name(project),
        drift_type: DriftType::Label,
        reference: Table::unnamed(vec![Values::Numeric(numbers)]).expect("a column"),
        detector: DetectorRequest {
            kind: Some(DetectorKind::MmdOnline),
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

fn good(project: &str) -> FitRequest {
    request(project, (0..100).map(|n| f64::from((n * 37) % 101)).collect())
}

async fn begin(service: &DriftService, bits: u128, request: FitRequest) -> BegunFit {
    let prepared = service.prepare_fit(request).expect("it can be fitted");
    service.begin_fit(OperationId::new(bits), prepared).await.expect("it begins")
}

/// A fit whose turn has not come: it waits for the pool.
fn waiting<F: Future>(fit: F) -> Pin<Box<F>> {
    let mut fit = Box::pin(fit);
    assert!((&mut fit).now_or_never().is_none(), "nothing has been computed");
    fit
}

fn view(service: &DriftService, bits: u128) -> OperationView {
    service.operation(OperationId::new(bits)).expect("it is known")
}

#[tokio::test]
async fn an_operation_goes_its_way_and_its_share_never_falls() {
    let house = House::new();
    let service = house.serve().await;
    let begun = begin(&service, 1, good("a")).await;
    assert!(matches!(begun.view().status, OperationStatus::Queued));
    assert_eq!((begun.view().fraction, begun.view().started_at), (0.0, None));
    assert_eq!(house.n_notes().await, 1, "it is noted before it is told");
    assert!(matches!(service.fit(good("A")).await.map(drop), Err(FitError::InProgress)));

    let seen: Arc<Mutex<Vec<(f64, &str)>>> = Arc::default();
    let (watching, watched) = (Arc::clone(&service), Arc::clone(&seen));
    let watcher: Watcher = Box::new(move |_| {
        let view = view(&watching, 1);
        assert!(matches!(view.status, OperationStatus::Running));
        watched.lock().expect("nobody panics").push((view.fraction, view.stage));
    });
    *house.pool.watcher.lock().expect("nobody panics") = Some(watcher);
    house.clock.advance(TimeDelta::seconds(1));
    house.pool.run_next();
    service.finish_fit(begun).await;

    let ended = view(&service, 1);
    assert!(matches!(ended.status, OperationStatus::Succeeded), "{ended:?}");
    assert_eq!((ended.fraction, ended.stage), (1.0, "done"));
    assert_eq!(ended.started_at, Some(ended.created_at + TimeDelta::seconds(1)));
    assert_eq!(ended.ended_at, ended.started_at);
    assert_eq!(house.n_notes().await, 0);
    assert!(service.show(&name("a")).await.is_ok());
    let seen = seen.lock().expect("nobody panics").clone();
    assert!(seen.is_sorted_by(|left, right| left.0 <= right.0), "{seen:?}");
    assert!(seen.iter().any(|(fraction, _)| *fraction > 0.5 && *fraction < 1.0), "{seen:?}");
    for stage in
        ["inferring the bandwidth of the kernel", "summing the kernel over the reference", "simulating the thresholds"]
    {
        assert!(seen.iter().any(|(_, seen)| *seen == stage), "{stage}: {seen:?}");
    }
    service.operation_ended(OperationId::new(1)).await;
}

#[tokio::test]
async fn what_can_be_told_at_once_is_no_operation_and_the_rest_is_told_by_it() {
    let house = House::new();
    let service = house.serve().await;
    let few = service.prepare_fit(request("a", vec![1.0, 2.0, 3.0])).map(drop);
    assert!(matches!(few, Err(FitError::Problem(FitProblem::TooFewRows { .. }))), "{few:?}");
    // More than half of the pairs coincide, which only the distances tell.
    let equal = (0..100).map(|n| f64::from(u8::from(n > 90))).collect();
    let begun = begin(&service, 1, request("a", equal)).await;
    house.pool.run_next();
    service.finish_fit(begun).await;
    let OperationStatus::Failed(error) = view(&service, 1).status else { panic!("it fails") };
    assert!(matches!(*error, FitError::Problem(FitProblem::NoBandwidth)), "{error}");
    assert_eq!(house.n_notes().await, 0);
    drop(begin(&service, 2, good("a")).await);
    let OperationStatus::Failed(error) = view(&service, 2).status else { panic!("nobody drove it") };
    assert!(matches!(*error, FitError::Crashed));
}

#[tokio::test]
async fn a_cancelled_operation_stops_computing_and_frees_its_name() {
    let house = House::new();
    let service = house.serve().await;
    // In the queue.
    let begun = begin(&service, 1, good("a")).await;
    service.cancel_operation(OperationId::new(1)).expect("it is known");
    service.finish_fit(begun).await;
    assert!(matches!(view(&service, 1).status, OperationStatus::Cancelled));
    // In the middle of its tasks.
    let begun = begin(&service, 2, good("a")).await;
    let (watching, tasks) = (Arc::clone(&service), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&tasks);
    let watcher: Watcher = Box::new(move |_| {
        *counted.lock().expect("nobody panics") += 1;
        watching.cancel_operation(OperationId::new(2));
    });
    *house.pool.watcher.lock().expect("nobody panics") = Some(watcher);
    house.pool.run_next();
    house.pool.run_next();
    service.finish_fit(begun).await;
    let cancelled = view(&service, 2);
    assert!(matches!(cancelled.status, OperationStatus::Cancelled), "{cancelled:?}");
    assert_eq!(cancelled.stage, "inferring the bandwidth of the kernel", "no later stage has begun");
    assert_eq!(house.n_notes().await, 0);
    // Cancelling what has ended changes nothing.
    *house.pool.watcher.lock().expect("nobody panics") = None;
    let begun = begin(&service, 3, good("a")).await;
    house.pool.run_next();
    service.finish_fit(begun).await;
    let late = service.cancel_operation(OperationId::new(3)).expect("it is known");
    assert!(matches!(late.status, OperationStatus::Succeeded));
    assert!(service.cancel_operation(OperationId::new(4)).is_none());
}

#[tokio::test]
async fn sixteen_fits_wait_and_no_more() {
    let house = House::new();
    let service = house.serve().await;
    let mut waiting = Vec::new();
    for index in 0..16 {
        assert!(service.check_queue().is_ok());
        waiting.push(begin(&service, index, good(&format!("p{index}"))).await);
    }
    assert!(matches!(service.check_queue(), Err(FitError::QueueFull)));
    assert!(matches!(service.prepare_fit(good("q")).map(drop), Err(FitError::QueueFull)));
    assert!(matches!(service.fit(good("q")).await.map(drop), Err(FitError::QueueFull)));
    // Its data and its place are given back before its turn comes.
    service.cancel_operation(OperationId::new(3)).expect("it is known");
    waiting.push(begin(&service, 16, good("q")).await);
    assert!(matches!(service.check_queue(), Err(FitError::QueueFull)));
    house.pool.run_next();
    assert!(service.check_queue().is_ok(), "one has had its turn");
}

#[tokio::test]
async fn the_end_of_the_server_interrupts_operations_and_the_next_start_tells() {
    let house = House::new();
    let service = house.serve().await;
    let begun = begin(&service, 1, good("a")).await;
    let late = service.prepare_fit(good("late")).expect("it can be fitted");
    service.interrupt_operations();
    let refused = service.begin_fit(OperationId::new(2), late).await.map(drop);
    assert!(matches!(refused, Err(FitError::Stopping)), "{refused:?}");
    service.finish_fit(begun).await;
    service.operations_ended().await;
    let is_interrupted = |view: &OperationView| matches!(&view.status, OperationStatus::Failed(error) if matches!(**error, FitError::Interrupted));
    assert!(is_interrupted(&view(&service, 1)));

    let service = house.serve().await;
    let told = view(&service, 1);
    assert!(is_interrupted(&told), "{told:?}");
    assert_eq!((told.project, told.started_at), (name("a"), None));
    assert!(service.operation(OperationId::new(2)).is_none(), "what was refused never was");
}

#[tokio::test]
async fn a_project_that_is_deleted_while_it_is_fitted_anew_stays_deleted() {
    let house = House::new();
    let service = house.serve().await;
    let anew = || FitRequest { overwrite: true, ..good("a") };
    let there = async || {
        let begun = begin(&service, 100, good("a")).await;
        house.pool.run_next();
        service.finish_fit(begun).await;
        assert!(service.show(&name("a")).await.is_ok());
    };
    let is_gone = async || service.show(&name("a")).await.is_err() && house.artifacts.list().await.unwrap().is_empty();

    there().await;
    let begun = begin(&service, 1, anew()).await;
    let of_another = begin(&service, 2, good("b")).await;
    service.delete(&name("a")).await.expect("it is deleted");
    house.pool.run_next();
    service.finish_fit(begun).await;
    assert!(matches!(view(&service, 1).status, OperationStatus::Cancelled), "{:?}", view(&service, 1));
    assert!(is_gone().await);
    house.pool.run_next();
    service.finish_fit(of_another).await;
    assert!(matches!(view(&service, 2).status, OperationStatus::Succeeded), "that of another project goes on");
    service.delete(&name("b")).await.expect("it is deleted");

    // Its computing has ended, and somebody waits for it.
    there().await;
    let waited_for = waiting(service.fit(anew()));
    house.pool.run_next();
    let fitted = waited_for.await.expect("a fit");
    service.delete(&name("a")).await.expect("it is deleted");
    assert!(matches!(service.store(fitted).await.map(drop), Err(FitError::Deleted)));
    assert!(is_gone().await);
    // One that begins afterwards makes a project of its own.
    let begun = begin(&service, 3, anew()).await;
    house.pool.run_next();
    service.finish_fit(begun).await;
    assert!(service.show(&name("a")).await.is_ok());
}

#[tokio::test]
async fn a_server_that_is_about_to_stop_begins_no_operation_and_ends_those_under_way() {
    let house = House::new();
    let service = house.serve().await;
    let begun = begin(&service, 1, good("a")).await;
    service.close_operations();
    let late = service.prepare_fit(good("late")).expect("it can be fitted");
    let refused = service.begin_fit(OperationId::new(2), late).await.map(drop);
    assert!(matches!(refused, Err(FitError::Stopping)), "{refused:?}");
    house.pool.run_next();
    service.finish_fit(begun).await;
    assert!(matches!(view(&service, 1).status, OperationStatus::Succeeded));
}

/// How many fits have succeeded, failed, been cancelled and been interrupted.
fn results(service: &DriftService) -> [u64; 4] {
    service.measures().fit_results.map(|(_, n)| n)
}

#[tokio::test]
async fn fits_are_counted_by_what_has_become_of_them() {
    let house = House::new();
    let service = house.serve().await;
    let begun = begin(&service, 1, good("a")).await;
    house.pool.run_next();
    service.finish_fit(begun).await;
    assert_eq!(results(&service), [1, 0, 0, 0], "in the background");
    let waited_for = waiting(service.fit(good("b")));
    house.pool.run_next();
    let fitted = waited_for.await.expect("a fit");
    assert_eq!(results(&service), [1, 0, 0, 0], "it is not stored");
    service.store(fitted).await.expect("it is stored");
    assert_eq!(results(&service), [2, 0, 0, 0]);

    assert!(service.prepare_fit(good("a")).is_err(), "the name is taken");
    assert_eq!(results(&service), [2, 0, 0, 0], "it had no place");
    assert!(service.prepare_fit(request("c", vec![1.0, 2.0, 3.0])).is_err(), "too few rows");
    assert_eq!(results(&service), [2, 1, 0, 0]);
    let equal = (0..100).map(|n| f64::from(u8::from(n > 90))).collect();
    let begun = begin(&service, 2, request("c", equal)).await;
    house.pool.run_next();
    service.finish_fit(begun).await;
    assert_eq!(results(&service), [2, 2, 0, 0], "no bandwidth");

    let begun = begin(&service, 3, good("c")).await;
    service.cancel_operation(OperationId::new(3)).expect("it is known");
    service.finish_fit(begun).await;
    house.pool.run_next();
    assert_eq!(results(&service), [2, 2, 1, 0], "somebody asked for that");
    let left = waiting(service.fit(good("c")));
    drop(left);
    house.pool.run_next();
    assert_eq!(results(&service), [2, 2, 2, 0], "nobody waits any more");

    let begun = begin(&service, 4, good("c")).await;
    service.interrupt_operations();
    service.finish_fit(begun).await;
    assert_eq!(results(&service), [2, 2, 2, 0], "the next start tells");
    let next = house.serve().await;
    assert_eq!(results(&next), [0, 0, 0, 1]);
}

#[tokio::test]
async fn a_crash_between_the_store_and_the_end_is_no_interruption() {
    let house = House::new();
    let service = house.serve().await;
    let begun = begin(&service, 1, good("a")).await;
    house.pool.run_next();
    service.finish_fit(begun).await;
    // As if the server had been killed before the note was gone.
    let created_at = house.clock.now();
    let note = OperationNote { id: OperationId::new(1), project: name("a"), created_at };
    house.operations.note(&note).await.expect("noted");
    // A later one of the name has not stored anything.
    let later = OperationNote { id: OperationId::new(2), created_at: created_at + TimeDelta::seconds(1), ..note };
    house.operations.note(&later).await.expect("noted");
    assert!(house.artifacts.configuration(&name("a")).await.expect("it is read").is_some());
    let service = house.serve().await;
    assert!(matches!(view(&service, 1).status, OperationStatus::Succeeded));
    assert!(matches!(view(&service, 2).status, OperationStatus::Failed(_)));
}

#[tokio::test]
async fn lists_are_paged_the_latest_first_and_old_ends_are_forgotten() {
    let house = House::new();
    let service = house.serve().await;
    let mut under_way = Vec::new();
    for bits in 0..5 {
        under_way.push(begin(&service, bits, good(&format!("p{bits}"))).await);
    }
    let ids = |query: OperationQuery| -> (Vec<OperationId>, Option<u64>) {
        let page = service.operations(&query);
        (page.operations.iter().map(|view| view.id).collect(), page.next)
    };
    let expected = |bits: &[u128]| -> Vec<OperationId> { bits.iter().copied().map(OperationId::new).collect() };
    let (first, next) = ids(OperationQuery { page_size: 3, before: None });
    assert_eq!((first, next.is_some()), (expected(&[4, 3, 2]), true));
    assert_eq!(ids(OperationQuery { page_size: 2, before: next }), (expected(&[1, 0]), None));

    service.cancel_operation(OperationId::new(2));
    service.finish_fit(under_way.remove(2)).await;
    house.clock.advance(TimeDelta::days(8));
    assert!(service.operation(OperationId::new(2)).is_none());
    assert_eq!(ids(OperationQuery { page_size: 9, before: None }).0, expected(&[4, 3, 1, 0]), "others wait on");
}

#[tokio::test]
async fn of_those_that_have_ended_a_thousand_are_known() {
    let house = House::new();
    let service = house.serve().await;
    for bits in 0..1_010 {
        let begun = begin(&service, bits, good("a")).await;
        service.cancel_operation(OperationId::new(bits));
        service.finish_fit(begun).await;
    }
    assert_eq!(service.operations(&OperationQuery { page_size: 9_999, before: None }).operations.len(), 1_001);
    assert!(service.operation(OperationId::new(0)).is_none() && service.operation(OperationId::new(1_009)).is_some());
}
