//! The readers of the HTTP interface, behind a server in this process.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::DateTime;
use drifting_domain::ports::{ArtifactStore, CpuPool, NoEvents};
use drifting_domain::use_cases::{Access, DriftService, Ports, ServiceSettings, StateDurability};
use drifting_http::{AllowedHosts, HttpServer, HttpSettings};
use drifting_inference::Inference;
use drifting_inference::events::EventIntake;
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

use crate::wire::{exchange, post};

/// A pool that computes where the settings are ours. What a fuzzer has thought of may take hours: it is given up where many
/// tasks begin.
#[derive(Debug, Default)]
struct FirstFits(AtomicUsize);

/// As many fits are ours.
const N_FITS: usize = 2;

thread_local! {
    static GIVES_UP: Cell<bool> = const { Cell::new(false) };
}

impl CpuPool for FirstFits {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        let gives_up = self.0.fetch_add(1, Ordering::SeqCst) >= N_FITS;
        InlineCpuPool.spawn(Box::new(move || {
            GIVES_UP.set(gives_up);
            job();
        }));
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        if GIVES_UP.get() {
            // As a panic does, but no hook is told.
            std::panic::resume_unwind(Box::new(()));
        }
        InlineCpuPool.for_each(n_tasks, task);
    }
}

/// A service with its projects there.
pub(crate) fn service(artifacts: Arc<dyn ArtifactStore>) -> Arc<DriftService> {
    let metrics = Arc::new(MemoryMetrics::new());
    let ports = Ports {
        artifacts,
        index: Arc::new(MemoryIndex::new()),
        operations: Arc::new(MemoryOperations::new()),
        sink: Arc::clone(&metrics) as _,
        events: Arc::new(NoEvents),
        metrics,
        clock: Arc::new(FixedClock::new(DateTime::from_timestamp(1_700_000_000, 0).expect("a time"))),
        fit_pool: Arc::new(FirstFits::default()),
        predict_pool: Arc::new(InlineCpuPool),
    };
    let settings = ServiceSettings {
        access: Access::ReadWrite,
        durability: StateDurability::Interval,
        records_features: false,
        fitted_by: "test".to_owned(),
    };
    Arc::new(DriftService::new(ports, settings))
}

/// The threads of the server, which go on until the process ends.
pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
    })
}

/// Serves over HTTP, and fits the projects `price` and `label`.
pub(crate) fn serve(service: &Arc<DriftService>) -> SocketAddr {
    let settings = HttpSettings {
        max_body_bytes: 1024 * 1024,
        fit_max_body_bytes: 1024 * 1024,
        allowed_hosts: AllowedHosts::Loopback(vec!["localhost".to_owned()]),
        ..HttpSettings::default()
    };
    let intake = EventIntake::new(Inference::new(Arc::clone(service)));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = HttpServer::bind(any, Arc::clone(service), intake, settings);
    let server = runtime().block_on(server).expect("a port");
    let address = server.local_addr();
    runtime().spawn(server.run_until(std::future::pending(), Duration::ZERO));
    for (name, body) in [("price", PRICE), ("label", LABEL)] {
        let answer = post(address, &format!("/api/v1/projects/{name}/fit"), "application/json", body.as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    address
}

/// Fits of the projects that are there.
const PRICE: &str = include_str!("../projects/price.json");
const LABEL: &str = include_str!("../projects/label.json");

fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| serve(&service(Arc::new(MemoryArtifacts::new()))))
}

/// No failure of the server: whatever comes is judged or refused.
fn send(path: &str, media_type: &str, body: &[u8]) {
    let answer = post(address(), path, media_type, body);
    assert!((200..500).contains(&answer.status), "{}: {}", answer.status, answer.text);
}

const PREDICT: &str = "/api/v1/projects/price/predict";

pub fn predict(data: &[u8]) {
    send(PREDICT, "application/json", data);
}

pub fn csv(data: &[u8]) {
    send(PREDICT, "text/csv", data);
}

pub fn ndjson(data: &[u8]) {
    send(PREDICT, "application/x-ndjson", data);
}

pub fn multipart(data: &[u8]) {
    send(PREDICT, "multipart/form-data; boundary=X", data);
}

pub fn infer(data: &[u8]) {
    send("/v2/models/label/infer", "application/json", data);
}

/// What could be fitted is not computed, which is the one failure.
fn send_fit(path: &str, media_type: &str, body: &[u8]) {
    let answer = post(address(), path, media_type, body);
    let is_not_computed = answer.status == 500 && answer.text.contains("\"internal\"");
    assert!(is_not_computed || (200..500).contains(&answer.status), "{}: {}", answer.status, answer.text);
}

pub fn fit(data: &[u8]) {
    send_fit("/api/v1/projects/new/fit", "application/json", data);
}

/// A query, of letters that may stand in one.
pub fn fit_query(data: &[u8]) {
    let query: String = data.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
    let body = "value\n1\n2\n3\n4\n5\n6\n7\n8\n";
    send_fit(&format!("/api/v1/projects/new/fit?{}", query.replace('#', "")), "text/csv", body.as_bytes());
}

/// A request as it is on the wire: head, codings, lengths, chunks, hosts, names, queries.
pub fn request(data: &[u8]) {
    // A fit is computed nowhere, so that its failure tells nothing.
    if data.windows(4).any(|part| part.eq_ignore_ascii_case(b"/fit")) {
        return;
    }
    let answer = exchange(address(), data);
    // 505 is the library's for versions of HTTP that it does not speak.
    assert!(answer.status < 500 || answer.status == 505, "{}: {}", answer.status, answer.text);
}

/// The same, where all places of predictions are taken: a head is read before it gets to what serves the connection.
pub fn refused(data: &[u8]) {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    let address = *ADDRESS.get_or_init(|| {
        let service = service(Arc::new(MemoryArtifacts::new()));
        let address = serve(&service);
        // For as long as the process goes on.
        while let Ok(place) = service.enter_predictions(None) {
            std::mem::forget(place);
        }
        address
    });
    if data.windows(4).any(|part| part.eq_ignore_ascii_case(b"/fit")) {
        return;
    }
    let answer = exchange(address, data);
    assert!(answer.status < 500 || matches!(answer.status, 503 | 505), "{}: {}", answer.status, answer.text);
}

/// A folder on the fastest disk there is.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}
