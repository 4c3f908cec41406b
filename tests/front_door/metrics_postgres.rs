//! A Postgres of somebody else's, however it is reached: with a password that changes, by its socket, by the variables
//! of its clients.

use std::path::{Path, PathBuf};
use std::process::Output;

use drifting_postgres_servers::PostgresServer;
use serde_json::{Value, json};

use crate::delivery::{Delivery, wait_until};
use crate::metrics::{fit_and_feed, metrics};
use crate::server::{Launch, Server, drifting};

const ROLE: &str = "watcher";

/// A database whose role has a password, and the file that tells it.
struct Guarded {
    database: PostgresServer,
    file: PathBuf,
    directory: tempfile::TempDir,
}

impl Guarded {
    fn start(password: &str) -> Self {
        let database = PostgresServer::setup().password(ROLE, password).start();
        let directory = tempfile::tempdir().expect("a folder");
        let guarded = Self { database, file: directory.path().join("password"), directory };
        guarded.say(password);
        guarded
    }

    fn say(&self, password: &str) {
        std::fs::write(&self.file, format!("{password}\n")).expect("the file is written");
    }

    /// Its address without the password.
    fn uri(&self) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/drifting", self.database.port())
    }

    /// The arguments that say where it is.
    fn arguments(&self) -> [String; 4] {
        let file = self.file.to_str().expect("a plain path");
        ["--database-uri", &self.uri(), "--database-password-file", file].map(str::to_owned)
    }

    fn serve(&self) -> Server {
        let arguments = self.arguments();
        Server::start(self.directory.path(), &arguments.each_ref().map(String::as_str))
    }

    /// What a command says of it.
    fn run(&self, command: &str, json: bool) -> Output {
        run(self.directory.path(), command, &self.arguments().each_ref().map(String::as_str), json)
    }
}

