//! What `deploy/` holds, checked by the tools that it is for and against the real server (`tests/deployment` has the checks).

use crate::python;

/// Runs the checks of a file; what they found is shown where one fails.
fn run(file: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let node = python::environment("openapi-tools").join("node/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(node).chain(std::env::split_paths(&path))).expect("a path");
    let output = python::program("deployment", "python")
        .args(["-m", "pytest", "-p", "no:cacheprovider", "--quiet", "--durations=5", "--basetemp"])
        .arg(folder.path().join("checks"))
        .arg(file)
        .env("PATH", path)
        .env("DRIFTING_PROGRAM", env!("CARGO_BIN_EXE_drifting"))
        .env("DEPLOYMENT_NODE", python::environment("deployment-node"))
        .env("PROMETHEUS_PROGRAMS", python::environment("prometheus").join("usr/bin"))
        .env("WEED", drifting_object_stores::seaweedfs_program())
        .current_dir(format!("{}/tests/deployment", env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("the program runs");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{file}: something is not as expected");
}

#[test]
fn the_image_is_pinned_and_small_and_serves() {
    run("test_image.py");
}

#[test]
fn the_compose_file_is_right_and_its_services_work_together() {
    run("test_compose.py");
}

#[test]
fn the_chart_renders_what_a_cluster_and_the_server_take() {
    run("test_chart.py");
}

#[test]
fn the_kustomize_base_is_what_the_chart_makes() {
    run("test_kustomize.py");
}

#[test]
fn the_unit_is_understood_and_leaves_little_to_the_service() {
    run("test_systemd.py");
}

#[test]
fn the_dashboards_are_right_by_the_types_of_grafana() {
    run("test_dashboards.py");
}

#[test]
fn dashboards_and_alerts_ask_for_what_a_server_tells() {
    run("test_observed.py");
}

#[test]
fn deployments_say_nothing_that_the_program_does_not_know() {
    run("test_settings.py");
}
