//! Options of `demo`.

const EXAMPLES: &str = "\
Examples:
  drifting demo
  drifting demo --url http://127.0.0.1:8080 --keep
  drifting demo --json";

/// Options of `demo`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Leave the project on the server that --url names
    #[arg(long)]
    pub keep: bool,
}
