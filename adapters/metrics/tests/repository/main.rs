//! The repository on both databases: a SQLite file, and a Postgres that the tests start.

mod migrating;
mod postgres;
mod rehearsal;
mod scenarios;
mod sqlite;

use std::error::Error;
use std::path::Path;

use drifting_domain::contract::name;
use drifting_domain::ports::{PortError, TrendQuery};
use drifting_metrics::{Address, SeaOrmMetrics, ServerStart};

/// A server that starts on the database.
async fn connect(uri: &str) -> Result<SeaOrmMetrics, PortError> {
    SeaOrmMetrics::connect(&Address::of_uri(uri), start()).await
}

async fn open(file: &Path) -> Result<SeaOrmMetrics, PortError> {
    SeaOrmMetrics::connect(&Address::of_file(file), start()).await
}

fn start() -> ServerStart {
    ServerStart::now("test", "0")
}

fn all_of(project: &str) -> TrendQuery {
    TrendQuery { project: name(project), from: None, to: None, page_size: 10_000, after: None, with_features: false }
}

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
