//! Records that have become too old are removed, and no others.

use drifting_postgres_servers::PostgresServer;

use crate::delivery::{Delivery, wait_until};
use crate::metrics::{fit_and_feed, metrics};
use crate::server::Server;

/// A further set of all records, so much older. What tells them apart is the number.
fn add_older(database: &PostgresServer, age: &str, table: &str, time: &str) {
    let changed = format!("jsonb_build_object('{time}', {time} - interval '{age}')");
    let younger = format!("{time} > now() - interval '1 hour'");
    database.execute(&format!(
        "INSERT INTO {table} SELECT (jsonb_populate_record(row, {changed})).* FROM {table} AS row WHERE {younger}"
    ));
}

#[test]
fn a_start_removes_what_is_older_than_the_retention() {
    let database = PostgresServer::start();
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--database-uri", &database.uri()]);
    fit_and_feed(&server, 30);
    Delivery::ended(&server).assert_exact(&database);
    assert!(server.stop().success());
    for age in ["22 hours", "26 hours", "90 days", "30 years"] {
        add_older(&database, age, "drift_record", "at");
        add_older(&database, age, "drift_rollup", "minute");
    }
    // Of these there are no sums.
    add_older(&database, "40 years", "drift_record", "at");
    let count = |what: &str| database.query_value(&format!("SELECT count(*) FROM {what}"));
    let n_minutes = count("drift_rollup WHERE minute > now() - interval '1 day'");
    assert_eq!(count("drift_record"), "180");

    let server = Server::start(directory.path(), &["--database-uri", &database.uri(), "--metrics-retention", "1d"]);
    wait_until(&server, "the old ones are gone", || count("drift_record") == "60");
    wait_until(&server, "the old sums are gone", || count("drift_rollup") == n_minutes);
    assert_eq!(count("drift_record WHERE at > now() - interval '1 day'"), "60", "the young ones stay");
    assert_eq!(metrics(&server).len(), 30, "those since the fit");
    wait_until(&server, "the log says so", || server.log().contains("old metrics were removed"));
    assert!(server.stop().success());
}
