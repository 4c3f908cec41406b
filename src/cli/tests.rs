use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Cli {
    Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string()).unwrap()
}

fn refused(line: &str) -> clap::Error {
    Cli::try_parse_from(line.split_whitespace()).err().unwrap()
}

fn setting_flags(line: &str) -> serde_json::Value {
    let Command::Serve(serve) = parse(line).command else { panic!("expected serve") };
    serde_json::to_value(&serve.settings).unwrap()
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_and_command_has_help() {
    fn check(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            let has_help = argument.get_help().is_some_and(|help| !help.to_string().is_empty());
            assert!(has_help, "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    let mut command = Cli::command();
    command.build();
    command.get_subcommands().filter(|command| command.get_name() != "help").for_each(check);
}

#[test]
fn flags_that_are_not_given_leave_the_other_layers_alone() {
    assert_eq!(setting_flags("drifting serve"), serde_json::json!({}));
    assert_eq!(setting_flags("drifting start --port 0"), serde_json::json!({"port": "0"}));
}

#[test]
fn underscore_spellings_work() {
    let expected = serde_json::json!({"artifacts_path": "x", "database_uri": "none"});
    for line in [
        "drifting serve --artifacts-path x --database-uri none",
        "drifting serve --artifacts_path x --database_uri none",
        "drifting serve --artifact_path=x --database_uri=none",
    ] {
        assert_eq!(setting_flags(line), expected, "{line}");
    }
}

#[test]
fn every_setting_has_a_flag_and_its_variable_in_the_help() {
    let mut command = Cli::command();
    let serve = command.find_subcommand_mut("serve").unwrap();
    let help = serve.render_long_help().to_string();
    // As one line, because the help is wrapped.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let settings = crate::config::setting_names();
    for setting in &settings {
        if *setting == crate::config::WITHOUT_FLAG {
            // A key on the command line would be there for all to see.
            assert!(!help.contains("--api-key ") && help.contains("DRIFTING_API_KEY."));
            continue;
        }
        assert!(help.contains(&format!("--{}", setting.replace('_', "-"))), "{setting}");
        assert!(help.contains(&format!("[env: DRIFTING_{}]", setting.to_uppercase())), "{setting}");
        assert!(serve.get_arguments().any(|argument| argument.get_id() == setting), "{setting}");
    }
    let others: Vec<_> = serve.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    let others: Vec<_> = others.into_iter().filter(|name| !settings.contains(name)).collect();
    assert_eq!(others, ["config", "help"], "every other flag is a setting");
}

#[test]
fn authentication_is_waived_with_or_without_a_value() {
    assert_eq!(setting_flags("drifting serve --insecure-no-auth"), serde_json::json!({"insecure_no_auth": "true"}));
    let off = setting_flags("drifting serve --insecure-no-auth=false");
    assert_eq!(off, serde_json::json!({"insecure_no_auth": "false"}));
    assert_eq!(setting_flags("drifting serve --read-only --port 0")["read_only"], "true");
    assert_eq!(setting_flags("drifting serve --read_only=no")["read_only"], "no");
}

#[test]
fn numbers_that_cannot_be_read_are_told_in_a_sentence() {
    for (line, expected) in [
        ("predict p x.csv --batch 0", "'0' for '--batch <N>': expected a whole number from 1 on"),
        ("predict p x.csv --batch many", "'many' for '--batch <N>': expected a whole number from 1 on"),
        ("fit p x.csv --window-sizes 10,x", "'x' for '--window-sizes <ROWS,…>': expected whole numbers with commas"),
        ("fit p x.csv --window-size 1.5", "'1.5' for '--window-size <ROWS>': expected a whole number"),
        ("fit p x.csv --n-bootstraps=-1", "'-1' for '--n-bootstraps <N>': expected a whole number"),
        ("fit p x.csv --seed x", "'x' for '--seed <N>': expected a whole number"),
        ("fit p x.csv --sigma 1,x", "'x' for '--sigma <WIDTH,…>': expected a number above 0"),
    ] {
        let text = refused(&format!("drifting {line}")).to_string();
        assert!(text.contains(expected), "{line}: {text}");
    }
}

#[test]
fn a_key_of_no_use_is_told_in_a_sentence() {
    for (options, expected) in [
        ("--projects=", "'' for '--projects <PATTERN,…>': expected patterns of names"),
        ("--projects churn-*,", "'' for '--projects <PATTERN,…>': expected patterns of names"),
        ("--expires 2020-01-31", "'2020-01-31' for '--expires <WHEN>': expected a time to come"),
    ] {
        let text = refused(&format!("drifting keys create a {options}")).to_string();
        assert!(text.contains(expected), "{options}: {text}");
    }
}

#[test]
fn fit_takes_a_detector() {
    let line = "drifting fit p data.csv --detector mmd_online --ert 400 --window-sizes 40,80 --sigma 0.5,1 \
                --standardize false --missing-values drop --drift-type tabular --columns a,b --rows 5..10 --overwrite";
    let Command::Fit(fit) = parse(line).command else { panic!("expected fit") };
    assert_eq!(fit.project.as_str(), "p");
    assert_eq!(fit.rows.columns, ["a", "b"]);
    assert_eq!(fit.detector.window_sizes, [40, 80]);
    assert_eq!(fit.detector.sigma, [0.5, 1.0]);
    assert_eq!((fit.preprocessing.standardize, fit.overwrite), (Some(false), true));
    assert_eq!((fit.drift_type, fit.missing_values), (Some(fit::TableType::Tabular), Some(fit::MissingValues::Drop)));
}

#[test]
fn client_options_stand_anywhere() {
    for line in [
        "drifting --url http://x:1 --json projects list",
        "drifting projects --url http://x:1 list --json",
        "drifting projects list --json --url http://x:1",
    ] {
        let flags = parse(line).client;
        assert_eq!((flags.url.as_deref(), flags.json), (Some("http://x:1"), true), "{line}");
    }
    let flags = ClientFlags { url: Some(String::new()), api_key_file: None, json: false };
    assert_eq!(flags.server().unwrap().to_string(), URL_BY_DEFAULT);
}

#[test]
fn wrong_usage_exits_with_2() {
    for line in [
        "drifting fit ../x data.csv",
        "drifting fit p",
        "drifting fit p data.csv --ert 0",
        "drifting fit p data.csv --drift-type video",
        "drifting predict p data.csv --batch 0",
        "drifting predict p data.csv --rows 10..5",
        "drifting serve --prot 1",
        "drifting projects show",
    ] {
        assert_eq!(refused(line).exit_code(), 2, "{line}");
    }
    assert_eq!(refused("drifting --version").kind(), ErrorKind::DisplayVersion);
}

#[test]
fn internal_commands_are_hidden() {
    let help = Cli::command().render_long_help().to_string();
    assert!(!help.contains("verify-index") && help.contains("Examples:"), "{help}");
    assert!(matches!(parse("drifting verify-index a b").command, Command::VerifyIndex { paths } if paths.len() == 2));
}
