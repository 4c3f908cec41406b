//! Clients of other projects, as they are published: programs in Python (`tests/inference_clients`) tell row by row what works.

use std::path::PathBuf;
use std::process::Command;

use crate::server::Server;

/// The environment with the packages of `tests/inference_clients/<name>.txt`.
fn environment(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let mut places = test.ancestors().map(|folder| folder.join("inference-clients").join(name));
    places.find(|place| place.join("pins").is_file()).unwrap_or_else(|| {
        panic!("the clients of `{name}` are missing: run scripts/test once, which installs them for Python 3.11")
    })
}

/// Runs a program against a server of its own; its rows are shown with `--no-capture`, and where any has failed.
fn run(name: &str, program: &str) {
    let environment = environment(name);
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let output = Command::new(environment.join("bin/python"))
        // The packages are compiled once, beside them.
        .env_remove("PYTHONDONTWRITEBYTECODE")
        .env("PYTHONPYCACHEPREFIX", environment.join("compiled"))
        .arg(format!("{}/tests/inference_clients/{program}.py", env!("CARGO_MANIFEST_DIR")))
        .arg(server.url.trim_start_matches("http://"))
        .output()
        .expect("the program runs");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} with `{name}`: a row has failed");
}

#[test]
fn tritonclient_over_http() {
    run("today", "tritonclient_http");
}

#[test]
fn mlserver() {
    run("today", "mlserver_codecs");
}

#[test]
fn the_predecessors_client_with_libraries_of_its_time() {
    run("of_its_time", "predecessor");
}

#[test]
fn the_predecessors_client_with_libraries_of_today() {
    run("today", "predecessor");
}

#[test]
fn every_row_of_the_table_is_run() {
    let root = env!("CARGO_MANIFEST_DIR");
    let document =
        std::fs::read_to_string(format!("{root}/docs/compatibility.md")).expect("the document is in the repository");
    let (_, section) = document.split_once("\n## G. ").expect("a section of clients");
    let programs: String = ["tritonclient_http", "predecessor"]
        .map(|program| std::fs::read_to_string(format!("{root}/tests/inference_clients/{program}.py")))
        .into_iter()
        .collect::<Result<_, _>>()
        .expect("the programs are in the repository");
    let calls: Vec<&str> =
        section.lines().filter_map(|line| Some(line.strip_prefix("| ")?.split_once(" | ")?.0)).skip(1).collect();
    assert!(calls.len() >= 8, "{calls:?}");
    for call in calls {
        let row = call.split_once(": ").map_or(call, |(_, row)| row);
        assert!(programs.contains(&format!("rows.row(\"{row}\")")), "no program runs `{call}`");
    }
}
