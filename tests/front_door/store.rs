//! The folder of artifacts: its files, its lock, its copies, its damage.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, drifting};

fn fit(server: &Server, project: &str, overwrite: bool) -> Value {
    let values: Vec<f64> = (0..200).map(|n| f64::from((n * 37) % 101)).collect();
    let detector = json!({"ert": 30, "window_size": 10, "n_bootstraps": 1000});
    let body = json!({"drift_type": "label", "data": values, "detector": detector, "overwrite": overwrite});
    server.post(&format!("/api/v1/projects/{project}/fit"), &body).expect(201)
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder is made");
    for name in files(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a file is copied");
        }
    }
}

#[test]
fn the_folder_holds_what_the_documents_say() {
    let directory = tempfile::tempdir().expect("a folder");
    let store = directory.path().join("store");
    let server = Server::start(directory.path(), &["--state-durability", "always"]);
    fit(&server, "price", false);
    assert_eq!(files(&store), [".tmp", "active.db", "price", "store.db"]);
    assert_eq!(files(&store.join("price")), ["configuration.yaml", "drift_detector.safetensors"]);
    server.post("/api/v1/projects/price/predict", &json!({"data": [3]})).expect(200);
    assert_eq!(fit(&server, "price", true)["generation"], 2);
    assert_eq!(files(&store.join("price")), ["configuration.yaml", "drift_detector-2.safetensors"]);
    server.post("/api/v1/projects/price/predict", &json!({"data": [3]})).expect(200);
    let all = ["configuration.yaml", "drift_detector-2.safetensors", "state.safetensors"];
    assert_eq!(files(&store.join("price")), all);
    let configuration = fs::read_to_string(store.join("price/configuration.yaml")).expect("it is readable");
    for line in ["format_version: 1", "generation: 2", "project: price", "kind: cvm_online", "seed: 0"] {
        assert!(configuration.contains(line), "{line} is missing in {configuration}");
    }
    assert_eq!(server.delete("/api/v1/projects/price").status, 204);
    assert_eq!(files(&store), [".tmp", "active.db", "store.db"]);
    assert_eq!(files(directory.path()), ["server.log", "store"], "without a database nothing else is made");
}

#[test]
fn a_second_server_on_the_store_refuses_to_start() {
    let directory = tempfile::tempdir().expect("a folder");
    let first = Server::start(directory.path(), &[]);
    let Err((status, log)) = Server::try_start(directory.path(), &[]) else { panic!("two servers share a store") };
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("another server uses"), "{log}");
    assert_eq!(first.get("/livez").status, 200);
}

#[test]
fn a_copied_store_serves_elsewhere_with_its_statuses_and_state() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    for project in ["kept", "unloaded"] {
        fit(&server, project, false);
        server.post(&format!("/api/v1/projects/{project}/predict"), &json!({"data": [1, 2, 3]})).expect(200);
    }
    server.post("/api/v1/projects/unloaded/unload", &json!({})).expect(200);
    server.stop();

    let elsewhere = tempfile::tempdir().expect("a folder");
    copy(&directory.path().join("store"), &elsewhere.path().join("store"));
    // A folder that is copied in alone is a project too, under its folder's name.
    copy(&directory.path().join("store/kept"), &elsewhere.path().join("store/alone"));
    let server = Server::start(elsewhere.path(), &[]);
    let statuses = |project: &str| server.get(&format!("/api/v1/projects/{project}")).expect(200)["status"].clone();
    assert_eq!(["kept", "unloaded", "alone"].map(statuses), ["active", "inactive", "active"].map(Value::from));
    for project in ["kept", "alone"] {
        let answer = server.post(&format!("/api/v1/projects/{project}/predict"), &json!({"data": [4]})).expect(200);
        assert_eq!((&answer["time"], &answer["project"]), (&json!(4), &json!(project)));
    }
}

#[test]
fn damaged_files_cost_no_more_than_themselves() {
    let directory = tempfile::tempdir().expect("a folder");
    let store = directory.path().join("store");
    let server = Server::start(directory.path(), &[]);
    for project in ["whole", "broken"] {
        fit(&server, project, false);
    }
    server.stop();
    for file in ["store.db", "active.db"] {
        let mut bytes = fs::read(store.join(file)).expect("the index is there");
        let middle = bytes.len() / 2;
        bytes.truncate(middle);
        fs::write(store.join(file), bytes).expect("it is damaged");
    }
    let parameters = store.join("broken/drift_detector.safetensors");
    let mut bytes = fs::read(&parameters).expect("the parameters are there");
    let last = bytes.len() - 9;
    bytes[last] ^= 1;
    fs::write(&parameters, bytes).expect("they are damaged");

    let server = Server::start(directory.path(), &[]);
    server.post("/api/v1/projects/whole/predict", &json!({"data": [1]})).expect(200);
    let refused = server.post("/api/v1/projects/broken/predict", &json!({"data": [1]})).expect(503);
    assert_eq!(refused["code"], "project_failed");
    let shown = server.get("/api/v1/projects/broken").expect(200);
    assert_eq!(shown["status"], "failed", "{shown}");
    assert!(shown["reason"].as_str().is_some_and(|reason| reason.contains("damaged")), "{shown}");
    let log = server.log();
    assert!(log.contains("store.db was damaged") && log.contains("active.db was damaged"), "{log}");
    // A new fit replaces what cannot be read.
    fit(&server, "broken", true);
    server.post("/api/v1/projects/broken/predict", &json!({"data": [1]})).expect(200);
}

