//! The disk is full: fits are refused, predictions go on, and once there is room everything goes on by itself.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::check::check_projects;
use crate::detectors::{Detectors, fit_body, row_body};
use crate::extent::{assert_none, report};
use crate::model::{Durability, Operation, World};
use crate::server::{Connection, Server};

/// The size of the disk.
const DISK: &str = "size=12m";
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Set where the test has started itself in a namespace in which it may mount.
const INSIDE: &str = "RELIABILITY_MAY_MOUNT";

/// A small disk at a path, as long as it lives.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(at: &'a Path) -> Option<Self> {
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(at).output().ok()?;
        output.status.success().then_some(Self(at))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // At once, whoever still has a file open on it.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// Runs this test again where it may mount.
fn run_inside(test: &str) {
    let advice = "a small disk cannot be mounted: run the tests as root, or allow user namespaces to unshare";
    assert!(std::env::var_os(INSIDE).is_none(), "{advice}");
    let program = std::env::current_exe().expect("the test knows itself");
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount"])
        .arg(program)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let output = output.expect(advice);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{advice}:\n{text}");
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Fits half a megabyte; the status and the code.
fn fit_large(connection: &mut Connection, name: &str) -> (u16, Value) {
    let numbers: Vec<f64> = (0..60_000_u32).map(|n| f64::from(n * 7_919 % 60_000)).collect();
    let body = json!({"drift_type": "label", "data": numbers, "detector": {"kind": "ks"}});
    let answer = connection.post(&format!("/api/v1/projects/{name}/fit"), &body);
    (answer.status, answer.body["code"].clone())
}

/// Feeds each small project so many rows: all verdicts are right.
fn feed(connection: &mut Connection, world: &mut World, detectors: &Detectors, n_rows: usize) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, present) in world.projects.iter_mut().filter_map(|(name, state)| Some((name, state.as_mut()?))) {
        for _ in 0..n_rows {
            present.fed += 1;
            let path = format!("/api/v1/projects/{name}/predict");
            let answer = connection.post(&path, &row_body(present.variant, present.fed));
            findings.extend(detectors.fault(present.variant, present.fed, answer));
        }
    }
    findings
}

/// Takes what room there is.
fn fill(path: &Path) -> u64 {
    let mut file = File::create(path).expect("the filler is made");
    let mut n_bytes = 0;
    for size in [64 * 1024, 4096, 512, 1] {
        while file.write_all(&vec![1; size]).is_ok() {
            n_bytes += size as u64;
        }
    }
    n_bytes
}

/// When the state of each small project was written, the oldest of them.
fn oldest_state(store: &Path, world: &World) -> Option<SystemTime> {
    let written = |name: &String| fs::metadata(store.join(name).join("state.safetensors")).ok()?.modified().ok();
    world.projects.keys().map(written).min().expect("a project")
}

