//! `SeaweedFS`, a store with an S3 interface that verifies signatures and keeps conditions atomically.

use crate::process::Process;
use crate::{programs, setting_up};
use drifting_free_ports::Ports;

const ACCESS_KEY: &str = "drifting-test";
const SECRET_KEY: &str = "worthless-secret-of-a-test";
const REGION: &str = "us-east-1";

/// The services in the process: each listens on a port, and on the next one for gRPC.
const SERVICES: [&str; 5] = ["master", "volume", "filer", "s3", "admin"];
const MASTER: u16 = 0;
const VOLUME: u16 = 2;
const FILER: u16 = 4;
const S3: u16 = 6;

/// A running `SeaweedFS` with one identity, which may do everything. Buckets exist only once they are created, as on AWS.
///
/// A write with a condition locks its object, and whoever finds it locked sleeps for a second before the next try: a race
/// of sixteen ends as it should, in five to nine seconds.
pub struct SeaweedFs {
    process: Process,
    ports: Ports,
    endpoint: String,
}

impl SeaweedFs {
    /// Starts one, empty.
    ///
    /// # Panics
    ///
    /// When the program is missing or does not start.
    pub fn start() -> Self {
        let program = programs::path_of("weed");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let identities = serde_json::json!({"identities": [{
            "name": ACCESS_KEY,
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }]});
        std::fs::write(directory.path().join("s3.json"), identities.to_string()).expect("a file can be written");
        let ports = Ports::reserve();
        let mut process = Process::start(&program, &arguments(&ports), directory);
        let (master, port) = (ports.port(MASTER), ports.port(S3));
        let volumes = format!("127.0.0.1:{}", ports.port(VOLUME));
        process.wait_until(|| setting_up::ask("GET", port, "/status", "").is_ok_and(|(status, _)| status == 200));
        // The server of volumes reports to the master in its own time.
        process.wait_until(|| {
            setting_up::ask("GET", master, "/dir/status", "").is_ok_and(|(_, all)| all.contains(&volumes))
        });
        Self { process, ports, endpoint: format!("http://127.0.0.1:{port}") }
    }

    /// Where its S3 interface is: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The name of the key that is known to it.
    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    /// The secret of that key.
    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// The region to sign for.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// Makes a bucket, ready to take objects at once.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub fn create_bucket(&self, name: &str) {
        // A bucket is a folder there, and its objects lie in volumes of its own. The first write would create them, and
        // wait a fifth of a second for that.
        setting_up::must("POST", self.ports.port(FILER), &format!("/buckets/{name}/"), "");
        let grow = format!("/vol/grow?count=1&collection={name}");
        let answer = setting_up::ask("POST", self.ports.port(MASTER), &grow, "");
        // Only then; `mini` has no setting for it.
        let full = answer.as_ref().is_ok_and(|(_, text)| text.contains("only 0 volumes left"));
        assert!(!full, "SeaweedFS writes nothing where less than a hundredth of the disk is free: make room");
        setting_up::expect("POST", &grow, answer);
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        self.process.kill();
        // It listens on sockets outside of its directory too, whose place cannot be chosen.
        for (n, service) in (0..).zip(SERVICES) {
            let (port, grpc) = (self.ports.port(2 * n), self.ports.port(2 * n + 1));
            let _ = std::fs::remove_file(format!("/tmp/seaweedfs-{service}-{port}.sock"));
            let _ = std::fs::remove_file(format!("/tmp/seaweedfs-{service}-grpc-{grpc}.sock"));
        }
    }
}

/// `mini` is the command that waits least: `server` sleeps for two seconds before it begins with S3.
fn arguments(ports: &Ports) -> Vec<String> {
    let fixed = [
        "-logtostderr=true",
        "mini",
        "-dir=.",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=64",
        "-s3.config=s3.json",
        "-s3.autoCreateBucket=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
    ];
    let listeners = (0..).zip(SERVICES).flat_map(|(n, service)| {
        let (port, grpc) = (ports.port(2 * n), ports.port(2 * n + 1));
        [format!("-{service}.port={port}"), format!("-{service}.port.grpc={grpc}")]
    });
    fixed.into_iter().map(str::to_owned).chain(listeners).collect()
}
