//! The table: all rows, and what is asked of each.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::gauge::{Gauge, Taken};
use crate::row::{JSON, PREDICT, Row};
use crate::store::World;
use crate::wire::{Reply, exchange};
use crate::{
    backtest, bodies, data, events, existence, files, framing, hosts, large, names, queries, routes, settings, tensors,
};

/// A bad request may have so much of a processor.
const PROCESSOR_MAX: Duration = Duration::from_millis(100);
/// A row that took more is sent so many times again.
const REPEATS: usize = 8;
/// A bad request may take so many times the limit of its body.
const MEMORY_FACTOR: u64 = 2;
/// Small blocks that were freed have gone back to the system after so long, as the settings of the allocator say, with as long again.
const GIVEN_BACK_AFTER: Duration = Duration::from_secs(2);
/// So much memory more or less is a matter of which threads are there just now, and what the allocators keep for them: that of the system
/// up to 4 MiB for each of its arenas.
const KEPT_MAX: u64 = 8 * MIB as u64;
const MIB: usize = 1024 * 1024;

/// The limits of bodies, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub predict: usize,
    pub fit: usize,
}

#[test]
fn every_bad_request_is_refused_as_the_table_says() {
    let limits = Limits { predict: MIB, fit: 4 * MIB };
    let subjects: [(&str, Vec<Row>); 13] = [
        ("routes and methods", routes::rows()),
        ("names", names::rows()),
        ("hosts and origins", hosts::rows()),
        ("framing", framing::rows(limits)),
        ("media types and JSON", bodies::rows(limits)),
        ("rows", data::rows()),
        ("settings", settings::rows()),
        ("backtests", backtest::rows()),
        ("existence and the order of checks", existence::rows(limits)),
        ("queries", queries::rows()),
        ("files", files::rows(limits)),
        ("tensors", tensors::rows()),
        ("events", events::rows()),
    ];
    let n_rows: usize = subjects.iter().map(|(_, rows)| rows.len()).sum();
    assert!(n_rows >= 120, "{n_rows} rows");
    // The server fails in no row: the one code above 499 is that of a project whose parameters were damaged.
    let is_failure = |row: &&Row| row.status >= 500 && (row.status, row.code) != (503, Some("project_failed"));
    assert_eq!(subjects.iter().flat_map(|(_, rows)| rows).filter(is_failure).count(), 0);
    let arguments = ["--max-body-bytes", &limits.predict.to_string(), "--fit-max-body-bytes", &limits.fit.to_string()];
    assert_none(&findings(&World::with(&arguments), limits, &subjects));
}

#[test]
fn large_bodies_are_refused_within_the_same_bounds() {
    let limits = Limits { predict: 32 * MIB, fit: 1024 * MIB };
    assert_none(&findings(&World::with(&[]), limits, &[("large bodies", large::rows(limits))]));
}

#[test]
fn large_tensors_and_events_are_refused_within_the_same_bounds() {
    let limits = Limits { predict: 32 * MIB, fit: 1024 * MIB };
    let subjects = [("large tensors", tensors::large(limits)), ("large events", events::large(limits))];
    assert_none(&findings(&World::with(&[]), limits, &subjects));
}

