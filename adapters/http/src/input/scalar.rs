//! One JSON value without a tree: a scalar, or the bare fact that an array or object stood there. Of a long text only the
//! beginning is read: texts of data are read elsewhere.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use drifting_inference::Passed;

/// A value as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'de> {
    Null,
    Boolean(bool),
    /// A whole number from 0 on.
    Whole(u64),
    Number(f64),
    Text(Cow<'de, str>),
    /// An array, whose items are passed over.
    Array,
    /// An object, whose members are passed over.
    Object,
}

impl Scalar<'_> {
    /// What came, for a sentence that ends in "came".
    pub(crate) fn came(&self) -> Cow<'static, str> {
        match self {
            Self::Null => "null".into(),
            Self::Boolean(value) => format!("`{value}`").into(),
            Self::Whole(number) => format!("the number {number}").into(),
            Self::Number(number) => format!("the number {number}").into(),
            Self::Text(text) => format!("the text {}", quoted(text)).into(),
            Self::Array => "an array".into(),
            Self::Object => "an object".into(),
        }
    }
}

/// The beginning of a text: enough to tell it from every word that is known.
pub(super) fn beginning(text: &str) -> &str {
    const BYTES_MAX: usize = 256;
    &text[..text.floor_char_boundary(BYTES_MAX)]
}

/// The beginning of a text, escaped.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() == text.len() { format!("{shown:?}") } else { format!("{shown:?}…") }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(beginning(value).to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<Passed>()?.is_some() {}
        Ok(Scalar::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<Passed, Passed>()?.is_some() {}
        Ok(Scalar::Object)
    }
}
