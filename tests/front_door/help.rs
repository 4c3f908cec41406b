//! The help texts and the completion scripts. The texts are committed in `tests/help`, one file a command, at a width of
//! 100 columns; `UPDATE_HELP=1 cargo nextest run -p drifting help` writes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::server::drifting;

fn committed() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help"))
}

fn help(command: &[String], form: &str) -> String {
    let output = drifting().args(command).arg(form).env("COLUMNS", "100").output().expect("the program runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{command:?} {form}");
    String::from_utf8(output.stdout).expect("a text")
}

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

/// Every command, however deep, with the program itself.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut next = 0;
    while let Some(command) = found.get(next).cloned() {
        found.extend(listed(&help(&command, "-h")).into_iter().map(|name| [command.clone(), vec![name]].concat()));
        next += 1;
    }
    found
}

/// Both forms, or one where they are the same.
fn page(command: &[String]) -> String {
    let line = |form| [&["drifting".to_owned()], command, &[String::from(form)]].concat().join(" ");
    let (short, long) = (help(command, "-h"), help(command, "--help"));
    if short == long {
        format!("$ {}\n{short}", line("--help"))
    } else {
        format!("$ {}\n{short}\n$ {}\n{long}", line("-h"), line("--help"))
    }
}

#[test]
fn help_is_as_committed() {
    let name = |command: &Vec<String>| [&["drifting".to_owned()], command.as_slice()].concat().join("-") + ".txt";
    let pages: BTreeMap<String, String> = commands().iter().map(|command| (name(command), page(command))).collect();
    assert!(pages.len() >= 18, "every command is found: {:?}", pages.keys());
    if std::env::var_os("UPDATE_HELP").is_some() {
        fs::remove_dir_all(committed()).ok();
        fs::create_dir_all(committed()).expect("a folder is made");
        for (name, page) in &pages {
            fs::write(committed().join(name), page).expect("a page is written");
        }
    }
    let entries = fs::read_dir(committed()).expect("the pages are committed");
    let known: BTreeMap<String, String> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("a page is read"))
        })
        .collect();
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&pages), names(&known), "UPDATE_HELP=1 cargo nextest run -p drifting help");
    for (name, page) in &pages {
        assert_eq!(page, &known[name], "{name}: UPDATE_HELP=1 cargo nextest run -p drifting help");
    }
}

#[test]
fn completions_name_every_command_in_every_shell() {
    let commands = commands();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = drifting().args(["completions", shell]).output().expect("the program runs");
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).expect("a text");
        for name in commands.iter().flatten() {
            assert!(script.contains(name.as_str()), "{name} in {shell}");
        }
        assert!(script.contains("--artifacts-path") || script.contains("artifacts-path"), "{shell}");
        let json = drifting().args(["completions", shell, "--json"]).output().expect("the program runs").stdout;
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!((json["shell"].as_str(), json["script"].as_str()), (Some(shell), Some(script.as_str())));
    }
}
