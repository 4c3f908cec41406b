//! `config show` and `config init`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::server::drifting;

fn config(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = drifting();
    command.arg("config").args(arguments).current_dir(directory);
    command
}

fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("a text")
}

fn settings(mut command: Command) -> Value {
    serde_json::from_str(&stdout(command.output().expect("it runs"))).expect("JSON")
}

#[test]
fn what_init_writes_is_what_holds_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let values = |shown: &Value| -> Vec<(String, Value)> {
        let settings = shown["settings"].as_array().expect("a list").iter();
        settings.map(|setting| (setting["name"].to_string(), setting["value"].clone())).collect()
    };
    let before = settings(config(folder.path(), &["show", "--json"]));
    assert_eq!(before["file"], Value::Null);
    let said = stdout(config(folder.path(), &["init"]).output().expect("it runs"));
    assert!(said.starts_with("drifting.yaml: written"), "{said}");
    let after = settings(config(folder.path(), &["show", "--json"]));
    assert_eq!((&after["file"], values(&after)), (&json!("drifting.yaml"), values(&before)));
    let port = after["settings"].as_array().expect("a list").iter().find(|setting| setting["name"] == "port");
    assert_eq!(port.expect("a port")["source"], json!({"kind": "file", "name": "drifting.yaml"}));
    let printed = stdout(config(folder.path(), &["init", "-"]).output().expect("it runs"));
    assert_eq!(printed, fs::read_to_string(folder.path().join("drifting.yaml")).expect("it was written"));
}

#[test]
fn init_replaces_nothing_unless_told_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.yaml");
    fs::write(&file, "port: 1\n").expect("a file is written");
    let refused = config(folder.path(), &["init", "mine.yaml"]).output().expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "port: 1\n");
    let written = settings(config(folder.path(), &["init", "mine.yaml", "--force", "--json"]));
    assert_eq!(written, json!({"file": "mine.yaml", "written": true}));
    assert!(fs::read_to_string(&file).expect("it is there").contains("\nport: 8080\n"));
}

#[test]
fn show_tells_every_source_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("drifting.yaml"), "host: 127.0.0.2\nport: 1001\n").expect("a file is written");
    for form in [&["show", "--log-level", "debug"][..], &["show", "--log-level", "debug", "--json"]] {
        let mut command = config(folder.path(), form);
        command.env("DRIFTING_PORT", "1002");
        command.env("DRIFTING_DATABASE_URI", "postgres://drifting:geheim@db/metrics?sslpassword=geheim");
        let text = stdout(command.output().expect("it runs"));
        assert!(!text.contains("geheim") && text.contains("drifting:***@db/metrics"), "{text}");
        let parts = ["127.0.0.2", "drifting.yaml", "1002", "DRIFTING_PORT", "debug", "--log-level", "default"];
        for part in parts {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
