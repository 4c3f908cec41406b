//! `drifting`: the server and its command line.

use std::process::ExitCode;

use clap::Parser;

mod app;
mod cli;
mod client;
mod commands;
mod config;
mod memory;
mod metrics;
mod open_files;
mod outbox;
mod runtime;
mod sinks;
mod telemetry;

/// Requests bring buffers and rows of every size, which come and go on several threads: with the system's allocator (glibc's) a refusal
/// under overload takes twice as long and a verdict a fifth more, and each thread keeps what it once held.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    drifting_domain::faults::inject(|name| std::env::var(name).ok());
    match cli::Cli::try_parse() {
        Ok(cli) => commands::run(cli),
        Err(error) => commands::refuse(&error),
    }
}
