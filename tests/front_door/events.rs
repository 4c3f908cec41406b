//! Events that bring rows, from the outside: what is accepted is fed, also when the server ends right after.

use serde_json::{Value, json};

use crate::delivery::wait_until;
use crate::metrics::fit_and_feed;
use crate::server::{Answer, Connection, Server};
use crate::sink::Sink;

const BATCH: &str = "application/cloudevents-batch+json";
const STRUCTURED: &str = "application/cloudevents+json";

fn event(id: usize, value: f64) -> Value {
    json!({
        "specversion": "1.0", "id": id.to_string(), "source": "http://localhost:9081/",
        "type": "org.kubeflow.serving.inference.request",
        "inferenceservicename": "price-model", "namespace": "prod",
        "data": {"instances": [value]},
    })
}

fn send(connection: &mut Connection, path: &str, kind: &str, body: &Value) -> Answer {
    connection.request("POST", path, Some((kind, &body.to_string())))
}

fn time(server: &Server) -> u64 {
    server.get("/api/v1/projects/price").expect(200)["time"].as_u64().expect("a time")
}

fn count(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics").expect(200).as_str().expect("a text").to_owned();
    let found = text.lines().filter_map(|line| line.rsplit_once(' ')).find(|(sample, _)| *sample == name);
    found.and_then(|(_, n)| n.parse().ok()).unwrap_or_else(|| panic!("{name}: {text}"))
}

#[test]
fn what_was_accepted_is_fed_though_the_server_ends_at_once() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    fit_and_feed(&server, 5);
    let mut connection = server.connect();
    let batch: Vec<Value> = (0..700).map(|n| event(n, f64::from(u32::try_from(n).expect("few") % 101))).collect();
    let told = send(&mut connection, "/v1/events/price", BATCH, &batch.into()).expect(202);
    assert_eq!(told, json!({"accepted": 700, "duplicates": 0, "ignored": 0}));
    assert!(server.stop().success());
    let server = Server::start(directory.path(), &[]);
    assert_eq!(time(&server), 705);
    assert!(server.stop().success());
}

#[test]
fn a_stream_of_events_tells_a_sink_of_drift_and_counts_what_cannot_be_used() {
    let sink = Sink::start();
    let directory = tempfile::tempdir().expect("a folder");
    let arguments =
        ["--event-sink", &sink.url(), "--event-sink-allow-private", "--event-projects", "prod/price-model=price"];
    let server = Server::start(directory.path(), &arguments);
    fit_and_feed(&server, 30);
    let before = sink.posts().len();
    let mut connection = server.connect();
    for n in 0..30 {
        let told = send(&mut connection, "/", STRUCTURED, &event(n, 500.0)).expect(202);
        assert_eq!(told["accepted"], 1);
        // Delivered twice.
        let told = send(&mut connection, "/", STRUCTURED, &event(n, 500.0)).expect(202);
        assert_eq!(told["duplicates"], 1);
    }
    wait_until(&server, "the rows are fed", || time(&server) == 60);
    wait_until(&server, "the sink is told", || sink.posts().len() > before);
    let told = sink.posts().last().expect("a post").event();
    assert_eq!((&told["data"]["is_drift"], &told["data"]["project"]), (&json!(true), &json!("price")));
    let subject: usize = told["subject"].as_str().and_then(|id| id.parse().ok()).expect("the id of an event");
    assert_eq!(told["data"]["time"], subject + 31);

    let mut wrong = event(99, 0.0);
    wrong["data"] = json!({"instances": [[1, 2]]});
    send(&mut connection, "/v1/events/price", STRUCTURED, &wrong).expect(202);
    let mut answer = event(100, 0.0);
    answer["type"] = "org.kubeflow.serving.inference.response".into();
    send(&mut connection, "/", STRUCTURED, &answer).expect(202);
    wait_until(&server, "it is counted", || {
        count(&server, "drifting_events_unused_total{reason=\"invalid_data\"}") == 1
    });
    assert_eq!(count(&server, "drifting_events_total{outcome=\"accepted\"}"), 31);
    assert_eq!(count(&server, "drifting_events_total{outcome=\"duplicate\"}"), 30);
    assert_eq!(count(&server, "drifting_events_total{outcome=\"ignored\"}"), 1);
    assert_eq!((count(&server, "drifting_events_fed_total"), count(&server, "drifting_events_waiting")), (30, 0));
    assert!(server.log().contains("the rows of an event were not fed"), "{}", server.log());
    assert_eq!(time(&server), 60);
    assert!(server.stop().success());
}

#[test]
fn a_server_that_is_read_only_takes_no_events_for_what_it_may_not_move() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    fit_and_feed(&server, 5);
    assert!(server.stop().success());
    let reader = Server::start(directory.path(), &["--read-only"]);
    let refused = send(&mut reader.connect(), "/v1/events/price", STRUCTURED, &event(1, 1.0)).expect(403);
    assert_eq!(refused["code"], "read_only");
    assert_eq!(count(&reader, "drifting_events_total{outcome=\"accepted\"}"), 0);
    assert_eq!(time(&reader), 5);
    assert!(reader.stop().success());
}
