//! What is promised about crashes, power failures and damage, held against the real program.
//!
//! `RELIABILITY=full` runs the counts that `docs/reliability.md` reports; without it a sample runs, with the same seeds
//! each time. `RELIABILITY_SEED` draws other ones. Every failure prints its seed.

mod answers;
mod bucket_calls;
mod buckets;
mod check;
mod client;
mod control;
mod copies;
mod damage;
mod detectors;
mod extent;
mod file_system;
mod full_disk;
mod kills;
mod model;
mod nth_operation;
mod place;
mod power;
mod recording;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "the front door uses the rest of it")]
mod server;
mod steps;
mod store;
