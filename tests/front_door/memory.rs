//! More projects than may stay in memory: they leave, come back, and lose nothing.

use serde_json::{Value, json};

use crate::server::Server;

const PROJECTS: usize = 200;
const BUDGET: u64 = 1024 * 1024;
const ARGUMENTS: [&str; 4] = ["--projects-memory", "1MiB", "--state-interval", "100ms"];

fn name(index: usize) -> String {
    format!("/api/v1/projects/p{index:03}")
}

fn fit_all(server: &Server) {
    let reference: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 101)).collect();
    let detector = json!({"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000});
    let body = json!({"drift_type": "label", "data": reference, "detector": detector});
    let mut connection = server.connect();
    for index in 0..PROJECTS {
        connection.post(&format!("{}/fit", name(index)), &body).expect(201);
    }
}

/// What a measure says.
fn measured(server: &Server, measure: &str) -> u64 {
    let Value::String(told) = server.get("/metrics").expect(200) else { panic!("text") };
    let line = told.lines().find_map(|line| line.strip_prefix(measure)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("{measure}: {told}"));
    value.strip_suffix(".0").unwrap_or(value).parse().expect("a whole number")
}

#[test]
fn projects_leave_memory_and_come_back_with_all_their_rows() {
    const ROUNDS: usize = 5;
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &ARGUMENTS);
    fit_all(&server);
    // Several clients at once, each with its own projects in an order of its own.
    std::thread::scope(|scope| {
        for client in 0..4 {
            let server = &server;
            scope.spawn(move || {
                let mut connection = server.connect();
                for round in 1..=ROUNDS {
                    for step in 0..PROJECTS / 4 {
                        let index = client + 4 * ((step * [3, 7, 9, 11][client]) % (PROJECTS / 4));
                        let answer = connection.post(&format!("{}/predict", name(index)), &json!({"data": [50.0]}));
                        let time = answer.expect(200)["time"].clone();
                        assert!((1..=ROUNDS as u64).contains(&time.as_u64().expect("a time")), "round {round}: {time}");
                    }
                }
            });
        }
    });
    let (loads, evictions) =
        (measured(&server, "drifting_project_loads_total"), measured(&server, "drifting_project_evictions_total"));
    assert!(loads >= PROJECTS as u64 && evictions >= loads, "{loads} loads, {evictions} evictions");
    assert_eq!(measured(&server, "drifting_projects_memory_budget_bytes"), BUDGET);
    let n_bytes = measured(&server, "drifting_projects_memory_bytes");
    // A load that is under way does not know yet what it takes.
    assert!(n_bytes <= BUDGET + BUDGET / 4, "{n_bytes} bytes");
    let n_loaded = measured(&server, "drifting_projects_loaded");
    assert!((1..PROJECTS as u64 / 2).contains(&n_loaded), "{n_loaded} are loaded");

    let listed = server.get("/api/v1/projects?page_size=1000").expect(200);
    let projects = listed["projects"].as_array().expect("a list");
    assert_eq!(projects.len(), PROJECTS);
    for project in projects {
        assert_eq!((&project["status"], &project["rows_seen"]), (&json!("active"), &json!(ROUNDS)), "{project}");
    }
    assert!(server.stop().success());
    let server = Server::start(directory.path(), &ARGUMENTS);
    for index in [0, 77, PROJECTS - 1] {
        assert_eq!(server.get(&name(index)).expect(200)["time"], ROUNDS);
    }
}

#[test]
fn a_kill_while_projects_leave_loses_no_row_that_is_durable() {
    let directory = tempfile::tempdir().expect("a folder");
    let arguments = [&ARGUMENTS[..2], &["--state-durability", "always"]].concat();
    let mut server = Server::start(directory.path(), &arguments);
    fit_all(&server);
    for round in 1..=3 {
        {
            let mut connection = server.connect();
            for index in 0..PROJECTS {
                let answer = connection.post(&format!("{}/predict", name(index)), &json!({"data": [50.0]}));
                assert_eq!(answer.expect(200)["time"], round, "project {index}");
            }
        }
        server.kill();
        server = Server::start(directory.path(), &arguments);
    }
}
