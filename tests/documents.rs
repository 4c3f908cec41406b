//! What documents point to is there.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file of the repository")
}

#[test]
fn every_test_that_the_compatibility_page_names_exists() {
    let mut sources = Vec::new();
    files(root(), ".rs", &mut sources);
    let mut functions = HashSet::new();
    for source in sources {
        for line in read(&source).lines() {
            let Some((_, rest)) = line.split_once("fn ") else { continue };
            functions.extend(rest.split('(').next().map(str::to_owned));
        }
        // Tables of tests have a file of their own.
        functions.extend(source.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    let page = read(&root().join("docs/compatibility.md"));
    let names = page.split('`').skip(1).step_by(2).filter(|name| {
        name.contains('_')
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    });
    let others = [
        "missing_values",
        "n_components",
        "fitted_by",
        "warm_up",
        "is_drift",
        "cvm_online",
        "model_version",
        "is_server_live",
        "is_server_ready",
    ];
    let missing: Vec<&str> = names.filter(|name| !others.contains(name) && !functions.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/compatibility.md names tests that do not exist: {missing:?}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = Vec::new();
    files(root(), ".md", &mut documents);
    for document in documents {
        let folder = document.parent().expect("a folder");
        let text = read(&document);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            let is_elsewhere = target.is_empty() || target.contains("://");
            assert!(is_elsewhere || folder.join(target).exists(), "{}: {target}", document.display());
        }
    }
}

/// The first column of the table below a heading, without the marks of code.
fn first_column(page: &str, heading: &str) -> Vec<String> {
    let (_, section) = page.split_once(heading).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells.map(str::to_owned).collect()
}

#[test]
fn the_settings_of_the_storage_page_are_those_of_the_program() {
    let page = read(&root().join("docs/storage.md"));
    let named = first_column(&page, "## Settings");
    let shown = std::process::Command::new(env!("CARGO_BIN_EXE_drifting"))
        .args(["config", "show", "--json"])
        .env_clear()
        .current_dir(tempfile::tempdir().expect("a folder").path())
        .output()
        .expect("the program runs");
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    let settings = shown["settings"].as_array().expect("a list").iter();
    let settings: HashSet<&str> = settings.filter_map(|setting| setting["name"].as_str()).collect();
    let unknown: Vec<&String> = named.iter().filter(|name| !settings.contains(name.as_str())).collect();
    assert!(named.len() >= 9 && unknown.is_empty(), "docs/storage.md names settings that do not exist: {unknown:?}");
    let of_stores = |name: &&&str| {
        ["artifacts_", "cache_", "lease_", "state_", "scan_", "read_"].iter().any(|start| name.starts_with(start))
    };
    let unnamed: Vec<&&str> =
        settings.iter().filter(|name| of_stores(name) && !named.iter().any(|named| named == **name)).collect();
    assert!(unnamed.is_empty(), "docs/storage.md lacks settings: {unnamed:?}");
}

#[test]
fn the_costs_of_the_storage_page_are_those_of_the_adapter() {
    let rows = |text: &str| -> Vec<String> {
        let table = text.lines().map(|line| line.trim_start_matches("//! "));
        table
            .skip_while(|line| !line.starts_with("| operation | writes"))
            .take_while(|line| line.starts_with('|'))
            .map(str::to_owned)
            .collect()
    };
    let (page, adapter) = (root().join("docs/storage.md"), root().join("adapters/artifacts/src/lib.rs"));
    let expected = rows(&read(&adapter));
    assert!(expected.len() > 5, "{expected:?}");
    assert_eq!(rows(&read(&page)), expected);
}
