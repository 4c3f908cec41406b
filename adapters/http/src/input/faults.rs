//! What is wrong with a body. Parsing goes on after a fault, so that all are told at once and that a body which is not
//! JSON is told as such first.

use drifting_inference::ReadLimits;
use serde::de::Error;

use super::budget::{Budget, Spent};
use super::context::CONTEXT;
use super::image::Arrays;
use super::truth::TRUTH;
use crate::error::{Code, Failure, Issue};

/// Faults found so far, and the memory that is left for going on. A body may have a fault in every value, so those that
/// are not told are not put into words.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    malformed: Vec<Issue>,
    settings: Vec<Issue>,
    data: Vec<Issue>,
    /// Where the parser stood when it gave up.
    stopped_at: Option<String>,
    budget: Budget,
}

impl Faults {
    const MAX: usize = 20;

    /// No faults of a body whose values have this budget.
    pub(crate) fn within(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Takes memory from the budget; without any left the parser gives up.
    pub(super) fn take<E: Error>(&mut self, take: impl FnOnce(&mut Budget) -> Result<(), Spent>) -> Result<(), E> {
        take(&mut self.budget).map_err(|_| E::custom("too large"))
    }

    /// What arrays are.
    pub(super) fn arrays(&self) -> Arrays {
        self.budget.arrays()
    }

    /// A member that stands twice.
    pub(crate) fn duplicate(&mut self, pointer: impl FnOnce() -> String) {
        push(&mut self.malformed, pointer, || "expected each name once in an object, this one came twice".to_owned());
    }

    /// A setting that cannot be used.
    pub(crate) fn setting(&mut self, pointer: impl FnOnce() -> String, detail: impl FnOnce() -> String) {
        push(&mut self.settings, pointer, detail);
    }

    /// Whether a setting has a fault already.
    pub(crate) fn has_setting(&self, pointer: &str) -> bool {
        self.settings.iter().any(|issue| issue.pointer == pointer)
    }

    /// Data that cannot be used.
    pub(crate) fn data(&mut self, pointer: impl FnOnce() -> String, detail: impl FnOnce() -> String) {
        push(&mut self.data, pointer, detail);
    }

    /// Reads a member whose places are told as `/data/…` though it is called otherwise.
    pub(super) fn renamed<T>(&mut self, base: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let (n_data, n_malformed, has_stopped) = (self.data.len(), self.malformed.len(), self.stopped_at.is_some());
        let result = read(self);
        let rename = |pointer: &mut String| {
            if let Some(rest) = pointer.strip_prefix("/data") {
                *pointer = format!("{base}{rest}");
            }
        };
        self.data[n_data..].iter_mut().for_each(|issue| rename(&mut issue.pointer));
        self.malformed[n_malformed..].iter_mut().for_each(|issue| rename(&mut issue.pointer));
        if let Some(stopped_at) = &mut self.stopped_at
            && !has_stopped
        {
            rename(stopped_at);
        }
        result
    }

    /// Keeps the innermost place at which the parser gave up.
    pub(crate) fn stop_at(&mut self, pointer: impl FnOnce() -> String) {
        if self.stopped_at.is_none() {
            self.stopped_at = Some(pointer());
        }
    }

    /// The failure that these faults are, if there are any.
    pub(crate) fn into_failure(self) -> Option<Failure> {
        if !self.malformed.is_empty() {
            return Some(Failure::at(Code::Malformed, self.malformed));
        }
        let mut issues = self.settings;
        let code = if issues.is_empty() { Code::InvalidData } else { Code::InvalidSettings };
        issues.extend(self.data);
        issues.truncate(Self::MAX);
        (!issues.is_empty()).then(|| Failure::at(code, issues))
    }

    /// The failure of a body at which the parser gave up.
    pub(crate) fn into_stopped(self, error: &serde_json::Error, body: &[u8]) -> Failure {
        self.into_stopped_in(error, body, "JSON", 0)
    }

    /// The failure of a part of a body, with so many lines before it, at which the parser gave up.
    pub(crate) fn into_stopped_in(
        self,
        error: &serde_json::Error,
        part: &[u8],
        format: &str,
        lines_before: usize,
    ) -> Failure {
        if let Some(refusal) = self.budget.refusal() {
            return refusal;
        }
        let text = error.to_string();
        let line = error.line() + lines_before;
        if error.is_data() {
            return self.into_failure().unwrap_or_else(|| Failure::new(Code::Malformed, text));
        }
        // A number outside the range of a double is well-formed JSON.
        if text.starts_with("number out of range")
            && let Some(pointer) = self.stopped_at
        {
            let is_data = ["/data", CONTEXT, TRUTH].iter().any(|base| pointer.starts_with(base));
            let code = if is_data { Code::InvalidData } else { Code::InvalidSettings };
            let detail =
                format!("expected a number within the range of a double (line {line}, column {})", error.column());
            return Failure::at(code, vec![Issue { pointer, detail }]);
        }
        if text.starts_with("recursion limit exceeded") {
            let detail = format!(
                "expected arrays and objects at most {} deep within one another, deeper ones came (line {line}, column {})",
                ReadLimits::JSON_DEPTH_MAX,
                error.column()
            );
            return Failure::new(Code::Malformed, detail);
        }
        let detail = match not_a_number(error, part) {
            Some((name, column)) => {
                format!("JSON has no {name}; send null for a missing value (line {line}, column {column})")
            }
            // The parser counts the lines of its part.
            None => match text.rsplit_once(" at line ") {
                Some((what, _)) => format!("{what} at line {line} column {}", error.column()),
                None => text,
            },
        };
        Failure::new(Code::Malformed, format!("the body is not {format}: {detail}"))
    }
}

/// The name of what is no JSON number, and its column, if that is where the parser gave up: Python's `json.dumps`
/// writes such names unless told otherwise.
fn not_a_number(error: &serde_json::Error, body: &[u8]) -> Option<(&'static str, usize)> {
    const NAMES: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
    let text = error.to_string();
    // Elsewhere a value was not expected, whatever it was.
    if !["expected value", "invalid number"].iter().any(|expected| text.starts_with(expected)) {
        return None;
    }
    let line = body.split(|byte| *byte == b'\n').nth(error.line().checked_sub(1)?)?;
    // The parser stands on the first byte that it could not use: that of the name, or the one after its sign.
    let stopped = error.column().checked_sub(1)?;
    let signed = stopped.checked_sub(1).filter(|before| line.get(*before) == Some(&b'-'));
    let start = signed.unwrap_or(stopped);
    let rest = line.get(start..)?;
    let word = rest.split(|byte| !byte.is_ascii_alphabetic() && *byte != b'-').next()?;
    let name = NAMES.into_iter().find(|name| name.as_bytes() == word)?;
    Some((name, start + 1))
}

fn push(issues: &mut Vec<Issue>, pointer: impl FnOnce() -> String, detail: impl FnOnce() -> String) {
    if issues.len() < Faults::MAX {
        issues.push(Issue { pointer: pointer(), detail: detail() });
    }
}
