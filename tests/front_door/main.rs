//! The front door: the real program, real files, real rows.

mod cli;
mod electricity;
mod metrics;
mod predecessor;
mod restarts;
mod server;
mod store;
