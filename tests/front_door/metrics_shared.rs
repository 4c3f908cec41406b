//! Two servers share a metrics database.

use std::path::Path;

use drifting_postgres_servers::PostgresServer;
use serde_json::json;

use crate::delivery::Delivery;
use crate::server::Server;

fn serve(directory: &Path, instance: &str, database: &PostgresServer) -> Server {
    Server::start(directory, &["--database-uri", &database.uri(), "--instance", instance])
}

fn feed(server: &Server, project: &str, n_rows: usize) {
    let rows: Vec<usize> = (0..n_rows).map(|n| (n * 37) % 101).collect();
    server.post(&format!("/api/v1/projects/{project}/predict"), &json!({"data": rows})).expect(200);
    assert_eq!(Delivery::ended(server).dropped, []);
}

fn fit(server: &Server, project: &str) {
    let rows: Vec<usize> = (0..200).map(|n| (n * 37) % 101).collect();
    let detector = json!({"ert": 30, "window_size": 10, "n_bootstraps": 1000});
    let body = json!({"drift_type": "label", "data": rows, "detector": detector});
    server.post(&format!("/api/v1/projects/{project}/fit"), &body).expect(201);
}

fn n_told(server: &Server, project: &str) -> usize {
    let told = server.get(&format!("/api/v1/projects/{project}/metrics?page_size=1000")).expect(200);
    told["metrics"].as_array().expect("a list").len()
}

/// How many records each start of each instance has of each project.
fn starts(database: &PostgresServer) -> String {
    database.query_value(
        "SELECT string_agg(concat_ws(' ', instance, project, n), ', ' ORDER BY id, project) FROM \
         (SELECT id, instance, project, count(*) AS n FROM drift_record JOIN drift_server ON id = server_id \
         GROUP BY id, instance, project) AS starts",
    )
}

#[test]
fn each_record_tells_which_server_it_is_from() {
    let database = PostgresServer::start();
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let one = serve(folders[0].path(), "a", &database);
    let other = serve(folders[1].path(), "b", &database);
    fit(&one, "price");
    fit(&other, "cost");
    feed(&one, "price", 30);
    feed(&other, "cost", 20);
    feed(&one, "price", 3);
    assert_eq!((n_told(&one, "price"), n_told(&other, "cost")), (33, 20));
    assert_eq!(starts(&database), "a price 33, b cost 20");

    assert!(other.stop().success());
    let other = serve(folders[1].path(), "b", &database);
    feed(&other, "cost", 5);
    feed(&one, "price", 4);
    assert_eq!((n_told(&one, "price"), n_told(&other, "cost")), (37, 25));
    assert_eq!(starts(&database), "a price 37, b cost 20, b cost 5");
    let delivered = "SELECT string_agg(delivered::text, ' ' ORDER BY id) FROM drift_server";
    assert_eq!(database.query_value(delivered), "37 20 5");

    // What one deletes with its metrics takes nothing of the other's.
    assert_eq!(one.delete("/api/v1/projects/price?purge_metrics=true").status, 204);
    assert_eq!(starts(&database), "b cost 20, b cost 5");
    assert!(one.stop().success() && other.stop().success());
}

#[test]
fn two_servers_that_start_at_once_on_an_empty_database_both_use_it() {
    let database = PostgresServer::start();
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let servers: Vec<Server> =
        folders.iter().enumerate().map(|(n, folder)| serve(folder.path(), &format!("s{n}"), &database)).collect();
    for (n, server) in servers.iter().enumerate() {
        fit(server, &format!("p{n}"));
        feed(server, &format!("p{n}"), 20);
        assert_eq!(n_told(server, &format!("p{n}")), 20);
    }
    assert_eq!(database.query_value("SELECT count(DISTINCT instance) FROM drift_server"), "4");
    assert!(servers.into_iter().all(|server| server.stop().success()));
}
