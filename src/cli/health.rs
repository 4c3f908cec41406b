//! `health`.

use crate::config::Interval;

/// What `health` takes.
#[derive(clap::Args)]
pub struct HealthArgs {
    /// How long the answer may take
    #[arg(long, value_name = "DURATION", default_value = "3s")]
    pub within: Interval,
}