#[test]
fn a_store_in_a_folder_is_read_beside_the_server_that_writes_it() {
    let directory = tempfile::tempdir().expect("a folder");
    let writer = Server::start(directory.path(), &[]);
    let values: Vec<f64> = (0..100).map(|n| f64::from((n * 37) % 101)).collect();
    let body = json!({"drift_type": "label", "data": values, "detector": {"kind": "ks"}});
    writer.post("/api/v1/projects/a/fit", &body).expect(201);
    writer.post("/api/v1/projects/b/fit", &body).expect(201);
    writer.post("/api/v1/projects/b/unload", &Value::Null).expect(200);

    let reader = Server::start(directory.path(), &["--read-only", "--scan-interval", "100ms"]);
    let window = json!({"data": [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]});
    assert_eq!(reader.post("/api/v1/projects/a/predict", &window).expect(200)["is_drift"], true);
    assert_eq!(reader.get("/api/v1/projects/b").expect(200)["status"], "inactive");
    assert_eq!(reader.post("/api/v1/projects/a/reset", &Value::Null).expect(403)["code"], "read_only");

    // What the other one changes is seen.
    writer.post("/api/v1/projects/c/fit", &body).expect(201);
    writer.delete("/api/v1/projects/a").expect(204);
    let deadline = Instant::now() + Duration::from_secs(20);
    while reader.get("/api/v1/projects/c").status != 200 || reader.get("/api/v1/projects/a").status != 404 {
        assert!(Instant::now() < deadline, "{}", reader.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(reader.stop().success());
    // It has left nothing behind, and needs nothing.
    assert!(writer.stop().success());
    std::fs::remove_dir_all(directory.path().join("store/.tmp")).expect("it is removed");
    let reader = Server::start(directory.path(), &["--read-only"]);
    reader.post("/api/v1/projects/c/predict", &window).expect(200);
    assert!(!directory.path().join("store/.tmp").exists());
}

#[test]
fn a_project_that_is_copied_in_is_taken_up_while_the_server_runs() {
    let [directory, other] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let elsewhere = Server::start(other.path(), &[]);
    let values: Vec<f64> = (0..100).map(|n| f64::from((n * 37) % 101)).collect();
    let body = json!({"drift_type": "label", "data": values, "detector": {"kind": "ks"}});
    elsewhere.post("/api/v1/projects/copied/fit", &body).expect(201);
    assert!(elsewhere.stop().success());

    let server = Server::start(directory.path(), &["--scan-interval", "none"]);
    let target = directory.path().join("store/copied");
    std::fs::create_dir(&target).expect("a folder");
    for file in std::fs::read_dir(other.path().join("store/copied")).expect("a folder") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), target.join(file.file_name())).expect("a copy");
    }
    server.get("/api/v1/projects/copied").expect(404);
    let refreshed = drifting().args(["projects", "refresh", "--url", &server.url]).output().expect("the program runs");
    assert!(refreshed.status.success());
    assert_eq!(String::from_utf8_lossy(&refreshed.stdout), "copied: has come into the store\n1 project(s)\n");
    server.post("/api/v1/projects/copied/predict", &json!({"data": [1.0, 2.0]})).expect(200);
    std::fs::remove_dir_all(&target).expect("it is removed");
    let refreshed = server.post("/api/v1/projects/refresh", &Value::Null).expect(200);
    assert_eq!((&refreshed["vanished"], &refreshed["n_projects"]), (&json!(["copied"]), &json!(0)));
}

#[test]
fn a_fit_that_is_copied_over_a_running_one_keeps_its_own_state() {
    let [directory, other] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let elsewhere = Server::start(other.path(), &[]);
    fit(&elsewhere, "p", false);
    for n in 0..5 {
        elsewhere.post("/api/v1/projects/p/predict", &json!({"data": [n]})).expect(200);
    }
    assert!(elsewhere.stop().success());

    let interval = ["--state-interval", "50ms", "--scan-interval", "none"];
    let server = Server::start(directory.path(), &interval);
    fit(&server, "p", false);
    let predict = |server: &Server| {
        server.post("/api/v1/projects/p/predict", &json!({"data": [1.0]})).expect(200)["time"].clone()
    };
    (1..=20).for_each(|time| assert_eq!(predict(&server), time));
    std::thread::sleep(Duration::from_millis(300));
    copy(&other.path().join("store/p"), &directory.path().join("store/p"));
    // Nobody has said so: the old one answers still, and its state is not taken for the new one's.
    assert_eq!(predict(&server), 21);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.log().contains("a project was replaced in the store") {
        assert!(Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(predict(&server), 6);
    assert!(server.stop().success());
    let server = Server::start(directory.path(), &interval);
    assert_eq!(predict(&server), 7);
    // And once more, told at once.
    copy(&other.path().join("store/p"), &directory.path().join("store/p"));
    server.post("/api/v1/projects/refresh", &Value::Null).expect(200);
    assert_eq!(predict(&server), 8, "it is the same fit");
}
