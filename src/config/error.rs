//! What is wrong with a configuration, and where it was said.

use std::fmt;

use figment::{Metadata, Profile};

use super::layers::FLAGS;

/// A configuration that cannot be used; its text names the setting, the source, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    text: String,
    is_usage: bool,
}

impl ConfigError {
    pub(super) fn new(origin: &Origin, reason: &str) -> Self {
        let text = if origin.place.is_empty() {
            format!("`{}`: {reason}", origin.key)
        } else {
            format!("`{}` from {}: {reason}", origin.key, origin.place)
        };
        Self { text, is_usage: origin.is_flag }
    }

    pub(super) fn of_source(text: String) -> Self {
        Self { text, is_usage: false }
    }

    /// Whether the command line said it, rather than the environment or a file.
    pub fn is_usage(&self) -> bool {
        self.is_usage
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ConfigError {}

/// Where the value of a setting comes from.
pub(super) struct Origin {
    key: &'static str,
    place: String,
    is_flag: bool,
}

impl Origin {
    pub(super) fn of(key: &'static str, layer: Option<&Metadata>) -> Self {
        Self {
            key,
            place: layer.map(|layer| layer.interpolate(&Profile::Default, &[key])).unwrap_or_default(),
            is_flag: layer.is_some_and(|layer| layer.name == FLAGS),
        }
    }
}
