//! Projects in a bucket: moved there and back, held by one server, read by others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use drifting_object_stores::{Calls, Fault, FaultyProxy, GcsStub, SeaweedFs};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::server::{Launch, Server, drifting};

/// Where the projects are.
pub const PLACE: &str = "s3://projects/team/drifting";

/// An S3 server with a bucket, and what a server needs to reach it.
pub struct S3 {
    pub seaweed: SeaweedFs,
    pub environment: Vec<(&'static str, String)>,
}

impl S3 {
    pub fn start() -> Self {
        let seaweed = SeaweedFs::start();
        seaweed.create_bucket("projects");
        let environment = vec![
            ("AWS_ACCESS_KEY_ID", seaweed.access_key().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", seaweed.secret_key().to_owned()),
            ("AWS_REGION", seaweed.region().to_owned()),
            ("AWS_ENDPOINT_URL", seaweed.endpoint().to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        Self { seaweed, environment }
    }

    /// The same, by way of a proxy.
    fn through(&self, proxy: &FaultyProxy) -> Vec<(&'static str, String)> {
        let mut environment = self.environment.clone();
        environment.push(("AWS_ENDPOINT_URL_S3", proxy.endpoint().to_owned()));
        environment
    }

    /// Runs a few lines of Python with a stock client, as an operator would, and gives what they print.
    pub fn copy(&self, lines: &str, folder: &Path) -> String {
        let script = format!(
            "import os, sys, boto3\n\
             bucket = boto3.resource('s3').Bucket('projects')\n\
             root, prefix = sys.argv[1], 'team/drifting/'\n\
             {lines}"
        );
        let done = Command::new(drifting_object_stores::python())
            .args(["-c", &script])
            .arg(folder)
            .envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())))
            .output()
            .expect("Python runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    }

    pub fn upload(&self, folder: &Path) {
        self.copy(
            "for folder, _, files in os.walk(root):\n    \
             for file in files:\n        \
             path = os.path.join(folder, file)\n        \
             bucket.upload_file(path, prefix + os.path.relpath(path, root))\n",
            folder,
        );
    }

    fn download(&self, folder: &Path) {
        self.copy(
            "for item in bucket.objects.filter(Prefix=prefix):\n    \
             path = os.path.join(root, item.key[len(prefix):])\n    \
             os.makedirs(os.path.dirname(path), exist_ok=True)\n    \
             bucket.download_file(item.key, path)\n",
            folder,
        );
    }
}

/// A server with these arguments and variables.
pub fn serve(directory: &Path, arguments: &[&str], environment: &[(&'static str, String)]) -> Server {
    try_serve(directory, arguments, environment).unwrap_or_else(|log| panic!("{log}"))
}

fn try_serve(directory: &Path, arguments: &[&str], environment: &[(&'static str, String)]) -> Result<Server, String> {
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let launch = Launch { arguments, environment: &environment, ..Launch::default() };
    Server::launch(directory, &launch).map_err(|(status, log)| format!("{status}: {log}"))
}

fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| generator.random::<f64>() + generator.random::<f64>()).collect()
}

fn online() -> Value {
    let detector = json!({"ert": 50, "window_size": 10, "n_bootstraps": 2000});
    json!({"drift_type": "label", "data": numbers(300, 1), "detector": detector})
}

fn windows() -> Value {
    json!({"drift_type": "label", "data": numbers(300, 2), "detector": {"kind": "ks"}})
}

fn fit_all(server: &Server) {
    server.post("/api/v1/projects/price/fit", &online()).expect(201);
    server.post("/api/v1/projects/windows/fit", &windows()).expect(201);
    server.post("/api/v1/projects/asleep/fit", &windows()).expect(201);
    server.post("/api/v1/projects/asleep/unload", &Value::Null).expect(200);
}

/// The verdicts on some rows of a time.
fn feed(server: &Server, times: std::ops::Range<u64>) -> Vec<Value> {
    let predict = |time| {
        let row = json!({"data": numbers(1, 1_000 + time)});
        let answer = server.post("/api/v1/projects/price/predict", &row).expect(200);
        assert_eq!(answer["time"], time);
        answer
    };
    times.map(predict).collect()
}

fn status(server: &Server, project: &str) -> Value {
    server.get(&format!("/api/v1/projects/{project}")).expect(200)["status"].clone()
}

/// The files of the projects' folders, by their paths.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for project in ["price", "windows", "asleep"] {
        for file in fs::read_dir(root.join(project)).expect("a folder") {
            let path = file.expect("a file").path();
            files.insert(path.strip_prefix(root).expect("below").to_path_buf(), fs::read(&path).expect("it is read"));
        }
    }
    files
}

#[test]
fn a_store_moves_from_disk_to_s3_and_back_and_to_gcs() {
    let s3 = S3::start();
    let directory = tempfile::tempdir().expect("a folder");
    // One that never moves.
    let straight_directory = tempfile::tempdir().expect("a folder");
    let straight = Server::start(straight_directory.path(), &[]);
    fit_all(&straight);

    let server = Server::start(directory.path(), &[]);
    fit_all(&server);
    assert_eq!(feed(&server, 1..21), feed(&straight, 1..21));
    assert!(server.stop().success());
    let on_disk = files(&directory.path().join("store"));
    s3.upload(&directory.path().join("store"));

    let server = serve(directory.path(), &["--artifacts-path", PLACE], &s3.environment);
    assert_eq!(feed(&server, 21..41), feed(&straight, 21..41));
    assert_eq!((status(&server, "asleep"), status(&server, "windows")), (json!("inactive"), json!("active")));
    server.post("/api/v1/projects/asleep/load", &Value::Null).expect(200);
    server.post("/api/v1/projects/windows/unload", &Value::Null).expect(200);
    assert!(server.stop().success());

    let back = tempfile::tempdir().expect("a folder");
    s3.download(&back.path().join("store"));
    let in_bucket = files(&back.path().join("store"));
    for (path, bytes) in on_disk.iter().filter(|(path, _)| !path.ends_with("state.safetensors")) {
        assert!(in_bucket.get(path) == Some(bytes), "{} has changed", path.display());
    }
    let server = Server::start(back.path(), &[]);
    assert_eq!(feed(&server, 41..61), feed(&straight, 41..61));
    assert_eq!((status(&server, "asleep"), status(&server, "windows")), (json!("active"), json!("inactive")));
    assert!(server.stop().success());

    let gcs = GcsStub::start_without_auth();
    gcs.create_bucket("projects");
    gcs.upload("projects", "drifting", &back.path().join("store"));
    let environment = [("STORAGE_EMULATOR_HOST", gcs.endpoint().to_owned())];
    let server = serve(directory.path(), &["--artifacts-path", "gs://projects/drifting"], &environment);
    assert_eq!(feed(&server, 61..81), feed(&straight, 61..81));
    assert_eq!((status(&server, "asleep"), status(&server, "windows")), (json!("active"), json!("inactive")));
    assert!(server.stop().success());
    let home = tempfile::tempdir().expect("a folder");
    gcs.download("projects", "drifting", &home.path().join("store"));
    for (path, bytes) in files(&home.path().join("store")) {
        assert!(path.ends_with("state.safetensors") || on_disk.get(&path) == Some(&bytes), "{}", path.display());
    }
    let server = Server::start(home.path(), &[]);
    assert_eq!(feed(&server, 81..101), feed(&straight, 81..101));
}

#[test]
fn an_index_that_is_copied_over_that_of_a_running_server_gives_way() {
    let s3 = S3::start();
    let [directory, other] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let elsewhere = Server::start(other.path(), &[]);
    elsewhere.post("/api/v1/projects/copied/fit", &windows()).expect(201);
    assert!(elsewhere.stop().success());
    let server = serve(directory.path(), &["--artifacts-path", PLACE], &s3.environment);
    fit_all(&server);
    // As `aws s3 sync` does.
    s3.upload(&other.path().join("store"));
    let news = server.post("/api/v1/projects/refresh", &Value::Null).expect(200);
    assert_eq!(news["added"], json!(["copied"]));
    server.post("/api/v1/projects/copied/unload", &Value::Null).expect(200);
    assert!(server.stop().success());
    let started = Instant::now();
    let server = serve(directory.path(), &["--artifacts-path", PLACE], &s3.environment);
    assert!(started.elapsed() < Duration::from_secs(3), "the lease was given back");
    assert_eq!((status(&server, "copied"), status(&server, "asleep")), (json!("inactive"), json!("inactive")));
    assert_eq!(status(&server, "windows"), "active");
}

#[test]
fn one_server_writes_and_others_may_read() {
    let s3 = S3::start();
    let [first, second, third] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let arguments = ["--artifacts-path", PLACE, "--lease-duration", "2s"];
    let writer = serve(first.path(), &arguments, &s3.environment);
    fit_all(&writer);

    let started = Instant::now();
    let refused = try_serve(second.path(), &arguments, &s3.environment).err().expect("the second one is refused");
    assert!(refused.contains(&format!("another server uses {PLACE}")), "{refused}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());

    let reader = serve(third.path(), &["--artifacts-path", PLACE, "--read-only"], &s3.environment);
    let window = json!({"data": numbers(50, 3)});
    let judged = reader.post("/api/v1/projects/windows/predict", &window).expect(200);
    let expected = writer.post("/api/v1/projects/windows/predict", &window).expect(200);
    assert_eq!(judged["p_value"], expected["p_value"]);
    assert_eq!(status(&reader, "asleep"), "inactive");
    for (method, path) in [
        ("POST", "/api/v1/projects/new/fit"),
        ("POST", "/api/v1/projects/asleep/load"),
        ("POST", "/api/v1/projects/windows/unload"),
        ("POST", "/api/v1/projects/windows/reset"),
        ("DELETE", "/api/v1/projects/windows"),
        ("POST", "/api/v1/projects/price/predict"),
    ] {
        let body = if path.ends_with("fit") { windows() } else { json!({"data": [1.0]}) };
        let answer = if method == "DELETE" { reader.delete(path) } else { reader.post(path, &body) };
        assert_eq!(answer.expect(403)["code"], "read_only", "{method} {path}");
    }
    writer.post("/api/v1/projects/new/fit", &windows()).expect(201);
    let news = reader.post("/api/v1/projects/refresh", &Value::Null).expect(200);
    assert_eq!((&news["added"], &news["n_projects"]), (&json!(["new"]), &json!(4)));
    reader.post("/api/v1/projects/new/predict", &window).expect(200);

    let told = writer.get("/metrics").expect(200).as_str().expect("a text").to_owned();
    assert!(told.contains("drifting_store_operations_total{backend=\"s3\",op=\"write\",result=\"done\"}"), "{told}");
    assert!(!told.contains("projects/team"), "{told}");

    // Given back, the lease is free at once.
    assert!(writer.stop().success());
    let started = Instant::now();
    let writer = serve(second.path(), &arguments, &s3.environment);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    writer.delete("/api/v1/projects/new").expect(204);
}

#[test]
fn a_killed_server_loses_no_more_than_the_interval_and_is_not_waited_for_on_its_own_machine() {
    let s3 = S3::start();
    let directory = tempfile::tempdir().expect("a folder");
    let arguments = ["--artifacts-path", PLACE, "--state-durability", "always"];
    let mut server = serve(directory.path(), &arguments, &s3.environment);
    fit_all(&server);
    for round in 0..3 {
        let start = 1 + 5 * round;
        feed(&server, start..start + 5);
        server.kill();
        let started = Instant::now();
        server = serve(directory.path(), &arguments, &s3.environment);
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
    assert_eq!(status(&server, "asleep"), "inactive");
}

#[test]
fn a_server_that_cannot_be_heard_stops_writing_and_its_successor_keeps_what_it_writes() {
    let s3 = S3::start();
    let proxy = FaultyProxy::start(s3.seaweed.endpoint());
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let arguments = ["--artifacts-path", PLACE, "--lease-duration", "2s", "--state-durability", "always"];
    let mut cut_off = serve(first.path(), &arguments, &s3.through(&proxy));
    fit_all(&cut_off);
    feed(&cut_off, 1..4);
    // Another machine, as far as the lease can tell, takes over once nobody renews it.
    proxy.inject(1, &[(Calls::All, Fault::ResetBefore)]);
    let successor = serve(second.path(), &arguments, &s3.environment);
    feed(&successor, 4..8);
    let late = cut_off.post("/api/v1/projects/price/predict", &json!({"data": [1.0]}));
    assert_eq!(late.status, 503, "{}", late.body);
    proxy.heal();
    let ended = cut_off.ended(Duration::from_mins(1)).expect("it stops by itself");
    assert!(!ended.success());
    assert!(cut_off.log().contains("another server has taken"), "{}", cut_off.log());
    feed(&successor, 8..10);
}

#[test]
fn faults_of_the_store_are_retried_and_told_without_secrets_and_predictions_go_on() {
    let s3 = S3::start();
    let proxy = FaultyProxy::start(s3.seaweed.endpoint());
    let directory = tempfile::tempdir().expect("a folder");
    let arguments = ["--artifacts-path", PLACE, "--state-interval", "200ms"];
    let server = serve(directory.path(), &arguments, &s3.through(&proxy));
    proxy.inject(7, &[(Calls::Share(0.3), Fault::Status(503))]);
    fit_all(&server);
    feed(&server, 1..30);
    proxy.inject(7, &[(Calls::All, Fault::Status(500))]);
    feed(&server, 30..60);
    let refused = server.post("/api/v1/projects/other/fit", &windows()).expect(503);
    assert_eq!(refused["code"], "storage_unavailable");
    let told = refused.to_string();
    for secret in [s3.seaweed.secret_key(), s3.seaweed.access_key(), "projects/team", proxy.endpoint()] {
        assert!(!told.contains(secret), "{told}");
    }
    assert!(!server.log().contains(s3.seaweed.secret_key()));
    proxy.heal();
    // Nothing is written until the lease is renewed, which is tried every second.
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.post("/api/v1/projects/other/fit", &windows()).status != 201 {
        assert!(Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(server.stop().success());
    let server = serve(directory.path(), &arguments, &s3.environment);
    feed(&server, 60..65);
}

#[test]
fn of_many_clients_that_fit_one_name_one_succeeds() {
    let s3 = S3::start();
    let gcs = GcsStub::start_without_auth();
    gcs.create_bucket("projects");
    let directory = tempfile::tempdir().expect("a folder");
    let gcs_environment = [("STORAGE_EMULATOR_HOST", gcs.endpoint().to_owned())];
    for (place, environment) in [(PLACE, &s3.environment[..]), ("gs://projects", &gcs_environment[..])] {
        let server = serve(directory.path(), &["--artifacts-path", place], environment);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..100).map(|_| scope.spawn(|| server.post("/api/v1/projects/one/fit", &windows()).status)).collect();
            clients.into_iter().map(|client| client.join().expect("a client")).collect()
        });
        let count = |status| statuses.iter().filter(|other| **other == status).count();
        assert_eq!((count(201), count(409)), (1, 99), "{place}");
        server.delete("/api/v1/projects/one").expect(204);
    }
}

#[test]
fn check_says_what_a_start_would_find_in_a_bucket() {
    let s3 = S3::start();
    let check = |place: &str, environment: &[(&str, String)]| {
        let directory = tempfile::tempdir().expect("a folder");
        let done = drifting()
            .args(["check", "--json", "--port", "0", "--database-uri", "none", "--artifacts-path", place])
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .current_dir(directory.path())
            .output()
            .expect("the program runs");
        let findings: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        assert!(!findings.to_string().contains(s3.seaweed.secret_key()));
        (done.status.success(), findings)
    };
    let (ok, findings) = check(PLACE, &s3.environment);
    assert!(ok, "{findings}");
    let mut wrong = s3.environment.clone();
    wrong[1].1 = "another".to_owned();
    let (ok, findings) = check(PLACE, &wrong);
    assert!(!ok && findings.to_string().contains("the secret key that was found does not fit"), "{findings}");
    let (ok, findings) = check("s3://absent/x", &s3.environment);
    assert!(!ok && findings.to_string().contains("bucket"), "{findings}");
}
