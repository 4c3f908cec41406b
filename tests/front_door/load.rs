//! Clients that predict all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Connection, Server};

/// Some connections, each of which sends a row after the other until this is dropped.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    n_answered: AtomicU64,
}

/// What a time of load has cost.
pub struct Cost {
    pub n_answered: u64,
    processor_time: Duration,
}

impl Load {
    /// Begins to feed a label project.
    pub fn start(server: &Server, project: &str, n_clients: usize) -> Self {
        let shared = Arc::<Shared>::default();
        let path = format!("/api/v1/projects/{project}/predict");
        let client = |n| {
            let (shared, path, connection) = (Arc::clone(&shared), path.clone(), server.connect());
            thread::spawn(move || feed(connection, &path, n, &shared))
        };
        let clients = (0..n_clients).map(client).collect();
        Self { shared, clients }
    }

    /// What this much time of it costs; `meanwhile` is done again and again.
    pub fn cost(&self, server: &Server, duration: Duration, mut meanwhile: impl FnMut()) -> Cost {
        let n_answered = || self.shared.n_answered.load(Ordering::Relaxed);
        let (before, processor_before, begin) = (n_answered(), server.processor_time(), Instant::now());
        while begin.elapsed() < duration {
            meanwhile();
            thread::sleep(Duration::from_millis(50));
        }
        Cost {
            n_answered: n_answered() - before,
            processor_time: server.processor_time().saturating_sub(processor_before),
        }
    }

    /// Stops it; how many rows were answered, all of them with 200.
    pub fn stop(mut self) -> u64 {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let failures = self.clients.drain(..).flat_map(|client| client.join().expect("a client goes on"));
        let failures: Vec<String> = failures.collect();
        assert!(failures.is_empty(), "predictions failed: {failures:?}");
        self.shared.n_answered.load(Ordering::Relaxed)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

impl Cost {
    /// The processor time of a request, in microseconds.
    pub fn request_us(&self) -> f64 {
        self.processor_time.as_secs_f64() * 1e6 / Ord::max(self.n_answered, 1) as f64
    }
}

/// Feeds rows until it is told to end; what was not answered with 200, which ends it too.
fn feed(mut connection: Connection, path: &str, seed: usize, shared: &Shared) -> Vec<String> {
    let bodies: Vec<String> = (0..50).map(|n| json!({"data": [(n * 37 + seed) % 101]}).to_string()).collect();
    for body in bodies.iter().cycle() {
        if shared.is_over.load(Ordering::Relaxed) {
            break;
        }
        match connection.try_request("POST", path, Some(("application/json", body))) {
            Ok(answer) if answer.status == 200 => shared.n_answered.fetch_add(1, Ordering::Relaxed),
            Ok(answer) => return vec![format!("{}: {}", answer.status, answer.body)],
            Err(error) => return vec![error.to_string()],
        };
    }
    Vec::new()
}
