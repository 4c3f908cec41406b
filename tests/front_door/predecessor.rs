//! What the predecessor got wrong and no other test asks for; docs/compatibility.md names them all.

use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::server::Server;

fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| generator.random::<f64>()).collect()
}

fn small_fit(seed: u64) -> Value {
    let detector = json!({"ert": 50, "window_size": 10, "n_bootstraps": 2000});
    json!({"drift_type": "label", "data": numbers(300, seed), "detector": detector})
}

#[test]
fn predictions_and_probes_are_answered_while_a_fit_runs() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    server.post("/api/v1/projects/small/fit", &small_fit(1)).expect(201);
    // So large that it does not end while the others are answered.
    let rows: Vec<Vec<f64>> = (0..6_000).map(|row| numbers(10, row)).collect();
    let large = json!({"drift_type": "tabular", "data": rows, "detector": {"ert": 5000, "n_bootstraps": 200_000}});
    std::thread::scope(|scope| {
        let fit = scope.spawn(|| {
            let answer = server.post("/api/v1/projects/large/fit", &large);
            (answer, Instant::now())
        });
        std::thread::sleep(Duration::from_millis(300));
        let mut connection = server.connect();
        for time in 1..=20 {
            let answer = connection.post("/api/v1/projects/small/predict", &json!({"data": [0.5]})).expect(200);
            assert_eq!(answer["time"], time);
            assert_eq!(server.get("/livez").status, 200);
        }
        let answered = Instant::now();
        let (fitted, fitted_at) = fit.join().expect("the fit does not panic");
        fitted.expect(201);
        assert!(answered < fitted_at, "the predictions waited for the fit");
    });
}

#[test]
fn ports_are_opened_on_the_address_that_was_asked_for() {
    let directory = tempfile::tempdir().expect("a folder");
    let listeners = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [http, grpc] = listeners.each_ref().map(|listener| listener.local_addr().expect("an address").port());
    drop(listeners);
    let arguments = ["--host", "127.0.0.1", "--port", &http.to_string(), "--grpc-port", &grpc.to_string()];
    let server = Server::start(directory.path(), &arguments);
    assert_eq!(server.url, format!("http://127.0.0.1:{http}"));
    std::net::TcpStream::connect(("127.0.0.1", grpc)).expect("gRPC is there");
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn no_value_yet_is_null_and_says_that_it_warms_up() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    server.post("/api/v1/projects/p/fit", &small_fit(2)).expect(201);
    let first = server.post("/api/v1/projects/p/predict", &json!({"data": [0.5]})).expect(200);
    assert_eq!((&first["warm_up"], &first["statistic"]), (&json!(true), &json!(null)));
    let tenth = server.post("/api/v1/projects/p/predict", &json!({"data": numbers(9, 3)})).expect(200);
    assert_eq!(tenth["warm_up"], false);
    assert!(tenth["statistic"].is_f64() && tenth["threshold"].is_f64(), "{tenth}");
}

#[test]
fn thresholds_are_kept_over_a_restart_and_depend_on_the_seed_alone() {
    let directory = tempfile::tempdir().expect("a folder");
    let rows = json!({"data": numbers(30, 4)});
    let told = |server: &Server, project: &str| {
        server.post(&format!("/api/v1/projects/{project}/reset"), &json!({})).expect(200);
        server.post(&format!("/api/v1/projects/{project}/predict"), &rows).expect(200)["results"].clone()
    };
    let server = Server::start(directory.path(), &[]);
    server.post("/api/v1/projects/a/fit", &small_fit(5)).expect(201);
    server.post("/api/v1/projects/b/fit", &small_fit(5)).expect(201);
    let before = told(&server, "a");
    assert_eq!(before, told(&server, "b"), "the same seed and data are the same detector");
    assert!(server.stop().success());
    let server = Server::start(directory.path(), &[]);
    assert_eq!(before, told(&server, "a"));
    server.post("/api/v1/projects/a/unload", &json!({})).expect(200);
    server.post("/api/v1/projects/a/load", &json!({})).expect(200);
    assert_eq!(before, told(&server, "a"));
}
