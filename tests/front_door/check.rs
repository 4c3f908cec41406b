//! `check`: what a start would find, with nothing changed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{Server, drifting};

fn check(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = drifting();
    command.args(["check", "--json", "--artifacts-path", "store"]).args(arguments).current_dir(directory);
    command
}

/// The exit code, and the findings by their names.
fn findings(mut command: Command) -> (Option<i32>, Value) {
    let output = command.output().expect("the program runs");
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let checks = answer["checks"].as_array().expect("a list").iter();
    let checks: serde_json::Map<_, _> =
        checks.map(|found| (found["check"].as_str().expect("a name").to_owned(), found.clone())).collect();
    assert_eq!(answer["ok"], checks.values().all(|found| found["ok"] == true), "{answer}");
    (output.status.code(), Value::Object(checks))
}

fn detail<'a>(found: &'a Value, check: &str) -> &'a str {
    found[check]["detail"].as_str().unwrap_or_else(|| panic!("no {check} in {found}"))
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder is read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.push((path.clone(), Vec::new()));
                folders.push(path);
            } else {
                found.push((path.clone(), fs::read(path).expect("a file is read")));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_place_for_a_new_store_is_found_good_and_left_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, found) = findings(check(folder.path(), &["--port", "0"]));
    assert_eq!(code, Some(0), "{found}");
    assert!(detail(&found, "artifacts").contains("not there yet"), "{found}");
    assert!(detail(&found, "disk").contains("available") && detail(&found, "database").contains("local"), "{found}");
    assert_eq!(files(folder.path()), []);
}

#[test]
fn a_store_beside_its_server_and_after_it_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &["--database-uri", "sqlite://metrics.sqlite"]);
    server
        .post("/api/v1/projects/p/fit", &json!({"drift_type": "label", "data": (0..200).collect::<Vec<_>>()}))
        .expect(201);
    let port = server.url.rsplit(':').next().expect("a port").to_owned();
    let (code, found) = findings(check(folder.path(), &["--database-uri", "none", "--port", &port]));
    assert_eq!(code, Some(1), "{found}");
    assert!(found["artifacts"]["ok"] == true && detail(&found, "artifacts").contains("another server holds the lock"));
    assert!(detail(&found, "store.db").contains("in use by another server"), "{found}");
    assert!(found["address"]["ok"] == false && found["address"]["remedy"].is_string(), "{found}");
    assert!(server.stop().success());

    // A store that was copied without the folder of temporary files is as good.
    for without_temporaries in [false, true] {
        if without_temporaries {
            fs::remove_dir_all(folder.path().join("store/.tmp")).expect("a folder is removed");
        }
        let before = files(folder.path());
        let arguments = ["--database-uri", "sqlite://metrics.sqlite", "--port", "0"];
        let (code, found) = findings(check(folder.path(), &arguments));
        assert_eq!(code, Some(0), "{found}");
        assert_eq!((detail(&found, "store.db"), detail(&found, "active.db")), ("whole", "whole"));
        assert!(detail(&found, "database").contains("all migrations have run"), "{found}");
        assert!(files(folder.path()) == before, "nothing is changed");
    }
    fs::write(folder.path().join("store/active.db"), "no index").expect("it is damaged");
    let (code, found) = findings(check(folder.path(), &["--database-uri", "none", "--port", "0"]));
    assert_eq!((code, detail(&found, "active.db"), detail(&found, "store.db")), (Some(1), "damaged", "whole"));
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "no database").expect("a file is written");
    fs::write(folder.path().join("wrong.yaml"), "prot: 1\n").expect("a file is written");
    let nobody = "postgres://drifting:geheim@127.0.0.1:9/metrics";
    for (arguments, failing, parts) in [
        (&["--artifacts-path", "file"][..], "artifacts", ["a file stands in the way", "--artifacts-path"]),
        (&["--artifacts-path", "file/below"], "artifacts", ["cannot look at the artifacts", "--artifacts-path"]),
        (&["--database-uri", nobody], "database", ["postgres://drifting:***@127.0.0.1:9/metrics", "refused"]),
        (&["--database-uri", "sqlite://file"], "database", ["sqlite://file", "--database-uri"]),
        (&["--host", "192.0.2.1", "--insecure-no-auth"], "address", ["192.0.2.1:0", "--host"]),
        (
            &["--event-sink", "http://a.example/", "--event-sink-secret-file", "missing"],
            "event sink",
            ["missing", "secret"],
        ),
        (&["--config", "wrong.yaml"], "configuration", ["`prot`", "port"]),
    ] {
        let mut command = drifting();
        command.args(["check", "--json", "--port", "0"]).args(arguments).current_dir(folder.path());
        if !arguments.contains(&"--database-uri") {
            command.args(["--database-uri", "none"]);
        }
        if !arguments.contains(&"--artifacts-path") {
            command.args(["--artifacts-path", "memory://"]);
        }
        let (code, found) = findings(command);
        assert_eq!((code, &found[failing]["ok"]), (Some(1), &json!(false)), "{found}");
        let text = found[failing].to_string();
        for part in parts {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!found.to_string().contains("geheim"), "{found}");
        let others = found.as_object().expect("findings").iter().filter(|(name, _)| *name != failing);
        assert!(others.into_iter().all(|(_, other)| other["ok"] == true), "{found}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder is read").count(), 2, "nothing is left behind");
}

#[test]
fn a_missing_permission_is_named() {
    /// Whom this asks as where the tests run as root, whom everything is allowed: nobody.
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("drifting");
    fs::copy(env!("CARGO_BIN_EXE_drifting"), &program).expect("the program is copied");
    let store = folder.path().join("store");
    fs::create_dir(&store).expect("a folder is made");
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("its owner may");
    set(folder.path(), 0o755);
    set(&store, 0o555);
    for path in ["store", "store/below"] {
        let mut command = Command::new(&program);
        command.args(["check", "--json", "--artifacts-path", path, "--database-uri", "none", "--port", "0"]);
        command.current_dir(folder.path());
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let (code, found) = findings(command);
        assert_eq!((code, &found["artifacts"]["ok"]), (Some(1), &json!(false)), "{found}");
        assert!(detail(&found, "artifacts").contains("Permission denied"), "{found}");
        assert!(found["artifacts"]["remedy"].as_str().is_some_and(|remedy| remedy.contains("the user")), "{found}");
    }
    assert_eq!(fs::read_dir(&store).expect("a folder is read").count(), 0);
    set(&store, 0o755);
}
