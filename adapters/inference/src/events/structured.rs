//! Events in JSON, one or many.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::envelope::{Envelope, check_version};
use super::intake::PROJECT_EVENTS_MAX;
use crate::{Refusal, RefusalCode};

/// An event that stood in JSON.
#[derive(Debug)]
pub struct StructuredEvent<'b> {
    /// What it says of itself.
    pub envelope: Envelope,
    /// Its data, which are JSON; empty where it has none.
    pub data: Cow<'b, [u8]>,
}

/// The members that matter; what else there is are extensions.
#[derive(Deserialize)]
struct Members<'b> {
    specversion: Cow<'b, str>,
    id: String,
    source: String,
    r#type: String,
    inferenceservicename: Option<String>,
    namespace: Option<String>,
    #[serde(borrow)]
    data: Option<&'b RawValue>,
    data_base64: Option<Cow<'b, str>>,
    /// Of version 0.3.
    datacontentencoding: Option<Cow<'b, str>>,
}

/// Reads an event in JSON.
///
/// # Errors
/// When it is none.
pub fn read_structured(body: &[u8]) -> Result<StructuredEvent<'_>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| malformed(String::new(), "expected UTF-8"))?;
    read(text, "")
}

/// Reads an array of events.
///
/// # Errors
/// When one of them is none; when there are too many.
pub fn read_batch(body: &[u8]) -> Result<Vec<StructuredEvent<'_>>, Refusal> {
    let (mut items, mut is_more) = (Vec::new(), false);
    let mut json = serde_json::Deserializer::from_slice(body);
    let ended = json.deserialize_seq(Items { items: &mut items, is_more: &mut is_more }).and_then(|()| json.end());
    if is_more {
        let detail = format!("expected at most {PROJECT_EVENTS_MAX} events at once, more came");
        return Err(Refusal::new(RefusalCode::TooLarge, detail));
    }
    ended.map_err(|error| malformed(String::new(), &format!("expected an array of CloudEvents: {error}")))?;
    items.iter().enumerate().map(|(index, item)| read(item.get(), &format!("/{index}"))).collect()
}

/// Takes the items of a batch, and ends where there are more than it may have.
struct Items<'i, 'b> {
    items: &'i mut Vec<&'b RawValue>,
    is_more: &'i mut bool,
}

impl<'b> Visitor<'b> for Items<'_, 'b> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'b>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(item) = sequence.next_element()? {
            if self.items.len() == PROJECT_EVENTS_MAX {
                *self.is_more = true;
                return Err(A::Error::custom("too many"));
            }
            self.items.push(item);
        }
        Ok(())
    }
}

