//! The power goes: what a server wrote and did not synchronise is gone, in part or as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt;

use crate::check::check_projects;
use crate::client::{draw, perform};
use crate::detectors::Detectors;
use crate::extent::{assert_none, count, generator, report, seed};
use crate::file_system::{FileSystem, Ignored, Survival};
use crate::model::{Durability, Operation, World};
use crate::recording::{Record, assert_possible, read, recorder};
use crate::server::{Launch, Server};
use crate::store::leftovers;

/// What a server did, and what its only client was told.
struct Recorded {
    root: PathBuf,
    records: Vec<Record>,
    history: Vec<(String, Operation)>,
}

const DURABILITY: Durability = Durability::Always;

fn world() -> World {
    World::new(DURABILITY, (0..6).map(|n| format!("p{n}")))
}

/// Records a server from its first start on an empty folder, under one client, until it is killed.
fn record(detectors: &Detectors, n_operations: usize) -> Recorded {
    assert_possible();
    let directory = tempfile::tempdir().expect("a folder");
    let traces = tempfile::tempdir().expect("a folder");
    let (root, trace) = (directory.path().canonicalize().expect("a path"), traces.path().join("trace"));
    let recorder = recorder(&trace);
    let wrapper: Vec<&str> = recorder.iter().map(String::as_str).collect();
    let arguments = DURABILITY.arguments();
    let launch = Launch { arguments: &arguments, wrapper: &wrapper, ..Launch::default() };
    let server = Server::launch(&root, &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let mut connection = server.connect();
    let (mut world, mut history, mut random) = (world(), Vec::new(), generator(7_000));
    let names: Vec<String> = world.projects.keys().cloned().collect();
    for _ in 0..n_operations {
        let name = &names[random.random_range(0..names.len())];
        let state = &world.projects[name];
        let operation = draw(&mut random, state);
        let fault = perform(&mut connection, name, operation, state, detectors).expect("the server answers");
        assert_eq!(fault, None);
        world.acknowledge(name, operation);
        history.push((name.clone(), operation));
    }
    server.kill();
    let records = read(&trace, &root.join("store"));
    let n_answers = records.iter().filter(|record| **record == Record::Answer).count();
    assert_eq!(n_answers, history.len(), "every answer is recorded");

    // The model is right about all that was seen: at the end it holds the files that there are.
    let mut model = FileSystem::new(&root, Ignored::None);
    for record in &records {
        model.replay(record);
    }
    let mut actual = BTreeMap::new();
    collect(&root.join("store"), &root, &mut actual);
    assert_eq!(model.visible_files().keys().collect::<Vec<_>>(), actual.keys().collect::<Vec<_>>());
    assert!(model.visible_files() == actual, "the model's files hold other bytes than the real ones");
    Recorded { root, records, history }
}

fn collect(folder: &Path, root: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, root, files);
        } else {
            let below = path.strip_prefix(root).expect("it is below").to_owned();
            files.insert(below, fs::read(path).expect("a file"));
        }
    }
}

impl Recorded {
    /// Moments right after each answer.
    fn after_answers(&self) -> Vec<usize> {
        let answers = self.records.iter().enumerate().filter(|(_, record)| **record == Record::Answer);
        answers.map(|(place, _)| place + 1).collect()
    }

    /// The moments, each with the file system as it is then and what the client knows.
    fn at_moments(
        &self,
        moments: &BTreeSet<usize>,
        ignored: Ignored,
        mut look: impl FnMut(usize, &FileSystem, &World),
    ) {
        let (mut model, mut world) = (FileSystem::new(&self.root, ignored), world());
        let mut n_answered = 0;
        for moment in 0..=self.records.len() {
            if moments.contains(&moment) {
                let mut world = world.clone();
                world.pending.extend(self.history.get(n_answered).cloned());
                look(moment, &model, &world);
            }
            let Some(record) = self.records.get(moment) else { break };
            model.replay(record);
            if *record == Record::Answer {
                let (name, operation) = &self.history[n_answered];
                world.acknowledge(name, *operation);
                n_answered += 1;
            }
        }
    }
}

