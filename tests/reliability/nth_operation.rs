//! The n-th call that changes a file fails, for every n until nothing is left to fail: what the client is told is true, and
//! the server goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rand::seq::index::sample;
use tempfile::TempDir;

use crate::answers::{Told, perform_once};
use crate::check::check;
use crate::detectors::{Detectors, row_body};
use crate::extent::{assert_none, generator, is_full, report, seed};
use crate::model::{Durability, Operation, World};
use crate::server::{Connection, Launch, Server};
use crate::steps::leave_behind;
use crate::store;

/// How a call fails.
#[derive(Debug, Clone, Copy)]
enum With {
    /// The disk does not work.
    InputOutputError,
    /// It is full.
    NoSpace,
    /// It takes half of the bytes, of calls that write; without an error.
    HalfWritten,
}

impl With {
    /// The number of the error.
    fn number(self) -> i32 {
        match self {
            Self::InputOutputError => rustix::io::Errno::IO.raw_os_error(),
            Self::NoSpace => rustix::io::Errno::NOSPC.raw_os_error(),
            Self::HalfWritten => 0,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::InputOutputError => "EIO",
            Self::NoSpace => "ENOSPC",
            Self::HalfWritten => "half of the bytes written",
        }
    }

    /// Which answers may tell of it.
    fn codes(self) -> &'static [(u16, &'static str)] {
        match self {
            Self::InputOutputError => &[(503, "storage_unavailable")],
            Self::NoSpace => &[(507, "storage_full")],
            Self::HalfWritten => &[],
        }
    }
}

/// The library that makes calls fail, compiled once a process.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("failing_calls.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reliability/failing_calls.c");
        let output = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .args([path.as_path(), &source, Path::new("-ldl")])
            .output()
            .expect("cc is missing: apt-get install build-essential");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (folder, path)
    });
    path
}

/// The variables under which a server's calls fail, and where it says which did.
struct Failing {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Failing {
    fn new(store: &Path, with: With, at: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = |path: PathBuf| path.to_str().expect("a path of text").to_owned();
        fs::write(folder.path().join("counter"), [0; 8]).expect("a counter is made");
        let variables = vec![
            ("LD_PRELOAD", text(library().to_owned())),
            ("FAIL_BELOW", text(store.to_owned())),
            ("FAIL_COUNTER", text(folder.path().join("counter"))),
            ("FAIL_REPORT", text(folder.path().join("report"))),
            ("FAIL_AT", at.to_string()),
            ("FAIL_TIMES", "1".to_owned()),
            ("FAIL_WITH", with.number().to_string()),
        ];
        Self { folder, variables }
    }

    /// How many calls there were that could have failed.
    fn n_calls(&self) -> u64 {
        let bytes = fs::read(self.folder.path().join("counter")).expect("the counter is there");
        u64::from_ne_bytes(bytes.try_into().expect("eight bytes"))
    }

