//! Secrets in every setting that takes one, and a long story at the most talkative level: none of them comes out anywhere.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use drifting_object_stores::SeaweedFs;
use drifting_postgres_servers::PostgresServer;
use serde_json::{Value, json};

use crate::delivery::wait_until;
use crate::metrics::fit_and_feed;
use crate::server::{Launch, Server, drifting};
use crate::sink::Sink;

const PASSWORD: &str = "marked-password-of-the-database";
const OTHER_PASSWORD: &str = "marked-password-of-no-database";
const IN_PATH: &str = "marked-token-in-the-path-of-a-sink";
const IN_QUERY: &str = "marked-token-in-the-query-of-a-sink";
const SINK_SECRET: &str = "marked-secret-of-a-sink-1234";
const KEY: &str = "marked-api-key-of-a-client";

/// All that must not come out.
fn secrets(seaweed: &SeaweedFs) -> Vec<String> {
    let own = [PASSWORD, OTHER_PASSWORD, IN_PATH, IN_QUERY, SINK_SECRET, KEY];
    own.into_iter().chain([seaweed.secret_key()]).map(str::to_owned).collect()
}

/// Texts that came out, by where they did.
#[derive(Default)]
pub struct Texts(Vec<(String, String)>);

impl Texts {
    /// What came out at a place.
    pub fn add(&mut self, place: &str, text: impl Into<String>) {
        self.0.push((place.to_owned(), text.into()));
    }

    /// What a command prints; whether it succeeds.
    pub fn run(&mut self, place: &str, command: &mut Command) -> bool {
        let output = command.output().expect("the command runs");
        self.add(&format!("{place}, out"), String::from_utf8_lossy(&output.stdout));
        self.add(&format!("{place}, error"), String::from_utf8_lossy(&output.stderr));
        output.status.success()
    }

    /// Whether one of them has this.
    pub fn contain(&self, part: &str) -> bool {
        self.0.iter().any(|(_, text)| text.contains(part))
    }

    /// Fails where a secret came out, as it is or in base64.
    pub fn assert_without(&self, secrets: &[String]) {
        let coded = secrets.iter().map(|secret| STANDARD.encode(secret));
        let secrets: Vec<String> = secrets.iter().cloned().chain(coded).collect();
        for (place, text) in &self.0 {
            let found = secrets.iter().find(|secret| text.contains(secret.as_str()));
            assert!(found.is_none(), "{place} tells `{}`", found.map_or("", String::as_str));
        }
    }
}

/// Requests that succeed and that fail, with everything of their answers.
fn tell(server: &Server, texts: &mut Texts) {
    fit_and_feed(server, 30);
    let posts = [
        ("predict", json!({"data": vec![500.0; 40]})),
        ("predict", json!({"data": [KEY]})),
        ("predict", json!({KEY: 1})),
        ("fit", json!({"drift_type": "label", "data": [1]})),
        ("unload", Value::Null),
        ("load", Value::Null),
        ("reset", Value::Null),
    ];
    // What a client says may come back to it, and to nobody else.
    for (action, body) in posts {
        let answer = server.post(&format!("/api/v1/projects/price/{action}"), &body);
        if !body.to_string().contains(KEY) {
            texts.add(action, answer.body.to_string());
        }
    }
    for path in [
        "/metrics",
        "/api/v1/projects",
        "/api/v1/projects/price",
        "/api/v1/projects/price/metrics",
        "/v2",
        "/",
        "/nothing",
    ] {
        texts.add(path, server.get(path).body.to_string());
    }
    texts.add("delete", server.delete("/api/v1/projects/price").body.to_string());
}

/// What others on the machine see of the process.
pub fn process_list(server: &Server) -> String {
    let line = std::fs::read(format!("/proc/{}/cmdline", server.child.id())).expect("the server runs");
    String::from_utf8_lossy(&line).into_owned()
}

