//! Every limit that can be set, set low: what is within it is taken, what is beyond it is told so.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{Launch, Server};

const SET: [&str; 24] = [
    "--max-uri-bytes",
    "200",
    "--max-headers",
    "20",
    "--max-header-bytes",
    "1KiB",
    "--max-json-depth",
    "5",
    "--max-columns",
    "3",
    "--max-tensors",
    "2",
    "--max-rank",
    "2",
    "--max-permutations",
    "200",
    "--max-bootstraps",
    "3000",
    "--header-timeout",
    "1s",
    "--idle-timeout",
    "2s",
    "--body-timeout",
    "1s",
];

fn table(n_columns: usize) -> Value {
    let row = |row: usize| (0..n_columns).map(|column| (row * 37 + column * 11) % 101).collect::<Vec<_>>();
    json!((0..60).map(row).collect::<Vec<_>>())
}

fn tensor(name: &str, shape: &[usize]) -> Value {
    json!({"name": name, "shape": shape, "datatype": "FP64", "data": [0.5]})
}

/// The first issue, or else the detail.
fn told(problem: &Value) -> &str {
    problem["errors"][0]["detail"].as_str().or(problem["detail"].as_str()).unwrap_or_default()
}

#[test]
fn what_requests_hold_is_held_against_what_is_set() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &SET);
    let fit = |n_columns: usize, detector: Value| json!({"drift_type": "tabular", "data": table(n_columns), "overwrite": true, "detector": detector});
    let mmd = |n: usize| json!({"kind": "mmd", "n_permutations": n});
    let online = |n: usize| json!({"kind": "cvm_online", "ert": 20, "window_sizes": [4], "n_bootstraps": n});
    let path = "/api/v1/projects/a/fit";
    for (body, limit) in [
        (fit(4, mmd(100)), "at most 3 columns, 4 came"),
        (fit(3, mmd(201)), "at most 200 permutations, as this server is set, 201 are asked for"),
        (fit(3, online(3_001)), "at most 3000 bootstraps, as this server is set, 3001 are asked for"),
        // Twenty bootstraps for each row of the expected run time, by default.
        (fit(3, json!({"kind": "mmd_online", "ert": 400, "window_size": 10})), "at most 3000 bootstraps"),
    ] {
        let problem = server.post(path, &body).expect(422);
        assert!(told(&problem).contains(limit), "{problem}");
    }
    server.post(path, &fit(3, mmd(200))).expect(201);
    server.post("/api/v1/projects/b/fit", &fit(1, online(3_000))).expect(201);

    let problem = server.post("/api/v1/projects/b/predict", &json!({"data": [[1, 2, 3, 4]]})).expect(422);
    assert!(told(&problem).contains("at most 3 columns, 4 came"), "{problem}");
    server.post("/api/v1/projects/b/predict", &json!({"data": [[1]]})).expect(200);

    let deep = json!({"data": [[1]], "id": [[[[[1]]]]]});
    for path in ["/api/v1/projects/b/predict", "/v2/models/b/infer"] {
        let problem = server.post(path, &deep).expect(400);
        assert!(problem.to_string().contains("at most 5 deep"), "{problem}");
    }
    for (inputs, limit) in [
        (json!([tensor("x", &[1]), tensor("y", &[1]), tensor("z", &[1])]), "at most 2 tensors, 3 came"),
        (json!([tensor("x", &[1, 1, 1])]), "at most 2 dimensions, 3 came"),
    ] {
        let problem = server.post("/v2/models/b/infer", &json!({"inputs": inputs})).expect(400);
        assert!(problem.to_string().contains(limit), "{problem}");
    }
    server.post("/v2/models/b/infer", &json!({"inputs": [tensor("value", &[1, 1])]})).expect(200);
}

