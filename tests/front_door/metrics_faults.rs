//! A Postgres that fails in every way under load: no prediction fails, and every drift value is delivered once or counted
//! as dropped.
//!
//! Each fault lasts a few seconds; with `RELIABILITY=full`, a minute. What a request costs before and during each is
//! printed as a table: `RELIABILITY=full cargo test --test front_door metrics_faults -- --nocapture`.

use std::cell::Cell;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use drifting_postgres_servers::{FaultyLink, PostgresServer, psql};

use crate::delivery::{Delivery, wait_until};
use crate::load::Load;
use crate::metrics::fit_and_feed;
use crate::server::Server;

const N_CLIENTS: usize = 3;
/// How many connections the database gives to clients.
const N_CONNECTIONS: u32 = 8;
/// By so much the memory of the server may grow.
const GROWTH_MAX_KIB: u64 = 100 * 1024;

/// How long a fault lasts.
fn duration() -> Duration {
    match std::env::var("RELIABILITY").as_deref() {
        Err(_) | Ok("" | "sample") => Duration::from_secs(2),
        Ok("full") => Duration::from_mins(1),
        Ok(other) => panic!("RELIABILITY: expected `full` or `sample`, `{other}` came"),
    }
}

/// A server under load, and its database behind a link.
struct Bench {
    server: Server,
    database: PostgresServer,
    link: FaultyLink,
    n_answered: u64,
    resident_kib: u64,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn start() -> Self {
        let database = PostgresServer::setup().max_connections(N_CONNECTIONS).start();
        let link = FaultyLink::start(&database);
        let directory = tempfile::tempdir().expect("a folder");
        let server = Server::start(directory.path(), &["--database-uri", link.uri()]);
        fit_and_feed(&server, 30);
        // What it takes under load without a fault is no growth.
        let load = Load::start(&server, "price", N_CLIENTS);
        load.cost(&server, Duration::from_secs(1), || {});
        let n_answered = 30 + load.stop();
        Delivery::ended(&server).assert_exact(&database);
        let resident_kib = resident_kib(&server);
        Self { server, database, link, n_answered, resident_kib, _directory: directory }
    }

    /// Loads the server, lets the database fail from `begin` to `end`, and compares what came with what went.
    fn fail<T>(
        &mut self,
        fault: &str,
        begin: impl FnOnce(&mut Self) -> T,
        mut meanwhile: impl FnMut(&Self),
        end: impl FnOnce(&mut Self, T),
    ) {
        let load = Load::start(&self.server, "price", N_CLIENTS);
        let mut seen = Seen::default();
        let before = load.cost(&self.server, duration().min(Duration::from_secs(10)), || seen.look(&self.server));
        let begun = begin(self);
        let mut seen = Seen::default();
        let during = load.cost(&self.server, duration(), || {
            meanwhile(self);
            seen.look(&self.server);
        });
        end(self, begun);
        self.n_answered += load.stop();

        let counts = Delivery::ended(&self.server);
        assert_eq!(counts.recorded, self.n_answered, "{fault}: a row, a record");
        counts.assert_exact(&self.database);
        assert!(counts.is_up, "{fault}: {counts:?}");
        let growth = seen.largest_kib.max(resident_kib(&self.server)).saturating_sub(self.resident_kib);
        assert!(growth < GROWTH_MAX_KIB, "{fault}: the server has grown by {growth} KiB");
        println!(
            "| {fault} | {} | {} | {:.0} | {:.0} | {} | {} |",
            during.n_answered,
            if seen.is_down { "yes" } else { "no" },
            before.request_us(),
            during.request_us(),
            counts.n_dropped(),
            growth / 1024
        );
    }
}

/// What was seen of the server during a fault.
#[derive(Default)]
struct Seen {
    largest_kib: u64,
    is_down: bool,
}

impl Seen {
    fn look(&mut self, server: &Server) {
        self.largest_kib = self.largest_kib.max(resident_kib(server));
        self.is_down |= !Delivery::of(server).is_up;
    }
}

fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

/// A client that keeps a connection of the database.
fn sit(database: &PostgresServer) -> Child {
    let mut client = Command::new(psql());
    client.args(["-XAtqc", "SELECT pg_sleep(3600)", &database.uri()]);
    client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql runs")
}

/// Takes every connection that the role may have.
fn take_connections(bench: &mut Bench) -> Vec<Child> {
    // The server's own are ended first.
    bench.link.refuse();
    let n_taken = || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'drifting'";
        bench.database.query_value(sql).parse::<u32>().expect("a number")
    };
    wait_until(&bench.server, "its connections end", || n_taken() == 0);
    let clients = (0..N_CONNECTIONS).map(|_| sit(&bench.database)).collect();
    wait_until(&bench.server, "all connections are taken", || n_taken() == N_CONNECTIONS);
    bench.link.pass();
    clients
}

fn give_connections(bench: &mut Bench, clients: Vec<Child>) {
    for mut client in clients {
        client.kill().expect("our own child");
        client.wait().expect("our own child");
    }
    // What a client has left Postgres notices when it next writes to it.
    bench.database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)'");
}

#[test]
fn no_fault_of_the_database_fails_a_prediction_or_loses_a_record_uncounted() {
    let mut bench = Bench::start();
    println!("| fault | requests | told as down | CPU before, µs | CPU during, µs | dropped in all | grown, MiB |");
    println!("|---|---|---|---|---|---|---|");
    bench.fail("stopped", |bench| bench.database.stop(), |_| {}, |bench, ()| bench.database.start_again());
    bench.fail("killed", |bench| bench.database.kill(), |_| {}, |bench, ()| bench.database.start_again());
    let late = Duration::from_millis(200);
    bench.fail("slow", |bench| bench.link.delay(late), |_| {}, |bench, ()| bench.link.pass());
    bench.fail("silent", |bench| bench.link.hold(), |_| {}, |bench, ()| bench.link.pass());
    bench.fail("refusing", |bench| bench.link.refuse(), |_| {}, |bench, ()| bench.link.pass());
    let cut_at = Cell::new(0);
    let cut = |bench: &Bench| {
        // In the question, the rows, the sums, the commit and its answer.
        cut_at.set((cut_at.get() + 997) % 60_000);
        bench.link.reset_after(cut_at.get());
    };
    bench.fail("reset in a transaction", |_| {}, cut, |bench, ()| bench.link.pass());
    bench.fail("out of connections", take_connections, |_| {}, give_connections);
    bench.fail(
        "table missing",
        |bench| bench.database.execute("ALTER TABLE drift_record RENAME TO elsewhere"),
        |_| {},
        |bench, ()| bench.database.execute("ALTER TABLE elsewhere RENAME TO drift_record"),
    );
    let log = bench.server.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(bench.server.stop().success());
}
