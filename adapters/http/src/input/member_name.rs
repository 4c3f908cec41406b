//! The name of a member of an object, which may be as long as the body.

use std::fmt;

use drifting_domain::data::NAME_BYTES_MAX;
use serde::de::{Deserialize, Deserializer, Visitor};

use super::pointer::push_part;

/// A name as it came; of one that is too long for a column, the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemberName {
    text: String,
    is_whole: bool,
}

impl MemberName {
    pub(super) fn of(name: &str) -> Self {
        let is_whole = name.len() <= NAME_BYTES_MAX;
        let text = name[..name.floor_char_boundary(NAME_BYTES_MAX)].to_owned();
        Self { text, is_whole }
    }

    /// The name, or its beginning.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The name, unless it is too long.
    pub(super) fn whole(self) -> Option<String> {
        self.is_whole.then_some(self.text)
    }

    /// The member's place in the object at `pointer`; of one whose name is too long, the object's.
    pub(super) fn place_in(&self, pointer: &str) -> String {
        let mut place = pointer.to_owned();
        if self.is_whole {
            push_part(&mut place, &self.text);
        }
        place
    }
}

impl<'de> Deserialize<'de> for MemberName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = MemberName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<MemberName, E> {
        Ok(MemberName::of(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_not_told_as_a_place() {
        let usual = MemberName::of("a/b");
        assert_eq!((usual.place_in("/data").as_str(), usual.whole().as_deref()), ("/data/a~1b", Some("a/b")));
        let long = MemberName::of(&"ä".repeat(NAME_BYTES_MAX));
        assert_eq!((long.place_in("/data").as_str(), long.as_str().len()), ("/data", NAME_BYTES_MAX));
        assert_eq!(long.whole(), None);
    }
}
