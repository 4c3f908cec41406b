//! Our own client in Python (`clients/python`): its style, its types, and its tests, which start this program themselves.

use std::process::Command;

use crate::python;

/// The environment of `scripts/test` beside the libraries whose data the client takes.
const BESIDE_LIBRARIES: &str = "python-client";

/// That with nothing but what it requires.
const ALONE: &str = "python-client-alone";

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python");

/// Runs a program in the folder of the client; what it says is shown with `--no-capture`, and where it fails.
fn run(command: &mut Command, arguments: &[&str]) {
    let output = command
        .args(arguments)
        .env("DRIFTING_PROGRAM", env!("CARGO_BIN_EXE_drifting"))
        .env_remove("DRIFTING_API_KEY")
        .env_remove("DRIFTING_URL")
        .current_dir(FOLDER)
        .output()
        .expect("the program runs");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: something is not as expected");
}

/// A folder beside the packages, so that nothing is left in that of the client.
fn cache(name: &str) -> String {
    python::environment(BESIDE_LIBRARIES).join(name).display().to_string()
}

#[test]
fn its_style_and_types() {
    let ruff = || python::program(BESIDE_LIBRARIES, "ruff");
    run(&mut ruff(), &["format", "--check", "--cache-dir", &cache("ruff"), "."]);
    run(&mut ruff(), &["check", "--cache-dir", &cache("ruff"), "."]);
    run(&mut python::program(BESIDE_LIBRARIES, "mypy"), &["--cache-dir", &cache("mypy")]);
}

#[test]
fn its_tests() {
    run(&mut python::program(BESIDE_LIBRARIES, "python"), &["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
}

#[test]
fn nothing_but_what_it_requires_is_needed() {
    let mut python = python::program(ALONE, "python");
    run(python.env("PYTHONPATH", format!("{FOLDER}/src")), &["-W", "error", "tests/bare.py"]);
}