#[test]
fn no_secret_comes_out() {
    let seaweed = SeaweedFs::start();
    seaweed.create_bucket("projects");
    let database = PostgresServer::setup().password("drifting", PASSWORD).start();
    let uri = format!("postgres://drifting:{PASSWORD}@127.0.0.1:{}/drifting", database.port());
    let wrong = uri.replace(PASSWORD, OTHER_PASSWORD);
    let sink = Sink::start();
    let directory = tempfile::tempdir().expect("a folder");
    let whsec = format!("whsec_{}", STANDARD.encode(SINK_SECRET));
    std::fs::write(directory.path().join("secret"), &whsec).expect("a secret");
    let configuration = format!(
        "event_sinks:\n  - {{url: '{}/{IN_PATH}?token={IN_QUERY}', name: one, events: all, allow_private: true, secret_file: secret}}\n  \
         - {{url: 'http://127.0.0.1:9/{IN_PATH}', name: gone, events: all, allow_private: true, secret_env: OTHER_SECRET}}\n",
        sink.url()
    );
    std::fs::write(directory.path().join("drifting.yaml"), configuration).expect("a configuration");
    let environment = |uri| {
        [
            ("DRIFTING_DATABASE_URI", uri),
            ("DRIFTING_LOG_LEVEL", "trace"),
            ("DRIFTING_ARTIFACTS_PATH", "s3://projects/some/prefix"),
            ("OTHER_SECRET", whsec.as_str()),
            ("AWS_ACCESS_KEY_ID", seaweed.access_key()),
            ("AWS_SECRET_ACCESS_KEY", seaweed.secret_key()),
            ("AWS_REGION", seaweed.region()),
            ("AWS_ENDPOINT_URL", seaweed.endpoint()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
    };
    let mut texts = Texts::default();
    // A database that is reached, and one that refuses the password, before and while the server serves.
    for (name, uri) in [("right", uri.as_str()), ("wrong", wrong.as_str())] {
        let environment = environment(uri);
        for arguments in
            [&["check"][..], &["check", "--json"], &["config", "show"], &["config", "show", "--json"], &["migrate"]]
        {
            let mut command = drifting();
            command.args(arguments).envs(environment).current_dir(directory.path());
            texts.run(&format!("{name}: {}", arguments.join(" ")), &mut command);
        }
        // The store and the database come by the environment.
        let arguments = ["--artifacts-path", "s3://projects/some/prefix", "--cache-path", "cache"];
        let launch = Launch {
            arguments: &arguments,
            environment: &environment,
            with_default_database: true,
            ..Launch::default()
        };
        match Server::launch(directory.path(), &launch) {
            Ok(server) => {
                tell(&server, &mut texts);
                let measures = server.get("/metrics").expect(200).as_str().expect("a text").to_owned();
                let is_up = measures.contains("drifting_metrics_database_up 1");
                assert_eq!(is_up, name == "right", "{measures}");
                wait_until(&server, "a sink is told", || !sink.posts().is_empty());
                texts.add("the process list", process_list(&server));
                texts.add("the log", server.log());
                let log = server.log();
                assert!(log.contains("\"TRACE\"") || log.contains("\"DEBUG\""), "the log is talkative");
                assert!(server.stop().success());
                texts.add(
                    "the log to its end",
                    std::fs::read_to_string(directory.path().join("server.log")).expect("a log"),
                );
            }
            Err((status, log)) if name == "right" => panic!("{status}: {log}"),
            Err((_, log)) => texts.add("the log of a start that failed", log),
        }
    }
    // A setting that cannot be read does not repeat what stands there.
    for (name, value) in [
        ("DRIFTING_DATABASE_URI", format!("postgres:/{PASSWORD}@:x")),
        ("DRIFTING_EVENT_SINK", format!("ftp://{IN_PATH}")),
    ] {
        let mut command = drifting();
        command.args(["config", "show"]).env(name, value).current_dir(directory.path());
        texts.run(name, &mut command);
    }
    assert!(texts.0.len() > 30, "{} texts", texts.0.len());
    texts.assert_without(&secrets(&seaweed));
}
