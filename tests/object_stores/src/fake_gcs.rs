//! `fake-gcs-server`, an emulator of Google Cloud Storage by others: it knows no credentials and ignores preconditions.

use crate::process::Process;
use crate::{programs, setting_up};
use drifting_free_ports::Ports;

/// A running `fake-gcs-server`.
pub struct FakeGcs {
    /// Held until the process has ended.
    _process: Process,
    ports: Ports,
    endpoint: String,
}

impl FakeGcs {
    /// Starts one, empty.
    ///
    /// # Panics
    ///
    /// When the program is missing or does not start.
    pub fn start() -> Self {
        let program = programs::path_of("fake-gcs-server");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let ports = Ports::reserve();
        let port = ports.port(0);
        let endpoint = format!("http://127.0.0.1:{port}");
        let arguments = [
            "-scheme=http".to_owned(),
            "-host=127.0.0.1".to_owned(),
            format!("-port={port}"),
            "-backend=memory".to_owned(),
            format!("-public-host=127.0.0.1:{port}"),
            format!("-external-url={endpoint}"),
        ];
        let mut process = Process::start(&program, &arguments, directory);
        process.wait_until(|| setting_up::ask("GET", port, "/storage/v1/b", "").is_ok());
        Self { _process: process, ports, endpoint }
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes a bucket.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub fn create_bucket(&self, name: &str) {
        let bucket = serde_json::json!({"name": name}).to_string();
        setting_up::must("POST", self.ports.port(0), "/storage/v1/b?project=test", &bucket);
    }
}