    /// Which call failed.
    fn failed(&self) -> Option<String> {
        fs::read_to_string(self.folder.path().join("report")).ok()
    }
}

/// What is done to which project.
type Step = (&'static str, Operation);

/// On a store with `kept` and `asleep`, which is inactive.
const ON_A_STORE: &[Step] = &[
    ("new", Operation::Fit(0)),
    ("new", Operation::Predict),
    ("kept", Operation::Predict),
    ("kept", Operation::Fit(3)),
    ("kept", Operation::Predict),
    ("kept", Operation::Unload),
    ("kept", Operation::Load),
    ("kept", Operation::Predict),
    ("kept", Operation::Reset),
    ("asleep", Operation::Fit(1)),
    ("asleep", Operation::Predict),
    ("kept", Operation::Delete),
    ("kept", Operation::Fit(2)),
    ("kept", Operation::Predict),
];

/// On an empty folder, where the index is made.
const ON_NOTHING: &[Step] = &[("new", Operation::Fit(0)), ("new", Operation::Predict)];

/// A store with what a start has to do.
fn furnished(directory: &Path) -> World {
    let mut world = World::new(Durability::Always, ["asleep", "kept", "new"].map(str::to_owned));
    let server = Server::start(directory, &Durability::Always.arguments());
    for (name, operations) in [
        ("kept", [Operation::Fit(1), Operation::Predict, Operation::Predict]),
        ("asleep", [Operation::Fit(2), Operation::Predict, Operation::Unload]),
    ] {
        for operation in operations {
            let told = perform_once(&mut server.connect(), name, operation, &world.projects[name]);
            let told = told.expect("the server answers");
            assert!(matches!(told, Told::Done | Told::Fed(_)), "{told:?}");
            world.acknowledge(name, operation);
        }
    }
    server.stop();
    leave_behind(&directory.join("store"));
    world
}

/// What came of one n.
struct Trial {
    n_calls: u64,
    failed: Option<String>,
    n_refused: usize,
    has_started: bool,
    findings: Vec<String>,
}

/// When the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// When all steps are done.
    Last,
    /// When one has been refused: what could be seen after that has to be there after a start too.
    Refusal,
}

fn trial(
    template: Option<&(TempDir, World)>,
    steps: &[Step],
    (with, at, until): (With, u64, End),
    detectors: &Detectors,
) -> Trial {
    let directory = tempfile::tempdir().expect("a folder");
    let root = directory.path().canonicalize().expect("a path");
    let mut world = match template {
        Some((folder, world)) => {
            store::copy(&folder.path().join("store"), &root.join("store"));
            world.clone()
        }
        None => World::new(Durability::Always, ["new".to_owned()]),
    };
    let failing = Failing::new(&root.join("store"), with, at);
    let environment: Vec<(&str, &str)> =
        failing.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let arguments = Durability::Always.arguments();
    let launch = Launch { arguments: &arguments, environment: &environment, ..Launch::default() };
    let mut findings = Vec::new();
    let mut n_refused = 0;
    let started = Server::launch(&root, &launch);
    let has_started = started.is_ok();
    let log = match started {
        Ok(mut server) => {
            let worked = work(&server, &mut world, steps, (with, until), detectors, &mut n_refused);
            findings.extend(worked.err());
            if let Some(status) = server.ended(std::time::Duration::ZERO) {
                findings.push(format!("the server has ended: {status}"));
            }
            let log = server.log();
            server.kill();
            log
        }
        // It may refuse to start, if it says why.
        Err((status, log)) => {
            if status.code() != Some(1) || !log.contains("the server failed") {
                findings.push(format!("it ended at its start with {status}: {log}"));
            }
            log
        }
    };
    // Persy panics where it cannot tell of a failure in another way; the index catches that and makes its file anew.
    let panics = log.lines().filter(|line| line.contains("panicked at") && !line.contains("/persy-"));
    findings.extend(panics.map(|line| format!("the log says {line}")));
    fs::write(root.join("server.log"), "").expect("the log is emptied");
    if findings.is_empty() {
        match Server::try_start(&root, &arguments) {
            Ok(server) => findings.extend(check(&server, &root, &mut world, detectors)),
            Err((status, log)) => findings.push(format!("it does not start again: {status}: {log}")),
        }
    }
    Trial { n_calls: failing.n_calls(), failed: failing.failed(), n_refused, has_started, findings }
}

/// How often an operation is asked for: a single fault cannot refuse it twice, nor what mends itself after it.
const TRIES: usize = 3;

/// Does the steps; each is asked for until it is done.
fn work(
    server: &Server,
    world: &mut World,
    steps: &[Step],
    (with, until): (With, End),
    detectors: &Detectors,
    n_refused: &mut usize,
) -> Result<(), String> {
    let mut connection = server.connect();
    for (name, operation) in steps {
        let mut is_done = false;
        for attempt in 0..TRIES {
            let state = &world.projects[*name];
            let place = || format!("{name}: {operation:?} on {state:?}, attempt {attempt}");
            let told = perform_once(&mut connection, name, *operation, state);
            match told.map_err(|error| format!("{}: {error}", place()))? {
                Told::Done => world.acknowledge(name, *operation),
                Told::Fed(answer) => {
                    let present = state.as_ref().expect("a project");
                    if let Some(fault) = detectors.fault(present.variant, present.fed + 1, answer) {
                        return Err(format!("{}: {fault}", place()));
                    }
                    world.acknowledge(name, *operation);
                }
                // It was removed at the attempt before, and only that could not be told.
                Told::Refused(404, _) if attempt > 0 && *operation == Operation::Delete => {
                    world.acknowledge(name, *operation);
                }
                Told::Refused(status, body) => {
                    let code = body["code"].as_str().unwrap_or_default();
                    if !with.codes().contains(&(status, code)) {
                        return Err(format!("{}: {status} came: {body}; {}", place(), server.log()));
                    }
                    *n_refused += 1;
                    look_after(&mut connection, world, name, *operation, detectors)
                        .map_err(|fault| format!("after a refusal, {fault}; {}", server.log()))?;
                    if until == End::Refusal {
                        return Ok(());
                    }
                    continue;
                }
            }
            is_done = true;
            break;
        }
        if !is_done {
            return Err(format!("{name}: {operation:?} is refused {TRIES} times; {}", server.log()));
        }
    }
    Ok(())
}

/// What a refused operation has left is what was there or what was asked for, and serves as what it seems to be.
fn look_after(
    connection: &mut Connection,
    world: &mut World,
    name: &str,
    operation: Operation,
    detectors: &Detectors,
) -> Result<(), String> {
    world.pending.insert(name.to_owned(), operation);
    let state = crate::check::look(connection, name, world, detectors);
    world.pending.clear();
    let mut state = state.map_err(|fault| format!("{name}: {operation:?}: {fault}"))?;
    if let Some(present) = state.as_mut().filter(|present| present.is_active) {
        present.fed += 1;
        let path = format!("/api/v1/projects/{name}/predict");
        let answer = connection.post(&path, &row_body(present.variant, present.fed));
        if let Some(fault) = detectors.fault(present.variant, present.fed, answer) {
            return Err(format!("{name}: {operation:?} left {present:?}: {fault}"));
        }
        present.saved = present.fed;
    }
    world.projects.insert(name.to_owned(), state);
    Ok(())
}

/// How many of the calls a sample has.
const SAMPLE: usize = 14;

fn every_n(with: With, experiment: usize) {
    let detectors = Detectors::undisturbed();
    let folder = tempfile::tempdir().expect("a folder");
    let world = furnished(folder.path());
    let template = (folder, world);
    for (what, template, steps, n_sample) in
        [("a store", Some(&template), ON_A_STORE, SAMPLE), ("an empty folder", None, ON_NOTHING, SAMPLE / 2)]
    {
        // Untouched it passes, and tells how many calls there are. There may be some more or less each time.
        let untouched = trial(template, steps, (with, u64::MAX, End::Last), &detectors);
        assert_none(&untouched.findings);
        let n_calls = usize::try_from(untouched.n_calls).expect("a small number");
        let mut random = generator(experiment);
        let mut places: Vec<usize> =
            if is_full() { (0..n_calls).collect() } else { sample(&mut random, n_calls, n_sample).into_vec() };
        places.sort_unstable();
        let (mut n_failed, mut n_refused, mut n_not_started, mut findings) = (0, 0, 0, Vec::new());
        // In a sample one call has one end and the next one the other.
        let ends = |n: usize| match (is_full(), n % 2) {
            (true, _) => &[End::Last, End::Refusal][..],
            (false, 0) => &[End::Last],
            (false, _) => &[End::Refusal],
        };
        let pairs = places.into_iter().enumerate();
        for (place, until) in pairs.flat_map(|(n, place)| ends(n).iter().map(move |end| (place, *end))) {
            let trial = trial(template, steps, (with, place as u64 + 1, until), &detectors);
            n_failed += usize::from(trial.failed.is_some());
            n_refused += trial.n_refused;
            n_not_started += usize::from(!trial.has_started);
            let call = trial.failed.unwrap_or_default();
            let found = trial.findings.into_iter();
            findings.extend(found.map(|finding| {
                format!(
                    "seed {}, {} at call {} on {what}, until {until:?}: {}: {finding}",
                    seed(),
                    with.name(),
                    place + 1,
                    call.trim()
                )
            }));
        }
        report(&format!(
            "| {} on {what}, {n_calls} calls | {n_failed} | {n_refused} | {n_not_started} | {} |",
            with.name(),
            findings.len()
        ));
        assert_none(&findings);
        assert!(n_failed > 0, "no call has failed");
    }
}

#[test]
fn no_failed_call_is_answered_with_a_lie() {
    every_n(With::InputOutputError, 10_000);
}

#[test]
fn no_call_that_finds_no_room_is_answered_with_a_lie() {
    every_n(With::NoSpace, 10_001);
}

#[test]
fn no_half_written_file_is_taken_for_a_whole_one() {
    every_n(With::HalfWritten, 10_002);
}
