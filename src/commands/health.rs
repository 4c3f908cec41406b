//! `health`: whether a server takes requests, for those who start and stop it.

use std::io::Write;

use crate::cli::HealthArgs;
use crate::client::Client;

pub(super) async fn run(args: &HealthArgs, client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    client.ready(args.within.0).await?;
    writeln!(out, "{}", if json { "{\"status\":\"ready\"}" } else { "ready" })?;
    Ok(())
}
