//! The front door: the real program, real files, real rows.

mod access;
mod browser;
mod buckets;
mod check;
mod cli;
mod config;
mod delivery;
mod demo;
mod deployment;
mod drain;
mod electricity;
mod employment;
mod event_sinks;
mod events;
mod exit_codes;
mod golden;
mod grpc;
mod help;
#[path = "../support/hostile_names.rs"]
mod hostile_names;
mod inference_clients;
mod limits;
mod load;
mod local_database;
mod local_refused;
mod memory;
mod metrics;
mod metrics_absent;
mod metrics_columns;
mod metrics_faults;
mod metrics_postgres;
mod metrics_retention;
mod metrics_shared;
mod metrics_spill;
mod metrics_tls;
mod metrics_trend;
mod observed_logs;
mod observed_metrics;
mod observed_traces;
mod operations;
mod overload;
mod policies;
mod predecessor;
mod predecessor_wire;
mod python;
mod resent;
mod restarts;
mod schemathesis;
mod secrets;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/sink.rs"]
mod sink;
mod store;
mod traversal;
mod versions;
