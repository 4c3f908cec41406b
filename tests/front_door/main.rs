//! The front door: the real program, real files, real rows.

mod check;
mod cli;
mod config;
mod demo;
mod electricity;
mod exit_codes;
mod help;
mod metrics;
mod operations;
mod predecessor;
mod restarts;
#[path = "../support/server.rs"]
mod server;
mod store;
