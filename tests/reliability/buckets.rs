//! The same kills and steps with the projects in a bucket, and a bucket that fails meanwhile.

use drifting_object_stores::{Calls, Fault};
use rand::RngExt;

use crate::answers::{Told, perform_once};
use crate::client::draw;
use crate::detectors::Detectors;
use crate::extent::{assert_none, count, generator, is_full, report, seed};
use crate::kills::{Bench, Outcome, random_kills};
use crate::model::{Durability, Operation};
use crate::place::Place;
use crate::steps::die_at;

/// How many projects there are, and how many names without one.
fn sizes() -> (usize, usize) {
    (count(8, 40), 4)
}

fn bench(place: Place, durability: Durability) -> Bench {
    let (n_projects, n_free) = sizes();
    Bench::in_bucket(place, durability, n_projects, n_free)
}

#[test]
fn no_kill_loses_what_a_bucket_of_s3_has_acknowledged() {
    random_kills(bench(Place::s3(), Durability::Always), count(3, 100), 20_000);
}

#[test]
fn no_kill_loses_what_a_bucket_of_gcs_has_acknowledged() {
    random_kills(bench(Place::gcs(), Durability::Always), count(3, 100), 21_000);
}

#[test]
fn kills_cost_no_more_than_the_rows_of_an_interval_in_a_bucket() {
    random_kills(bench(Place::gcs(), Durability::Interval), count(2, 50), 22_000);
}

/// The steps that there are with a bucket: it has no folders to remove, its index is always whole when it is taken
/// over, and a sweep leaves everything to its age.
const STEPS: [&str; 16] = [
    "put:folder",
    "put:parameters",
    "put:configuration",
    "put:durable",
    "put:removed-old",
    "delete:configuration",
    "delete:synchronised",
    "delete:files",
    "state:written",
    "state:durable",
    "index:made",
    "index:statuses",
    "index:paths",
    "index:attested",
    "index:durable",
    "sweep:temporaries",
];

fn crashes_at_steps(place: Place, first: usize) {
    let detectors = Detectors::undisturbed();
    let mut bench = bench(place, Durability::Always);
    let place = bench.place.name();
    let mut outcome = Outcome::default();
    for (n, step) in STEPS.into_iter().enumerate() {
        // In a sample one store meets every other step, and the other store the rest.
        if !is_full() && n % 2 != usize::from(matches!(bench.place, Place::S3(_))) {
            continue;
        }
        let n_occurrences = if ["index:made", "sweep:temporaries"].contains(&step) { 1 } else { count(1, 3) };
        for occurrence in 1..=n_occurrences {
            let crash_at = format!("{step}#{occurrence}");
            let what = format!("seed {}, {place}, crash at {crash_at}", seed());
            let environment = [("DRIFTING_CRASH_AT", crash_at.as_str())];
            let undead = die_at(&mut bench, &detectors, &environment, first + 10 * n + occurrence, &mut outcome);
            outcome.findings.extend(undead.map(|finding| format!("{what}: {finding}")));
            outcome.check(&mut bench, &detectors, &what);
            assert_none(&outcome.findings);
        }
    }
    report(&outcome.row(&format!("crashes at {} named steps, {place}, state durability always", STEPS.len())));
}

#[test]
fn no_crash_at_a_step_loses_what_a_bucket_of_s3_has_acknowledged() {
    crashes_at_steps(Place::s3(), 23_000);
}

#[test]
fn no_crash_at_a_step_loses_what_a_bucket_of_gcs_has_acknowledged() {
    crashes_at_steps(Place::gcs(), 24_000);
}

/// Operations while a bucket fails. A project whose operation was refused is left alone: nobody knows what has become of it.
fn work_through_faults(bench: &mut Bench, detectors: &Detectors, experiment: usize, outcome: &mut Outcome) -> usize {
    let proxy = bench.place.proxy();
    let server = bench.launch(Some(&proxy), &[]).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    proxy.inject(
        seed() + experiment as u64,
        &[
            (Calls::Share(0.15), Fault::Status(503)),
            (Calls::Share(0.15), Fault::Status(500)),
            (Calls::Share(0.02), Fault::ResetAfter),
            (Calls::Share(0.02), Fault::ResetBefore),
        ],
    );
    let mut connection = server.connect();
    let mut random = generator(experiment);
    for _ in 0..count(8, 40) {
        let free: Vec<String> =
            bench.world.projects.keys().filter(|name| !bench.world.pending.contains_key(*name)).cloned().collect();
        let name = &free[random.random_range(0..free.len())];
        let state = &bench.world.projects[name];
        let operation = draw(&mut random, state);
        let place = || format!("seed {}, {}, {name}: {operation:?} on {state:?}", seed(), bench.place.name());
        match perform_once(&mut connection, name, operation, state).expect("the server answers") {
            Told::Done => {}
            Told::Fed(answer) => {
                let present = state.as_ref().expect("a project");
                let fault = detectors.fault(present.variant, present.fed + 1, answer);
                outcome.findings.extend(fault.map(|fault| format!("{}: {fault}", place())));
            }
            Told::Refused(503, body) if body["code"] == "storage_unavailable" => {
                bench.world.pending.insert(name.clone(), operation);
                continue;
            }
            // The first try has removed it, and its answer was lost.
            Told::Refused(404, _) if operation == Operation::Delete => {}
            Told::Refused(status, body) => {
                outcome.findings.push(format!("{}: {status} came: {body}; {}", place(), server.log()));
                continue;
            }
        }
        outcome.n_acknowledged += 1;
        bench.world.acknowledge(name, operation);
    }
    server.kill();
    proxy.calls().iter().filter(|call| call.fault.is_some()).count()
}

fn failing_bucket(place: Place, n_rounds: usize, first: usize) {
    let detectors = Detectors::undisturbed();
    let mut bench = bench(place, Durability::Always);
    let mut outcome = Outcome::default();
    let mut n_faults = 0;
    for round in 0..n_rounds {
        n_faults += work_through_faults(&mut bench, &detectors, first + round, &mut outcome);
        let what = format!("seed {}, {}, round {round}", seed(), bench.place.name());
        outcome.check(&mut bench, &detectors, &what);
        assert_none(&outcome.findings);
    }
    report(&outcome.row(&format!("kills after {n_faults} failed calls of {}, 34 % of all", bench.place.name())));
    assert!(n_faults > 3 * n_rounds, "{n_faults} faults are too few");
}

#[test]
fn a_bucket_of_s3_that_fails_leaves_nothing_half() {
    failing_bucket(Place::s3(), count(1, 20), 25_000);
}

#[test]
fn a_bucket_of_gcs_that_fails_leaves_nothing_half() {
    failing_bucket(Place::gcs(), count(1, 20), 26_000);
}
