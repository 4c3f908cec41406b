//! The body of a prediction: rows.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::data::{Data, DataSeed, Read, data_of};
use super::faults::Faults;
use super::pointer::push_part;
use super::scalar::Scalar;
use super::setting::unknown;
use crate::error::Failure;

/// A prediction as it came.
#[derive(Debug)]
pub(crate) struct PredictInput {
    pub(crate) data: Data,
    pub(crate) explain: Option<bool>,
}

/// Reads a JSON body.
pub(crate) fn read_predict(body: &[u8]) -> Result<PredictInput, Failure> {
    let mut faults = Faults::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut explain = None;
    let seed = PredictSeed { faults: &mut faults, explain: &mut explain };
    let read = seed.deserialize(&mut deserializer);
    let read = match read.and_then(|read| deserializer.end().map(|()| read)) {
        Ok(read) => read,
        Err(error) => return Err(faults.into_stopped(&error, body)),
    };
    Ok(PredictInput { data: data_of(read, faults)?, explain })
}

struct PredictSeed<'f> {
    faults: &'f mut Faults,
    explain: &'f mut Option<bool>,
}

impl PredictSeed<'_> {
    fn no_object<T>(self) -> Option<T> {
        self.faults.data(String::new(), "expected an object with `data`");
        None
    }
}

impl<'de> DeserializeSeed<'de> for PredictSeed<'_> {
    type Value = Option<Read>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

super::top_level_object!(PredictSeed<'_>, Option<Read>, {
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut read = None;
        let (mut is_seen, mut is_explain_seen) = (false, false);
        while let Some(name) = members.next_key_seed(MemberName)? {
            match name {
                Known::Data => {
                    if std::mem::replace(&mut is_seen, true) {
                        self.faults.duplicate("/data".to_owned());
                    }
                    read = members.next_value_seed(DataSeed(self.faults))?;
                }
                Known::Explain => {
                    if std::mem::replace(&mut is_explain_seen, true) {
                        self.faults.duplicate("/explain".to_owned());
                    }
                    match members.next_value()? {
                        Scalar::Null => {}
                        Scalar::Boolean(explain) => *self.explain = Some(explain),
                        other => {
                            let detail = format!("expected `true` or `false`, {} came", other.came());
                            self.faults.setting("/explain".to_owned(), detail);
                        }
                    }
                }
                Known::Other(name) => {
                    let mut pointer = String::new();
                    push_part(&mut pointer, &name);
                    self.faults.setting(pointer, unknown(&name, &["data", "explain"]));
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !is_seen {
            self.faults.data("/data".to_owned(), "expected rows, none came");
        }
        Ok(read)
    }
});

/// The name of a member, kept only where it is not known.
enum Known {
    Data,
    Explain,
    Other(String),
}

struct MemberName;

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Known;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Known, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberName {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Known, E> {
        Ok(match name {
            "data" => Known::Data,
            "explain" => Known::Explain,
            _ => Known::Other(name.to_owned()),
        })
    }
}