/// The same checks must find what is wrong here: requests that are good, and change something.
#[test]
fn good_requests_are_found() {
    let limits = Limits { predict: 1_000, fit: 1_000 };
    let data: Vec<usize> = (0..200).collect();
    let fit = format!(r#"{{"drift_type": "label", "data": {data:?}, "detector": {{"ert": 20, "window_sizes": [4]}}}}"#);
    let rows = vec![
        Row::post(PREDICT, JSON, r#"{"data": [[0.5, "mon"]]}"#, 422, "invalid_data").about("a prediction"),
        Row::bare("POST", "/api/v1/projects/off/load", 409, "project_inactive").about("a load"),
        Row::bare("GET", "/nothing", 404, "project_not_found").about("another code"),
        Row::bare("GET", "/api/v1/projects?page_size=0", 422, "invalid_settings").at("/size").about("another place"),
        Row::post("/api/v1/projects/new/fit", JSON, &fit, 422, "invalid_data").about("much memory"),
    ];
    let findings = findings(&World::with(&[]), limits, &[("good requests", rows)]);
    for expected in [
        "a prediction: status: expected 422, 200 ",
        "a load: status: expected 409, 200 ",
        "another code: code: expected project_not_found, route_not_found came",
        "another place: pointer: expected Some(\"/size\"), Some(\"/page_size\") came",
        "much memory: took ",
        "the answer of /api/v1/projects/price was ",
        "the answer of /api/v1/projects/off was ",
        "the file price/state.safetensors was ",
        "the file active.db was ",
        "price answers ",
    ] {
        assert!(findings.iter().any(|finding| finding.starts_with(expected)), "{expected:?} in {findings:#?}");
    }
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// Sends every row twice, and holds its answers, its cost and its traces against what they may be; tells what is wrong.
///
/// Whatever else the machine does adds to the time of a row and takes nothing from it, so the shortest time counts; a row
/// that took too long both times is sent a few times more. What the server keeps for later is there by the second time, so
/// that no more is kept then.
fn findings(world: &World, limits: Limits, subjects: &[(&str, Vec<Row>)]) -> Vec<String> {
    let before = world.snapshot();
    let mut findings = Vec::new();
    let first = send(world, limits, subjects, &mut findings);
    let kept = memory(world);
    let second = send(world, limits, subjects, &mut findings);
    let kept = memory(world).saturating_sub(kept);
    let rows = subjects.iter().flat_map(|(_, rows)| rows);
    for (row, (first, second)) in rows.zip(first.into_iter().zip(second)) {
        let mut processor = first.processor.min(second.processor);
        for _ in 0..REPEATS {
            if processor > PROCESSOR_MAX {
                let (_, taken, _) = exchange_measured(world, row);
                processor = processor.min(taken.processor);
            }
        }
        if processor > PROCESSOR_MAX {
            findings.push(format!("{}: took {processor:?} of a processor", row.what));
        }
    }
    eprintln!("memory kept after the second time: {}", mebibytes(kept));
    if kept > KEPT_MAX {
        findings.push(format!("the server keeps {} of memory", mebibytes(kept)));
    }
    findings.extend(before.differences(&world.snapshot()));
    let log = world.server.log();
    findings.extend(log.lines().filter(|line| line.contains("panic")).map(|line| format!("logged: {line}")));
    // As if nothing had happened.
    findings.extend((1..4).flat_map(|round| world.disagreements(round)));
    findings
}

/// How much memory the server keeps, in bytes. Earlier the answer would be a matter of how far it has given back what it freed.
fn memory(world: &World) -> u64 {
    thread::sleep(GIVEN_BACK_AFTER);
    Gauge::on(world.server.child.id()).memory_before()
}

/// Sends every row; gives what each took, and tells what is wrong.
fn send(world: &World, limits: Limits, subjects: &[(&str, Vec<Row>)], findings: &mut Vec<String>) -> Vec<Taken> {
    let mut costs = Vec::new();
    let mut worst = Worst::default();
    for (subject, rows) in subjects {
        eprintln!("\n{subject}: {} rows", rows.len());
        for row in rows {
            let (reply, taken, clock) = exchange_measured(world, row);
            worst.note(row, taken, clock);
            costs.push(taken);
            eprintln!("{}", line(row, taken, clock));
            let mut find = |finding: String| findings.push(format!("{}: {finding}", row.what));
            let body_max = if path_of(row).ends_with("/fit") { limits.fit } else { limits.predict };
            if taken.memory > MEMORY_FACTOR * body_max as u64 {
                find(format!("took {} of memory", mebibytes(taken.memory)));
            }
            match reply {
                Ok(reply) => faults(world, row, &reply).into_iter().for_each(find),
                Err(error) => find(error.to_string()),
            }
        }
    }
    eprintln!("\n{worst}");
    costs
}

/// Sends a row; gives the answer, what the server took for it, and how long it took by the clock.
fn exchange_measured(world: &World, row: &Row) -> (io::Result<Reply>, Taken, Duration) {
    let gauge = Gauge::on(world.server.child.id());
    let started = Instant::now();
    let reply = exchange(&world.server.url, &row.request, row.hangs_up, row.to_its_end);
    let clock = started.elapsed();
    (reply, gauge.read(), clock)
}

/// The path of a request, as far as it can be told.
fn path_of(row: &Row) -> String {
    let line = row.request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let path = target.split(|byte| b"?#".contains(byte)).next().unwrap_or_default();
    String::from_utf8_lossy(path).into_owned()
}

/// What is wrong with an answer.
fn faults(world: &World, row: &Row, reply: &Reply) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |what: &str, expected: &str, came: &str| {
        if expected != came {
            faults.push(format!("{what}: expected {expected}, {came} came"));
        }
    };
    let told = reply.text();
    expect("after the answer", "", &String::from_utf8_lossy(&reply.rest));
    if reply.status != row.status {
        expect("status", &row.status.to_string(), &format!("{} {told}", reply.status));
        return faults;
    }
    let Some(code) = row.code else {
        expect("body", "", &told);
        return faults;
    };
    let problem = reply.json();
    let text = |member: &str| problem[member].as_str().unwrap_or_default().to_owned();
    expect("code", code, &text("code"));
    let pointer = problem["errors"][0]["pointer"].as_str();
    expect("pointer", &format!("{:?}", row.pointer.as_deref()), &format!("{pointer:?}"));
    // Clients of the inference protocol read the text of an error in nothing but this type.
    let is_inference = path_of(row).starts_with("/v2/");
    let media_type = if is_inference { "application/json" } else { "application/problem+json" };
    expect("media type", media_type, reply.header("content-type").unwrap_or_default());
    expect("member `status`", &row.status.to_string(), &problem["status"].to_string());
    expect("member `type`", &format!("urn:drifting:problem:{code}"), &text("type"));
    expect("member `error`", &text("detail"), &text("error"));
    expect("member `request_id`", reply.header("x-request-id").unwrap_or("none"), &text("request_id"));
    if path_of(row).starts_with('/') {
        expect("member `instance`", &path_of(row), &text("instance"));
    }
    expect("`Retry-After`", &(row.status == 503).to_string(), &reply.header("retry-after").is_some().to_string());
    let body = String::from_utf8_lossy(&reply.body);
    let directory = world.directory().display().to_string();
    for inside in [directory.as_str(), ".rs:", "panicked", "src/"] {
        expect(&format!("mentions of {inside}"), "false", &body.contains(inside).to_string());
    }
    faults
}

/// The rows that took most.
#[derive(Default)]
struct Worst {
    n_rows: usize,
    processor: (Duration, String),
    memory: (u64, String),
    clock: (Duration, String),
}

impl Worst {
    fn note(&mut self, row: &Row, taken: Taken, clock: Duration) {
        self.n_rows += 1;
        let what = || row.what.clone();
        if taken.processor > self.processor.0 {
            self.processor = (taken.processor, what());
        }
        if taken.memory > self.memory.0 {
            self.memory = (taken.memory, what());
        }
        if clock > self.clock.0 {
            self.clock = (clock, what());
        }
    }
}

impl std::fmt::Display for Worst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} rows", self.n_rows)?;
        writeln!(f, "most of a processor: {:.1} ms, {}", millis(self.processor.0), self.processor.1)?;
        writeln!(f, "most memory: {}, {}", mebibytes(self.memory.0), self.memory.1)?;
        writeln!(f, "longest, by the clock: {:.1} ms, {}", millis(self.clock.0), self.clock.1)
    }
}

fn line(row: &Row, taken: Taken, clock: Duration) -> String {
    format!(
        "{} {:20} {:6.1} ms processor {:6.1} ms clock {:>9}  {}",
        row.status,
        row.code.unwrap_or("-"),
        millis(taken.processor),
        millis(clock),
        mebibytes(taken.memory),
        row.what
    )
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mebibytes(n_bytes: u64) -> String {
    format!("{:.1} MiB", n_bytes as f64 / MIB as f64)
}