fn run(directory: &Path, command: &str, arguments: &[&str], json: bool) -> Output {
    let mut program = drifting();
    program.arg(command).args(arguments).args(["--artifacts-path", "unused", "--port", "0"]);
    program.args(json.then_some("--json")).current_dir(directory).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn predict(server: &Server) {
    server.post("/api/v1/projects/price/predict", &json!({"data": [1]})).expect(200);
}

/// Feeds, waits until all is delivered, and reads it.
fn assert_used(server: &Server, database: &PostgresServer) {
    fit_and_feed(server, 30);
    let counts = Delivery::ended(server);
    assert!(counts.is_up && counts.delivered == 30, "{counts:?}: {}", server.log());
    counts.assert_exact(database);
    assert_eq!(metrics(server).len(), 30);
}

#[test]
fn a_password_is_read_from_its_file_again_when_it_has_changed() {
    let guarded = Guarded::start("ge%heim/1 @");
    let server = guarded.serve();
    assert_used(&server, &guarded.database);

    guarded.database.execute(&format!("ALTER ROLE {ROLE} PASSWORD 'geheim2'"));
    let end_all = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{ROLE}'");
    guarded.database.execute(&end_all);
    predict(&server);
    wait_until(&server, "the former password is refused", || server.log().contains("password authentication failed"));
    assert_eq!(Delivery::of(&server).waiting, 1);
    guarded.say("geheim2");
    let counts = Delivery::ended(&server);
    assert_eq!((counts.delivered, counts.dropped.is_empty()), (31, true), "{counts:?}");
    wait_until(&server, "questions have the new password too", || {
        let answer = server.get("/api/v1/projects/price/metrics");
        assert!(matches!(answer.status, 200 | 503), "{}", answer.body);
        answer.body["metrics"].as_array().is_some_and(|told| told.len() == 31)
    });
    assert!(!server.log().contains("heim"), "{}", server.log());
    assert!(server.stop().success());
}

#[test]
fn a_wrong_password_is_said_without_the_password_and_can_be_mended() {
    let guarded = Guarded::start("geheim");
    for (uri, file) in [(guarded.uri(), "geheim-nicht"), (guarded.uri().replace('@', ":geheim-nicht@"), "")] {
        let directory = tempfile::tempdir().expect("a folder");
        guarded.say(file);
        let arguments = guarded.arguments();
        let arguments = arguments.each_ref().map(String::as_str);
        let arguments = if file.is_empty() { &["--database-uri", &uri][..] } else { &arguments };
        let server = Server::start(directory.path(), arguments);
        fit_and_feed(&server, 30);
        wait_until(&server, "the log says why", || server.log().contains("password authentication failed"));
        assert!(!server.log().contains("heim"), "{}", server.log());
        let counts = Delivery::of(&server);
        assert_eq!((counts.is_up, counts.waiting), (false, 30), "{counts:?}");
        assert_eq!(server.get("/api/v1/projects/price/metrics").expect(503)["code"], "storage_unavailable");

        let checked = run(directory.path(), "check", arguments, true);
        let text = said(&checked);
        assert!(!checked.status.success() && text.contains("password authentication failed"), "{text}");
        let migrated = run(directory.path(), "migrate", arguments, false);
        let text = text + &said(&migrated);
        assert!(!migrated.status.success() && !text.contains("heim"), "{text}");

        if !file.is_empty() {
            guarded.say("geheim");
            assert_eq!(Delivery::ended(&server).delivered, 30);
        }
        assert!(server.stop().success());
    }
}

#[test]
fn a_file_of_a_password_that_is_missing_is_told_and_waited_for() {
    let guarded = Guarded::start("geheim");
    std::fs::remove_file(&guarded.file).expect("the file goes");
    let server = guarded.serve();
    fit_and_feed(&server, 30);
    wait_until(&server, "the log says which file", || {
        server.log().contains("cannot read the file with the password of the metrics database")
    });
    guarded.say("geheim");
    assert_eq!(Delivery::ended(&server).delivered, 30);
    assert!(server.stop().success());
}

#[test]
fn a_database_is_reached_by_its_socket_and_by_the_variables_of_its_clients() {
    let database = PostgresServer::start();
    let (folder, port) = (database.socket_folder().display().to_string(), database.port().to_string());
    let by_uri = format!("postgres:///drifting?host={folder}&port={port}&user=drifting");
    let variables = [("PGHOST", folder.as_str()), ("PGPORT", &port), ("PGUSER", "drifting")];
    let on_loopback = [("PGHOST", "127.0.0.1"), ("PGPORT", &port), ("PGUSER", "drifting")];
    for (uri, environment) in
        [(by_uri.as_str(), &[][..]), ("postgres:///drifting", &variables), ("postgresql:///drifting", &on_loopback)]
    {
        let directory = tempfile::tempdir().expect("a folder");
        let launch = Launch { arguments: &["--database-uri", uri], environment, ..Launch::default() };
        let started = Server::launch(directory.path(), &launch);
        let server = started.unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
        assert_used(&server, &database);
        assert!(server.stop().success());
        database.execute("TRUNCATE drift_record, drift_rollup, drift_feature, drift_server");
    }
}

#[test]
fn migrations_run_once_and_a_check_changes_nothing() {
    let guarded = Guarded::start("geheim");
    let n_tables = || guarded.database.query_value("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'drift%'");
    let checked = guarded.run("check", true);
    assert!(checked.status.success(), "{}", said(&checked));
    assert_eq!(n_tables(), "0", "a check makes nothing");
    let finding = |output: &Output| -> Value {
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let checks = answer["checks"].as_array().expect("a list");
        checks.iter().find(|found| found["check"] == "database").expect("it is checked").clone()
    };
    assert!(finding(&checked)["detail"].as_str().expect("a text").contains("migration"), "{}", said(&checked));

    let first = said(&guarded.run("migrate", false));
    assert!(first.starts_with("ran m20261123_000001_create_drift_record, "), "{first}");
    assert_eq!(n_tables(), "4");
    assert_eq!(said(&guarded.run("migrate", false)), "the metrics database is up to date\n");
    let told: Value = serde_json::from_slice(&guarded.run("migrate", true).stdout).expect("JSON");
    assert_eq!(told, json!({"database_uri": guarded.uri(), "migrations": []}));
    let checked = guarded.run("check", true);
    assert!(checked.status.success() && finding(&checked)["ok"] == true, "{}", said(&checked));

    guarded.database.execute("DROP TABLE drift_record, drift_feature, drift_rollup, drift_server, seaql_migrations");
    let told: Value = serde_json::from_slice(&guarded.run("migrate", true).stdout).expect("JSON");
    assert_eq!(told["migrations"].as_array().map(Vec::len), Some(2), "{told}");
    let server = guarded.serve();
    assert_used(&server, &guarded.database);
    assert!(!server.log().contains("geheim"), "{}", server.log());
    assert!(server.stop().success());
}
