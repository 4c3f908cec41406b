//! Verdicts told to sinks: which, in what order, signed how, and never anywhere else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::delivery::wait_until;
use crate::metrics::fit_and_feed;
use crate::server::{Launch, Server, drifting};
use crate::sink::Sink;

/// Prices as in the reference, prices that are far too high, and prices as before.
fn feed_to_drift_and_back(server: &Server) {
    let usual: Vec<f64> = (0..60).map(|n| f64::from((n * 37) % 101)).collect();
    let high = vec![500.0; 20];
    server.post("/api/v1/projects/price/predict", &json!({"data": high})).expect(200);
    server.post("/api/v1/projects/price/predict", &json!({"data": usual})).expect(200);
}

fn counts(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics").expect(200).as_str().expect("a text").to_owned();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
    line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

#[test]
fn a_sink_is_told_when_drift_begins_and_ends() {
    let sink = Sink::start();
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--event-sink", &sink.url(), "--event-sink-allow-private"]);
    fit_and_feed(&server, 30);
    feed_to_drift_and_back(&server);
    wait_until(&server, "both changes are told", || sink.posts().len() >= 2);
    assert!(server.stop().success());
    let events: Vec<Value> = sink.posts().iter().map(crate::sink::Post::event).collect();
    let begins_and_ends = events.chunks(2).all(|pair| pair[0]["data"]["is_drift"] == true);
    assert!(begins_and_ends && events.len() <= 6, "{events:?}");
    let first = &events[0];
    assert_eq!(first["specversion"], "1.0");
    assert_eq!((&first["type"], &first["source"]), (&json!("io.drifting.drift.result.v1"), &json!("/projects/price")));
    assert_eq!(first["data"]["window"], json!([10]));
    assert!(first["data"]["test_stat"].as_f64() > first["data"]["threshold"].as_f64(), "{first}");
    assert!(first["subject"].is_string() && first["time"].is_string(), "{first}");
}

#[test]
fn every_verdict_comes_once_and_in_order_though_the_sink_is_gone_for_a_while() {
    let mut sink = Sink::start();
    let directory = tempfile::tempdir().expect("a folder");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let sinks = format!(
        "event_sinks:\n  - url: {}\n    name: all\n    events: all\n    projects: pri*\n    allow_private: true\n    \
         secret_env: SINK_SECRET\n",
        sink.url()
    );
    std::fs::write(directory.path().join("drifting.yaml"), sinks).expect("a configuration");
    let launch = Launch { environment: &[("SINK_SECRET", secret)], ..Launch::default() };
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    sink.answer(&[503, 429]);
    fit_and_feed(&server, 30);
    wait_until(&server, "the first are told", || sink.posts().len() == 30);
    sink.stop();
    feed_to_drift_and_back(&server);
    wait_until(&server, "the sink is found to be gone", || counts(&server, "drifting_event_sink_up") == 0);
    sink.start_again();
    wait_until(&server, "all are told", || sink.posts().len() >= 110);
    let posts = sink.posts();
    let times: Vec<u64> = posts.iter().map(|post| post.event()["data"]["time"].as_u64().expect("a time")).collect();
    assert_eq!(times, (1..=110).collect::<Vec<u64>>());
    let mut ids: Vec<String> = posts.iter().map(|post| post.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 110, "each has an id of its own");
    for post in &posts {
        let head = format!("{}.{}.", post.header("webhook-id"), post.header("webhook-timestamp"));
        let expected = signature(secret, &[head.as_bytes(), &post.body].concat());
        assert_eq!(post.header("webhook-signature"), expected);
    }
    assert_eq!(counts(&server, "drifting_event_sink_delivered_total{sink=\"all\"}"), 110);
    assert!(counts(&server, "drifting_event_sink_retried_total{sink=\"all\"}") >= 3);
    assert!(!server.log().contains("/hook") && !server.log().contains(secret), "{}", server.log());
}

/// HMAC-SHA256 by its definition.
fn signature(secret: &str, signed: &[u8]) -> String {
    let mut key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    key.resize(64, 0);
    let pad = |byte: u8| key.iter().map(|key| key ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::digest([pad(0x36).as_slice(), signed].concat());
    format!("v1,{}", STANDARD.encode(Sha256::digest([pad(0x5c).as_slice(), inner.as_slice()].concat())))
}

#[test]
fn addresses_that_are_not_allowed_are_refused_at_the_start() {
    let sink = Sink::start();
    let directory = tempfile::tempdir().expect("a folder");
    let port = sink.port();
    let refused = |arguments: &[&str], expected: &str| {
        let mut command = drifting();
        command.args(["serve", "--artifacts-path", "memory://", "--port", "0"]).args(arguments);
        let output = command.current_dir(directory.path()).output().expect("the program runs");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {log}");
        assert!(log.contains(expected) && !log.contains("geheim"), "{arguments:?}: {log}");
    };
    for host in
        ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "192.168.1.1", "[fd00::1]"]
    {
        let url = format!("http://{host}:{port}/geheim");
        refused(&["--event-sink", &url], "it is an address of this machine or of a private network");
    }
    for host in ["169.254.169.254", "2852039166", "[::ffff:169.254.169.254]", "[fe80::1]", "0.0.0.0", "[fd00:ec2::254]"]
    {
        let url = format!("http://{host}:{port}/geheim");
        refused(&["--event-sink", &url, "--event-sink-allow-private"], "that no sink can have");
    }
    for url in ["ftp://events.example/geheim", "https://geheim@events.example/", "events.example"] {
        refused(&["--event-sink", url], "expected an address such as https://events.example/drift");
    }
    refused(&["--event-sinks", "[{url: http://localhost/geheim, evnts: all}]"], "unknown field `evnts`");
    assert_eq!(sink.n_connections(), 0);
}

#[test]
fn a_name_leads_nowhere_that_is_not_allowed() {
    let sink = Sink::start();
    let directory = tempfile::tempdir().expect("a folder");
    let url = format!("http://localhost:{}/geheim", sink.port());
    let server = Server::start(directory.path(), &["--event-sink", &url]);
    fit_and_feed(&server, 30);
    feed_to_drift_and_back(&server);
    wait_until(&server, "the event is tried", || counts(&server, "drifting_event_sink_retried_total") > 1);
    assert!(server.log().contains("its name has no address that is allowed"), "{}", server.log());
    assert!(server.stop().success());
    assert_eq!(sink.n_connections(), 0);
}
