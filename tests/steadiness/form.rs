//! The short form and the full one, and what they print.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crate::server::{Launch, Server};

/// How much is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Enough to see that everything is answered.
    Short,
    /// What `docs/reliability.md` reports.
    Full,
}

impl Form {
    /// That of `STEADINESS`.
    pub fn of_environment() -> Self {
        match std::env::var("STEADINESS").as_deref() {
            Err(_) | Ok("" | "short") => Self::Short,
            Ok("full") => Self::Full,
            Ok(other) => panic!("STEADINESS: expected `full` or `short`, `{other}` came"),
        }
    }

    /// One value or the other.
    pub fn choose<T>(self, short: T, full: T) -> T {
        if self == Self::Short { short } else { full }
    }

    /// Starts a server on a store in `directory`; in the full form on the first processor alone.
    pub fn start(self, directory: &Path, arguments: &[&str]) -> Server {
        let wrapper: &[&str] = self.choose(&[], &["taskset", "--cpu-list", "0"]);
        let arguments = [&["--grpc-port", "none", "--log-level", "warn"], arguments].concat();
        let launch = Launch { arguments: &arguments, wrapper, ..Launch::default() };
        Server::launch(directory, &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"))
    }

    /// Holds a figure against its limit, in the full form alone: the short one shares its machine with others.
    pub fn limit(self, holds: bool, what: &str) -> Option<String> {
        (self == Self::Full && !holds).then(|| what.to_owned())
    }
}

/// Prints a row of a table, also into the file `STEADINESS_REPORT`.
pub fn row(text: &str) {
    println!("{text}");
    if let Some(path) = std::env::var_os("STEADINESS_REPORT") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the report opens");
        writeln!(file, "{text}").expect("the report is written");
    }
}

/// Fails with what is beyond its limit.
pub fn conclude(findings: impl IntoIterator<Item = Option<String>>) {
    let findings: Vec<String> = findings.into_iter().flatten().collect();
    assert!(findings.is_empty(), "beyond the limits: {findings:?}");
}

/// What a share of times does not exceed; nothing where there are none.
pub fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of the times")]
    let place = (times.len() as f64 * share) as usize;
    times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// In milliseconds, to a tenth.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
