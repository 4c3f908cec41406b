//! `completions`: the script that completes this command line in a shell.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::{Shell, generate};
use serde_json::json;

use crate::cli::Cli;

pub(super) fn run(shell: Shell, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    // The generator panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "drifting", &mut script);
    if json {
        let script = String::from_utf8_lossy(&script);
        writeln!(out, "{}", json!({"shell": shell.to_string(), "script": script}))?;
    } else {
        out.write_all(&script)?;
    }
    Ok(())
}
