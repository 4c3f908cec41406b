//! The intake of events on memory adapters: what is taken, in what order it is fed, what is counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use drifting_domain::data::{MissingValues, Table, Values};
use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::ports::{EventSink, Verdicts};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{Access, DriftService, FitRequest, Ports, ServiceSettings, StateDurability};
use drifting_inference::events::{
    Accepted, Envelope, Event, EventIntake, NotTaken, PROJECT_EVENTS_MAX, Unused, read_payload,
};
use drifting_inference::{Inference, ReadLimits, Refusal, RefusalCode};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};
use futures_util::FutureExt;

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
        let intake = EventIntake::new(Inference::new(Arc::clone(&service)));
        let house = Self { service, intake, fed };
        for project in projects {
            house.fit(project, false).await;
        }
        house
    }

    async fn fit(&self, project: &str, overwrite: bool) {
        let request = FitRequest {
            project: name(project),
            drift_type: DriftType::Label,
            reference: Table::unnamed(vec![Values::Numeric(vec![1.0, 2.0, 3.0])]).expect("a column"),
            detector: DetectorRequest { kind: Some(DetectorKind::Dummy), ..DetectorRequest::default() },
            standardize: None,
            n_components: None,
            texts: TextRequest::DEFAULT,
            missing_values: MissingValues::Reject,
            quality: QualityRequest::default(),
            report_run_length: false,
            overwrite,
        };
        let fitted = self.service.fit(request).await.expect("a fit");
        self.service.store(fitted).await.expect("it is stored");
    }

    fn event(&self, project: &str, id: &str) -> Event {
        event(&self.service, project, id)
    }

    fn of_data(&self, project: &str, id: &str, data: &str) -> Event {
        of_data(&self.service, project, id, data)
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

fn event(service: &DriftService, project: &str, id: &str) -> Event {
    of_data(service, project, id, r#"{"data": [1]}"#)
}

fn of_data(service: &DriftService, project: &str, id: &str, data: &str) -> Event {
    let envelope = Envelope {
        id: id.to_owned(),
        source: "test".to_owned(),
        kind: "com.example.row".to_owned(),
        service: None,
        namespace: None,
    };
    let payload = read_payload(data.as_bytes(), None, &ReadLimits::of_bytes(1 << 20), &rows).expect("a payload");
    let project =
        service.expect_rows(&name(project)).now_or_never().expect("nothing is waited for").expect("a project");
    Event { project, envelope, payload: Some(payload) }
}

fn accepted(accepted: usize, duplicates: usize, ignored: usize) -> Accepted {
    Accepted { accepted, duplicates, ignored }
}

#[tokio::test]
async fn what_came_before_and_what_brings_no_rows_is_left_out() {
    let house = House::with(&["a", "b"]).await;
    assert_eq!(
        house.intake.take(vec![house.event("a", "1"), house.event("a", "1"), house.event("b", "1")]),
        Ok(accepted(2, 1, 0))
    );
    assert_eq!(house.intake.take(vec![house.event("a", "1"), house.event("a", "2")]), Ok(accepted(1, 1, 0)));
    let mut response = house.event("a", "3");
    response.envelope.kind = "org.kubeflow.serving.inference.response".to_owned();
    let mut of_another = house.event("a", "1");
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
            let service = Arc::clone(&house.service);
            tokio::spawn(async move {
                for n in 0..100 {
                    let project = ["a", "b", "c"][n % 3];
                    let id = format!("{project}-{sender}-{n}");
                    {
                        // Held, so that it is known who came first.
                        let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
                        intake.take(vec![event(&service, project, &id)]).expect("it is taken");
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
        house.intake.take(vec![house.event("a", &n.to_string())]).expect("there is room");
    }
    assert_eq!(
        house.intake.take(vec![house.event("b", "1"), house.event("a", "late")]),
        Err(NotTaken::Full),
        "all or none"
    );
    assert_eq!(house.intake.take(vec![house.event("b", "2")]), Ok(accepted(1, 0, 0)), "another project has room");
    assert_eq!(house.intake.take(vec![house.event("a", "5")]), Ok(accepted(0, 1, 0)), "a duplicate needs none");
    assert_eq!(house.fed().await.len(), PROJECT_EVENTS_MAX + 1);
    assert_eq!(house.intake.take(vec![house.event("b", "1"), house.event("a", "late")]), Ok(accepted(2, 0, 0)));
    assert_eq!(house.fed().await.len(), PROJECT_EVENTS_MAX + 3);
    assert_eq!(house.intake.counts().refused, 2);
}

#[tokio::test]
async fn rows_that_cannot_be_used_are_counted_and_hold_up_no_other() {
    let house = House::with(&["a", "gone", "idle"]).await;
    let two_columns = r#"{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}"#;
    let events = vec![
        house.of_data("a", "1", two_columns),
        house.event("a", "2"),
        house.event("gone", "3"),
        house.event("idle", "4"),
        house.of_data("a", "5", r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": ["x"]}]}"#),
        house.event("a", "6"),
    ];
    house.service.unload(&name("idle")).await.expect("it is unloaded");
    house.service.delete(&name("gone")).await.expect("it is deleted");
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
    let events = (0..50).map(|n| house.event("a", &n.to_string())).collect();
    house.intake.take(events).expect("they are taken");
    house.intake.finish(Duration::from_secs(10)).await;
    let expected: Vec<String> = (0..50).map(|n: u32| n.to_string()).collect();
    assert_eq!(house.fed.ids(), expected);
    assert_eq!(house.intake.take(vec![house.event("a", "late")]), Err(NotTaken::Stopping));
    // Nothing is waited for that nobody feeds.
    house.intake.finish(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let house = House::with(&["a"]).await;
    house
        .intake
        .take((0..PROJECT_EVENTS_MAX).map(|n| house.event("a", &n.to_string())).collect())
        .expect("they are taken");
    house.intake.finish(Duration::ZERO).await;
    let counts = house.intake.counts();
    assert_eq!(counts.fed + counts.unused(Unused::Shutdown) + counts.waiting, PROJECT_EVENTS_MAX as u64);
    assert!(counts.unused(Unused::Shutdown) > 0, "{counts:?}");
}

#[tokio::test]
async fn rows_wait_for_a_project_and_not_for_its_successor() {
    let house = House::with(&["again", "new"]).await;
    let events = vec![house.event("again", "1"), house.event("new", "2")];
    house.fit("again", true).await;
    house.service.delete(&name("new")).await.expect("it is deleted");
    house.fit("new", false).await;
    assert_eq!(house.intake.take(events), Ok(accepted(2, 0, 0)));
    assert_eq!(house.fed().await, ["1"]);
    assert_eq!(house.intake.counts().unused(Unused::NoProject), 1);
}

#[tokio::test]
async fn nothing_is_expected_for_a_project_that_takes_no_rows() {
    let house = House::with(&["idle"]).await;
    house.service.unload(&name("idle")).await.expect("it is unloaded");
    let inference = Inference::new(Arc::clone(&house.service));
    for (project, code) in [("idle", RefusalCode::ProjectInactive), ("nobody", RefusalCode::ProjectNotFound)] {
        assert_eq!(inference.expect_rows(&name(project)).await.expect_err("no rows").code, code);
    }
}

#[tokio::test]
async fn rows_are_told_by_the_id_of_their_request_where_it_has_one() {
    let house = House::with(&["a"]).await;
    let of_request = |id: &str| {
        format!(r#"{{"id": "{id}", "inputs": [{{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}}]}}"#)
    };
    let events = vec![house.of_data("a", "1", &of_request("order-918")), house.of_data("a", "2", &of_request(""))];
    house.intake.take(events).expect("they are taken");
    assert_eq!(house.fed().await, ["order-918", "2"]);
}
