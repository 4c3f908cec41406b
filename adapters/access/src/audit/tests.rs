use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::*;

fn change(path: &str) -> Change {
    Change::new("r-1", Some([127, 0, 0, 1].into()), &Caller::ANYBODY, "DELETE", path)
}

/// The lines of all files of a folder.
fn lines(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let texts: Vec<String> = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_change_is_one_line_whatever_becomes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path()).unwrap();
    log.begin(change("/a\n{\"forged\": true}")).end("204");
    // It stands there before anybody is answered.
    assert_eq!(lines(folder.path()).len(), 1);
    drop(log.begin(change("/b")));
    let lines = lines(folder.path());
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["status"], &lines[0]["method"], &lines[0]["address"]),
        (&"204".into(), &"DELETE".into(), &"127.0.0.1".into())
    );
    assert_eq!(
        (&lines[1]["status"], &lines[1]["path"], &lines[1]["caller"]),
        (&Value::Null, &"/b".into(), &Value::Null)
    );
    assert!(lines[0]["at"].as_str().unwrap().ends_with('Z'));
    let members =
        ["address", "at", "caller", "key_id", "method", "operation", "path", "project", "request_id", "status"];
    for line in &lines {
        let told: std::collections::BTreeSet<&String> = line.as_object().unwrap().keys().collect();
        assert!(told.into_iter().eq(members), "{line}");
    }
}

#[test]
fn a_change_is_about_what_whoever_carries_it_out_finds() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path()).unwrap();
    let recording = log.begin(change("/a"));
    let audited = recording.audited();
    audited.clone().of_project("price");
    audited.of_operation("0f");
    recording.end("200");
    let long = log.begin(change("/b"));
    long.audited().of_project(&"é".repeat(100_000));
    long.end("404");
    // Of a change that nobody writes down.
    Audited::default().of_project("price");
    drop(Audited::default().begin("0f", "price"));
    let lines = lines(folder.path());
    assert_eq!((&lines[0]["project"], &lines[0]["operation"]), (&json!("price"), &json!("0f")));
    assert_eq!((&lines[1]["project"], &lines[1]["operation"]), (&json!("é".repeat(256)), &Value::Null));
    assert_eq!(lines.len(), 2);
}

#[test]
fn an_operation_ends_in_a_line_of_its_own_after_that_of_its_request() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path()).unwrap();
    let fast = log.begin(change("/fit"));
    fast.audited().begin("1", "price").end("succeeded");
    assert_eq!(lines(folder.path()).len(), 0, "the request has not been answered");
    fast.end("202");
    let slow = log.begin(change("/fit"));
    let operation = slow.audited().begin("2", "price");
    drop(slow);
    drop(operation);
    let lines = lines(folder.path());
    let told = |name: &str| lines.iter().map(|line| line[name].clone()).collect::<Vec<Value>>();
    assert_eq!(told("status"), [json!("202"), json!("succeeded"), Value::Null, json!("failed")]);
    assert_eq!(told("method"), ["DELETE", "operation", "DELETE", "operation"]);
    assert_eq!(told("path"), ["/fit", "/api/v1/operations/1", "/fit", "/api/v1/operations/2"]);
    assert_eq!(told("operation"), [Value::Null, json!("1"), Value::Null, json!("2")]);
    assert_eq!(told("project"), [Value::Null, json!("price"), Value::Null, json!("price")]);
    assert_eq!(told("request_id"), ["r-1"; 4]);
}

#[test]
fn lines_without_room_are_counted_and_the_next_one_is_tried_anew() {
    let folder = tempfile::tempdir().unwrap();
    // The day may change meanwhile.
    let today = Utc::now().date_naive();
    let full = [today, today.succ_opt().unwrap()].map(|date| folder.path().join(format!("audit.{date}.jsonl")));
    for path in &full {
        symlink("/dev/full", path).unwrap();
    }
    let log = AuditLog::open(folder.path()).unwrap();
    log.begin(change("/a")).end("204");
    drop(log.begin(change("/b")));
    assert_eq!(log.counts(), AuditCounts { written: 0, lost: 2 });
    for path in &full {
        std::fs::remove_file(path).unwrap();
    }
    log.begin(change("/c")).end("204");
    assert_eq!(log.counts(), AuditCounts { written: 1, lost: 2 });
    let lines = lines(folder.path());
    assert_eq!(lines.iter().map(|line| &line["path"]).collect::<Vec<_>>(), ["/c"]);
}

#[test]
fn lines_of_many_threads_stand_whole() {
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..100 {
                    log.begin(change(&format!("/{thread}/{n}"))).end("204");
                }
            });
        }
    });
    let lines = lines(folder.path());
    let paths: std::collections::BTreeSet<&str> = lines.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert_eq!((lines.len(), paths.len()), (400, 400));
    assert_eq!(log.counts(), AuditCounts { written: 400, lost: 0 });
}
