//! The front door: the real program, real files, real rows.

mod buckets;
mod check;
mod cli;
mod config;
mod demo;
mod electricity;
mod employment;
mod exit_codes;
mod golden;
mod help;
#[path = "../support/hostile_names.rs"]
mod hostile_names;
mod local_database;
mod metrics;
mod operations;
mod policies;
mod predecessor;
mod restarts;
#[path = "../support/server.rs"]
mod server;
mod store;
mod traversal;
mod versions;
