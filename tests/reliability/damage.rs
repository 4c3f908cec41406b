//! Files are damaged, and the server is asked for every project.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::json;
use tempfile::TempDir;

use crate::check::list;
use crate::detectors::{Detectors, fit_body, row_body};
use crate::extent::{assert_none, count, generator, is_full, report, seed};
use crate::server::{Connection, Server};
use crate::store;

const FILES: [&str; 3] = ["configuration.yaml", "drift_detector.safetensors", "state.safetensors"];
/// The fit of the projects that are damaged, and the rows that they have seen.
const VARIANT: usize = 1;
const ROWS: u64 = 6;

/// What happens to one file of a project.
struct Damage {
    what: String,
    file: &'static str,
    change: Change,
}

enum Change {
    /// Other bytes.
    Bytes(Vec<u8>),
    Gone,
    Folder,
    FolderWithFile,
    /// To the whole file of another project, or to nothing.
    Link(PathBuf),
    Pipe,
}

/// A store with a whole project, `whole`, and another one, `other`, beside it.
fn store_with_a_project() -> TempDir {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--state-durability", "always"]);
    for (project, variant) in [("whole", VARIANT), ("other", 3)] {
        let path = format!("/api/v1/projects/{project}");
        server.post(&format!("{path}/fit"), &fit_body(variant, false)).expect(201);
        for time in 1..=ROWS {
            server.post(&format!("{path}/predict"), &row_body(variant, time)).expect(200);
        }
    }
    server.stop();
    directory
}

/// Every byte of every file changed, or some: all of the configuration.
fn flips(whole: &Path, random: &mut ChaCha8Rng) -> Vec<Damage> {
    let mut damages = Vec::new();
    for file in FILES {
        let bytes = fs::read(whole.join(file)).expect("a file");
        for place in 0..bytes.len() {
            if !is_full() && file != FILES[0] && !random.random_ratio(1, 10) {
                continue;
            }
            let mut changed = bytes.clone();
            changed[place] ^= random.random_range(1..=255_u8);
            damages.push(Damage { what: format!("byte {place} changed"), file, change: Change::Bytes(changed) });
        }
    }
    damages
}

/// Files that were cut off, and files with several bytes changed, or some in others' places.
fn cuts_and_noise(whole: &Path, random: &mut ChaCha8Rng) -> Vec<Damage> {
    let mut damages = Vec::new();
    for file in FILES {
        let bytes = fs::read(whole.join(file)).expect("a file");
        for length in 0..bytes.len() {
            if is_full() || length == 0 || random.random_ratio(1, 40) {
                let change = Change::Bytes(bytes[..length].to_vec());
                damages.push(Damage { what: format!("cut off at {length}"), file, change });
            }
        }
        for n in 0..count(20, 3_500) {
            let mut changed = bytes.clone();
            let (start, length) = (random.random_range(0..bytes.len()), random.random_range(2..=64));
            let end = (start + length).min(bytes.len());
            match n % 3 {
                0 => random.fill(&mut changed[start..end]),
                1 => changed[start..end].fill(0),
                _ => drop(changed.drain(start..end)),
            }
            if changed != bytes {
                damages.push(Damage { what: format!("{start}..{end} changed"), file, change: Change::Bytes(changed) });
            }
        }
    }
    damages
}

/// Files that are no longer files, or those of somebody else.
fn strangers(whole: &Path, other: &Path) -> Vec<Damage> {
    let mut damages = Vec::new();
    for file in FILES {
        let mut add = |what: &str, change| damages.push(Damage { what: what.to_owned(), file, change });
        add("a folder in its place", Change::Folder);
        add("a folder with a file in its place", Change::FolderWithFile);
        add("a link to nowhere in its place", Change::Link(whole.join("nowhere")));
        add("a link to a whole one in its place", Change::Link(whole.join(file)));
        add("a link to another project's in its place", Change::Link(other.join(file)));
        add("a pipe in its place", Change::Pipe);
        if file != FILES[0] {
            add("the other project's in its place", Change::Bytes(fs::read(other.join(file)).expect("a file")));
        }
        for former in FILES.iter().filter(|former| **former != file) {
            add(&format!("{former} in its place"), Change::Bytes(fs::read(whole.join(former)).expect("a file")));
        }
    }
    damages.push(Damage { what: "gone".to_owned(), file: FILES[1], change: Change::Gone });
    let configuration = fs::read_to_string(whole.join(FILES[0])).expect("a configuration");
    for version in ["0", "2", "18446744073709551616", "-1", "1.0", "~"] {
        let above = configuration.replace("format_version: 1", &format!("format_version: {version}"));
        let above = above.split_inclusive('\n').take_while(|line| !line.starts_with("checksum: ")).collect::<String>();
        let change = Change::Bytes(format!("{above}checksum: {}\n", store::checksum(above.as_bytes())).into_bytes());
        damages.push(Damage { what: format!("format version {version}, checksum right"), file: FILES[0], change });
    }
    damages
}

