//! Hostile names on every operation that takes a name, on every store: refused, with nothing touched outside of the
//! store or beside the prefix. What a stranger plants in a store on disk is not followed either.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use drifting_object_stores::GcsStub;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

use crate::buckets::{PLACE, S3, serve};
use crate::hostile_names::hostile_names;
use crate::server::{Answer, Server};

/// Every operation that takes a name, and whether it takes a body.
const OPERATIONS: [(&str, &str); 8] = [
    ("GET", ""),
    ("DELETE", ""),
    ("POST", "/fit"),
    ("POST", "/predict"),
    ("POST", "/load"),
    ("POST", "/unload"),
    ("POST", "/reset"),
    ("GET", "/metrics"),
];

/// Names that hold slashes as they are, or end in a fragment: for the router these are other paths.
const OTHER_PATHS: [&str; 11] = [
    "../../etc/passwd",
    "../drifting-other/keep",
    "./keep/../../drifting-other/keep",
    "keep/../../drifting-other/keep",
    "keep/..",
    "/proc/self/root",
    "//drifting-other/keep",
    "keep/configuration.yaml",
    ".tmp/lease",
    "nobody#/../keep",
    "#/../keep",
];

/// Names that somebody could have and nobody here has, odd as they are on some systems.
const ODD_NAMES: [&str; 10] =
    ["con", "NUL", "aux.txt", "COM1", "lpt1.yaml", "keep.", "keep..other", "drifting-other", "configuration.yaml", "0"];

fn windows() -> Value {
    json!({"drift_type": "label", "data": (0..40).collect::<Vec<_>>(), "detector": {"kind": "ks"}})
}

fn ask(server: &Server, method: &str, path: &str) -> Answer {
    let body = match path.rsplit('/').next() {
        Some("fit") => windows(),
        _ => json!({"data": [1.0, 2.0, 3.0]}),
    };
    match method {
        "GET" => server.get(path),
        "DELETE" => server.delete(path),
        _ => server.post(path, &body),
    }
}

/// Asks every operation by every hostile name.
fn refuse_all(server: &Server) {
    let names = hostile_names();
    assert!(names.len() >= 200, "{}", names.len());
    let mut n_asked = 0;
    for (method, operation) in OPERATIONS {
        for name in &names {
            let path = format!("/api/v1/projects/{name}{operation}");
            let answer = ask(server, method, &path);
            assert!([400, 404].contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
            n_asked += 1;
        }
        for name in OTHER_PATHS {
            let path = format!("/api/v1/projects/{name}{operation}");
            let answer = ask(server, method, &path);
            // What is before the fragment, or a path of another operation, may be asked by another method alone.
            assert!([400, 404, 405].contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
            n_asked += 1;
        }
        for name in ODD_NAMES.iter().filter(|_| operation != "/fit") {
            let path = format!("/api/v1/projects/{name}{operation}");
            assert_eq!(ask(server, method, &path).status, 404, "{method} {path}");
            n_asked += 1;
        }
    }
    assert!(n_asked > 8 * 200, "{n_asked}");
    let listed = server.get("/api/v1/projects").expect(200);
    let listed: Vec<&Value> =
        listed["projects"].as_array().expect("a list").iter().map(|project| &project["project"]).collect();
    assert_eq!(listed, ["keep"]);
}

fn serves(server: &Server) {
    server.post("/api/v1/projects/keep/predict", &json!({"data": [1.0, 2.0, 3.0]})).expect(200);
}

/// Everything below a folder: the bytes of files, where links lead, what else there is.
fn everything(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder is read") {
            let path = entry.expect("an entry").path();
            let kind = fs::symlink_metadata(&path).expect("it is there").file_type();
            let content = if kind.is_symlink() {
                format!("{:?}", fs::read_link(&path)).into_bytes()
            } else if kind.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else if kind.is_file() {
                fs::read(&path).expect("a file is read")
            } else {
                format!("{kind:?}").into_bytes()
            };
            found.insert(path, content);
        }
    }
    found
}

/// A store with one project, and beside it another store and files that are named like those of projects. Its server has
/// stopped.
fn surroundings() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    server.post("/api/v1/projects/keep/fit", &windows()).expect(201);
    assert!(server.stop().success());
    let (keep, other) = (directory.path().join("store/keep"), directory.path().join("drifting-other/keep"));
    fs::create_dir_all(&other).expect("a folder is made");
    for file in fs::read_dir(&keep).expect("a folder") {
        let file = file.expect("a file").path();
        let name = file.file_name().expect("a name");
        fs::copy(&file, other.join(name)).expect("it is copied");
        fs::copy(&file, directory.path().join(name)).expect("it is copied");
    }
    fs::remove_file(directory.path().join("server.log")).expect("the log is removed");
    directory
}

