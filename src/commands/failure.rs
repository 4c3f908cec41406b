//! Failures: what is told on standard error, and the exit code.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde_json::{Map, Value, json};

use crate::client::Problem;
use crate::config::ConfigError;

pub(super) const FAILED: u8 = 1;
pub(super) const USAGE: u8 = 2;
/// What a shell shows for an interrupted program: 128 + SIGINT.
pub(super) const INTERRUPTED: u8 = 130;
/// What a shell shows for a program whose reader went away: 128 + SIGPIPE.
pub(super) const OUTPUT_CLOSED: u8 = 141;

/// A command line that says something impossible.
#[derive(Debug)]
pub(super) struct Usage(pub(super) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A command that was interrupted and has tidied up, and what it says of that.
#[derive(Debug)]
pub(super) struct Interrupted(pub(super) String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Tells of a failure: a sentence, or one JSON document.
pub(super) fn tell(error: &anyhow::Error, json: bool) -> ExitCode {
    let code = exit_code(error);
    if code != OUTPUT_CLOSED {
        say(&if json { document(error, code).to_string() } else { format!("error: {error:#}") });
    }
    code.into()
}

/// Tells of a command line that cannot be understood, or gives the help that it asks for.
pub fn refuse(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(USAGE);
    let asks_for_json =
        std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if asks_for_json && error.use_stderr() {
        say(&failed(&sentence(error), "usage", code).to_string());
    } else {
        // Whoever asked no longer listens.
        let _ = error.print();
    }
    code.into()
}

/// What clap says of an error before it shows the usage.
fn sentence(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "expected a command; --help lists them".to_owned();
    }
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    let words: Vec<_> = text.strip_prefix("error: ").unwrap_or(text).split_whitespace().collect();
    words.join(" ")
}

/// The server's own problem document where the server refused, one of the same form otherwise.
fn document(error: &anyhow::Error, code: u8) -> Value {
    let text = format!("{error:#}");
    let Some(problem) = error.downcast_ref::<Problem>() else {
        return failed(&text, if code == USAGE { "usage" } else { "failed" }, code);
    };
    let mut document: Map<String, Value> = problem.document();
    // What the command adds, such as how far it came.
    let added = text.strip_suffix(&problem.to_string()).unwrap_or_default();
    let detail = document.get("detail").and_then(Value::as_str).unwrap_or_default();
    document.insert("detail".to_owned(), format!("{added}{detail}").into());
    document.insert("exit_code".to_owned(), code.into());
    Value::Object(document)
}

fn failed(detail: &str, what: &str, code: u8) -> Value {
    let title = if code == USAGE { "Wrong usage" } else { "The command failed" };
    json!({"code": what, "title": title, "detail": detail, "exit_code": code})
}

/// On standard error, if anybody listens.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() || error.downcast_ref::<ConfigError>().is_some_and(ConfigError::is_usage) {
        USAGE
    } else if error.is::<Interrupted>() {
        INTERRUPTED
    } else if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        OUTPUT_CLOSED
    } else {
        FAILED
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn exit_codes_tell_usage_from_failure() {
        assert_eq!(exit_code(&Usage("x".to_owned()).into()), USAGE);
        assert_eq!(exit_code(&anyhow::Error::new(Usage("x".to_owned())).context("while y")), USAGE);
        assert_eq!(exit_code(&anyhow::anyhow!("x")), FAILED);
        assert_eq!(exit_code(&Interrupted("x".to_owned()).into()), INTERRUPTED);
        assert_eq!(exit_code(&io::Error::from(io::ErrorKind::BrokenPipe).into()), OUTPUT_CLOSED);
    }

    #[test]
    fn a_refusal_of_the_server_is_its_document_with_what_the_command_adds() {
        let problem =
            br#"{"status": 409, "code": "project_exists", "title": "x", "detail": "there is one", "errors": []}"#;
        let problem = Problem::read(problem).unwrap();
        let error = anyhow::Error::new(problem).context("stopped after feeding 5 rows");
        assert_eq!(
            document(&error, FAILED),
            json!({"status": 409, "code": "project_exists", "title": "x", "errors": [], "exit_code": 1,
                "detail": "stopped after feeding 5 rows: there is one"})
        );
    }

    #[test]
    fn what_clap_refuses_is_one_sentence() {
        let error = Cli::try_parse_from(["drifting", "sevre"]).err().unwrap();
        let sentence = sentence(&error);
        assert!(
            sentence.starts_with("unrecognized subcommand 'sevre' tip: ") && sentence.contains("'serve'"),
            "{sentence}"
        );
        let error = Cli::try_parse_from(["drifting"]).err().unwrap();
        assert_eq!(super::sentence(&error), "expected a command; --help lists them");
    }
}