impl Damage {
    /// Makes a copy of the whole project that has this damage.
    fn inflict(&self, whole: &Path, folder: &Path) {
        fs::create_dir(folder).expect("a folder is made");
        for file in FILES.iter().filter(|file| **file != self.file) {
            fs::copy(whole.join(file), folder.join(file)).expect("a file is copied");
        }
        let path = folder.join(self.file);
        match &self.change {
            Change::Bytes(bytes) => fs::write(path, bytes).expect("a file is written"),
            Change::Gone => {}
            Change::Folder => fs::create_dir(path).expect("a folder is made"),
            Change::FolderWithFile => {
                fs::create_dir(&path).expect("a folder is made");
                fs::write(path.join("kept"), "kept").expect("a file is written");
            }
            Change::Link(to) => symlink(to, path).expect("a link is made"),
            Change::Pipe => {
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                let kind = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).expect("a pipe is made");
            }
        }
    }
}

/// What is wrong with how a damaged project is served: it should fail, with a reason.
fn fault_of_failed(connection: &mut Connection, project: &str) -> Option<String> {
    let path = format!("/api/v1/projects/{project}");
    let refused = connection.post(&format!("{path}/predict"), &row_body(VARIANT, ROWS + 1));
    if refused.status != 503 || refused.body["code"] != "project_failed" {
        return Some(format!("expected 503 project_failed, {} came: {}", refused.status, refused.body));
    }
    let shown = connection.request("GET", &path, None);
    let has_reason = shown.body["reason"].as_str().is_some_and(|reason| reason.contains("damaged"));
    let is_right = shown.status == 200 && shown.body["status"] == "failed" && has_reason;
    (!is_right).then(|| format!("expected a failed project with its reason, {} came: {}", shown.status, shown.body))
}

/// Damages copies of a project, and asks a server for each.
fn ask_all(damages: &[Damage], directory: &TempDir, what: &str) {
    let detectors = Detectors::undisturbed();
    let store = directory.path().join("store");
    let whole = store.join("whole");
    let name = |n: usize| format!("d{n:05}");
    let n_whole = damages.len() / 50 + 2;
    for n in 0..n_whole {
        store::copy(&whole, &store.join(format!("w{n:05}")));
    }
    for (n, damage) in damages.iter().enumerate() {
        damage.inflict(&whole, &store.join(name(n)));
    }
    let server = Server::start(directory.path(), &[]);
    let mut connection = server.connect();
    let mut findings = Vec::new();
    let mut n_healed = 0;
    for (n, damage) in damages.iter().enumerate() {
        if let Some(fault) = fault_of_failed(&mut connection, &name(n)) {
            findings.push(format!("seed {}, {} of {}, {}: {fault}", seed(), damage.file, name(n), damage.what));
            continue;
        }
        // Where the state alone is damaged, a reset gives it up.
        if damage.file == FILES[2] && matches!(damage.change, Change::Bytes(_)) && n.is_multiple_of(10) {
            let path = format!("/api/v1/projects/{}", name(n));
            connection.post(&format!("{path}/reset"), &json!({})).expect(200);
            let answer = connection.post(&format!("{path}/predict"), &row_body(VARIANT, 1));
            findings.extend(detectors.fault(VARIANT, 1, answer));
            n_healed += 1;
        }
    }
    for n in 0..n_whole {
        let path = format!("/api/v1/projects/w{n:05}/predict");
        let answer = connection.post(&path, &row_body(VARIANT, ROWS + 1));
        findings.extend(detectors.fault(VARIANT, ROWS + 1, answer));
    }
    server.get("/readyz").expect(200);
    findings.extend(server.log().lines().filter(|line| line.contains("panicked")).map(str::to_owned));
    report(&format!("| {what} | {} | {n_whole} | {n_healed} | {} |", damages.len(), findings.len()));
    // A folder of the store is nobody's to remove from under a project.
    assert!(whole.join(FILES[0]).exists());
    assert_none(&findings);
}

#[test]
fn a_project_with_a_changed_byte_fails_alone() {
    let directory = store_with_a_project();
    let damages = flips(&directory.path().join("store/whole"), &mut generator(9_000));
    ask_all(&damages, &directory, "one byte changed");
}

#[test]
fn a_project_with_a_cut_or_noisy_file_fails_alone() {
    let directory = store_with_a_project();
    let damages = cuts_and_noise(&directory.path().join("store/whole"), &mut generator(9_001));
    ask_all(&damages, &directory, "files cut off, and up to 64 bytes changed or missing");
}

