//! A Postgres behind TLS.

use drifting_postgres_servers::PostgresServer;

use crate::delivery::{Delivery, wait_until};
use crate::metrics::{fit_and_feed, metrics};
use crate::server::Server;

const N_ENCRYPTED: &str =
    "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND usename = 'drifting'";

#[test]
fn records_go_through_tls_to_a_server_that_is_vouched_for() {
    let database = PostgresServer::setup().tls().start();
    let authority = database.certificate_authority().display().to_string();
    for parameters in [format!("sslmode=verify-full&sslrootcert={authority}"), "sslmode=require".to_owned()] {
        let directory = tempfile::tempdir().expect("a folder");
        let server = Server::start(directory.path(), &["--database-uri", &format!("{}?{parameters}", database.uri())]);
        fit_and_feed(&server, 30);
        let counts = Delivery::ended(&server);
        assert!(counts.is_up && counts.delivered == 30, "{counts:?}: {}", server.log());
        counts.assert_exact(&database);
        assert_eq!(metrics(&server).len(), 30);
        assert_ne!(database.query_value(N_ENCRYPTED), "0");
        assert!(server.stop().success());
        database.execute("TRUNCATE drift_record, drift_rollup, drift_feature, drift_server");
    }
}

#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    let (database, other) = (PostgresServer::setup().tls().start(), PostgresServer::setup().tls().start());
    let plain = PostgresServer::start();
    let authority = other.certificate_authority().display();
    let of_another = format!("{}?sslmode=verify-full&sslrootcert={authority}", database.uri());
    let without_tls = format!("{}?sslmode=require", plain.uri());
    for (uri, database) in [(of_another, &database), (without_tls, &plain)] {
        let directory = tempfile::tempdir().expect("a folder");
        let server = Server::start(directory.path(), &["--database-uri", &uri]);
        fit_and_feed(&server, 30);
        wait_until(&server, "the log says so", || server.log().contains("metrics wait for their database"));
        let counts = Delivery::of(&server);
        assert_eq!((counts.is_up, counts.waiting), (false, 30), "{counts:?}");
        server.get("/api/v1/projects/price/metrics").expect(503);
        assert_eq!(database.query_value("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'drift%'"), "0");
        assert!(server.stop().success());
    }
}