fn read<'b>(text: &'b str, pointer: &str) -> Result<StructuredEvent<'b>, Refusal> {
    let members: Members<'b> = serde_json::from_str(text)
        .map_err(|error| malformed(pointer.to_owned(), &format!("expected a CloudEvent in JSON: {error}")))?;
    check_version(&members.specversion, "specversion")
        .map_err(|refusal| malformed(pointer.to_owned(), &refusal.detail))?;
    let required = [("id", &members.id), ("source", &members.source), ("type", &members.r#type)];
    if let Some((name, _)) = required.iter().find(|(_, value)| value.is_empty()) {
        return Err(malformed(format!("{pointer}/{name}"), "expected a text that is not empty"));
    }
    let decoded = |text: &str, member: &str| {
        let refused = |_| malformed(format!("{pointer}/{member}"), "expected base64");
        STANDARD.decode(text).map(Cow::Owned).map_err(refused)
    };
    let data = match (members.data, &members.data_base64, members.datacontentencoding.as_deref()) {
        (Some(_), Some(_), _) => {
            return Err(malformed(pointer.to_owned(), "expected `data` or `data_base64`, both came"));
        }
        (None, Some(encoded), _) => decoded(encoded, "data_base64")?,
        (Some(data), None, Some("base64")) => {
            let refused = |_| malformed(format!("{pointer}/data"), "expected base64 in a text");
            let encoded: Cow<'_, str> = serde_json::from_str(data.get()).map_err(refused)?;
            decoded(&encoded, "data")?
        }
        (Some(data), None, _) => Cow::Borrowed(data.get().as_bytes()),
        (None, None, _) => Cow::Borrowed(&[][..]),
    };
    let Members { id, source, r#type: kind, inferenceservicename: service, namespace, .. } = members;
    let envelope = Envelope { id, source, kind, service, namespace };
    if let Some((name, detail)) = envelope.too_long() {
        return Err(malformed(format!("{pointer}/{name}"), &detail));
    }
    Ok(StructuredEvent { envelope, data })
}

fn malformed(pointer: String, detail: &str) -> Refusal {
    Refusal::malformed(pointer, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#""specversion": "1.0", "id": "1", "source": "a", "type": "b""#;

    #[test]
    fn data_come_as_they_are_and_in_base64() {
        for (rest, expected) in [
            (r#""data": {"data": [1]}"#, r#"{"data": [1]}"#),
            (r#""data_base64": "eyJkYXRhIjogWzFdfQ==""#, r#"{"data": [1]}"#),
            (r#""datacontentencoding": "base64", "data": "eyJkYXRhIjogWzFdfQ==""#, r#"{"data": [1]}"#),
            (r#""comexampleextension": 5, "time": null"#, ""),
        ] {
            let body = format!("{{{HEAD}, {rest}}}");
            let event = read_structured(body.as_bytes()).unwrap();
            assert_eq!(std::str::from_utf8(&event.data), Ok(expected));
            assert_eq!((event.envelope.id.as_str(), event.envelope.kind.as_str()), ("1", "b"));
        }
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_place() {
        let long = |name: &str| {
            let members = ["id", "source", "type", "inferenceservicename"].map(|member| {
                let n_bytes = if member == name { 1_025 } else { 1 };
                format!(r#", "{member}": "{}""#, "x".repeat(n_bytes))
            });
            format!(r#"{{"specversion": "1.0"{}}}"#, members.concat())
        };
        for (body, pointer) in [
            ("", ""),
            ("[]", ""),
            ("{", ""),
            ("\"x\"", ""),
            (r#"{"specversion": "1.0", "id": "1", "source": "a"}"#, ""),
            (r#"{"specversion": "1.0", "id": 1, "source": "a", "type": "b"}"#, ""),
            (r#"{"specversion": "1.0", "id": "", "source": "a", "type": "b"}"#, "/id"),
            (r#"{"specversion": "9", "id": "1", "source": "a", "type": "b"}"#, ""),
            (r#"{"specversion": "1.0", "id": "1", "id": "2", "source": "a", "type": "b"}"#, ""),
            (&long("id"), "/id"),
            (&long("inferenceservicename"), "/inferenceservicename"),
            (r#"{"specversion": "1.0", "id": "1", "source": "a", "type": "b", "data_base64": "*"}"#, "/data_base64"),
            (r#"{"specversion": "1.0", "id": "1", "source": "a", "type": "b", "data_base64": "", "data": 1}"#, ""),
        ] {
            let refusal = read_structured(body.as_bytes()).unwrap_err();
            let place = refusal.places.first().map_or("", |place| &place.pointer);
            assert_eq!((refusal.code, place), (RefusalCode::Malformed, pointer), "{body}");
        }
        assert!(read_structured(&[0xff]).is_err());
        let batch = format!("[{{{HEAD}}}, {{}}]");
        assert_eq!(read_batch(batch.as_bytes()).unwrap_err().places[0].pointer, "/1");
        assert!(read_batch(b"{}").is_err() && read_batch(b"[]").unwrap().is_empty());
        let many = format!("[{}]", vec![format!("{{{HEAD}}}"); PROJECT_EVENTS_MAX + 1].join(","));
        assert_eq!(read_batch(many.as_bytes()).unwrap_err().code, RefusalCode::TooLarge);
    }
}
