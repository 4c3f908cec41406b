//! Options of `predict`.

use std::num::NonZeroUsize;

use drifting_domain::project::ProjectName;

use super::RowsArgs;

const EXAMPLES: &str = "\
Examples:
  drifting predict prices today.csv --columns price
  drifting predict sensors today.parquet --rows 5000.. --fail-on-drift
  tail -n +1 -f sensors.csv | drifting predict sensors - --batch 1 --json";

/// Options of `predict`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct PredictArgs {
    /// Name of the project
    #[arg(value_name = "NAME")]
    pub project: ProjectName,

    /// The rows to feed.
    #[command(flatten)]
    pub rows: RowsArgs,

    /// Rows in a request (a JSON file is one request) [default: 1000]
    ///
    /// For a detector that tests each request as its window, this is the size of the window.
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub batch: Option<NonZeroUsize>,

    /// Exit with 3 if any row or window drifts
    #[arg(long)]
    pub fail_on_drift: bool,
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number from 1 on".to_owned())
}
