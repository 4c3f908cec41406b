//! The audit log of the real program: written before the answer, for its owner alone, and told of where it cannot be written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use chrono::Utc;
use serde_json::{Value, json};

use crate::delivery::wait_until;
use crate::observed_metrics::Exposition;
use crate::server::Server;

fn start(directory: &Path) -> (Server, PathBuf) {
    let folder = directory.join("audit");
    let server = Server::start(directory, &["--audit-log", folder.to_str().expect("a path"), "--grpc-port", "none"]);
    (server, folder)
}

/// The files of the log, and their lines.
fn read(folder: &Path) -> (Vec<PathBuf>, Vec<Value>) {
    let files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).expect("the log is read")).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let lines = lines.map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (files, lines)
}

fn fit(server: &Server) {
    let fit = json!({"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": {"kind": "dummy"}});
    server.post("/api/v1/projects/price/fit", &fit).expect(201);
}

fn load(server: &Server) {
    server.post("/api/v1/projects/price/load", &json!({})).expect(200);
}

#[test]
fn a_change_that_was_answered_stays_written_down_after_a_kill() {
    let directory = tempfile::tempdir().expect("a folder");
    let (server, folder) = start(directory.path());
    fit(&server);
    for n in 1..=100 {
        assert_eq!(read(&folder).1.len(), n, "it stands there before the answer goes out");
        load(&server);
    }
    server.kill();
    let (files, lines) = read(&folder);
    assert_eq!(lines.len(), 101);
    assert!(lines.iter().all(|line| line["project"] == "price"), "{lines:?}");
    for file in files {
        let mode = fs::metadata(&file).expect("the file is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn a_full_disk_costs_lines_that_are_counted_and_told_until_there_is_room() {
    let directory = tempfile::tempdir().expect("a folder");
    let folder = directory.path().join("audit");
    fs::create_dir(&folder).expect("the folder is made");
    // The day may change meanwhile.
    let today = Utc::now().date_naive();
    let full = [today, today.succ_opt().expect("a day")].map(|date| folder.join(format!("audit.{date}.jsonl")));
    for path in &full {
        symlink("/dev/full", path).expect("a link is made");
    }
    let (server, folder) = start(directory.path());
    fit(&server);
    load(&server);
    load(&server);
    let lines =
        |outcome: &str| Exposition::of(&server).value(&format!("drifting_audit_lines_total{{outcome=\"{outcome}\"}}"));
    assert_eq!((lines("written"), lines("lost")), (0.0, 3.0));

    for path in &full {
        fs::remove_file(path).expect("there is room");
    }
    load(&server);
    assert_eq!((lines("written"), lines("lost")), (1.0, 3.0));
    let (_, written) = read(&folder);
    assert_eq!(written.iter().map(|line| &line["path"]).collect::<Vec<_>>(), ["/api/v1/projects/price/load"]);
    // Lines of the server's log are written behind what they tell of, in their order.
    wait_until(&server, "it is told that there is room", || server.log().contains("the audit log is written again"));
    let log = server.log();
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("changes are not in the audit log")).collect();
    assert_eq!(complaints.len(), 1, "not for each line: {log}");
    assert!(complaints[0].contains("\"ERROR\"") && complaints[0].contains("No space left"), "{}", complaints[0]);
}
