//! The folder of artifacts, as somebody sees it who looks at its files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The names in a folder.
pub fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// The checksum of some bytes, as configurations have it.
pub fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// Copies a folder with all that it holds.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder is made");
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a file is copied");
        }
    }
}

/// What is wrong with the files of the listed projects, and which temporary ones are left.
pub fn disorder<'a>(store: &Path, projects: impl Iterator<Item = &'a String>) -> Vec<String> {
    let fault = |project: &String| Some(format!("{project}: {}", fault_of_files(&store.join(project))?));
    let mut findings: Vec<String> = projects.filter_map(fault).collect();
    let temporary = names(&store.join(".tmp"));
    if temporary.iter().ne(["lock"]) {
        findings.push(format!("temporary files are left: {temporary:?}"));
    }
    findings
}

/// What stands in the store and is neither a project nor a part of the index.
pub fn leftovers(store: &Path, is_project: impl Fn(&str) -> bool) -> Vec<String> {
    let is_known = |name: &str| [".tmp", "active.db", "store.db"].contains(&name) || is_project(name);
    let unknown = names(store).into_iter().filter(|name| !is_known(name));
    unknown.map(|name| format!("the store holds {name}")).collect()
}

fn fault_of_files(folder: &Path) -> Option<String> {
    let Ok(configuration) = fs::read_to_string(folder.join("configuration.yaml")) else {
        return Some("there is no configuration".to_owned());
    };
    let value =
        |key: &str| configuration.lines().find_map(|line| line.trim_start().strip_prefix(key)).unwrap_or_default();
    let file = value("file: ");
    let mut expected = BTreeSet::from(["configuration.yaml".to_owned(), file.to_owned()]);
    let actual = names(folder);
    if actual.contains("state.safetensors") {
        expected.insert("state.safetensors".to_owned());
    }
    if actual != expected {
        return Some(format!("its folder holds {actual:?}"));
    }
    let bytes = fs::read(folder.join(file)).expect("the parameters are there");
    (value("checksum: ") != checksum(&bytes)).then(|| "the checksum of its parameters is wrong".to_owned())
}
