//! Requests that schemathesis makes from the OpenAPI documents, valid and not, and what it asks of the answers
//! (`tests/schemathesis` has its settings).

use serde_json::{Value, json};

use crate::python;
use crate::server::{Launch, Server};

/// Requests for an operation in each way of making them; `SCHEMATHESIS=full` makes many more.
const N_EXAMPLES: [(&str, &str); 2] = [("short", "25"), ("full", "10000")];

/// The seed of all that is drawn; `SCHEMATHESIS_SEED` draws others.
const SEED: &str = "20260";

/// The server asks for it, so that requests without it are tried too.
const KEY: &str = "the key of whoever tries";

/// Fits what the requests in `tests/schemathesis/hooks.py` suit.
fn fit_projects(server: &Server) {
    let quick = json!({"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000});
    let values: Vec<f64> = (0..60).map(|n| f64::from(n * 37 % 101) / 101.0).collect();
    let classes: Vec<&str> = (0..60).map(|n| if n % 3 == 0 { "yes" } else { "no" }).collect();
    let days: Vec<&str> = ["mon", "tue", "wed", "thu", "fri"].into_iter().cycle().take(60).collect();
    let texts: Vec<String> = (0..60).map(|n| format!("the price of lot {n} is {}", n * 37 % 101)).collect();
    let label = |data: Value| json!({"drift_type": "label", "data": data, "detector": quick});
    let table = json!({
        "drift_type": "tabular",
        "data": {"nswprice": values, "day": days},
        "detector": {"kind": "mmd_online", "ert": 20, "window_size": 4, "n_bootstraps": 2_000},
    });
    let text = json!({"drift_type": "text", "data": texts, "detector": {"kind": "mmd", "n_permutations": 100}});
    for (project, body) in [
        ("price", table),
        ("values", label(json!(values))),
        ("classes", label(json!(classes))),
        ("texts", text),
        ("spare-1", label(json!(values))),
        ("spare-2", label(json!(values))),
    ] {
        let (path, body) = (format!("/api/v1/projects/{project}/fit"), body.to_string());
        let key = format!("X-API-Key: {KEY}\r\n");
        let answer = server.connect().try_request_with(&key, "POST", &path, Some(("application/json", &body)));
        answer.expect("the server answers").expect(201);
    }
}

/// Runs it on a document, against a server of its own; its report is shown where anything was found.
fn run(document: &str) {
    let directory = tempfile::tempdir().expect("a folder");
    // Requests without the key, or with another one, come by the hundred.
    let arguments = ["--grpc-port", "none", "--rate-limit", "1000000/s"];
    let launch = Launch { arguments: &arguments, environment: &[("DRIFTING_API_KEY", KEY)], ..Launch::default() };
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    fit_projects(&server);
    let root = env!("CARGO_MANIFEST_DIR");
    let form = std::env::var("SCHEMATHESIS").unwrap_or_default();
    let (_, n_examples) = N_EXAMPLES.iter().find(|(name, _)| *name == form).unwrap_or(&N_EXAMPLES[0]);
    let output = python::program("schemathesis", "schemathesis")
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("{}{document}", server.url))
        .args(["--url", &server.url, "--max-examples", n_examples])
        .args(["--seed", &std::env::var("SCHEMATHESIS_SEED").unwrap_or_else(|_| SEED.to_owned())])
        .env("KEY", KEY)
        .env("DRIFTING_TEST_FILES", format!("{root}/adapters/formats/testdata"))
        // Whatever it keeps between runs is gone with the folder.
        .env("HYPOTHESIS_STORAGE_DIRECTORY", directory.path().join("hypothesis"))
        .current_dir(format!("{root}/tests/schemathesis"))
        .output()
        .expect("the program runs");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{document}: an answer is none that the document promises");
    let log = server.log();
    let failures: Vec<&str> = log.lines().filter(|line| line.contains("\"level\":\"ERROR\"")).collect();
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn the_native_api_answers_as_its_document_says() {
    run("/openapi.json");
}

#[test]
fn the_inference_protocol_answers_as_its_document_says() {
    run("/v2/docs/dataplane.json");
}
