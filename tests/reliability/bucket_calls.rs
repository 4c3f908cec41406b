//! From the n-th call on that changes a bucket all of them fail, for every n until the operation passes untouched: what it
//! leaves is the old project or the new one.

use std::time::{Duration, Instant};

use drifting_object_stores::{Calls, Fault};
use rand::RngExt;

use crate::answers::{Told, perform_once};
use crate::check::look;
use crate::detectors::{Detectors, row_body};
use crate::extent::{assert_none, generator, is_full, report, seed};
use crate::kills::{Bench, Outcome};
use crate::model::{Durability, Operation, Present};
use crate::place::Place;
use crate::server::Connection;

/// The project that an operation is for: one that serves, one that does not, or a free name.
const THERE: &str = "p000";
const FREE: &str = "p002";
const ASLEEP: &str = "p001";
const OPERATIONS: [(&str, Operation); 5] = [
    (FREE, Operation::Fit(1)),
    (THERE, Operation::Fit(1)),
    (THERE, Operation::Unload),
    (ASLEEP, Operation::Load),
    (THERE, Operation::Delete),
];
const FAULTS: [Fault; 2] = [Fault::Status(500), Fault::ResetAfter];
/// How long a server may take to write again once the bucket answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of an operation.
#[derive(Default)]
struct Tally {
    n_faults: usize,
    n_refused: usize,
    outcome: Outcome,
}

/// Does it while calls fail; says whether one was to do with that.
fn do_while_failing(
    bench: &mut Bench,
    (name, operation): (&str, Operation),
    (n, fault): (u64, Fault),
    detectors: &Detectors,
    tally: &mut Tally,
) -> Result<bool, String> {
    let proxy = bench.place.proxy();
    let server = bench.launch(Some(&proxy), &[]).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let mut connection = server.connect();
    proxy.forget_calls();
    proxy.inject(seed(), &[(Calls::ChangesFrom(n), fault)]);
    let told = perform_once(&mut connection, name, operation, &bench.world.projects[name]);
    let n_faults = proxy.calls().iter().filter(|call| call.fault.is_some()).count();
    tally.n_faults += n_faults;
    proxy.heal();
    match told.expect("the server answers") {
        Told::Done | Told::Fed(_) => bench.world.acknowledge(name, operation),
        Told::Refused(503, body) if body["code"] == "storage_unavailable" => {
            tally.n_refused += 1;
            bench.world.pending.insert(name.to_owned(), operation);
        }
        Told::Refused(status, body) => return Err(format!("{status} came: {body}; {}", server.log())),
    }
    let found = look(&mut connection, name, &bench.world, detectors)?;
    if let Some(mut present) = found.clone().filter(|present| present.is_active) {
        feed(&mut connection, name, &mut present, detectors)?;
        // What has served stays.
        bench.world.pending.remove(name);
        bench.world.projects.insert(name.to_owned(), Some(present));
    }
    tally.outcome.n_acknowledged += 1;
    server.kill();
    Ok(n_faults > 0)
}

/// Feeds a row as soon as the bucket is written to again.
fn feed(connection: &mut Connection, name: &str, present: &mut Present, detectors: &Detectors) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        present.fed += 1;
        let path = format!("/api/v1/projects/{name}/predict");
        let answer = connection.post(&path, &row_body(present.variant, present.fed));
        // The row is fed, and only not saved.
        if answer.status == 503 && answer.body["code"] == "storage_unavailable" && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        }
        present.saved = present.fed;
        return detectors.fault(present.variant, present.fed, answer).map_or(Ok(()), Err);
    }
}

fn every_n(name: &str, operation: Operation, experiment: usize, detectors: &Detectors) -> (u64, Tally) {
    let mut bench = Bench::in_bucket(Place::s3(), Durability::Always, 2, 1);
    let mut tally = Tally::default();
    // Each operation changes the bucket twice at the least.
    let sampled = generator(experiment).random_range(1..=2);
    let mut n = if is_full() { 1 } else { sampled };
    loop {
        let mut is_untouched = true;
        for fault in if is_full() { &FAULTS[..] } else { &FAULTS[..1] } {
            let what = format!("seed {}, {operation:?} of {name}, {fault:?} from change {n}", seed());
            furnish(&mut bench, name);
            match do_while_failing(&mut bench, (name, operation), (n, *fault), detectors, &mut tally) {
                Ok(is_touched) => is_untouched &= !is_touched,
                Err(finding) => {
                    tally.outcome.findings.push(format!("{what}: {finding}"));
                    return (n, tally);
                }
            }
            tally.outcome.check(&mut bench, detectors, &what);
        }
        if is_untouched || !is_full() || !tally.outcome.findings.is_empty() {
            return (n, tally);
        }
        n += 1;
    }
}

/// Sees to it that the project is as its name says.
fn furnish(bench: &mut Bench, name: &str) {
    loop {
        let operation = match &bench.world.projects[name] {
            None if name != FREE => Operation::Fit(0),
            Some(present) if name == THERE && !present.is_active => Operation::Load,
            Some(present) if name == ASLEEP && present.is_active => Operation::Unload,
            Some(_) if name == FREE => Operation::Delete,
            _ => return,
        };
        let server = bench.launch(None, &[]).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
        let told = perform_once(&mut server.connect(), name, operation, &bench.world.projects[name]);
        assert_eq!(told.expect("the server answers"), Told::Done);
        bench.world.acknowledge(name, operation);
        server.stop();
    }
}

#[test]
fn a_bucket_that_fails_for_good_leaves_the_old_or_the_new() {
    let detectors = Detectors::undisturbed();
    // Most of the time is spent waiting between tries.
    let all: Vec<(u64, Tally)> = std::thread::scope(|scope| {
        let begin = |(n, (name, operation)): (usize, (&'static str, Operation))| {
            let detectors = &detectors;
            scope.spawn(move || every_n(name, operation, 27_000 + n, detectors))
        };
        let running: Vec<_> = OPERATIONS.into_iter().enumerate().map(begin).collect();
        running.into_iter().map(|thread| thread.join().expect("an operation ends")).collect()
    });
    let mut findings = Vec::new();
    for ((name, operation), (n, tally)) in OPERATIONS.into_iter().zip(all) {
        let what = match operation {
            Operation::Fit(_) if name == FREE => "first fit",
            Operation::Fit(_) => "overwrite",
            Operation::Unload => "unload",
            Operation::Load => "load",
            _ => "deletion",
        };
        let Tally { n_faults, n_refused, outcome } = tally;
        let n_found = outcome.findings.len();
        assert!(n_faults > 0 || n_found > 0, "no call has failed");
        report(&format!(
            "| {what} in S3, all changes fail from one on, which is 1 to {n} | {} | {n_faults} | {n_refused} | {n_found} |",
            outcome.n_crashes
        ));
        findings.extend(outcome.findings);
    }
    assert_none(&findings);
}
