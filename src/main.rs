//! `drifting`: the server and its command line.

use std::process::ExitCode;

use clap::Parser;

mod allocator;
mod app;
mod cli;
mod client;
mod commands;
mod config;
mod memory;
mod metrics;
mod moderation;
mod open_files;
mod outbox;
mod runtime;
mod sinks;
mod telemetry;

fn main() -> ExitCode {
    drifting_domain::faults::inject(|name| std::env::var(name).ok());
    match cli::Cli::try_parse() {
        Ok(cli) => commands::run(cli),
        Err(error) => commands::refuse(&error),
    }
}
