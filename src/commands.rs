//! The commands.

use std::fmt;
use std::io;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::{Cli, ClientFlags, Command};
use crate::client::Client;
use crate::config::ConfigError;

mod banner;
mod completions;
mod fit;
pub mod input;
mod openapi;
pub mod output;
mod predict;
mod progress;
mod projects;
mod serve;
mod sparkline;
mod tally;

const USAGE: u8 = 2;
const DRIFT: u8 = 3;
/// What a shell shows for a program whose reader went away: 128 + SIGPIPE.
const OUTPUT_CLOSED: u8 = 141;

/// Does what the command line says and tells errors on standard error.
pub fn run(cli: Cli) -> ExitCode {
    execute(cli).unwrap_or_else(|error| {
        let code = exit_code(&error);
        if code != OUTPUT_CLOSED {
            eprintln!("error: {error:#}");
        }
        code.into()
    })
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { command, client } = cli;
    // Not locked: while it serves, other threads may write too.
    let out = &mut io::stdout();
    match command {
        Command::Serve(args) => return serve::run(&args),
        Command::Fit(args) => block_on(fit::run(&args, &connect(&client)?, client.json, out))?,
        Command::Predict(args) => {
            let is_drift = block_on(predict::run(&args, &connect(&client)?, client.json, out))?;
            if is_drift && args.fail_on_drift {
                return Ok(DRIFT.into());
            }
        }
        Command::Projects(command) => block_on(projects::run(&command, &connect(&client)?, client.json, out))?,
        Command::Openapi(args) => openapi::run(&args, out)?,
        Command::Completions { shell } => completions::run(shell, out)?,
        Command::VerifyIndex { paths } => return Ok(drifting_index::check_command(&paths)),
    }
    Ok(ExitCode::SUCCESS)
}

fn connect(flags: &ClientFlags) -> anyhow::Result<Client> {
    let server = flags.server().map_err(|reason| Usage(format!("--url (DRIFTING_URL): {reason}")))?;
    Client::new(server)
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(work)
}

/// A command line that says something impossible.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() || error.downcast_ref::<ConfigError>().is_some_and(ConfigError::is_usage) {
        USAGE
    } else if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        OUTPUT_CLOSED
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_usage_from_failure() {
        assert_eq!(exit_code(&Usage("x".to_owned()).into()), USAGE);
        assert_eq!(exit_code(&anyhow::Error::new(Usage("x".to_owned())).context("while y")), USAGE);
        assert_eq!(exit_code(&anyhow::anyhow!("x")), 1);
        assert_eq!(exit_code(&io::Error::from(io::ErrorKind::BrokenPipe).into()), OUTPUT_CLOSED);
    }
}