/// Starts a server on what survives, and checks it; says how many files of the index it had to make anew, too.
fn findings(model: &FileSystem, survival: Survival, world: &World, detectors: &Detectors) -> (usize, Vec<String>) {
    let directory = tempfile::tempdir().expect("a folder");
    model.materialise(survival, directory.path());
    let server = match Server::try_start(directory.path(), &DURABILITY.arguments()) {
        Ok(server) => server,
        Err((status, log)) => return (0, vec![format!("it does not start: {status}: {log}")]),
    };
    let mut world = world.clone();
    let mut findings = check_projects(&server, directory.path(), &mut world, detectors);
    // Half a commit of persy cannot always be mended. The server may move such a file aside, as it says, and loses nothing.
    let aside = ["store.db.damaged", "active.db.damaged"];
    let is_project = |name: &str| world.projects.get(name).is_some_and(Option::is_some);
    findings.extend(leftovers(&directory.path().join("store"), |name| is_project(name) || aside.contains(&name)));
    findings.extend(server.log().lines().filter(|line| line.contains("panicked")).map(str::to_owned));
    let n_anew = aside.iter().filter(|name| directory.path().join("store").join(name).exists()).count();
    (n_anew, findings)
}

/// What is lost of that which was not synchronised.
const KINDS: [&str; 4] =
    ["all that was not synchronised", "a random part", "random sectors of 512 bytes", "random sectors of 4,096 bytes"];

/// What came of one kind of loss.
#[derive(Default)]
struct Losses {
    what: &'static str,
    n: usize,
    /// Files of the index that were made anew.
    n_anew: usize,
    n_findings: usize,
}

#[test]
fn no_loss_of_power_takes_back_what_was_acknowledged() {
    let detectors = Detectors::undisturbed();
    let recorded = record(&detectors, count(30, 80));
    let mut random = generator(7_001);
    let answers = recorded.after_answers();
    let step = count(6, 1);
    let mut moments: BTreeSet<usize> = answers.into_iter().step_by(step).collect();
    let n_moments = moments.len() + count(5, 120);
    while moments.len() < n_moments {
        moments.insert(random.random_range(0..=recorded.records.len()));
    }
    let (mut all, mut kinds, mut n_dropped) = (Vec::new(), KINDS.map(|what| Losses { what, ..Losses::default() }), 0);
    recorded.at_moments(&moments, Ignored::None, |moment, model, world| {
        n_dropped += model.n_unsynchronised();
        let mut chance = generator(8_000 + moment);
        for (kind, losses) in kinds.iter_mut().enumerate() {
            // In a sample each moment has the worst loss and one other.
            if kind > 0 && count(moment % 3 + 1, kind) != kind {
                continue;
            }
            let survival = match kind {
                0 => Survival::Nothing,
                1 => Survival::Some(&mut chance),
                2 => Survival::Sectors(512, &mut chance),
                _ => Survival::Sectors(4096, &mut chance),
            };
            let (n_anew, found) = findings(model, survival, world, &detectors);
            losses.n += 1;
            losses.n_anew += n_anew;
            losses.n_findings += usize::from(!found.is_empty());
            let place = format!("seed {}, moment {moment}, loss of {}", seed(), losses.what);
            all.extend(found.into_iter().map(|finding| format!("{place}: {finding}")));
        }
    });
    let n = recorded.records.len();
    report(&format!(
        "| {n} file operations under {} acknowledged ones; {} moments | | | |",
        recorded.history.len(),
        moments.len()
    ));
    for Losses { what, n, n_anew, n_findings } in kinds {
        report(&format!("| loss of {what} | {n} | {n_anew} | {n_findings} |"));
    }
    assert!(n_dropped > moments.len(), "there was something to lose");
    assert_none(&all);
}

#[test]
fn a_missing_fsync_is_found() {
    let detectors = Detectors::undisturbed();
    let recorded = record(&detectors, count(16, 40));
    let answers = recorded.after_answers();
    let controls = [
        (Ignored::All, "every fsync"),
        (Ignored::OfFiles, "every fsync of a file"),
        (Ignored::OfFolders, "every fsync of a folder"),
    ];
    for (ignored, what) in controls {
        let moments: BTreeSet<usize> = answers.iter().copied().step_by(count(4, 1)).collect();
        let mut n_found = 0;
        recorded.at_moments(&moments, ignored, |_, model, world| {
            n_found += usize::from(!findings(model, Survival::Nothing, world, &detectors).1.is_empty());
        });
        report(&format!("| control: {what} taken out | {} | {n_found} |", moments.len()));
        assert!(n_found > 0, "nobody notices that fsync is missing: {ignored:?}");
    }
}
