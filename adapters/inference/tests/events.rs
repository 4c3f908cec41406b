//! The intake of events on memory adapters: what is taken, in what order it is fed, what is counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::ports::{EventSink, Verdicts};
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::use_cases::{Access, DriftService, FitRequest, Ports, ServiceSettings, StateDurability};
use drifting_inference::events::{
    Accepted, Envelope, Event, EventIntake, NotTaken, PROJECT_EVENTS_MAX, Unused, read_payload,
};
use drifting_inference::{Inference, Refusal, RefusalCode};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

/// The requests that brought rows, in the order in which these were fed.
#[derive(Default)]
struct Fed(Mutex<Vec<String>>);

impl Fed {
    fn ids(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl EventSink for Fed {
    fn tell(&self, verdicts: Verdicts<'_>) {
        let id = verdicts.request_id.unwrap_or_default().to_owned();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }
}

struct House {
    service: Arc<DriftService>,
    intake: EventIntake,
    fed: Arc<Fed>,
}

impl House {
    async fn with(projects: &[&str]) -> Self {
        let (fed, metrics) = (Arc::<Fed>::default(), Arc::new(MemoryMetrics::new()));
        let ports = Ports {
            artifacts: Arc::new(MemoryArtifacts::new()),
            index: Arc::new(MemoryIndex::new()),
            operations: Arc::new(MemoryOperations::new()),
            sink: Arc::clone(&metrics) as _,
            events: Arc::clone(&fed) as _,
            metrics,
            clock: Arc::new(FixedClock::new(DateTime::UNIX_EPOCH)),
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
        for project in projects {
            let request = FitRequest {
                project: name(project),
                drift_type: DriftType::Label,
                reference: Table::unnamed(vec![Values::Numeric(vec![1.0, 2.0, 3.0])]).expect("a column"),
                detector: DetectorRequest { kind: Some(DetectorKind::Dummy), ..DetectorRequest::default() },
                standardize: None,
                n_components: None,
                missing_values: MissingValues::Reject,
                report_run_length: false,
                overwrite: false,
            };
            let fitted = service.fit(request).await.expect("a fit");
            service.store(fitted).await.expect("it is stored");
        }
        let intake = EventIntake::new(Inference::new(Arc::clone(&service)));
        Self { service, intake, fed }
    }

    /// Waits until nothing waits.
    async fn fed(&self) -> Vec<String> {
        while self.intake.counts().waiting > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.fed.ids()
    }
}

fn name(text: &str) -> ProjectName {
    text.parse().expect("a name")
}

fn rows(json: &[u8]) -> Result<Table, Refusal> {
    let malformed = |_| Refusal::at(RefusalCode::Malformed, "/data", "no rows");
    let numbers: Vec<f64> = serde_json::from_slice(json).map_err(malformed)?;
    Ok(Table::unnamed(vec![Values::Numeric(numbers)]).expect("a column"))
}

fn event(project: &str, id: &str) -> Event {
    of_data(project, id, r#"{"data": [1]}"#)
}

fn of_data(project: &str, id: &str, data: &str) -> Event {
    let envelope = Envelope {
        id: id.to_owned(),
        source: "test".to_owned(),
        kind: "com.example.row".to_owned(),
        service: None,
        namespace: None,
    };
    let payload = read_payload(data.as_bytes(), None, 1 << 20, &rows).expect("a payload");
    Event { project: name(project), envelope, payload: Some(payload), n_bytes: data.len() }
}

fn accepted(accepted: usize, duplicates: usize, ignored: usize) -> Accepted {
    Accepted { accepted, duplicates, ignored }
}

#[tokio::test]
async fn what_came_before_and_what_brings_no_rows_is_left_out() {
    let house = House::with(&["a", "b"]).await;
    assert_eq!(house.intake.take(vec![event("a", "1"), event("a", "1"), event("b", "1")]), Ok(accepted(2, 1, 0)));
    assert_eq!(house.intake.take(vec![event("a", "1"), event("a", "2")]), Ok(accepted(1, 1, 0)));
    let mut response = event("a", "3");
    response.envelope.kind = "org.kubeflow.serving.inference.response".to_owned();
    let mut of_another = event("a", "1");
    of_another.envelope.source = "another".to_owned();
    assert_eq!(house.intake.take(vec![response, of_another]), Ok(accepted(1, 0, 1)));
    assert_eq!(house.fed().await.len(), 4);
    let counts = house.intake.counts();
    assert_eq!((counts.accepted, counts.duplicates, counts.ignored, counts.fed), (4, 2, 1, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_project_is_fed_in_the_order_of_acceptance() {
    let house = House::with(&["a", "b", "c"]).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let senders: Vec<_> = (0..6)
        .map(|sender| {
            let (intake, order) = (house.intake.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                for n in 0..100 {
                    let project = ["a", "b", "c"][n % 3];
                    let id = format!("{project}-{sender}-{n}");
                    {
                        // Held, so that it is known who came first.
                        let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
                        intake.take(vec![event(project, &id)]).expect("it is taken");
                        order.push(id);
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.expect("it sends");
    }
    let fed = house.fed().await;
    let taken = order.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for project in ["a", "b", "c"] {
        let of = |ids: &[String]| -> Vec<String> { ids.iter().filter(|id| id.starts_with(project)).cloned().collect() };
        assert_eq!(of(&fed), of(&taken));
    }
    assert_eq!(fed.len(), 600);
}

/// On one thread nothing is fed before somebody waits.
#[tokio::test]
async fn no_more_waits_than_may_and_what_is_sent_away_can_come_again() {
    let house = House::with(&["a", "b"]).await;
    for n in 0..PROJECT_EVENTS_MAX {
        house.intake.take(vec![event("a", &n.to_string())]).expect("there is room");
    }
    assert_eq!(house.intake.take(vec![event("b", "1"), event("a", "late")]), Err(NotTaken::Full), "all or none");
    assert_eq!(house.intake.take(vec![event("b", "2")]), Ok(accepted(1, 0, 0)), "another project has room");
    assert_eq!(house.intake.take(vec![event("a", "5")]), Ok(accepted(0, 1, 0)), "a duplicate needs none");
    assert_eq!(house.fed().await.len(), PROJECT_EVENTS_MAX + 1);
    assert_eq!(house.intake.take(vec![event("b", "1"), event("a", "late")]), Ok(accepted(2, 0, 0)));
    assert_eq!(house.fed().await.len(), PROJECT_EVENTS_MAX + 3);
    assert_eq!(house.intake.counts().refused, 2);
}

#[tokio::test]
async fn rows_that_cannot_be_used_are_counted_and_hold_up_no_other() {
    let house = House::with(&["a", "idle"]).await;
    house.service.unload(&name("idle")).await.expect("it is unloaded");
    let two_columns = r#"{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}"#;
    let events = vec![
        of_data("a", "1", two_columns),
        event("a", "2"),
        event("nobody", "3"),
        event("idle", "4"),
        of_data("a", "5", r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["x"]}]}"#),
        event("a", "6"),
    ];
    assert_eq!(house.intake.take(events), Ok(accepted(6, 0, 0)));
    let fed = house.fed().await;
    assert!(fed.contains(&"2".to_owned()) && fed.contains(&"6".to_owned()), "{fed:?}");
    let counts = house.intake.counts();
    let unused = |why| counts.unused(why);
    assert_eq!((unused(Unused::NoProject), unused(Unused::Inactive)), (1, 1));
    let all: u64 = Unused::ALL.into_iter().map(unused).sum();
    assert_eq!(counts.fed + all, 6);
    assert!(unused(Unused::InvalidData) == 2, "{counts:?}");
}

#[tokio::test]
async fn the_end_feeds_what_waits() {
    let house = House::with(&["a"]).await;
    let events = (0..50).map(|n| event("a", &n.to_string())).collect();
    house.intake.take(events).expect("they are taken");
    house.intake.finish(Duration::from_secs(10)).await;
    let expected: Vec<String> = (0..50).map(|n: u32| n.to_string()).collect();
    assert_eq!(house.fed.ids(), expected);
    assert_eq!(house.intake.take(vec![event("a", "late")]), Err(NotTaken::Stopping));
    // Nothing is waited for that nobody feeds.
    house.intake.finish(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let house = House::with(&["a"]).await;
    house.intake.take((0..PROJECT_EVENTS_MAX).map(|n| event("a", &n.to_string())).collect()).expect("they are taken");
    house.intake.finish(Duration::ZERO).await;
    let counts = house.intake.counts();
    assert_eq!(counts.fed + counts.unused(Unused::Shutdown) + counts.waiting, PROJECT_EVENTS_MAX as u64);
    assert!(counts.unused(Unused::Shutdown) > 0, "{counts:?}");
}
