//! The commands.

use std::io;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::{Cli, ClientFlags, Command};
use crate::client::Client;

mod backtest;
mod banner;
mod chart;
mod check;
mod completions;
mod config;
mod demo;
mod failure;
mod fit;
mod following;
mod health;
pub mod input;
mod keys;
mod migrate;
mod openapi;
mod operations;
pub mod output;
mod predict;
mod progress;
mod projects;
mod serve;
mod tally;

pub use failure::refuse;

use failure::Usage;

const DRIFT: u8 = 3;

/// Does what the command line says and tells errors on standard error.
pub fn run(cli: Cli) -> ExitCode {
    let json = cli.client.json;
    execute(cli).unwrap_or_else(|error| failure::tell(&error, json))
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { command, client } = cli;
    // Not locked: while it serves, other threads may write too.
    let out = &mut io::stdout();
    match command {
        Command::Serve(args) => return serve::run(&args, client.json),
        Command::Fit(args) => block_on(fit::run(&args, &connect(&client)?, client.json, out))?,
        Command::Predict(args) => {
            let is_drift = block_on(predict::run(&args, &connect(&client)?, client.json, out))?;
            if is_drift && args.fail_on_drift {
                return Ok(DRIFT.into());
            }
        }
        Command::Backtest(args) => backtest::run(&args, &client, out)?,
        Command::Projects(command) => block_on(projects::run(&command, &connect(&client)?, client.json, out))?,
        Command::Health(args) => block_on(health::run(&args, &connect(&client)?, client.json, out))?,
        Command::Demo(args) => demo::run(&args, &client, out)?,
        Command::Config(command) => config::run(&command, client.json, out)?,
        Command::Check(args) => return check::run(&args, client.json, out),
        Command::Operations(command) => block_on(operations::run(&command, &connect(&client)?, client.json, out))?,
        Command::Keys(command) => keys::run(&command, client.json, out)?,
        Command::Migrate(args) => migrate::run(&args, client.json, out)?,
        Command::Openapi(args) => openapi::run(&args, out)?,
        Command::Completions { shell } => completions::run(shell, client.json, out)?,
        Command::VerifyIndex { paths } => return Ok(drifting_index::check_command(&paths)),
    }
    Ok(ExitCode::SUCCESS)
}

fn connect(flags: &ClientFlags) -> anyhow::Result<Client> {
    let server = flags.server().map_err(|reason| Usage(format!("--url (DRIFTING_URL): {reason}")))?;
    Client::new(server, client_key(flags)?)
}

/// The key that requests show, if there is one.
fn client_key(flags: &ClientFlags) -> anyhow::Result<Option<String>> {
    let Some(file) = &flags.api_key_file else {
        // An empty one is one that was not set.
        return Ok(std::env::var("DRIFTING_API_KEY").ok().filter(|key| !key.is_empty()));
    };
    let read = std::fs::read_to_string(file).with_context(|| format!("--api-key-file: {}", file.display()))?;
    Ok(Some(read.trim().to_owned()))
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(work)
}