#[test]
fn no_name_leads_out_of_a_folder() {
    let directory = surroundings();
    let logs = tempfile::tempdir().expect("a folder");
    let store = directory.path().join("store");
    let arguments = ["--artifacts-path", store.to_str().expect("plain text"), "--state-durability", "always"];
    let server = serve(logs.path(), &arguments, &[]);
    let before = everything(directory.path());
    assert!(before.contains_key(&store.join("keep/configuration.yaml")));
    refuse_all(&server);
    let after = everything(directory.path());
    let changed: Vec<_> =
        before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(changed.is_empty(), "{changed:?}");
    serves(&server);

    // Whoever fits by an odd name gets a folder of that name, in its place.
    for name in ODD_NAMES {
        server.post(&format!("/api/v1/projects/{name}/fit"), &windows()).expect(201);
        assert!(store.join(name).join("configuration.yaml").is_file(), "{name}");
    }
    let outside = |found: BTreeMap<PathBuf, Vec<u8>>| -> BTreeMap<PathBuf, Vec<u8>> {
        found.into_iter().filter(|(path, _)| !path.starts_with(&store)).collect()
    };
    for name in ODD_NAMES {
        server.delete(&format!("/api/v1/projects/{name}")).expect(204);
    }
    assert!(outside(everything(directory.path())) == outside(before));
}

#[test]
fn no_name_leads_out_of_a_prefix_on_s3() {
    let directory = surroundings();
    let s3 = S3::start();
    s3.upload(&directory.path().join("store"));
    s3.copy(
        "for name in os.listdir(root + '/keep'):\n    \
         body = open(root + '/keep/' + name, 'rb').read()\n    \
         for prefix in 'team/drifting-other/keep/', 'team/', '', 'drifting-other/keep/':\n        \
         bucket.put_object(Key=prefix + name, Body=body)\n",
        &directory.path().join("store"),
    );
    // Every version: what is written again has another time.
    let list = || -> BTreeMap<String, Value> {
        let printed = s3.copy(
            "import json\n\
             print(json.dumps({item.key: [item.e_tag, str(item.last_modified)] for item in bucket.objects.all()}))\n",
            directory.path(),
        );
        serde_json::from_str(&printed).expect("JSON")
    };
    let logs = tempfile::tempdir().expect("a folder");
    let server = serve(logs.path(), &["--artifacts-path", PLACE], &s3.environment);
    let before = list();
    assert!(
        before.contains_key("team/configuration.yaml") && before.contains_key("team/drifting/keep/configuration.yaml")
    );
    refuse_all(&server);
    hold_equal(before, list(), "team/drifting/");
    serves(&server);
}

#[test]
fn no_name_leads_out_of_a_prefix_on_google() {
    let directory = surroundings();
    let gcs = GcsStub::start_without_auth();
    gcs.create_bucket("projects");
    for (prefix, folder) in [
        ("team/drifting", "store"),
        ("team/drifting-other", "store"),
        ("team", "store/keep"),
        ("drifting-other", "store"),
    ] {
        gcs.upload("projects", prefix, &directory.path().join(folder));
    }
    let list = || gcs.generations("projects");
    let logs = tempfile::tempdir().expect("a folder");
    let environment = [("STORAGE_EMULATOR_HOST", gcs.endpoint().to_owned())];
    let server = serve(logs.path(), &["--artifacts-path", "gs://projects/team/drifting"], &environment);
    let before = list();
    assert!(
        before.contains_key("team/configuration.yaml") && before.contains_key("team/drifting/keep/configuration.yaml")
    );
    refuse_all(&server);
    hold_equal(before, list(), "team/drifting/");
    serves(&server);
}

/// Outside of the prefix nothing has changed, inside the same objects stand, but for the lease and the index alike.
fn hold_equal<V: PartialEq>(mut before: BTreeMap<String, V>, mut after: BTreeMap<String, V>, prefix: &str) {
    // They are written at any time, whatever is asked.
    for own in [".tmp/lease", "store.db", "active.db"] {
        let name = format!("{prefix}{own}");
        assert_eq!(before.remove(&name).is_some(), after.remove(&name).is_some(), "{own}");
    }
    let changed: Vec<_> =
        before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name)).collect();
    assert!(changed.is_empty(), "{changed:?}");
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe is made");
}

