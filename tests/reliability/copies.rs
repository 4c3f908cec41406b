//! A live store is copied with plain `cp -r` while clients work, and each copy is opened by a server of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use serde_json::Value;

use crate::check::list;
use crate::client::{draw, perform};
use crate::detectors::{Detectors, row_body};
use crate::extent::{assert_none, count, generator, report, seed};
use crate::kills::Bench;
use crate::model::{Durability, Operation, State, World};
use crate::server::{Answer, Connection, Server};

const N_CLIENTS: usize = 3;
/// Operations from one copy to the next, at the least.
const BETWEEN: usize = 30;
/// Projects, and names without one.
const SIZES: (usize, usize) = (60, 6);

/// An operation that was acknowledged, and what it left.
struct Event {
    begin: Instant,
    end: Instant,
    name: String,
    operation: Operation,
    after: State,
}

/// A copy, and when it was made.
struct Copy {
    begin: Instant,
    end: Instant,
    /// Whether `cp` complained: of files that went while it read.
    is_torn: bool,
}

/// Lets clients work while the store is copied so many times.
fn copy_under_load(bench: &mut Bench, detectors: &Detectors, to: &Path, n_copies: usize) -> (Vec<Event>, Vec<Copy>) {
    let server = bench.launch(None, &[]).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let (events, copies, is_over) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for client in 0..N_CLIENTS {
            let names = bench.world.projects.keys().enumerate().filter(|(place, _)| place % N_CLIENTS == client);
            let names: Vec<String> = names.map(|(_, name)| name.clone()).collect();
            let mut world = bench.world.clone();
            let mut connection = server.connect();
            let (mut random, events, is_over) = (generator(30_000 + client), &events, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let name = &names[random.random_range(0..names.len())];
                    let state = &world.projects[name];
                    let operation = draw(&mut random, state);
                    let begin = Instant::now();
                    let fault = perform(&mut connection, name, operation, state, detectors).expect("an answer");
                    assert_eq!(fault, None);
                    world.acknowledge(name, operation);
                    let (end, after) = (Instant::now(), world.projects[name].clone());
                    let event = Event { begin, end, name: name.clone(), operation, after };
                    events.lock().expect("no client has panicked").push(event);
                }
            });
        }
        for n in 0..n_copies {
            let n_before = events.lock().expect("no client has panicked").len();
            while events.lock().expect("no client has panicked").len() < n_before + BETWEEN {
                std::thread::sleep(Duration::from_millis(5));
            }
            let begin = Instant::now();
            let to = to.join(n.to_string());
            fs::create_dir(&to).expect("a folder is made");
            let output =
                Command::new("cp").arg("-r").arg(bench.path().join("store")).arg(&to).output().expect("cp runs");
            let copy = Copy { begin, end: Instant::now(), is_torn: !output.status.success() };
            copies.lock().expect("nobody has panicked").push(copy);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    server.stop();
    (events.into_inner().expect("whole"), copies.into_inner().expect("whole"))
}

/// What a client knows of one project of a copy.
struct Known {
    /// As it was when the copy began, and after each operation that was under way before it ended.
    possible: Vec<State>,
    /// Whether a fit or a deletion was under way meanwhile.
    is_replaced: bool,
}

fn known(world: &World, events: &[Event], copy: &Copy) -> BTreeMap<String, Known> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for (name, state) in &world.projects {
        known.insert(name.clone(), Known { possible: vec![state.clone()], is_replaced: false });
    }
    // Those of one name follow each other.
    for event in events {
        let known = known.get_mut(&event.name).expect("a known name");
        if event.end < copy.begin {
            known.possible = vec![event.after.clone()];
        } else if event.begin < copy.end {
            known.possible.push(event.after.clone());
            known.is_replaced |= matches!(event.operation, Operation::Fit(_) | Operation::Delete);
        }
    }
    known
}

/// What copies cost: how many of each.
#[derive(Default)]
struct Costs {
    torn: usize,
    failed: usize,
    states_lost: usize,
    statuses_lost: usize,
    index_anew: usize,
}

