//! Controls: the same checks must find a server that works against its order.

use std::time::Duration;

use rand::RngExt;

use crate::detectors::Detectors;
use crate::extent::{count, generator, is_full, report};
use crate::kills::{Bench, Outcome, kill_at};
use crate::model::Durability;
use crate::steps::die_at;

/// Orders that can be turned round, and what happens in each then.
const ORDERS: [(&str, &str); 2] =
    [("put", "configuration before parameters"), ("delete", "files before configuration")];

#[test]
fn a_wrong_order_of_writes_is_found() {
    let detectors = Detectors::undisturbed();
    for (order, meaning) in ORDERS {
        let n_crashes = count(1, 5);
        let mut n_found = 0;
        for occurrence in 1..=n_crashes {
            let mut bench = Bench::new(Durability::Always, 20, 8);
            let mut outcome = Outcome::default();
            let crash_at = format!("{order}:turned-round#{occurrence}");
            let environment = [("DRIFTING_TURN_ROUND", order), ("DRIFTING_CRASH_AT", crash_at.as_str())];
            let undead = die_at(&mut bench, &detectors, &environment, 5_000 + occurrence, &mut outcome);
            assert!(undead.is_none() && outcome.findings.is_empty(), "{undead:?} {:?}", outcome.findings);
            outcome.check(&mut bench, &detectors, order);
            n_found += usize::from(!outcome.findings.is_empty());
        }
        report(&format!("| control: {meaning}, a crash between the two | {n_crashes} | {n_found} |"));
        assert!(n_found > 0, "nobody notices {meaning}");
    }
    if is_full() {
        assert_found_by_random_kills(&detectors);
    }
}

/// How many random kills may pass until one falls between the two writes.
const KILLS_MAX: usize = 300;

/// The same without a named step. It takes many kills until one falls between two writes, more than a sample has.
fn assert_found_by_random_kills(detectors: &Detectors) {
    for (order, meaning) in ORDERS {
        let mut bench = Bench::new(Durability::Always, 20, 8);
        let found_by = (1..=KILLS_MAX).find(|kill| {
            let mut outcome = Outcome::default();
            let experiment = 6_000 + kill;
            let delay = Duration::from_micros(generator(experiment * 10).random_range(0..150_000));
            let environment = [("DRIFTING_TURN_ROUND", order)];
            let generators = |client| generator(experiment * 10 + 1 + client);
            kill_at(&mut bench, detectors, &environment, generators, (delay, false), &mut outcome);
            outcome.check(&mut bench, detectors, order);
            !outcome.findings.is_empty()
        });
        let kills = found_by.unwrap_or(KILLS_MAX);
        report(&format!(
            "| control: {meaning}, random kills until one was found | {kills} | {} |",
            usize::from(found_by.is_some())
        ));
        assert!(found_by.is_some(), "nobody notices {meaning} in {KILLS_MAX} kills");
    }
}
