//! `moto_server`, which answers with the errors of AWS.

use crate::process::Process;
use crate::{programs, setting_up};
use drifting_free_ports::Ports;

/// A running `moto_server`. It accepts whatever signature comes.
pub struct Moto {
    /// Held until the process has ended.
    _process: Process,
    ports: Ports,
    endpoint: String,
}

impl Moto {
    /// Starts one, empty.
    ///
    /// # Panics
    ///
    /// When the program is missing or does not start.
    pub fn start() -> Self {
        let program = programs::path_of("moto_server");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let ports = Ports::reserve();
        let port = ports.port(0);
        let arguments = ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned);
        let mut process = Process::start(&program, &arguments, directory);
        process.wait_until(|| setting_up::ask("GET", port, "/", "").is_ok_and(|(status, _)| status == 200));
        Self { _process: process, ports, endpoint: format!("http://127.0.0.1:{port}") }
    }

    /// Where its S3 interface is: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A key, as good as any.
    pub fn access_key(&self) -> &'static str {
        "drifting-test"
    }

    /// A secret, as good as any.
    pub fn secret_key(&self) -> &'static str {
        "worthless-secret-of-a-test"
    }

    /// The region in which buckets are made.
    pub fn region(&self) -> &'static str {
        "us-east-1"
    }

    /// Makes a bucket.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub fn create_bucket(&self, name: &str) {
        setting_up::must("PUT", self.ports.port(0), &format!("/{name}"), "");
    }
}