/// Asks a server on a copy for every project.
fn examine(copy: &Path, known: &BTreeMap<String, Known>, detectors: &Detectors, costs: &mut Costs) -> Vec<String> {
    let server = match Server::try_start(copy, &Durability::Always.arguments()) {
        Ok(server) => server,
        Err((status, log)) => return vec![format!("it does not start: {status}: {log}")],
    };
    let log = server.log();
    let n_anew = ["store.db was damaged", "active.db was damaged", "store.db is missing", "active.db is missing"]
        .iter()
        .filter(|told| log.contains(**told))
        .count();
    costs.index_anew += n_anew;
    let mut connection = server.connect();
    let listed = list(&mut connection);
    let mut findings: Vec<String> = log.lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect();
    for (name, known) in known {
        let fault = fault_of(&mut connection, name, listed.get(name), known, n_anew > 0, detectors, costs);
        findings.extend(fault.map(|fault| format!("{name}: expected one of {:?}: {fault}", known.possible)));
    }
    findings
}

fn fault_of(
    connection: &mut Connection,
    name: &str,
    listed: Option<&Value>,
    known: &Known,
    is_index_anew: bool,
    detectors: &Detectors,
    costs: &mut Costs,
) -> Option<String> {
    let Some(listed) = listed else {
        return (!known.possible.contains(&None)).then(|| "it is not there".to_owned());
    };
    let path = format!("/api/v1/projects/{name}");
    if listed["status"] == "inactive" {
        if !known.possible.iter().flatten().any(|present| !present.is_active) {
            return Some(format!("{listed} is listed"));
        }
        connection.post(&format!("{path}/load"), &serde_json::json!({}));
    } else if !known.possible.iter().flatten().any(|present| present.is_active) {
        if !is_index_anew {
            return Some(format!("{listed} is listed"));
        }
        costs.statuses_lost += 1;
    }
    let shown = connection.request("GET", &path, None).body;
    if shown["status"] == "failed" {
        costs.failed += 1;
        return (!known.is_replaced).then(|| format!("{shown} is shown"));
    }
    // The row after the last one that the copy has.
    let Some(variant) = detectors.variant(&shown["detector"]) else { return Some(format!("{shown} is shown")) };
    let of_this_fit = || known.possible.iter().flatten().filter(|present| present.variant == variant);
    let Some(time) = shown["time"].as_u64() else { return Some(format!("{shown} is shown")) };
    let (least, most) = (of_this_fit().map(|state| state.saved).min()?, of_this_fit().map(|state| state.fed).max()?);
    let is_state_there = (least..=most).contains(&time);
    let may_be_lost = known.is_replaced && time == 0;
    if !is_state_there && !may_be_lost {
        return Some(format!("it is at row {time}, which is not from {least} to {most}"));
    }
    costs.states_lost += usize::from(!is_state_there);
    let answer: Answer = connection.post(&format!("{path}/predict"), &row_body(variant, time + 1));
    detectors.fault(variant, time + 1, answer)
}

#[test]
fn a_copy_of_a_live_store_is_a_store() {
    let detectors = Detectors::undisturbed();
    let mut bench = Bench::new(Durability::Always, SIZES.0, SIZES.1);
    let folder = tempfile::tempdir().expect("a folder");
    let n_copies = count(5, 50);
    let before = bench.world.clone();
    let (events, copies) = copy_under_load(&mut bench, &detectors, folder.path(), n_copies);
    let (mut findings, mut costs) = (Vec::new(), Costs::default());
    for (n, copy) in copies.iter().enumerate() {
        costs.torn += usize::from(copy.is_torn);
        let known = known(&before, &events, copy);
        let found = examine(&folder.path().join(n.to_string()), &known, &detectors, &mut costs);
        findings.extend(found.into_iter().map(|finding| format!("seed {}, copy {n}: {finding}", seed())));
    }
    let Costs { torn, failed, states_lost, statuses_lost, index_anew } = costs;
    let n_projects: usize = n_copies * SIZES.0;
    report(&format!(
        "| {n_copies} copies of about {} projects under {} operations | {torn} | {failed} of {n_projects} | \
         {states_lost} | {index_anew} | {statuses_lost} | {} |",
        SIZES.0,
        events.len(),
        findings.len()
    ));
    assert!(events.len() > 10 * n_copies, "{} operations are too few", events.len());
    assert_none(&findings);
}
