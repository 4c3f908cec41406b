//! The commands under `operations`.

use clap::Subcommand;
use drifting_domain::operation::OperationId;

/// What to do with operations.
#[derive(Subcommand)]
pub enum OperationsCommand {
    /// List the fits under way, and those that ended lately
    List,

    /// Show how far a fit has come, or what became of it
    Show(OperationArgs),

    /// Have a fit under way end without a project
    Cancel(OperationArgs),
}

/// Options of the commands that need nothing but an id.
#[derive(clap::Args)]
pub struct OperationArgs {
    /// Id of the operation, as `drifting fit --no-wait` prints it
    #[arg(value_name = "ID")]
    pub operation: OperationId,
}
