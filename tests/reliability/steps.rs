//! The server dies at each named step of its writes.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use crate::client::work_until_killed;
use crate::detectors::Detectors;
use crate::extent::{assert_none, count, generator, is_full, report, seed};
use crate::kills::{Bench, Outcome};
use crate::model::Durability;

/// The steps: of fits and overwrites, deletions, states, the index, the start.
const STEPS: [&str; 20] = [
    "put:folder",
    "put:parameters",
    "put:configuration",
    "put:durable",
    "put:removed-old",
    "delete:configuration",
    "delete:synchronised",
    "delete:files",
    "delete:folder",
    "state:written",
    "state:durable",
    "index:made",
    "index:adopted",
    "index:statuses",
    "index:paths",
    "index:attested",
    "index:durable",
    "sweep:temporaries",
    "sweep:folder",
    "sweep:file",
];

/// Steps of a server that works against its order: see `control`.
const TURNED_ROUND: [&str; 2] = ["put:turned-round", "delete:turned-round"];

/// Every file of a program's sources.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).expect("a source is read"));
        }
    }
}

#[test]
fn every_named_step_is_in_the_list() {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters"), &mut texts);
    let named: BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| text.split("step_done(\"").skip(1))
        .map(|rest| rest.split('"').next().expect("a name"))
        .collect();
    assert_eq!(named, STEPS.into_iter().chain(TURNED_ROUND).collect());
}

/// What crashes leave, for a start that has to sweep it.
pub fn leave_behind(store: &Path) {
    let some = fs::read_dir(store).expect("a store").filter_map(Result::ok).map(|entry| entry.path());
    let project = some.filter(|path| path.join("configuration.yaml").exists()).min().expect("a project");
    fs::write(project.join("drift_detector-999.safetensors"), "half").expect("a leftover");
    fs::create_dir(store.join("zz-half")).expect("a leftover");
    fs::write(store.join("zz-half/drift_detector.safetensors"), "half").expect("a leftover");
    fs::write(store.join(".tmp/half"), "half").expect("a leftover");
}

/// Starts a server that dies at a step, lets clients work until it does; says how it went wrong if it did not.
pub fn die_at(
    bench: &mut Bench,
    detectors: &Detectors,
    environment: &[(&str, &str)],
    experiment: usize,
    outcome: &mut Outcome,
) -> Option<String> {
    if !bench.place.is_bucket() && environment.iter().any(|(_, value)| value.starts_with("sweep:")) {
        leave_behind(&bench.path().join("store"));
    }
    let status = match bench.launch(None, environment) {
        Err((status, _)) => Some(status),
        Ok(mut server) => {
            let url = server.url.clone();
            let generators = |client| generator(experiment * 10 + client);
            let seen = work_until_killed(&url, &mut bench.world, detectors, generators, 2_000, |_| {});
            outcome.n_acknowledged += seen.n_acknowledged;
            outcome.findings.extend(seen.findings);
            server.ended(Duration::from_secs(5))
        }
    };
    let is_aborted = status.is_some_and(|status| status.signal() == Some(6));
    (!is_aborted).then(|| format!("the server did not die at the step: {status:?}"))
}

/// How often a server comes by a step, at the least: it sweeps one thing of each kind and makes two index files.
fn occurrences_of(step: &str) -> usize {
    match step {
        "index:made" | "index:adopted" => 2,
        step if step.starts_with("sweep:") => 1,
        _ => usize::MAX,
    }
}

fn crashes(durability: Durability, occurrences: std::ops::RangeInclusive<usize>, first: usize) {
    let detectors = Detectors::undisturbed();
    let mut bench = Bench::new(durability, count(16, 100), 4);
    let mut outcome = Outcome::default();
    let mut experiment = first;
    for step in STEPS {
        for occurrence in occurrences.clone() {
            // In a sample the other durability meets the steps that are the same with both.
            if !is_full() && durability == Durability::Interval && !step.starts_with("state:") {
                continue;
            }
            if occurrence > occurrences_of(step) {
                continue;
            }
            experiment += 1;
            let crash_at = format!("{step}#{occurrence}");
            let what = format!("seed {}, {durability:?}, crash at {crash_at}", seed());
            let environment = [("DRIFTING_CRASH_AT", crash_at.as_str())];
            let undead = die_at(&mut bench, &detectors, &environment, experiment, &mut outcome);
            outcome.findings.extend(undead.map(|finding| format!("{what}: {finding}")));
            outcome.check(&mut bench, &detectors, &what);
            assert_none(&outcome.findings);
        }
    }
    report(
        &outcome
            .row(&format!("crashes at {} named steps, state durability {durability:?}", STEPS.len()).to_lowercase()),
    );
}

#[test]
fn no_crash_at_a_step_loses_what_was_acknowledged() {
    crashes(Durability::Always, 1..=count(1, 4), 3_000);
}

#[test]
fn crashes_at_steps_cost_no_more_than_the_rows_of_an_interval() {
    crashes(Durability::Interval, count(2, 1)..=count(2, 3), 4_000);
}
