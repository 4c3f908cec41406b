//! The repository on both databases: a SQLite file, and a Postgres that the tests start.

mod postgres;
mod rehearsal;
mod scenarios;
mod sqlite;

use std::error::Error;

use drifting_domain::ports::PortError;

/// An error as a log shows it, with all its causes.
fn chain(error: &PortError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
