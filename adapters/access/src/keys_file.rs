//! The file of keys: a YAML list, one entry a key, in which a digest stands for the key itself.
//!
//! ```yaml
//! - name: nightly-scoring
//!   hash: sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
//!   scopes: [read, predict]
//!   projects: [churn-*]                # left out: all
//!   expires_at: 2027-01-31T00:00:00Z   # left out: never
//!   rate_limit: 100/s                  # left out: that of the server
//! ```
//!
//! Nothing that is said of a file that cannot be used repeats what stands in it, because a key may stand there by mistake.

use std::collections::HashSet;
use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use thiserror::Error;

use crate::{KeyDigest, ProjectPatterns, RateLimit, Scope, Scopes};

const NAME_LENGTH_MAX: usize = 64;

/// A key as it stands in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyEntry {
    /// Whose it is; several may have one name.
    pub name: String,
    /// What the key is known by.
    pub digest: KeyDigest,
    /// What it is good for.
    pub scopes: Scopes,
    /// Patterns of the projects that it is for; all where there is no list.
    pub projects: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
}

impl KeyEntry {
    /// The projects that it is for.
    pub(crate) fn patterns(&self) -> ProjectPatterns {
        self.projects.as_ref().map_or(ProjectPatterns::ALL, ProjectPatterns::of)
    }
}

/// Why a file of keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeysFileError {
    /// It is no list of entries.
    #[error(
        "expected a list of keys, each with `name`, `hash` and `scopes` and, if wanted, `projects`, `created_at`, `expires_at` and `rate_limit`; line {line} is something else"
    )]
    Form {
        /// The line, from 1.
        line: usize,
    },
    /// An entry has a value that it cannot have.
    #[error("key {number}: `{member}`: {reason}")]
    Value {
        /// Its place in the list, from 1.
        number: usize,
        /// What is wrong with it.
        member: &'static str,
        /// What was expected.
        reason: String,
    },
    /// A key cannot be added to the text as it is written.
    #[error("the file is not written as a list of `- name: …` entries; add the key by hand")]
    NotAppendable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    hash: String,
    scopes: Vec<String>,
    projects: Option<Vec<String>>,
    created_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    rate_limit: Option<String>,
}

