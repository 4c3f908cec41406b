//! What the server says when it refuses (RFC 9457).

use std::fmt;

use serde::Deserialize;

use crate::commands::output::printable;

/// A refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    detail: Option<String>,
    title: Option<String>,
    errors: Option<Vec<Issue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Issue {
    pointer: Option<String>,
    detail: Option<String>,
}

impl Problem {
    pub(super) fn says_something(&self) -> bool {
        self.detail.is_some() || self.title.is_some()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = self.detail.as_deref().or(self.title.as_deref()).unwrap_or("refused");
        f.write_str(&printable(sentence))?;
        for issue in self.errors.iter().flatten() {
            let pointer = issue.pointer.as_deref().filter(|pointer| !pointer.is_empty()).unwrap_or("/");
            write!(
                f,
                "\n  {}: {}",
                printable(pointer),
                printable(issue.detail.as_deref().unwrap_or("cannot be used"))
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
