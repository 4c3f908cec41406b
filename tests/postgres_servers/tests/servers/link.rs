//! The modes of the link.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use drifting_postgres_servers::{FaultyLink, PostgresServer, psql};

use crate::{answer, begin, refusal, run, said, wait_until};

/// A server, a link to it, and the address of the link. TLS is not asked for, so that there is one connection each time.
fn stage() -> (PostgresServer, FaultyLink, String) {
    let server = PostgresServer::start();
    let link = FaultyLink::start(&server);
    let uri = format!("{}?sslmode=disable", link.uri());
    (server, link, uri)
}

fn is_reset(said: &str) -> bool {
    said.contains("Connection reset by peer") || said.contains("server closed the connection unexpectedly")
}

#[test]
fn it_passes_and_counts() {
    let (server, link, uri) = stage();
    assert_eq!(answer(&uri, "SELECT repeat('x', 100000)").len(), 100_000);
    assert_eq!(link.n_connections(), 1);
    assert!((50..5_000).contains(&link.n_bytes_to_server()), "{}", link.n_bytes_to_server());
    assert!((100_000..110_000).contains(&link.n_bytes_to_client()), "{}", link.n_bytes_to_client());
    assert_ne!(link.uri(), server.uri());

    drop(link);
    assert!(refusal(&uri, "SELECT 1").contains("refused"), "it is gone with its value");
}

#[test]
fn a_server_that_is_started_again_is_found_again() {
    let (mut server, _link, uri) = stage();
    server.stop();
    let told = refusal(&uri, "SELECT 1");
    assert!(is_reset(&told), "{told}");
    server.start_again();
    assert_eq!(answer(&uri, "SELECT 1"), "1");
}

#[test]
fn pieces_for_the_server_are_late() {
    let (_server, link, uri) = stage();
    link.delay(Duration::from_millis(300));
    let begun = Instant::now();
    assert_eq!(answer(&uri, "SELECT 1"), "1");
    // The greeting and the question, at least.
    assert!(begun.elapsed() >= Duration::from_millis(600), "{:?}", begun.elapsed());
}

#[test]
fn what_is_held_moves_on_when_it_passes_again() {
    let (server, link, uri) = stage();
    link.hold();
    let mut client = begin(&uri, "SELECT 1");
    wait_until("it is accepted", || link.n_connections() == 1);
    // Long after it would have been done.
    std::thread::sleep(Duration::from_millis(500));
    assert!(client.try_wait().expect("our own child").is_none(), "it waits");
    assert_eq!((link.n_bytes_to_server(), link.n_bytes_to_client()), (0, 0));
    link.pass();
    assert!(client.wait().expect("our own child").success());

    let mut client = begin(&uri, "SELECT pg_sleep(0.5)");
    wait_until("it is asked", || {
        server.query_value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'") == "1"
    });
    link.hold();
    wait_until("it is answered", || {
        server.query_value("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle' AND query LIKE '%pg_sleep%'")
            == "1"
    });
    std::thread::sleep(Duration::from_millis(200));
    assert!(client.try_wait().expect("our own child").is_none(), "the answer is kept");
    link.pass();
    assert!(client.wait().expect("our own child").success());
}

#[test]
fn connections_are_reset_and_refused_until_it_passes_again() {
    let (server, link, uri) = stage();
    let client = begin(&uri, "SELECT pg_sleep(600)");
    wait_until("it is asked", || {
        server.query_value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'") == "1"
    });
    link.refuse();
    let told = said(&client.wait_with_output().expect("our own child"));
    assert!(is_reset(&told), "{told}");
    let told = refusal(&uri, "SELECT 1");
    assert!(is_reset(&told), "{told}");
    assert_eq!(link.n_connections(), 2);
    link.pass();
    assert_eq!(answer(&uri, "SELECT 1"), "1");
}

#[test]
fn a_held_connection_is_reset_too() {
    let (_server, link, uri) = stage();
    link.hold();
    let client = begin(&uri, "SELECT 1");
    wait_until("it is accepted", || link.n_connections() == 1);
    link.refuse();
    let told = said(&client.wait_with_output().expect("our own child"));
    assert!(is_reset(&told), "{told}");
}

#[test]
fn a_transaction_is_cut_in_the_middle() {
    let (server, link, uri) = stage();
    server.execute("CREATE TABLE rows AS SELECT '' AS text; GRANT ALL ON rows TO drifting");
    link.reset_after(5_000);
    let mut client = Command::new(psql());
    client.args(["-Xq", &uri]).env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut client = client.spawn().expect("psql runs");
    let insert = format!("INSERT INTO rows VALUES ('{}');\n", "x".repeat(1_000));
    let script = format!("BEGIN;\n{}COMMIT;\n", insert.repeat(10));
    let mut input = client.stdin.take().expect("it is piped");
    // It may end before it has read everything.
    input.write_all(script.as_bytes()).ok();
    drop(input);
    let told = said(&client.wait_with_output().expect("our own child"));
    assert!(is_reset(&told), "{told}");
    assert_eq!((link.n_connections(), link.n_bytes_to_server()), (1, 5_000));
    wait_until("the server sees it too", || {
        server.query_value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'drifting'") == "0"
    });
    assert_eq!(server.query_value("SELECT count(*) FROM rows"), "1", "nothing of the transaction is there");

    // Each connection has as many bytes again.
    assert_eq!(answer(&uri, "SELECT count(*) FROM rows"), "1");
    assert!(is_reset(&refusal(&uri, &format!("SELECT '{}'", "x".repeat(6_000)))));
    link.pass();
    assert!(run(&uri, &format!("SELECT '{}'", "x".repeat(6_000))).status.success());
}

#[test]
fn a_commit_that_is_not_answered_is_one_all_the_same() {
    let (server, link, uri) = stage();
    server.execute("CREATE TABLE rows (n int); GRANT ALL ON rows TO drifting");
    let statement = "INSERT INTO rows VALUES (1)";
    let before = link.n_bytes_to_server();
    answer(&uri, statement);
    wait_until("its goodbye has come", || {
        server.query_value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'drifting'") == "0"
    });
    // All but the goodbye of five bytes.
    let n_bytes = link.n_bytes_to_server() - before - 5;
    link.reset_after(n_bytes);
    let told = refusal(&uri, statement);
    assert!(is_reset(&told), "{told}");
    wait_until("it is carried out", || server.query_value("SELECT count(*) FROM rows") == "2");
    assert_eq!(link.n_bytes_to_server(), before + 2 * n_bytes + 5);
}
