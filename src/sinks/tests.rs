//! Delivery to a real sink on loopback that fails: every event is there once and in order, or counted as dropped.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use drifting_domain::contract::sample_record;
use drifting_domain::ports::{DriftRecord, EventSink, Verdicts};
use drifting_sinks::{EventFormat, SinkSettings};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::measures::DROPPED;
use super::{SinkDelivery, Sinks, Subscription, Which};
use crate::outbox::CountsNow;

/// What a sink does with what comes to it.
#[derive(Default)]
struct Behaviour {
    /// The answers to come; afterwards all is taken.
    statuses: VecDeque<u16>,
    /// Values of `time` that it refuses.
    refuses: Vec<u64>,
    /// Values of `time` that it has taken, in their order.
    taken: Vec<u64>,
    /// What it says with an answer that is not good.
    retry_after: Option<&'static str>,
    n_posts: usize,
}

/// A sink that can end and begin again at its address.
struct TestSink {
    address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    serving: Option<JoinHandle<()>>,
}

impl TestSink {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let mut sink = Self { address, behaviour: Arc::default(), serving: None };
        sink.serve(listener);
        sink
    }

    fn serve(&mut self, listener: TcpListener) {
        let behaviour = Arc::clone(&self.behaviour);
        self.serving = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let behaviour = Arc::clone(&behaviour);
                let answer = service_fn(move |request| answer(Arc::clone(&behaviour), request));
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        }));
    }

    /// Ends it with all its connections.
    async fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
    }

    async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the same port");
        self.serve(listener);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Behaviour) -> T) -> T {
        act(&mut self.behaviour.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(
    behaviour: Arc<Mutex<Behaviour>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    let events = if told.is_array() { told } else { Value::Array(vec![told]) };
    let times = events.as_array().expect("a list").iter().map(|event| event["data"]["time"].as_u64().expect("a time"));
    let times: Vec<u64> = times.collect();
    let mut behaviour = behaviour.lock().unwrap_or_else(PoisonError::into_inner);
    behaviour.n_posts += 1;
    let refused = times.iter().any(|time| behaviour.refuses.contains(time)).then_some(422);
    let status = behaviour.statuses.pop_front().or(refused).unwrap_or(200);
    if status == 200 {
        behaviour.taken.extend(times);
    }
    let mut response = Response::builder().status(status);
    if let Some(seconds) = behaviour.retry_after.filter(|_| status != 200) {
        response = response.header("retry-after", seconds);
    }
    Ok(response.body(Full::default()).expect("a response"))
}

struct Bench {
    sinks: Sinks,
    delivery: SinkDelivery,
    next: u64,
    _spool: tempfile::TempDir,
}

impl Bench {
    fn start(sink: &TestSink, format: EventFormat, spool_max_bytes: u64) -> Self {
        let spool = tempfile::tempdir().expect("a folder");
        let url = format!("http://{}/", sink.address).parse().expect("a URL");
        let settings = SinkSettings { url, format, secrets: None, allow_private: true };
        let subscription =
            Subscription { name: "test".to_owned(), which: Which::All, projects: Vec::new(), sink: settings };
        let (sinks, delivery) = Sinks::start(vec![subscription], spool.path(), spool_max_bytes).expect("a sink");
        Self { sinks, delivery, next: 0, _spool: spool }
    }

    /// Tells as many verdicts, each with a time of its own.
    fn tell(&mut self, n: u64) {
        self.tell_of(n, Utc::now());
    }

    fn tell_of(&mut self, n: u64, at: DateTime<Utc>) {
        let record = |time| DriftRecord { time, at, ..sample_record("a", 1) };
        let records: Vec<_> = (self.next..self.next + n).map(record).collect();
        self.sinks.tell(Verdicts { records: &records, window_sizes: &[5], request_id: None, trace: None });
        self.next += n;
    }

    fn counts(&self) -> CountsNow {
        self.delivery.measures[0].1.now()
    }

    /// Waits until all has been taken from the queue, however slow the machine is, so that it is never full.
    async fn taken(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.sinks.outlets[0].queue.is_worth_taking() {
            assert!(Instant::now() < deadline, "{:?}", self.counts());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn delivered(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.counts().waiting > 0 {
            assert!(Instant::now() < deadline, "{:?}", self.counts());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn dropped(&self) -> Vec<(&'static str, u64)> {
        let counts = self.counts();
        DROPPED.iter().map(|why| (why.as_str(), counts.dropped(*why))).filter(|(_, n)| *n > 0).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_for_a_while_has_every_event_once_and_in_order() {
    let mut sink = TestSink::start().await;
    let mut bench = Bench::start(&sink, EventFormat::Structured, 1 << 20);
    bench.tell(20);
    bench.delivered().await;
    sink.with(|behaviour| behaviour.statuses = [503, 500, 429, 302].into());
    bench.tell(20);
    bench.delivered().await;
    sink.stop().await;
    bench.tell(20);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!((bench.counts().waiting, bench.counts().is_up), (20, 0));
    sink.start_again().await;
    bench.delivered().await;
    assert_eq!(sink.with(|behaviour| std::mem::take(&mut behaviour.taken)), (0..60).collect::<Vec<u64>>());
    let counts = bench.counts();
    assert_eq!((counts.recorded, counts.delivered, counts.is_up), (60, 60, 1));
    assert!(counts.retried >= 5 && bench.dropped().is_empty(), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_waits_in_a_file_and_what_does_not_fit_there_is_counted() {
    let mut sink = TestSink::start().await;
    let mut bench = Bench::start(&sink, EventFormat::Batch, 2 << 20);
    sink.stop().await;
    for _ in 0..200 {
        bench.tell(500);
        bench.taken().await;
    }
    assert!(bench.counts().spilled_bytes > 1 << 20, "{:?}", bench.counts());
    sink.start_again().await;
    bench.delivered().await;
    let taken = sink.with(|behaviour| std::mem::take(&mut behaviour.taken));
    assert!(taken.is_sorted_by(|left, right| left < right), "each is there once, in order");
    let counts = bench.counts();
    assert!(counts.delivered > 50_000 && counts.delivered == taken.len() as u64, "{counts:?}");
    let dropped = bench.dropped();
    assert!(dropped.len() == 1 && dropped[0].0 == "spill_full", "{dropped:?}");
    assert_eq!((counts.delivered + dropped[0].1, counts.spilled_bytes), (100_000, 0));
    assert!(sink.with(|behaviour| behaviour.n_posts) < 2_000, "they come in batches");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_what_is_a_day_old_after_a_failure() {
    let sink = TestSink::start().await;
    let mut bench = Bench::start(&sink, EventFormat::Structured, 1 << 20);
    let old = Utc::now() - TimeDelta::hours(25);
    bench.tell_of(1, old);
    bench.delivered().await;
    assert_eq!(bench.counts().delivered, 1, "without a failure it is told");
    sink.with(|behaviour| behaviour.statuses = [503].into());
    bench.tell_of(3, old);
    bench.tell(2);
    bench.delivered().await;
    assert_eq!(sink.with(|behaviour| std::mem::take(&mut behaviour.taken)), [0, 4, 5]);
    assert_eq!(bench.dropped(), [("expired", 3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_holds_up_no_other() {
    for format in [EventFormat::Structured, EventFormat::Batch] {
        let sink = TestSink::start().await;
        sink.with(|behaviour| behaviour.refuses = vec![13, 90]);
        let mut bench = Bench::start(&sink, format, 1 << 20);
        bench.tell(100);
        bench.delivered().await;
        let expected: Vec<u64> = (0..100).filter(|time| ![13, 90].contains(time)).collect();
        assert_eq!(sink.with(|behaviour| std::mem::take(&mut behaviour.taken)), expected);
        assert_eq!(bench.dropped(), [("refused", 2)]);
        assert_eq!(bench.counts().is_up, 1, "the sink has not failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_delivers_what_waits_and_does_not_wait_for_ever() {
    let mut sink = TestSink::start().await;
    let mut bench = Bench::start(&sink, EventFormat::Batch, 1 << 20);
    bench.tell(1_000);
    bench.delivery.finish().await;
    assert_eq!(sink.with(|behaviour| behaviour.taken.len()), 1_000);

    let mut bench = Bench::start(&sink, EventFormat::Batch, 1 << 20);
    sink.stop().await;
    bench.tell(1_000);
    let counts = Arc::clone(&bench.delivery.measures[0].1);
    let begin = Instant::now();
    bench.delivery.finish().await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert_eq!(counts.now().dropped(crate::outbox::Dropped::Shutdown), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_nothing_of_an_event_drops_none() {
    let sink = TestSink::start().await;
    sink.with(|behaviour| behaviour.statuses = [404, 401].into());
    let mut bench = Bench::start(&sink, EventFormat::Batch, 1 << 20);
    assert_eq!(bench.counts().is_up, 1, "nothing has failed yet");
    bench.tell(50);
    bench.delivered().await;
    assert_eq!(sink.with(|behaviour| std::mem::take(&mut behaviour.taken)), (0..50).collect::<Vec<u64>>());
    assert_eq!((bench.counts().retried, bench.dropped().len()), (2, 0));
    assert_eq!(sink.with(|behaviour| behaviour.n_posts), 3, "they stay together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_refuses_one_after_the_other_is_asked_less_and_less() {
    let sink = TestSink::start().await;
    sink.with(|behaviour| behaviour.refuses = (0..100).collect());
    let mut bench = Bench::start(&sink, EventFormat::Structured, 1 << 20);
    bench.tell(100);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let n_posts = sink.with(|behaviour| behaviour.n_posts);
    assert!((2..=5).contains(&n_posts), "{n_posts} posts");
    assert_eq!(bench.counts().is_up, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_does_not_wait_for_the_next_try() {
    let mut sink = TestSink::start().await;
    let mut bench = Bench::start(&sink, EventFormat::Structured, 1 << 20);
    sink.stop().await;
    bench.tell(10);
    // The next try but two is more than half a second away.
    tokio::time::sleep(Duration::from_secs(2)).await;
    sink.start_again().await;
    let begin = Instant::now();
    bench.delivery.finish().await;
    assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
    assert_eq!(sink.with(|behaviour| behaviour.taken.len()), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_asks_no_sink_that_wants_to_be_left() {
    let sink = TestSink::start().await;
    sink.with(|behaviour| (behaviour.statuses, behaviour.retry_after) = ([503].into(), Some("60")));
    let mut bench = Bench::start(&sink, EventFormat::Structured, 1 << 20);
    bench.tell(10);
    while bench.counts().retried == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let counts = Arc::clone(&bench.delivery.measures[0].1);
    let begin = Instant::now();
    bench.delivery.finish().await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(counts.now().dropped(crate::outbox::Dropped::Shutdown), 10);
    assert_eq!(sink.with(|behaviour| behaviour.n_posts), 1);
}
