//! The command line: its commands, their options and their help.

#![expect(clippy::doc_markdown, reason = "help texts are read on a terminal as they stand here")]

use clap::{Parser, Subcommand};
use clap_complete::Shell;

mod backtest;
mod config;
mod demo;
mod fit;
mod health;
mod keys;
mod operations;
mod predict;
mod projects;
mod sequence;
mod serve;

pub use backtest::{BacktestArgs, ReferenceShare};
pub use config::{ConfigCommand, InitArgs};
pub use demo::DemoArgs;
pub use fit::{DetectorFlags, FitArgs, MissingValues, PreprocessingFlags, TableType};
pub use health::HealthArgs;
pub use keys::{CreateKeyArgs, KeysCommand};
pub use operations::OperationsCommand;
pub use predict::PredictArgs;
pub use projects::{ListArgs, ProjectsCommand, TrendArgs};
pub use sequence::{Sequence, SequenceFlags};
pub use serve::ServeArgs;

use std::path::PathBuf;

use crate::client::ServerUrl;
use crate::commands::input::{Format, RowRange};

/// Where client commands look for a server when none is named.
const URL_BY_DEFAULT: &str = "http://127.0.0.1:8080";

const CLIENT_OPTIONS: &str = "Options of fit, predict, backtest, projects, operations, health and demo";

/// Drift detection server: fit a detector next to the training code, send each row, be told when the data drift.
#[derive(Parser)]
#[command(name = "drifting", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// What every client command takes.
    #[command(flatten)]
    pub client: ClientFlags,
}

const EXAMPLES: &str = "\
Examples:
  drifting demo                                      see it work, on real data, in a few seconds
  drifting check                                     check that a start would find what it needs
  drifting serve                                     store in .drifting/, answer on port 8080
  drifting fit prices training.csv --columns price   fit a detector on a column of a file
  drifting predict prices today.csv --fail-on-drift  feed rows; exit with 3 if they drift
  drifting projects list                             show what the server watches

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 drift (predict --fail-on-drift), 130 interrupted (Ctrl-C cancels a fit).";

const CHECK_EXAMPLES: &str = "\
Examples:
  drifting check
  drifting check --artifacts-path /srv/drifting --database-uri postgres://drifting@db/metrics
  drifting check --config production.yaml --json";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  drifting migrate
  drifting migrate --database-uri postgres://owner@db/metrics --database-password-file /run/secrets/metrics";

/// What every client command takes.
#[derive(clap::Args)]
pub struct ClientFlags {
    /// Server to talk to [default: http://127.0.0.1:8080]
    #[arg(
        long,
        global = true,
        env = "DRIFTING_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = CLIENT_OPTIONS
    )]
    pub url: Option<String>,

    /// File with the API key to show to the server [default: the key in DRIFTING_API_KEY, if there is one]
    #[arg(long, global = true, value_name = "FILE", help_heading = CLIENT_OPTIONS)]
    pub api_key_file: Option<PathBuf>,

    /// Print JSON for programs instead of text, errors too (on standard error)
    #[arg(long, global = true)]
    pub json: bool,
}

impl ClientFlags {
    /// Whether a server is named at all.
    pub fn names_a_server(&self) -> bool {
        // An empty DRIFTING_URL is one that was not set.
        self.url.as_deref().is_some_and(|url| !url.is_empty())
    }

    /// The server to talk to.
    ///
    /// # Errors
    ///
    /// With a sentence, when the text is no URL of a server.
    pub fn server(&self) -> Result<ServerUrl, String> {
        // An empty DRIFTING_URL is one that was not set.
        self.url.as_deref().filter(|url| !url.is_empty()).unwrap_or(URL_BY_DEFAULT).parse()
    }
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Start the server
    #[command(visible_alias = "start", after_help = serve::EXAMPLES)]
    Serve(Box<ServeArgs>),

    /// Fit a detector on the rows of a file
    Fit(Box<FitArgs>),

    /// Feed the rows of a file to a project, and say whether they drift
    Predict(PredictArgs),

    /// Replay a history through several detectors, and say which to take
    ///
    /// Each is fitted on the first rows and fed the others in their order: when it would have alarmed, how often falsely,
    /// how late after the changes that are known, and at what cost. Nothing is stored. It runs in this process, unless
    /// --url (or DRIFTING_URL) names a server.
    Backtest(Box<BacktestArgs>),

    /// Look at projects and manage them
    #[command(subcommand)]
    Projects(ProjectsCommand),

    /// Ask a server whether it takes requests: exits with 0 if it does, else with 1
    ///
    /// For containers and scripts; needs no key.
    Health(HealthArgs),

    /// Look at fits under way and cancel them
    #[command(subcommand)]
    Operations(OperationsCommand),

    /// See a detector tell the change in real data, in a few seconds
    ///
    /// A detector is fitted on rows of the electricity market of New South Wales from before it was joined to Victoria's,
    /// then fed rows from before and from after. The demo starts a server of its own, in memory, unless --url (or
    /// DRIFTING_URL) names one; there its project is called `demo`, or `demo-2` and so on where that name is taken, and
    /// is deleted at the end.
    Demo(DemoArgs),

    /// Look at the configuration, or write one to start from
    #[command(subcommand)]
    Config(ConfigCommand),

    /// Check that the server would find all that it needs, without changing anything
    ///
    /// The configuration, the artifacts (a file is written, read back and removed), the project index, the room on the
    /// disk, the metrics database (what a start would do to it is tried and taken back) and the address. Takes the
    /// options and the configuration of `serve`; exits with 1 if anything is missing.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Box<ServeArgs>),

    /// Make API keys and show which there are
    #[command(subcommand)]
    Keys(KeysCommand),

    /// Run the migrations of the metrics database that are missing
    ///
    /// The server does so itself at its start: this is for databases whose tables its user may not change, run as one who
    /// may. Takes the options and the configuration of `serve`.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(Box<ServeArgs>),

    /// Print the OpenAPI document of the HTTP interface
    Openapi(OpenapiArgs),

    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  drifting completions bash > /etc/bash_completion.d/drifting")]
    Completions {
        /// Shell to complete in
        shell: Shell,
    },

    /// Check index files for damage
    #[command(hide = true)]
    VerifyIndex {
        /// Index files
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

/// Options of `openapi`.
#[derive(clap::Args)]
pub struct OpenapiArgs {
    /// Print YAML instead of JSON
    #[arg(long, conflicts_with = "json")]
    pub yaml: bool,
}

/// A file of rows, and which of its columns and rows count.
#[derive(clap::Args)]
pub struct RowsArgs {
    /// File with the rows: CSV (the first line names the columns), Parquet, Arrow, NDJSON or JSON; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Format of the file [default: by its ending; csv for standard input]
    #[arg(long, value_enum)]
    pub format: Option<Format>,

    /// Send only these columns, in this order (any format but JSON)
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub columns: Vec<String>,

    /// Send only the rows from FROM up to but not including TO, counted from 0 (any format but JSON)
    ///
    /// Either end may be left out: `..1000` are the first thousand rows, `1000..` all after them.
    #[arg(long, value_name = "FROM..TO", default_value = "..", hide_default_value = true)]
    pub rows: RowRange,
}

#[cfg(test)]
mod tests;
