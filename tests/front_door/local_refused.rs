//! A database of the server's own that cannot be used: the log says why and what to do, and nothing is touched.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::json;

use crate::delivery::{Delivery, wait_until};
use crate::metrics::{fit_and_feed, made, metrics};
use crate::server::Server;

/// Every file below a folder: its path, its length, and when it was changed.
fn files(folder: &Path) -> Vec<(String, u64, i64, i64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let known = fs::symlink_metadata(&path).expect("it is there");
        found.push((path.display().to_string(), known.len(), known.mtime(), known.mtime_nsec()));
        if known.is_dir() {
            found.extend(files(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn a_cluster_of_another_version_is_refused_with_what_to_do_and_left_as_it_is() {
    let directory = tempfile::tempdir().expect("a folder");
    // Postgres runs as another user than root, who must be able to enter.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("the mode is set");
    let local = ["--database-uri", "local"];
    let server = Server::start(directory.path(), &local);
    fit_and_feed(&server, 30);
    assert_eq!(Delivery::ended(&server).delivered, 30);
    assert!(server.stop().success());

    let cluster = directory.path().join("store-metrics");
    let version = cluster.join("postgres/data/PG_VERSION");
    let own = fs::read_to_string(&version).expect("a cluster has a version");
    for (other, n_said) in [("9.6\n", 1), ("99\n", 2)] {
        fs::write(&version, other).expect("the file is written");
        let before = files(&cluster);
        let server = Server::start(directory.path(), &local);
        wait_until(&server, "the log says what to do", || {
            let log = server.log();
            let major = other.split('.').next().expect("a number").trim();
            log.contains(&format!("created by postgres {major}")) && log.contains("or move the directory away")
        });
        let n_rows = metrics(&server).len();
        server.post("/api/v1/projects/price/predict", &json!({"data": [1, 2, 3]})).expect(200);
        assert_eq!(metrics(&server).len(), n_rows + 3, "the trend comes from memory");
        let counts = Delivery::of(&server);
        assert_eq!((counts.is_up, counts.waiting), (false, 0), "{counts:?}");
        assert_eq!(server.log().matches("move the directory away").count(), n_said, "it is said once");
        assert!(server.stop().success());
        assert_eq!(files(&cluster), before, "nothing is touched");
        assert_eq!(made(&cluster), ["postgres"]);
    }

    fs::write(&version, own).expect("the file is written");
    let server = Server::start(directory.path(), &local);
    server.post("/api/v1/projects/price/predict", &json!({"data": [1]})).expect(200);
    wait_until(&server, "the records are there again", || {
        let answer = server.get("/api/v1/projects/price/metrics");
        answer.status == 200 && answer.body["metrics"].as_array().is_some_and(|told| told.len() == 31)
    });
    assert!(server.stop().success());
}

#[test]
fn what_the_system_refuses_is_told_with_its_reason() {
    let directory = tempfile::tempdir().expect("a folder");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("the mode is set");
    let in_the_way = directory.path().join("store-metrics");
    fs::write(&in_the_way, "a file").expect("the file is written");
    let server = Server::start(directory.path(), &["--database-uri", "local"]);
    fit_and_feed(&server, 30);
    wait_until(&server, "the log says why", || server.log().contains("no metrics database"));
    assert!(server.log().contains("Not a directory"), "{}", server.log());
    assert_eq!(metrics(&server).len(), 30, "the trend comes from memory");
    assert!(server.stop().success());
    assert_eq!(fs::read_to_string(in_the_way).expect("it is there"), "a file");
}
