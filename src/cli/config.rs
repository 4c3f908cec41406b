//! The commands under `config`.

use std::path::PathBuf;

use clap::Subcommand;

use super::ServeArgs;

/// What to do with the configuration.
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Show every setting with its value and where it was said
    ///
    /// Takes the options of `serve`, and shows what `serve` would run with. Passwords are left out.
    #[command(after_help = "Examples:\n  drifting config show\n  drifting config show --config production.yaml --json")]
    Show(Box<ServeArgs>),

    /// Write a configuration file with every setting, explained, at its default
    #[command(after_help = "Examples:\n  drifting config init\n  drifting config init - | less")]
    Init(InitArgs),
}

/// Options of `config init`.
#[derive(clap::Args)]
pub struct InitArgs {
    /// File to write; `-` prints it
    #[arg(value_name = "FILE", default_value = crate::config::FILE_BY_DEFAULT)]
    pub file: PathBuf,

    /// Replace the file if there is one
    #[arg(long)]
    pub force: bool,
}