/// Does something that must not wait for anybody.
fn at_once<T: Send>(what: &str, work: impl FnOnce() -> T + Send) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || sender.send(work()));
        receiver.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| {
            eprintln!("{what} hangs");
            // The thread that hangs cannot be joined.
            std::process::abort()
        })
    })
}

#[test]
fn links_and_pipes_in_a_store_are_not_followed() {
    const CONFIGURATION: &str = "configuration.yaml";
    const PARAMETERS: &str = "drift_detector.safetensors";
    let directory = surroundings();
    let (store, other) = (directory.path().join("store"), directory.path().join("drifting-other"));
    // In a project's place.
    symlink(other.join("keep"), store.join("linked-folder")).expect("a link is made");
    symlink("/proc/self/root", store.join("linked-root")).expect("a link is made");
    symlink("nowhere", store.join("linked-nowhere")).expect("a link is made");
    pipe(&store.join("pipe"));
    fs::write(store.join("file"), "a file").expect("a file is written");
    let not_projects = ["linked-folder", "linked-root", "linked-nowhere", "pipe", "file"];
    // In the place of a file of a project.
    let copy = |name: &str| {
        let folder = store.join(name);
        fs::create_dir(&folder).expect("a folder is made");
        for file in [CONFIGURATION, PARAMETERS] {
            fs::copy(store.join("keep").join(file), folder.join(file)).expect("it is copied");
        }
        folder
    };
    let mut planted = Vec::new();
    for file in [CONFIGURATION, PARAMETERS] {
        for what in ["pipe", "link", "device", "folder"] {
            let name = format!("{what}-for-{}", file.split('.').next().unwrap_or_default());
            let path = copy(&name).join(file);
            fs::remove_file(&path).expect("it is removed");
            match what {
                "pipe" => pipe(&path),
                "link" => symlink(other.join("keep").join(file), &path).expect("a link is made"),
                "device" => symlink("/dev/zero", &path).expect("a link is made"),
                _ => fs::create_dir(&path).expect("a folder is made"),
            }
            planted.push(name);
        }
    }
    for (name, link) in [("state-pipe", false), ("state-link", true)] {
        let path = copy(name).join("state.safetensors");
        if link { symlink("/dev/zero", &path).expect("a link is made") } else { pipe(&path) }
    }
    let outside = everything(&other);

    let logs = tempfile::tempdir().expect("a folder");
    let arguments = ["--artifacts-path", store.to_str().expect("plain text"), "--scan-interval", "none"];
    let server = at_once("the start", || serve(logs.path(), &arguments, &[]));
    let ask = |method: &str, path: &str| at_once(path, || ask(&server, method, path));
    ask("POST", "/api/v1/projects/keep/predict").expect(200);
    for name in not_projects {
        for (method, operation) in OPERATIONS {
            let answer = ask(method, &format!("/api/v1/projects/{name}{operation}"));
            // There is no such project, and none can be made: its place is taken, as the log says.
            let expected = if operation == "/fit" { 500 } else { 404 };
            assert_eq!(answer.status, expected, "{method} {name}{operation}: {}", answer.body);
            assert!(!answer.body.to_string().contains("drifting-other"), "{}", answer.body);
        }
        assert!(fs::symlink_metadata(store.join(name)).is_ok(), "{name} is left alone");
    }
    for name in &planted {
        let answer = ask("POST", &format!("/api/v1/projects/{name}/predict"));
        assert_eq!(answer.status, 503, "{name}: {}", answer.body);
        assert_eq!(answer.body["code"], "project_failed", "{name}: {}", answer.body);
        let shown = ask("GET", &format!("/api/v1/projects/{name}")).expect(200);
        assert_eq!(shown["status"], "failed", "{name}: {shown}");
    }
    ask("POST", "/api/v1/projects/refresh").expect(200);
    for name in planted.iter().map(String::as_str).chain(["state-pipe", "state-link"]) {
        let answer = ask("POST", &format!("/api/v1/projects/{name}/reset"));
        assert!([200, 503].contains(&answer.status), "{name}: {} {}", answer.status, answer.body);
        let answer = ask("DELETE", &format!("/api/v1/projects/{name}"));
        assert!([204, 500, 503].contains(&answer.status), "{name}: {} {}", answer.status, answer.body);
    }
    ask("POST", "/api/v1/projects/keep/predict").expect(200);
    assert!(everything(&other) == outside, "what the links lead to is as it was");
    assert!(at_once("the stop", || server.stop()).success());
}
