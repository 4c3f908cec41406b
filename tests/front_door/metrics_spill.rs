//! Drift values that wait on the disk while their database is down: on one that is full, and up to a bound.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use drifting_postgres_servers::PostgresServer;
use rustix::process::geteuid;
use serde_json::json;

use crate::delivery::{Delivery, wait_until};
use crate::metrics::fit_and_feed;
use crate::server::{Connection, Launch, Server};

/// As many rows as a request may bring in little time.
const ROWS_PER_REQUEST: usize = 2_000;
/// More than wait in memory.
const N_REQUESTS: usize = 120;

/// Starts a server whose store is a small disk of its own, which ends with it. Nobody else sees that disk.
fn on_a_small_disk(directory: &Path, database: &PostgresServer) -> Server {
    let store = directory.join("store");
    std::fs::create_dir(&store).expect("a folder is made");
    let store = store.to_str().expect("a plain path");
    let mount = format!("mount -t tmpfs -o size=12m tmpfs {store} && exec \"$@\"");
    let mut wrapper = vec!["unshare", "--mount"];
    if !geteuid().is_root() {
        wrapper.push("--map-root-user");
    }
    wrapper.extend(["sh", "-c", &mount, "sh"]);
    let arguments = ["--database-uri", &database.uri()];
    let launch = Launch { arguments: &arguments, wrapper: &wrapper, ..Launch::default() };
    Server::launch(directory, &launch).unwrap_or_else(|(status, log)| {
        panic!("{status}: {log}; a small disk needs root, or user namespaces for unshare")
    })
}

/// Takes what room there is on the disk of the server.
fn fill(file: &Path) {
    let mut file = File::create(file).expect("the filler is made");
    for size in [64 * 1024, 4096, 512, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

fn feed(connection: &mut Connection, n_requests: usize) {
    let rows: Vec<f64> = (0..ROWS_PER_REQUEST).map(|n| ((n * 37) % 101) as f64).collect();
    let body = json!({"data": rows});
    for _ in 0..n_requests {
        connection.post("/api/v1/projects/price/predict", &body).expect(200);
    }
}

#[test]
fn a_full_disk_costs_metrics_which_are_counted_and_no_prediction() {
    let mut database = PostgresServer::start();
    let directory = tempfile::tempdir().expect("a folder");
    let server = on_a_small_disk(directory.path(), &database);
    fit_and_feed(&server, 30);
    Delivery::ended(&server).assert_exact(&database);

    // Its root is that of the namespace in which the disk is mounted.
    let root = PathBuf::from(format!("/proc/{}/root", server.child.id()));
    let filler = root.join(directory.path().join("store/filler").strip_prefix("/").expect("an absolute path"));
    fill(&filler);
    database.stop();
    let mut connection = server.connect();
    feed(&mut connection, N_REQUESTS);
    wait_until(&server, "what does not fit is dropped", || Delivery::of(&server).n_dropped() > 0);
    let during = Delivery::of(&server);
    assert_eq!(during.recorded, (30 + N_REQUESTS * ROWS_PER_REQUEST) as u64);
    assert!(during.dropped.iter().all(|(reason, _)| reason == "spill_failed"), "{during:?}");

    // Where there is room again it is used, without a restart.
    std::fs::remove_file(&filler).expect("the filler goes");
    feed(&mut connection, 10);
    wait_until(&server, "the disk is used", || Delivery::of(&server).spilled_bytes > 0);
    let n_dropped = Delivery::of(&server).n_dropped();

    database.start_again();
    let counts = Delivery::ended(&server);
    counts.assert_exact(&database);
    assert_eq!(counts.recorded, (30 + (N_REQUESTS + 10) * ROWS_PER_REQUEST) as u64);
    assert_eq!((counts.n_dropped(), counts.spilled_bytes), (n_dropped, 0), "{counts:?}");
    feed(&mut connection, 1);
    Delivery::ended(&server).assert_exact(&database);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    assert!(server.stop().success());
}

#[test]
fn no_more_waits_on_the_disk_than_may() {
    let mut database = PostgresServer::start();
    let directory = tempfile::tempdir().expect("a folder");
    let arguments = ["--database-uri", &database.uri(), "--metrics-spill-max-bytes", "1MiB"];
    let server = Server::start(directory.path(), &arguments);
    fit_and_feed(&server, 30);
    Delivery::ended(&server).assert_exact(&database);
    database.stop();
    feed(&mut server.connect(), N_REQUESTS);
    wait_until(&server, "what does not fit is dropped", || Delivery::of(&server).n_dropped() > 0);
    let during = Delivery::of(&server);
    assert!(during.dropped.iter().all(|(reason, _)| reason == "spill_full"), "{during:?}");
    assert!((1..=1 << 20).contains(&during.spilled_bytes), "{during:?}");
    // The files have no names, so that nothing is left of them whatever ends the server.
    let left = std::fs::read_dir(directory.path().join("store/.tmp")).expect("the folder is there");
    let names: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(names.iter().all(|name| name == "lock"), "{names:?}");

    database.start_again();
    let counts = Delivery::ended(&server);
    counts.assert_exact(&database);
    assert_eq!(counts.recorded, (30 + N_REQUESTS * ROWS_PER_REQUEST) as u64);
    assert!(server.stop().success());
}
