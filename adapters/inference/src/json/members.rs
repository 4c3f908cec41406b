//! The names of an object's members, each once.

use std::borrow::Cow;
use std::fmt;

use drifting_domain::data::NAME_BYTES_MAX;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// More members of an object than this are refused: the protocol has fewer, and each is held against those before it.
const MEMBERS_MAX: usize = 64;

/// The names that have come, which mostly stand in the request as they are.
#[derive(Default)]
pub(crate) struct Members<'de>(Vec<Name<'de>>);

impl<'de> Members<'de> {
    /// Notes a name.
    ///
    /// # Errors
    /// What was expected, where it has come before or where there are too many.
    pub(crate) fn take(&mut self, name: &Name<'de>) -> Result<(), String> {
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
pub(crate) struct Name<'de>(Cow<'de, str>);

impl Name<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Short)
    }
}

struct Short;

impl<'de> Visitor<'de> for Short {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Name<'de>, E> {
        check_length(text)?;
        Ok(Name(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Name<'de>, E> {
        check_length(text)?;
        Ok(Name(text.to_owned().into()))
    }
}

fn check_length<E: Error>(text: &str) -> Result<(), E> {
    if text.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(E::custom(format!("expected names and ids of at most {NAME_BYTES_MAX} bytes, one of {} came", text.len())))
}
