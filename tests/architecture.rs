//! The arrows of the house: who may depend on whom. Reads every Cargo.toml through `cargo metadata`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// What the domain may import: computation and vocabulary, nothing that does I/O or runs tasks.
const DOMAIN_IMPORTS: [&str; 13] = [
    "async-lock",
    "async-trait",
    "chrono",
    "futures-channel",
    "futures-util",
    "multiversion",
    "ndarray",
    "rand",
    "serde",
    "smartcore",
    "statrs",
    "thiserror",
    "tracing",
];

/// Crates that stand for one technology, and the only crates of this project that may import them.
const TECHNOLOGIES: &[(&str, &[&str])] = &[
    ("poem", &["drifting-http"]),
    ("poem-openapi", &["drifting-http"]),
    ("maud", &["drifting-dashboard"]),
    ("plotters", &["drifting-dashboard"]),
    ("tonic", &["drifting-grpc"]),
    ("prost", &["drifting-grpc"]),
    ("parquet", &["drifting-formats"]),
    ("arrow-array", &["drifting-formats"]),
    ("arrow-ipc", &["drifting-formats"]),
    ("image", &["drifting-images"]),
    ("fast_image_resize", &["drifting-encoders"]),
    ("tokenizers", &["drifting-encoders"]),
    ("tract-onnx", &["drifting-encoders"]),
    ("opendal", &["drifting-artifacts"]),
    ("reqsign-core", &["drifting-artifacts"]),
    ("reqsign-google", &["drifting-artifacts"]),
    ("safetensors", &["drifting-artifacts"]),
    ("persy", &["drifting-index"]),
    ("sea-orm", &["drifting-metrics"]),
    ("sea-orm-migration", &["drifting-migrations", "drifting-metrics"]),
    ("jsonwebtoken", &["drifting-access", "drifting-fuzzing"]),
    ("governor", &["drifting-access"]),
    ("figment", &["drifting"]),
    ("clap", &["drifting"]),
    ("prometheus-client", &["drifting"]),
    ("opentelemetry", &["drifting"]),
    ("opentelemetry_sdk", &["drifting"]),
    ("opentelemetry-otlp", &["drifting"]),
    // The one TLS client of the process; opendal takes it for the calls to object stores.
    ("reqwest", &["drifting", "drifting-access", "drifting-artifacts", "drifting-sinks"]),
];

/// The arrows between the crates of this project, without those of the root package, which may know every crate.
const ARROWS: &[(&str, &str)] = &[
    ("drifting-grpc", "drifting-access"),
    ("drifting-grpc", "drifting-domain"),
    ("drifting-grpc", "drifting-inference"),
    ("drifting-grpc", "drifting-listening"),
    ("drifting-http", "drifting-access"),
    ("drifting-dashboard", "drifting-domain"),
    ("drifting-http", "drifting-dashboard"),
    ("drifting-http", "drifting-domain"),
    ("drifting-http", "drifting-formats"),
    ("drifting-http", "drifting-inference"),
    ("drifting-http", "drifting-listening"),
    ("drifting-formats", "drifting-domain"),
    ("drifting-encoders", "drifting-domain"),
    ("drifting-images", "drifting-domain"),
    ("drifting-inference", "drifting-domain"),
    ("drifting-listening", "drifting-domain"),
    ("drifting-artifacts", "drifting-domain"),
    ("drifting-index", "drifting-domain"),
    ("drifting-metrics", "drifting-domain"),
    ("drifting-metrics", "drifting-migrations"),
    ("drifting-memory", "drifting-domain"),
    ("drifting-sinks", "drifting-domain"),
    ("drifting-local-postgres", "drifting-domain"),
    ("drifting-fuzzing", "drifting-access"),
    ("drifting-fuzzing", "drifting-artifacts"),
    ("drifting-fuzzing", "drifting-domain"),
    ("drifting-fuzzing", "drifting-formats"),
    ("drifting-fuzzing", "drifting-grpc"),
    ("drifting-fuzzing", "drifting-http"),
    ("drifting-fuzzing", "drifting-images"),
    ("drifting-fuzzing", "drifting-inference"),
    ("drifting-fuzzing", "drifting-memory"),
    ("drifting-object-stores", "drifting-free-ports"),
    ("drifting-postgres-servers", "drifting-free-ports"),
];

/// The arrows that tests alone may take beside those.
const TEST_ARROWS: &[(&str, &str)] = &[
    ("drifting-artifacts", "drifting-object-stores"),
    ("drifting-domain", "drifting-memory"),
    ("drifting-encoders", "drifting-memory"),
    ("drifting-grpc", "drifting-memory"),
    ("drifting-http", "drifting-images"),
    ("drifting-http", "drifting-memory"),
    ("drifting-inference", "drifting-memory"),
    ("drifting-metrics", "drifting-local-postgres"),
];

struct Package {
    name: String,
    /// Name and whether it is a dependency of tests alone.
    imports: Vec<(String, bool)>,
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let imports = |package: &Value| {
        let dependencies = package["dependencies"].as_array().expect("a list");
        dependencies.iter().map(|import| (text(&import["name"]), import["kind"] == "dev")).collect()
    };
    let packages = metadata["packages"].as_array().expect("a list");
    packages.iter().map(|package| Package { name: text(&package["name"]), imports: imports(package) }).collect()
}

#[test]
fn the_domain_imports_computation_and_vocabulary_alone() {
    let packages = packages();
    let domain = packages.iter().find(|package| package.name == "drifting-domain").expect("the domain");
    let foreign: Vec<&str> = domain
        .imports
        .iter()
        .filter(|(name, is_test)| !is_test && !DOMAIN_IMPORTS.contains(&name.as_str()))
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(foreign.is_empty(), "the domain may not import {foreign:?}");
}

#[test]
fn each_technology_stands_behind_one_adapter() {
    for package in packages() {
        for (name, is_test) in &package.imports {
            let home = TECHNOLOGIES.iter().find(|(technology, _)| technology == name).map(|(_, home)| *home);
            let is_home = home.is_none_or(|home| home.contains(&package.name.as_str()));
            assert!(*is_test || is_home, "{} may not import {name}: it belongs to {home:?}", package.name);
        }
    }
}

#[test]
fn crates_depend_on_each_other_along_the_arrows_alone() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    assert!(ours.len() >= 10, "all crates are seen: {ours:?}");
    for package in packages.iter().filter(|package| package.name != "drifting") {
        for (name, is_test) in package.imports.iter().filter(|(name, _)| ours.contains(name.as_str())) {
            // A crate may know itself under another feature in its tests.
            let arrow = (package.name.as_str(), name.as_str());
            let is_allowed = ARROWS.contains(&arrow) || (*is_test && TEST_ARROWS.contains(&arrow));
            assert!(is_allowed, "{} may not depend on {name}", package.name);
        }
    }
}

#[test]
fn nothing_but_tests_starts_object_stores_and_postgres_servers() {
    for package in packages() {
        for servers in ["drifting-object-stores", "drifting-postgres-servers"] {
            let mut imports = package.imports.iter().filter(|(name, _)| name == servers);
            assert!(imports.all(|(_, is_test)| *is_test), "{} may have {servers} in its tests alone", package.name);
        }
    }
}
