//! The commands under `projects`.

use clap::Subcommand;
use drifting_domain::project::ProjectName;

/// What to do with projects.
#[derive(Subcommand)]
pub enum ProjectsCommand {
    /// List the projects
    List(ListArgs),

    /// Show all there is to know of a project
    Show(NameArgs),

    /// Let a project serve again
    Load(NameArgs),

    /// Take a project out of service; it stays stored
    Unload(NameArgs),

    /// Set the online state of a project back to its start
    Reset(NameArgs),

    /// Delete a project with all that is stored of it, without asking
    ///
    /// Its metrics are kept, unless --purge-metrics is given.
    Delete(DeleteArgs),

    /// Take up projects that were copied into the store, and forget those that were taken out
    Refresh,

    /// Draw a project's statistic over time, in the terminal
    Trend(TrendArgs),
}

/// Options of the commands that need nothing but a name.
#[derive(clap::Args)]
pub struct NameArgs {
    /// Name of the project
    #[arg(value_name = "NAME")]
    pub project: ProjectName,
}

/// Options of `projects delete`.
#[derive(clap::Args)]
pub struct DeleteArgs {
    /// Name of the project
    #[arg(value_name = "NAME")]
    pub project: ProjectName,

    /// Remove its metrics too, those of former fits included; also where the project has been deleted before
    #[arg(long)]
    pub purge_metrics: bool,
}

/// Options of `projects list`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  drifting projects list --drift-type label --status active")]
pub struct ListArgs {
    /// Only projects of this drift type, such as label, tabular or text
    #[arg(long, value_name = "TYPE")]
    pub drift_type: Option<String>,

    /// Only projects of this status: active, inactive or failed
    #[arg(long)]
    pub status: Option<String>,
}

/// Options of `projects trend`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  drifting projects trend prices\n  drifting projects trend prices --from 2026-01-01T00:00:00Z --resolution 1d"
)]
pub struct TrendArgs {
    /// Name of the project
    #[arg(value_name = "NAME")]
    pub project: ProjectName,

    /// Only from this time on (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,

    /// Only up to this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,

    /// Draw buckets of this width (15m, 1h, 1d), or so many points [default: each value, or buckets where there are many]
    #[arg(long, value_name = "WIDTH|POINTS")]
    pub resolution: Option<String>,
}