#[test]
fn events_are_held_against_the_depth_that_is_set_however_their_data_come() {
    const STRUCTURED: &str = "application/cloudevents+json";
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &SET);
    let fit = json!({"drift_type": "tabular", "data": table(1), "detector": {"kind": "dummy"}});
    server.post("/api/v1/projects/a/fit", &fit).expect(201);
    let event = |id: &str, member: &str, data: Value| {
        let mut event = json!({"specversion": "1.0", "id": id, "source": "a", "type": "b"});
        event[member] = data;
        event
    };
    let send =
        |kind: &str, event: &Value| server.connect().request("POST", "/v1/events/a", Some((kind, &event.to_string())));
    // {"data":[[1]],"meta":[[[[1]]]]}, which is five deep, and one that is six.
    let (taken, refused) =
        ("eyJkYXRhIjpbWzFdXSwibWV0YSI6W1tbWzFdXV1dfQ==", "eyJkYXRhIjpbWzFdXSwibWV0YSI6W1tbW1sxXV1dXV19");
    let deep = json!({"data": [[1]], "meta": [[[[1]]]]});
    for (kind, event) in [
        (STRUCTURED, event("1", "data", deep.clone())),
        (STRUCTURED, event("1", "data_base64", json!(refused))),
        ("application/cloudevents-batch+json", json!([event("1", "data", json!({"data": [[1]], "meta": [[[1]]]}))])),
    ] {
        let problem = send(kind, &event).expect(400);
        assert!(told(&problem).contains("at most 5 deep"), "{problem}");
    }
    let within = json!({"data": [[1]], "meta": [[[1]]]});
    for event in [event("1", "data", within), event("2", "data_base64", json!(taken))] {
        assert_eq!(send(STRUCTURED, &event).expect(202)["accepted"], 1);
    }
}

#[test]
fn heads_are_held_against_what_is_set() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &SET);
    let status = |headers: &str, path: &str| {
        server.connect().try_request_with(headers, "GET", path, None).expect("an answer").status
    };
    let many = "X-A: 1\r\n".repeat(21);
    assert_eq!(status("", &format!("/livez?{}", "a".repeat(190))), 200);
    assert_eq!(status("", &format!("/livez?{}", "a".repeat(200))), 414);
    assert_eq!(status(&format!("X-A: {}\r\n", "a".repeat(900)), "/livez"), 200);
    assert_eq!(status(&format!("X-A: {}\r\n", "a".repeat(1_024)), "/livez"), 431);
    assert_eq!(status(&many, "/livez"), 431);
}

#[test]
fn clients_that_take_longer_than_is_set_are_closed() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &SET);
    let detector = json!({"kind": "dummy"});
    let fit = json!({"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": detector});
    server.post("/api/v1/projects/a/fit", &fit).expect(201);
    let host = server.url.strip_prefix("http://").expect("a plain address");
    let head = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n");
    let body = format!("POST /api/v1/projects/a/predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\n{{");
    for (sent, answer) in [
        // Half a head, half a body, and a whole request with nothing after it.
        (head.clone(), ""),
        (body, "HTTP/1.1 408"),
        (format!("{head}\r\n"), "HTTP/1.1 200"),
    ] {
        let mut stream = TcpStream::connect(host).expect("it listens");
        // Far more than was set: without the setting it would be 10, 30 and 75 s.
        stream.set_read_timeout(Some(Duration::from_secs(9))).expect("a socket");
        stream.write_all(sent.as_bytes()).expect("it reads");
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap_or_else(|error| panic!("{sent:?} is not closed: {error}"));
        assert!(told.starts_with(answer) && (told.is_empty() == answer.is_empty()), "{told}");
    }
}

#[test]
fn connections_leave_files_for_the_store() {
    const N_FILES: &str = "ulimit -n 120; exec \"$0\" \"$@\"";
    let directory = tempfile::tempdir().expect("a folder");
    let launch = Launch { wrapper: &["sh", "-c", N_FILES], arguments: &["--idle-timeout", "2s"], ..Launch::default() };
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let host = server.url.strip_prefix("http://").expect("a plain address");
    let idle: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(host).expect("the system takes it")).collect();
    let fit = json!({"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": {"kind": "dummy"}});
    for n in 0..3 {
        // It comes to its turn as those that say nothing make room.
        server.post(&format!("/api/v1/projects/p{n}/fit"), &fit).expect(201);
    }
    assert_eq!(server.get("/livez").status, 200);
    drop(idle);
}