#[test]
fn a_project_with_something_else_for_a_file_fails_alone() {
    let directory = store_with_a_project();
    let store = directory.path().join("store");
    let damages = strangers(&store.join("whole"), &store.join("other"));
    ask_all(&damages, &directory, "folders, links, pipes, others' files, other versions in a file's place");
}

#[test]
fn what_is_no_folder_is_no_project() {
    let directory = store_with_a_project();
    let store = directory.path().join("store");
    symlink(store.join("whole"), store.join("link")).expect("a link is made");
    fs::write(store.join("file"), "file").expect("a file is written");
    let server = Server::start(directory.path(), &[]);
    let mut connection = server.connect();
    assert_eq!(list(&mut connection).keys().collect::<Vec<_>>(), ["other", "whole"]);
    for project in ["link", "file"] {
        connection.post(&format!("/api/v1/projects/{project}/predict"), &row_body(VARIANT, 1)).expect(404);
    }
}

/// Damages of an index file.
fn damage_index(path: &Path, n: usize, random: &mut ChaCha8Rng) -> String {
    let bytes = fs::read(path).expect("an index");
    let remove = || fs::remove_file(path).expect("it is removed");
    match n {
        0 => remove(),
        1 => fs::write(path, "").expect("it is emptied"),
        2 => {
            remove();
            fs::create_dir(path).expect("a folder is made");
        }
        3 => {
            remove();
            symlink("nowhere", path).expect("a link is made");
        }
        4 => {
            remove();
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe is made");
        }
        5 => fs::write(path, b"no index at all".repeat(1_000)).expect("it is written"),
        n if n.is_multiple_of(3) => {
            let length = random.random_range(1..bytes.len());
            fs::write(path, &bytes[..length]).expect("it is cut off");
            return format!("cut off at {length}");
        }
        _ => {
            let (place, change) = (random.random_range(0..bytes.len()), random.random_range(1..=255_u8));
            let mut bytes = bytes;
            bytes[place] ^= change;
            fs::write(path, bytes).expect("it is changed");
            return format!("byte {place} changed by {change}");
        }
    }
    ["gone", "empty", "a folder", "a link to nowhere", "a pipe", "nonsense"][n].to_owned()
}

#[test]
fn a_damaged_index_costs_no_project() {
    let detectors = Detectors::undisturbed();
    let original = store_with_a_project();
    let server = Server::start(original.path(), &[]);
    server.post("/api/v1/projects/other/unload", &json!({})).expect(200);
    server.stop();
    let (mut findings, mut random) = (Vec::new(), generator(9_002));
    let (mut n_starts, mut n_active_lost) = (0, 0);
    for file in ["store.db", "active.db"] {
        for n in 0..count(12, 150) {
            let directory = tempfile::tempdir().expect("a folder");
            store::copy(&original.path().join("store"), &directory.path().join("store"));
            let what = damage_index(&directory.path().join("store").join(file), n, &mut random);
            let place = format!("seed {}, {file} {what}", seed());
            n_starts += 1;
            let server = match Server::try_start(directory.path(), &[]) {
                Ok(server) => server,
                Err((status, log)) => {
                    findings.push(format!("{place}: it does not start: {status}: {log}"));
                    continue;
                }
            };
            let mut connection = server.connect();
            let listed = list(&mut connection);
            let status = |project: &str| listed.get(project).and_then(|project| project["status"].as_str());
            let is_told = server.log().contains(&format!("{file} was damaged"))
                || server.log().contains(&format!("{file} is missing"));
            let statuses = (status("whole"), status("other"));
            let are_lost = statuses == (Some("active"), Some("active"));
            n_active_lost += usize::from(are_lost);
            // Whoever takes the file of the statuses away wants them gone; a damaged one's stand in the other file.
            let may_be_lost = file == "active.db" && n == 0 && is_told;
            if statuses != (Some("active"), Some("inactive")) && !(are_lost && may_be_lost) {
                findings.push(format!("{place}: the statuses are {statuses:?}"));
            }
            let answer = connection.post("/api/v1/projects/whole/predict", &row_body(VARIANT, ROWS + 1));
            findings.extend(detectors.fault(VARIANT, ROWS + 1, answer).map(|fault| format!("{place}: {fault}")));
            findings.extend(server.log().lines().filter(|line| line.contains("panicked")).map(str::to_owned));
        }
    }
    report(&format!(
        "| `store.db` or `active.db` damaged or gone | {n_starts} | {n_active_lost} | {} |",
        findings.len()
    ));
    assert_none(&findings);
}
