//! `config`: what the server would run with, and a file to start from.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use clap::CommandFactory;
use serde_json::{Value, json};

use super::output::{printable, table};
use super::serve::file_of;
use crate::cli::{Cli, ConfigCommand, InitArgs, ServeArgs};
use crate::config::{Config, EffectiveSetting, Source, WITHOUT_FLAG, template};

pub(super) fn run(command: &ConfigCommand, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Show(args) => show(args, json, out),
        ConfigCommand::Init(args) => init(args, json, out),
    }
}

fn show(args: &ServeArgs, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let (config, settings) = Config::explain(file_of(args), &args.settings)?;
    if json {
        let file = config.file.as_ref().map(|file| file.display().to_string());
        writeln!(out, "{}", json!({"file": file, "settings": settings}))?;
    } else {
        write!(out, "{}", overview(&settings))?;
    }
    Ok(())
}

fn overview(settings: &[EffectiveSetting]) -> String {
    let row = |setting: &EffectiveSetting| {
        // Where no host is named every one is accepted; of anything else there is none.
        let value = match &setting.value {
            Value::Null if setting.name == "allowed_hosts" => "any".to_owned(),
            value => text(value),
        };
        vec![setting.name.to_owned(), printable(&value), printable(&place(&setting.source))]
    };
    table(&["SETTING", "VALUE", "FROM"], &settings.iter().map(row).collect::<Vec<_>>())
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn place(source: &Source) -> String {
    match source {
        Source::Default => "default".to_owned(),
        Source::File(name) => format!("file {name}"),
        Source::Environment(name) => format!("environment {name}"),
        Source::Flag(name) => format!("flag {name}"),
    }
}

fn init(args: &InitArgs, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let text = template(about);
    if args.file == Path::new("-") {
        if json {
            writeln!(out, "{}", json!({"file": null, "content": text}))?;
        } else {
            write!(out, "{text}")?;
        }
        return Ok(());
    }
    let name = args.file.display();
    write_file(&args.file, &text, args.force)?;
    if json {
        writeln!(out, "{}", json!({"file": name.to_string(), "written": true}))?;
    } else {
        writeln!(out, "{name}: written; every setting is at its default")?;
    }
    Ok(())
}

fn write_file(file: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let name = file.display();
    if force {
        return fs::write(file, text).with_context(|| format!("cannot write {name}"));
    }
    match File::create_new(file) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(|| format!("cannot write {name}")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{name} is there already: give --force to replace it, another FILE, or - to print")
        }
        Err(error) => Err(error).with_context(|| format!("cannot write {name}")),
    }
}

/// What the help of `serve` says of a setting, without what the file says itself.
fn about(setting: &str) -> String {
    if setting == WITHOUT_FLAG {
        return "A key that may do everything, of at least 16 characters; better in the environment than here"
            .to_owned();
    }
    let mut command = Cli::command();
    let serve = command.find_subcommand_mut("serve").expect("there is a command `serve`");
    let flag = serve.get_arguments().find(|argument| argument.get_id() == setting);
    let help = flag.and_then(|flag| flag.get_long_help().or_else(|| flag.get_help()));
    let help = help.map(ToString::to_string).unwrap_or_default();
    let (first, rest) = help.split_once('\n').unwrap_or((&help, ""));
    let first = first.split(" [env:").next().unwrap_or_default();
    format!("{first}\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_file_is_explained() {
        let text = template(about);
        assert!(
            text.contains(
                "# Where projects are stored: a local path, `s3://bucket/prefix`, `gs://bucket/prefix` or `memory://`\n"
            ),
            "{text}"
        );
        assert!(text.contains("artifacts_path: .drifting/\n") && text.contains("database_uri:\n"), "{text}");
        assert!(!text.contains("[env:") && !text.contains("[default:"), "{text}");
        for block in text.split("\n\n").skip(1) {
            assert!(block.lines().filter(|line| line.starts_with("# ")).count() >= 2, "{block}");
        }
    }

    #[test]
    fn lists_and_missing_values_are_told() {
        assert_eq!((text(&json!(["a", "b"])), text(&json!(null))), ("a, b".to_owned(), "none".to_owned()));
        assert_eq!((text(&json!(8080)), text(&json!("x"))), ("8080".to_owned(), "x".to_owned()));
    }
}
