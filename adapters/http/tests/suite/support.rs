//! Starts servers and speaks HTTP/1.1 over sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::DateTime;
use drifting_domain::data::Image;
use drifting_domain::ports::{CpuPool, ImageEncoder, ImageEncoders, NoEvents, TextEncoder, TextEncoders};
use drifting_domain::use_cases::{Access, DriftService, Ports, ServiceSettings, StateDurability};
use drifting_http::{HttpServer, HttpSettings};
use drifting_inference::Inference;
use drifting_inference::events::EventIntake;
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A pool that knows how many jobs are running, and may begin them late.
#[derive(Debug, Clone, Default)]
pub struct WatchedPool {
    running: Arc<AtomicUsize>,
    delay_ms: Arc<AtomicU64>,
    task_ms: Arc<AtomicU64>,
}

impl WatchedPool {
    pub fn n_running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    pub fn delay(&self, by: Duration) {
        self.delay_ms.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Lets every task of a job take longer.
    pub fn slow_tasks(&self, by: Duration) {
        self.task_ms.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Waits until a job runs, or none does.
    pub async fn until_running(&self, is_running: bool) {
        let changed = async {
            while (self.n_running() > 0) != is_running {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), changed).await.expect("the pool goes on as it was");
    }
}

impl CpuPool for WatchedPool {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        let running = Arc::clone(&self.running);
        running.fetch_add(1, Ordering::SeqCst);
        let delay = Duration::from_millis(self.delay_ms.load(Ordering::SeqCst));
        InlineCpuPool.spawn(Box::new(move || {
            std::thread::sleep(delay);
            job();
            running.fetch_sub(1, Ordering::SeqCst);
        }));
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        InlineCpuPool.for_each(n_tasks, &|index| {
            std::thread::sleep(Duration::from_millis(self.task_ms.load(Ordering::SeqCst)));
            task(index);
        });
    }
}

/// A server that serves.
pub struct TestServer {
    pub address: SocketAddr,
    pub service: Arc<DriftService>,
    pub fits: WatchedPool,
    pub clock: Arc<FixedClock>,
    drain: Option<oneshot::Sender<()>>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::with(HttpSettings::default()).await
    }

    pub async fn with(settings: HttpSettings) -> Self {
        let metrics = Arc::new(MemoryMetrics::new());
        let fits = WatchedPool::default();
        let clock = Arc::new(FixedClock::new(DateTime::from_timestamp(1_700_000_000, 0).unwrap()));
        let ports = Ports {
            artifacts: Arc::new(MemoryArtifacts::new()),
            index: Arc::new(MemoryIndex::new()),
            operations: Arc::new(MemoryOperations::new()),
            sink: Arc::clone(&metrics) as _,
            events: Arc::new(NoEvents),
            metrics,
            clock: Arc::clone(&clock) as _,
            fit_pool: Arc::new(fits.clone()),
            predict_pool: Arc::new(InlineCpuPool),
        };
        let service = DriftService::new(
            ports,
            ServiceSettings {
                access: Access::ReadWrite,
                durability: StateDurability::Interval,
                records_features: false,
                fitted_by: "test".to_owned(),
            },
        );
        let service = service.with_images(Arc::new(drifting_images::ImageFiles));
        let service = service.with_text_encoders(Arc::new(Letters)).with_image_encoders(Arc::new(Edges));
        let service = Arc::new(service);
        let intake = EventIntake::new(Inference::new(Arc::clone(&service)));
        let server =
            HttpServer::bind("127.0.0.1:0".parse().unwrap(), Arc::clone(&service), intake, settings).await.unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let (drain, drained) = oneshot::channel();
        let draining = async {
            // A server that is let go of has not been told to leave.
            if drained.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let served = tokio::spawn(server.run_draining(draining, shutdown, Duration::from_secs(20)));
        Self { address, service, fits, clock, drain: Some(drain), stop, served }
    }

    /// Tells the server that it will be stopped.
    pub fn drain(&mut self) {
        self.drain.take().expect("it is told once").send(()).unwrap();
    }

    /// Waits until it says so.
    pub async fn until_not_ready(&self) {
        while self.get("/readyz").await.status == 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Begins to stop; the handle ends when the server has.
    pub fn stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.served
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes as they are and reads the answer until the connection closes.
    pub async fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        read_reply(&mut stream).await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.raw(&request(method, path, headers, body)).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"").await
    }

