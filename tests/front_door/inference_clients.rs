//! Clients of other projects, as they are published: programs in Python (`tests/inference_clients`) tell row by row what works.

use crate::grpc;
use crate::python;

/// The protocols whose addresses a program takes.
enum Protocols {
    Http,
    HttpAndGrpc,
}

/// Runs a program against a server of its own; its rows are shown with `--no-capture`, and where any has failed.
fn run(name: &str, program: &str, protocols: &Protocols) {
    let directory = tempfile::tempdir().expect("a folder");
    let server = grpc::start(directory.path(), &["--grpc-port", "0"], 2);
    let http = server.lines[0].strip_prefix("listening on http://").expect("the address of HTTP");
    let grpc = server.lines[1].strip_prefix("gRPC on ").expect("the address of gRPC");
    let addresses: &[&str] = match protocols {
        Protocols::Http => &[http],
        Protocols::HttpAndGrpc => &[http, grpc],
    };
    let output = python::program(&format!("inference-clients/{name}"), "python")
        .arg(format!("{}/tests/inference_clients/{program}.py", env!("CARGO_MANIFEST_DIR")))
        .args(addresses)
        .output()
        .expect("the program runs");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} with `{name}`: a row has failed");
}

#[test]
fn tritonclient_over_http() {
    run("today", "tritonclient_http", &Protocols::Http);
}

#[test]
fn tritonclient_over_grpc() {
    run("today", "tritonclient_grpc", &Protocols::HttpAndGrpc);
}

#[test]
fn kserve() {
    run("kserve", "kserve_client", &Protocols::HttpAndGrpc);
}

#[test]
fn mlserver() {
    run("today", "mlserver_codecs", &Protocols::HttpAndGrpc);
}

#[test]
fn the_predecessors_client_with_libraries_of_its_time() {
    run("of_its_time", "predecessor", &Protocols::Http);
}

#[test]
fn the_predecessors_client_with_libraries_of_today() {
    run("today", "predecessor", &Protocols::Http);
}

#[test]
fn every_row_of_the_table_is_run() {
    let root = env!("CARGO_MANIFEST_DIR");
    let document =
        std::fs::read_to_string(format!("{root}/docs/compatibility.md")).expect("the document is in the repository");
    let (_, section) = document.split_once("\n## G. ").expect("a section of clients");
    let programs: String = ["tritonclient_http", "tritonclient_grpc", "kserve_client", "predecessor"]
        .map(|program| std::fs::read_to_string(format!("{root}/tests/inference_clients/{program}.py")))
        .into_iter()
        .collect::<Result<_, _>>()
        .expect("the programs are in the repository");
    let calls: Vec<&str> =
        section.lines().filter_map(|line| Some(line.strip_prefix("| ")?.split_once(" | ")?.0)).skip(1).collect();
    assert!(calls.len() >= 14, "{calls:?}");
    for call in calls {
        let row = call.split_once(": ").map_or(call, |(_, row)| row);
        assert!(programs.contains(&format!("rows.row(\"{row}\")")), "no program runs `{call}`");
    }
}
