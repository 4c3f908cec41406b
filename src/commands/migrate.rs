//! `migrate`: the metrics database as this version wants it.

use std::io::Write;

use serde_json::json;

use super::serve::file_of;
use crate::app::database_of;
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::metrics::migrate;

pub(super) fn run(args: &ServeArgs, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let config = Config::load(file_of(args), &args.settings)?;
    let migrations = match database_of(&config) {
        None => None,
        Some(place) => Some(super::block_on(async { migrate(&place).await })?),
    };
    if json {
        let ran = migrations.unwrap_or_default();
        writeln!(out, "{}", json!({"database_uri": config.database_uri.to_string(), "migrations": ran}))?;
        return Ok(());
    }
    match migrations {
        None => writeln!(out, "there is no metrics database (--database-uri)")?,
        Some(ran) if ran.is_empty() => writeln!(out, "the metrics database is up to date")?,
        Some(ran) => writeln!(out, "ran {}", ran.join(", "))?,
    }
    Ok(())
}