#[test]
fn a_full_disk_refuses_fits_and_nothing_else() {
    let directory = tempfile::tempdir().expect("a folder");
    let store = directory.path().join("store");
    fs::create_dir(&store).expect("a folder is made");
    let Some(_disk) = Disk::mount(&store) else {
        return run_inside("full_disk::a_full_disk_refuses_fits_and_nothing_else");
    };
    let detectors = Detectors::undisturbed();
    let arguments = Durability::Interval.arguments();
    let mut world = World::new(Durability::Interval, ["a", "b", "c"].map(str::to_owned));
    let server = Server::start(directory.path(), &arguments);
    let mut connection = server.connect();
    for (variant, name) in ["a", "b", "c"].into_iter().enumerate() {
        connection.post(&format!("/api/v1/projects/{name}/fit"), &fit_body(variant, false)).expect(201);
        world.acknowledge(name, Operation::Fit(variant));
    }
    let mut findings = feed(&mut connection, &mut world, &detectors, 2);

    // Fits until there is no room; then not even a byte is left.
    let mut large = Vec::new();
    let refused = loop {
        let name = format!("large{}", large.len());
        match fit_large(&mut connection, &name) {
            (201, _) => large.push(name),
            refused => break refused,
        }
    };
    assert_eq!(refused, (507, json!("storage_full")));
    let filler = store.join("filler");
    let n_filled = fill(&filler);

    // Predictions go on over many intervals in which nothing can be saved, which is said once.
    let complaint = "online state cannot be saved";
    for round in 0..8 {
        findings.extend(feed(&mut connection, &mut world, &detectors, 1));
        if round == 0 {
            until("the log complains", || server.log().contains(complaint));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let n_complaints = server.log().matches(complaint).count();
    if n_complaints != 1 {
        findings.push(format!("the log says {n_complaints} times that {complaint}"));
    }
    for (action, expected) in [("unload", 507), ("fit", 507)] {
        let body = if action == "fit" { fit_body(3, true) } else { json!({}) };
        let answer = connection.post(&format!("/api/v1/projects/a/{action}"), &body);
        if answer.status != expected || answer.body["code"] != "storage_full" {
            findings.push(format!("{action} on a full disk: {} came: {}", answer.status, answer.body));
        }
    }
    findings.extend(feed(&mut connection, &mut world, &detectors, 1));
    findings.extend(leftovers_of_fits(&store));

    // Killed and started again on the full disk it serves what was saved before: the rows since then are lost.
    server.kill();
    let server = Server::start(directory.path(), &arguments);
    let mut connection = server.connect();
    for (name, state) in &mut world.projects {
        let present = state.as_mut().expect("a project");
        let shown = connection.request("GET", &format!("/api/v1/projects/{name}"), None).expect(200);
        present.fed = shown["time"].as_u64().expect("a time");
    }
    findings.extend(feed(&mut connection, &mut world, &detectors, 1));

    // A deletion needs no room, and what it frees is room for another fit, with no restart.
    let (freed, begin) = (SystemTime::now(), Instant::now());
    let gone = large.pop().expect("a large project");
    assert_eq!(connection.request("DELETE", &format!("/api/v1/projects/{gone}"), None).status, 204);
    until("the states are saved", || oldest_state(&store, &world).is_some_and(|written| written > freed));
    let saved_after = begin.elapsed();
    let again = fit_large(&mut connection, &gone);
    if again.0 != 201 {
        findings.push(format!("a fit into the room of a deleted project: {again:?} came"));
    }
    fs::remove_file(&filler).expect("the filler goes");
    let gone = large.pop().expect("a large project");
    assert_eq!(connection.request("DELETE", &format!("/api/v1/projects/{gone}"), None).status, 204);
    if fit_large(&mut connection, "afterwards").0 != 201 {
        findings.push("a fit after there was room again is refused".to_owned());
    }
    large.extend([format!("large{}", large.len() + 1), "afterwards".to_owned()]);
    findings.extend(server.log().lines().filter(|line| line.contains("panicked")).map(str::to_owned));

    // Killed and started again, nothing is lost.
    server.kill();
    world.projects.values_mut().flatten().for_each(|present| present.saved = present.fed);
    let server = Server::start(directory.path(), &arguments);
    let mut connection = server.connect();
    for name in &large {
        let answer = connection.request("GET", &format!("/api/v1/projects/{name}"), None);
        if answer.status != 200 || answer.body["status"] != "active" {
            findings.push(format!("{name}: {} came: {}", answer.status, answer.body));
        }
        let path = format!("/api/v1/projects/{name}");
        assert_eq!(connection.request("DELETE", &path, None).status, 204);
    }
    findings.extend(check_projects(&server, directory.path(), &mut world, &detectors));
    report(&format!(
        "| a disk of 12 MiB: fits until 507, {n_filled} bytes more, {} predictions, states saved {} ms after there was room | {} |",
        world.projects.values().flatten().map(|present| present.fed).sum::<u64>(),
        saved_after.as_millis(),
        findings.len()
    ));
    assert_none(&findings);
}

/// What refused fits have left: they would fill the disk for good. Files that are being written come and go.
fn leftovers_of_fits(store: &Path) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = temporaries(store);
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn temporaries(store: &Path) -> Vec<String> {
    let temporary = fs::read_dir(store.join(".tmp")).expect("the folder is there");
    let names = temporary.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "lock").map(|name| format!("a refused fit has left .tmp/{name}")).collect()
}