/// Reads a file of keys.
///
/// # Errors
/// With the first entry that cannot be used.
pub fn read_keys(text: &str) -> Result<Vec<KeyEntry>, KeysFileError> {
    let written: Option<Vec<Written>> = serde_yaml::from_str(text)
        .map_err(|error| KeysFileError::Form { line: error.location().map_or(1, |location| location.line()) })?;
    let mut digests = HashSet::new();
    let mut keys = Vec::new();
    for (index, written) in written.unwrap_or_default().into_iter().enumerate() {
        let wrong = |member, reason: String| KeysFileError::Value { number: index + 1, member, reason };
        check_name(&written.name).map_err(|reason| wrong("name", reason))?;
        let digest: KeyDigest = written.hash.parse().map_err(|reason| wrong("hash", reason))?;
        if !digests.insert(digest) {
            return Err(wrong("hash", "the same key stands in the file before".to_owned()));
        }
        let scopes = written.scopes.iter().map(|scope| scope.parse::<Scope>());
        let scopes: Scopes = scopes.collect::<Result<_, _>>().map_err(|reason| wrong("scopes", reason))?;
        if scopes.is_empty() {
            return Err(wrong("scopes", "expected at least one of `read`, `predict`, `fit` and `admin`".to_owned()));
        }
        let mut patterns = written.projects.iter().flatten();
        patterns.try_for_each(|pattern| ProjectPatterns::check(pattern)).map_err(|reason| wrong("projects", reason))?;
        let rate_limit = written.rate_limit.map(|rate| rate.parse()).transpose();
        keys.push(KeyEntry {
            name: written.name,
            digest,
            scopes,
            projects: written.projects,
            created_at: written.created_at,
            expires_at: written.expires_at,
            rate_limit: rate_limit.map_err(|reason| wrong("rate_limit", reason))?,
        });
    }
    Ok(keys)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_usable = (1..=NAME_LENGTH_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if is_usable { Ok(()) } else { Err(format!("expected 1 to {NAME_LENGTH_MAX} letters without control characters")) }
}

/// The text of a file with one more key at its end; everything before stays as it is, comments included.
///
/// # Errors
/// When the file cannot be read, the entry has a value that it cannot have, or the text does not end in a list.
pub fn with_key(text: &str, key: &KeyEntry) -> Result<String, KeysFileError> {
    let before = read_keys(text)?;
    let mut longer = text.to_owned();
    if !longer.is_empty() && !longer.ends_with('\n') {
        longer.push('\n');
    }
    longer.push_str(&written(key));
    match read_keys(&longer) {
        Ok(keys) if keys.len() == before.len() + 1 && keys[..before.len()] == before[..] => Ok(longer),
        Err(error @ KeysFileError::Value { .. }) => Err(error),
        _ => Err(KeysFileError::NotAppendable),
    }
}

fn written(key: &KeyEntry) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let list = |items: &[String]| items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ");
    let at = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut text = format!("- name: {}\n  hash: {}\n  scopes: [{}]\n", quoted(&key.name), key.digest, key.scopes);
    // Writing into a text does not fail.
    if let Some(projects) = &key.projects {
        let _ = writeln!(text, "  projects: [{}]", list(projects));
    }
    if let Some(created_at) = key.created_at {
        let _ = writeln!(text, "  created_at: {}", at(created_at));
    }
    if let Some(expires_at) = key.expires_at {
        let _ = writeln!(text, "  expires_at: {}", at(expires_at));
    }
    if let Some(rate) = key.rate_limit {
        let _ = writeln!(text, "  rate_limit: {rate}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn entry(key: &str) -> KeyEntry {
        KeyEntry {
            name: "nightly \"scoring\"".to_owned(),
            digest: KeyDigest::of(key),
            scopes: Scopes::from_iter([Scope::Read, Scope::Predict]),
            projects: Some(vec!["churn-*".to_owned(), "*a".to_owned()]),
            created_at: Some("2026-01-31T12:00:00Z".parse().unwrap()),
            expires_at: Some("2027-01-31T00:00:00Z".parse().unwrap()),
            rate_limit: Some("100/s".parse().unwrap()),
        }
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        let plain = KeyEntry { projects: None, created_at: None, expires_at: None, rate_limit: None, ..entry("b") };
        let text = with_key("# Ours\n", &entry("a")).unwrap();
        let text = with_key(&text, &plain).unwrap();
        assert!(text.starts_with("# Ours\n"));
        assert_eq!(read_keys(&text).unwrap(), [entry("a"), plain]);
    }

    #[test]
    fn an_empty_file_has_no_keys() {
        for text in ["", "# none yet\n", "[]"] {
            assert_eq!(read_keys(text).unwrap(), []);
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_and_never_repeated() {
        let secret = "drk_0123456789abcdef";
        for (text, word) in [
            (secret.to_owned(), "line 1"),
            (format!("- {secret}"), "line 1"),
            (format!("- name: a\n  key: {secret}\n  scopes: [read]"), "line"),
            (format!("- name: a\n  hash: {secret}\n  scopes: [read]"), "key 1: `hash`"),
            (format!("- name: a\n  hash: {ABC}\n  scopes: [{secret}]"), "key 1: `scopes`"),
            (format!("- name: a\n  hash: {ABC}\n  scopes: []"), "key 1: `scopes`"),
            (format!("- name: ''\n  hash: {ABC}\n  scopes: [read]"), "key 1: `name`"),
            (format!("- name: a\n  hash: {ABC}\n  scopes: [read]\n  rate_limit: x"), "key 1: `rate_limit`"),
            (format!("- name: a\n  hash: {ABC}\n  scopes: [read]\n  projects: [a, '']"), "key 1: `projects`"),
            (format!("- name: a\n  hash: {ABC}\n  scopes: [read]\n  expires_at: {secret}"), "line"),
            (
                format!("- name: a\n  hash: {ABC}\n  scopes: [read]\n- name: b\n  hash: {ABC}\n  scopes: [read]"),
                "key 2: `hash`",
            ),
        ] {
            let told = read_keys(&text).unwrap_err().to_string();
            assert!(told.contains(word) && !told.contains(secret), "{told}");
        }
    }

    #[test]
    fn a_key_for_an_empty_pattern_is_not_added() {
        let empty = KeyEntry { projects: Some(vec![String::new()]), ..entry("a") };
        let told = with_key("", &empty).unwrap_err().to_string();
        assert!(told.starts_with("key 1: `projects`: expected patterns of names"), "{told}");
    }

    #[test]
    fn a_list_of_another_style_is_left_alone() {
        let text = format!("[{{name: a, hash: '{ABC}', scopes: [read]}}]\n");
        assert_eq!(with_key(&text, &entry("a")), Err(KeysFileError::NotAppendable));
    }
}