    pub async fn post(&self, path: &str) -> Reply {
        self.send("POST", path, &[], b"").await
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes()).await
    }

    /// Asks for a fit as an operation.
    pub async fn begin(&self, project: &str, body: &Value) -> Reply {
        let headers = [("Content-Type", "application/json"), ("Prefer", "respond-async")];
        let path = format!("/api/v1/projects/{project}/fit");
        self.send("POST", &path, &headers, body.to_string().as_bytes()).await
    }

    /// Waits until an operation has ended.
    pub async fn ended(&self, path: &str) -> Value {
        let ended = async {
            loop {
                let operation = self.get(path).await.json();
                if !operation["ended_at"].is_null() {
                    return operation;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the operation ends")
    }

    pub async fn post_csv(&self, path: &str, body: &str) -> Reply {
        self.send("POST", path, &[("Content-Type", "text/csv")], body.as_bytes()).await
    }

    /// Fits a project that must fit.
    pub async fn fit(&self, project: &str, body: &Value) -> Value {
        let reply = self.post_json(&format!("/api/v1/projects/{project}/fit"), body).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()
    }

    /// Fits `price`: a number and a text a row.
    pub async fn fit_price(&self) -> Value {
        self.fit("price", &price_fit()).await
    }

    /// Fits a label of numbers with a small window.
    pub async fn fit_label(&self, project: &str) -> Value {
        self.fit(project, &label_fit()).await
    }
}

/// A request with its length, after which the connection closes.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Connection: close".to_owned()];
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        lines.push("Host: localhost".to_owned());
    }
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    if !body.is_empty() {
        lines.push(format!("Content-Length: {}", body.len()));
    }
    [lines.join("\r\n").as_bytes(), b"\r\n\r\n", body].concat()
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

pub async fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A connection that is reset after its answer has answered all the same.
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = bytes.split_off(end + 4);
    let reply = Reply { status, head, body };
    if reply.header("transfer-encoding") == Some("chunked") {
        Reply { body: whole(&reply.body), ..reply }
    } else {
        reply
    }
}

/// A body that came in chunks, as far as it came.
fn whole(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = chunks.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&chunks[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|size| (1..=chunks.len() - end - 2).contains(size)) else { break };
        body.extend(&chunks[end + 2..end + 2 + size]);
        chunks = chunks.get(end + 2 + size + 2..).unwrap_or_default();
    }
    body
}

/// The media types of data, without that of JSON.
pub const CSV: &str = "text/csv";
pub const NDJSON: &str = "application/x-ndjson";
pub const PARQUET: &str = "application/vnd.apache.parquet";
pub const ARROW: &str = "application/vnd.apache.arrow.stream";

/// Numbers that vary, without a generator.
pub fn numbers(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7_919) % 1_009) as f64 / 1_009.0).collect()
}

/// Numbers as lines of CSV.
pub fn lines(numbers: &[f64]) -> String {
    numbers.iter().map(f64::to_string).collect::<Vec<_>>().join("\n")
}

pub fn price_fit() -> Value {
    let days: Vec<&str> = (0..60).map(|i| ["mon", "tue", "wed"][i % 3]).collect();
    serde_json::json!({
        "drift_type": "tabular",
        "data": {"nswprice": numbers(60), "weekday": days},
        "detector": {"kind": "mmd_online", "ert": 20, "window_size": 4, "n_bootstraps": 2_000}
    })
}

pub fn label_fit() -> Value {
    serde_json::json!({
        "drift_type": "label",
        "data": numbers(60),
        "detector": {"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000}
    })
}

/// One encoder of texts, `letters`: the share of each of the letters a to z.
struct Letters;

impl TextEncoders for Letters {
    fn open(&self, name: &str) -> Result<Arc<dyn TextEncoder>, String> {
        if name == "letters" { Ok(Arc::new(Self)) } else { Err("expected the name of an encoder".to_owned()) }
    }
}

impl TextEncoder for Letters {
    fn fingerprint(&self) -> &'static str {
        "letters"
    }

    fn width(&self) -> usize {
        26
    }

    fn cost_ns(&self, n_bytes: usize) -> u64 {
        n_bytes as u64
    }

    fn encode(&self, text: &str) -> Result<Vec<f32>, String> {
        let share = |letter: char| text.matches(letter).count() as f32 / text.len().max(1) as f32;
        Ok(('a'..='z').map(share).collect())
    }
}

/// An encoder of the light of an image, and of how much it changes along a row.
struct Edges;

impl ImageEncoders for Edges {
    fn open(&self, name: &str) -> Result<Arc<dyn ImageEncoder>, String> {
        if name == "edges" { Ok(Arc::new(Self)) } else { Err("expected the name of an encoder".to_owned()) }
    }
}

impl ImageEncoder for Edges {
    fn fingerprint(&self) -> &'static str {
        "edges"
    }

    fn width(&self) -> usize {
        2
    }

    fn cost_ns(&self) -> u64 {
        10_000
    }

    fn encode(&self, image: &Image) -> Result<Vec<f32>, String> {
        if image.width() > 100 {
            return Err("expected a small image".to_owned());
        }
        // Of colours the first one.
        let light: Vec<u8> = image.pixels().iter().step_by(image.n_channels()).copied().collect();
        let changes = light.windows(2).map(|pair| f32::from(pair[0].abs_diff(pair[1])));
        let n = light.len() as f32;
        Ok(vec![light.iter().map(|value| f32::from(*value)).sum::<f32>() / n, changes.sum::<f32>() / n])
    }
}
