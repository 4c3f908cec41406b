//! How much is logged, and in which form.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Targets;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines: one JSON object a line.
    Json,
}

impl LogFormat {
    /// Pretty where people read it, JSON otherwise.
    pub(super) fn of_this_terminal() -> Self {
        if std::io::stderr().is_terminal() { Self::Pretty } else { Self::Json }
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(format!("expected pretty or json, got `{text}`")),
        }
    }
}

/// Which log lines are written: a level, or directives such as `info,drifting_http=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(String);

impl LogLevel {
    /// Libraries whose everyday lines tell an operator nothing, or that write down headers, which hold secrets; a directive of their own
    /// brings them back.
    const QUIET: [(&str, LevelFilter); 7] = [
        ("opendal", LevelFilter::WARN),
        ("opendal_core", LevelFilter::ERROR),
        ("poem", LevelFilter::WARN),
        ("sea_orm", LevelFilter::WARN),
        ("sea_orm_migration", LevelFilter::WARN),
        ("sqlx", LevelFilter::WARN),
        ("h2", LevelFilter::INFO),
    ];

    /// What lines are sent with: each of theirs would make another one.
    const SENDERS: &str = "opentelemetry=off,opentelemetry_sdk=off,opentelemetry_otlp=off,opentelemetry_http=off,h2=off,hyper=off,\
                           hyper_util=off,reqwest=off,tonic=off,tower=off,rustls=off,drifting::telemetry::otlp_client=off";

    /// The filter of lines that are sent to a collector.
    pub fn filter_of_exports(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(format!("{},{}", self.directives(), Self::SENDERS))
    }

    /// The filter of the log.
    pub fn filter(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(self.directives())
    }

    /// The same where no directive asks for spans. The other one takes a lock, which all threads share, each time that a span is
    /// entered or left; this one takes none.
    pub fn filter_by_target(&self) -> Option<Targets> {
        let directives = self.directives();
        if directives.contains('[') { None } else { directives.parse().ok() }
    }

    /// Those that were given, behind those of the libraries that they would hear more of than they are to. None of these makes a library tell
    /// more than all others: the highest level of any is what each request is made ready for.
    fn directives(&self) -> String {
        let of_all = self.0.split(',').filter_map(|directive| directive.parse::<LevelFilter>().ok()).max();
        let quieter = Self::QUIET.into_iter().filter(|(_, level)| of_all.is_some_and(|of_all| *level < of_all));
        let quieter = quieter.map(|(library, level)| format!("{library}={level}"));
        quieter.chain([self.0.clone()]).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
        // To the filter any other bare word is the name of a module, and the log would stay empty.
        let is_slip = |directive: &&str| {
            directive.chars().all(char::is_alphanumeric) && !LEVELS.contains(&directive.to_ascii_lowercase().as_str())
        };
        let directives: Vec<_> = text.split(',').map(str::trim).collect();
        let level = directives.join(",");
        if directives.iter().any(is_slip) || EnvFilter::builder().parse(&level).is_err() {
            return Err(format!(
                "expected error, warn, info, debug, trace or off, or directives such as `info,drifting_http=debug`, \
                 got `{text}`"
            ));
        }
        Ok(Self(level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_by_target_is_taken_where_no_directive_asks_for_spans() {
        use tracing::Level;
        let of = |text: &str| text.parse::<LogLevel>().unwrap().filter_by_target();
        let filter = of("INFO,drifting_http=debug,drifting_grpc").unwrap();
        for (target, level, passes) in [
            ("drifting_http::front", Level::DEBUG, true),
            ("drifting_http::front", Level::TRACE, false),
            ("drifting_grpc::front", Level::TRACE, true),
            ("drifting::app", Level::INFO, true),
            ("drifting::app", Level::DEBUG, false),
            ("poem::server", Level::INFO, false),
        ] {
            assert_eq!(filter.would_enable(target, &level), passes, "{target} {level}");
        }
        assert!(!of("off").unwrap().would_enable("drifting", &Level::ERROR));
        for (target, level, passes) in
            [("drifting", Level::WARN, true), ("opendal_core", Level::WARN, false), ("h2", Level::INFO, false)]
        {
            assert_eq!(of("Warn").unwrap().would_enable(target, &level), passes, "{target} {level}");
        }
        assert!(of("info,[request]=debug").is_none());
    }

    #[test]
    fn levels_and_directives_are_checked() {
        for level in ["info", "DEBUG", "info,drifting_http=debug", "off", "warn, drifting_domain::use_cases=trace"] {
            assert!(level.parse::<LogLevel>().is_ok(), "{level}");
        }
        for level in ["verbose", "info,loud", "drifting_http=loud", "info,,debug"] {
            assert!(level.parse::<LogLevel>().is_err(), "{level}");
        }
    }
}
