//! The way to a stop: the server says first that it is not ready, and answers on.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::server::Server;

fn signal(server: &Server) {
    kill_process(Pid::from_child(&server.child), Signal::TERM).expect("the signal is sent");
}

#[test]
fn a_server_that_drains_is_not_ready_and_answers_until_its_delay_is_over() {
    let directory = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(directory.path(), &["--drain-delay", "2s"]);
    let reference: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 101)).collect();
    let detector = json!({"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000});
    let body = json!({"drift_type": "label", "data": reference, "detector": detector});
    server.post("/api/v1/projects/score/fit", &body).expect(201);
    server.get("/readyz").expect(200);
    let began = Instant::now();
    signal(&server);
    while server.get("/readyz").status == 200 {
        assert!(began.elapsed() < Duration::from_secs(1), "it says that it is ready");
    }
    let mut n_answered = 0;
    while began.elapsed() < Duration::from_millis(1_500) {
        // On connections of their own: it accepts them still.
        server.post("/api/v1/projects/score/predict", &json!({"data": [0.5]})).expect(200);
        n_answered += 1;
        assert_eq!(server.get("/readyz").status, 503);
        assert_eq!(server.get("/v2/health/ready").status, 503);
        server.get("/livez").expect(200);
        std::thread::sleep(Duration::from_millis(50));
    }
    let text = body.to_string();
    let begun = server.connect().try_request_with(
        "Prefer: respond-async\r\n",
        "POST",
        "/api/v1/projects/late/fit",
        Some(("application/json", &text)),
    );
    let refused = begun.expect("the server answers").expect(503);
    assert_eq!(refused["code"], "shutting_down", "nobody could follow it to its end");
    let status = server.ended(Duration::from_secs(10)).expect("it stops");
    assert!(!server.log().contains("\"ERROR\""), "that it stops is no fault of it: {}", server.log());
    assert!(status.success() && began.elapsed() >= Duration::from_secs(2), "{status} after {:?}", began.elapsed());
    let server = Server::start(directory.path(), &[]);
    assert_eq!(server.get("/api/v1/projects/score").expect(200)["time"], n_answered, "everything was saved");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let directory = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(directory.path(), &["--drain-delay", "1h"]);
    signal(&server);
    assert!(server.ended(Duration::from_millis(300)).is_none(), "it drains");
    let began = Instant::now();
    signal(&server);
    let status = server.ended(Duration::from_secs(5)).expect("it ends");
    assert!(status.code() == Some(130) && began.elapsed() < Duration::from_secs(1), "{status}");
}
