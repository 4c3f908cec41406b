//! Stores that former versions have written are served, with the verdicts of their time.
//!
//! Each folder of `tests/artifacts` is a store with what its projects answered. `UPDATE_ARTIFACTS=1` writes that of this
//! version anew; once a version is released, its folder stays as it is.

use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::server::Server;

const STORE: &str = "store";
const ANSWERS: &str = "answers.json";
/// What of an answer holds over versions.
const MEMBERS: [&str; 8] =
    ["time", "is_drift", "statistic", "threshold", "p_value", "distance", "warm_up", "pending_rows"];

fn versions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artifacts")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() && entry.file_name() == ".tmp" => {}
            kind if kind.is_dir() => copy(&entry.path(), &target),
            _ => drop(fs::copy(entry.path(), target).expect("a copy")),
        }
    }
}

fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    // Few digits, so that the files are small.
    (0..n).map(|_| f64::from(generator.random_range(0..1_000)) / 8.0).collect()
}

fn texts(n: usize, seed: u64) -> Vec<&'static str> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| ["mon", "tue", "wed"][generator.random_range(0..3)]).collect()
}

fn table(n: usize, seed: u64) -> Value {
    json!({"price": numbers(n, seed), "day": texts(n, seed + 1)})
}

/// Rows that each project is asked about.
fn questions() -> Vec<(&'static str, Value)> {
    let label = (0..4).map(|seed| ("price", json!({"data": numbers(3, 100 + seed)})));
    let rows = (0..4).map(|seed| ("rows", json!({"data": table(3, 200 + seed)})));
    let collected = (0..4).map(|seed| ("collected", json!({"data": table(7, 300 + seed), "explain": false})));
    let windows = ["tests", "kernels", "trained"].map(|name| (name, json!({"data": table(30, 400), "explain": false})));
    label.chain(rows).chain(collected).chain(windows).collect()
}

fn ask(server: &Server) -> Vec<Value> {
    let answer = |(project, rows): (&str, Value)| {
        let answer = server.post(&format!("/api/v1/projects/{project}/predict"), &rows).expect(200);
        let members = MEMBERS.iter().filter_map(|name| Some(((*name).to_owned(), answer.get(*name)?.clone())));
        json!({"project": project, "answer": members.collect::<serde_json::Map<_, _>>()})
    };
    questions().into_iter().map(answer).collect()
}

fn write(folder: &Path) {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let online = json!({"ert": 30, "window_size": 5, "n_bootstraps": 500});
    let fit = |project: &str, body: Value| server.post(&format!("/api/v1/projects/{project}/fit"), &body).expect(201);
    let tabular = |detector: Value| json!({"drift_type": "tabular", "data": table(60, 7), "detector": detector});
    fit("price", json!({"drift_type": "label", "data": numbers(60, 1), "detector": online}));
    fit("rows", tabular(online.clone()));
    let again = json!({"drift_type": "tabular", "data": table(60, 8), "detector": online, "overwrite": true});
    fit("rows", again);
    fit("collected", tabular(json!({"kind": "tabular", "window": {"size": 20, "stride": 10}})));
    fit("tests", tabular(json!({"kind": "tabular"})));
    fit("kernels", tabular(json!({"kind": "mmd", "n_permutations": 50})));
    fit("trained", tabular(json!({"kind": "classifier"})));
    fit("asleep", tabular(json!({"kind": "tabular"})));
    server.post("/api/v1/projects/asleep/unload", &Value::Null).expect(200);
    // States to go on from.
    ask(&server);
    assert!(server.stop().success());
    if folder.exists() {
        fs::remove_dir_all(folder).expect("it is removed");
    }
    copy(&directory.path().join(STORE), &folder.join(STORE));
    let answers: Vec<String> = {
        let server = Server::start(directory.path(), &[]);
        ask(&server).iter().map(ToString::to_string).collect()
    };
    fs::write(folder.join(ANSWERS), format!("[\n{}\n]\n", answers.join(",\n"))).expect("they are written");
}

#[test]
fn stores_of_former_versions_go_on() {
    if std::env::var_os("UPDATE_ARTIFACTS").is_some() {
        write(&versions().join(env!("CARGO_PKG_VERSION")));
    }
    let mut n_versions = 0;
    for version in fs::read_dir(versions()).expect("a folder") {
        let folder = version.expect("an entry").path();
        let directory = tempfile::tempdir().expect("a folder");
        copy(&folder.join(STORE), &directory.path().join(STORE));
        let server = Server::start(directory.path(), &[]);
        let expected: Vec<Value> =
            serde_json::from_slice(&fs::read(folder.join(ANSWERS)).expect("answers")).expect("JSON");
        assert_eq!(ask(&server), expected, "{}", folder.display());
        assert_eq!(server.get("/api/v1/projects/asleep").expect(200)["status"], "inactive", "{}", folder.display());
        assert!(!server.log().contains("WARN"), "{}", server.log());
        n_versions += 1;
    }
    assert!(n_versions > 0);
}
