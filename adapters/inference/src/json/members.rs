//! The names of an object's members, each once.

use std::fmt;

use drifting_domain::data::NAME_BYTES_MAX;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// More members of an object than this are refused: the protocol has fewer, and each is held against those before it.
const MEMBERS_MAX: usize = 64;
/// The names that have come.
#[derive(Default)]
pub(super) struct Members(Vec<Name>);

impl Members {
    /// Notes a name.
    ///
    /// # Errors
    /// What was expected, where it has come before or where there are too many.
    pub(super) fn take(&mut self, name: &Name) -> Result<(), String> {
        if self.0.contains(name) {
            return Err("expected this member once, it came twice".to_owned());
        }
        if self.0.len() == MEMBERS_MAX {
            return Err(format!("expected at most {MEMBERS_MAX} members of an object, more came"));
        }
        self.0.push(name.clone());
        Ok(())
    }
}

/// A short text: a name, an id, a content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(Box<str>);

impl Name {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> String {
        self.0.into_string()
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Short;

        impl Visitor<'_> for Short {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Name, E> {
                if text.len() > NAME_BYTES_MAX {
                    let detail =
                        format!("expected names and ids of at most {NAME_BYTES_MAX} bytes, one of {} came", text.len());
                    return Err(E::custom(detail));
                }
                Ok(Name(text.into()))
            }
        }
        deserializer.deserialize_str(Short)
    }
}
