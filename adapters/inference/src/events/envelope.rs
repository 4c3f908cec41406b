//! What an event says of itself.

use crate::{Refusal, RefusalCode};

/// What an event says of itself, as far as anybody here asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// With the source it names the event.
    pub id: String,
    /// Who made it.
    pub source: String,
    /// Its type.
    pub kind: String,
    /// The inference service whose request it is, where a model server logs.
    pub service: Option<String>,
    /// The namespace of that.
    pub namespace: Option<String>,
}

/// What is done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Its data are rows.
    Rows,
    /// It is acknowledged and left: answers and feedback of models, and what this server tells itself.
    Other,
}

/// So long may an attribute of an event be, in bytes: what is taken has to wait in memory, and is told to others.
const ATTRIBUTE_BYTES_MAX: usize = 1_024;
/// The versions of the specification.
const VERSIONS: [&str; 2] = ["1.0", "0.3"];

impl Envelope {
    /// The envelope in headers; `header` gives the value of one by its name in lower case.
    ///
    /// # Errors
    /// When these are no headers of an event.
    pub fn of_headers<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Result<Self, Refusal> {
        let version = header("ce-specversion").ok_or_else(|| {
            let detail = "expected a CloudEvent: the header `ce-specversion`, or the content type \
                          application/cloudevents+json or application/cloudevents-batch+json";
            Refusal::new(RefusalCode::Malformed, detail)
        })?;
        check_version(version, "ce-specversion")?;
        let text = |name: &str| header(name).map(decoded).filter(|text| !text.is_empty());
        let required = |name: &'static str| {
            let missing =
                || Refusal::new(RefusalCode::Malformed, format!("expected the header `{name}` of a CloudEvent"));
            text(name).ok_or_else(missing)
        };
        let envelope = Self {
            id: required("ce-id")?,
            source: required("ce-source")?,
            kind: required("ce-type")?,
            service: text("ce-inferenceservicename"),
            namespace: text("ce-namespace"),
        };
        match envelope.too_long() {
            Some((name, detail)) => Err(Refusal::new(RefusalCode::Malformed, format!("`ce-{name}`: {detail}"))),
            None => Ok(envelope),
        }
    }

    /// The first attribute that is longer than any may be, and what is said of it.
    pub(super) fn too_long(&self) -> Option<(&'static str, String)> {
        let texts = [
            ("id", Some(&self.id)),
            ("source", Some(&self.source)),
            ("type", Some(&self.kind)),
            ("inferenceservicename", self.service.as_ref()),
            ("namespace", self.namespace.as_ref()),
        ];
        let lengths = texts.into_iter().filter_map(|(name, text)| Some((name, text?.len())));
        let (name, came) = lengths.into_iter().find(|(_, length)| *length > ATTRIBUTE_BYTES_MAX)?;
        Some((name, format!("expected at most {ATTRIBUTE_BYTES_MAX} bytes, {came} came")))
    }

    /// What is done with it.
    pub fn kind(&self) -> EventKind {
        // KServe logs requests and responses to one place, Seldon feedback too.
        let is_other = ["response", "feedback"].iter().any(|end| self.kind.ends_with(end));
        if is_other || self.kind.starts_with("io.drifting.") { EventKind::Other } else { EventKind::Rows }
    }
}

pub(super) fn check_version(version: &str, place: &str) -> Result<(), Refusal> {
    if VERSIONS.contains(&version) {
        return Ok(());
    }
    let shown: String = version.chars().take(20).collect();
    let detail = format!("expected `{place}` 1.0 or 0.3, {shown:?} came");
    Err(Refusal::new(RefusalCode::Malformed, detail))
}

/// The value of a header, in which anything but plain characters is percent-encoded, and which may stand in quotation marks
/// (HTTP protocol binding of CloudEvents 1.0, section 3.1.3.2).
fn decoded(value: &str) -> String {
    let unquoted = unquoted(value.trim());
    percent_encoding::percent_decode_str(unquoted.as_deref().unwrap_or(value)).decode_utf8_lossy().into_owned()
}

/// What stands in a quoted string (RFC 7230, section 3.2.6); nothing where the value is none.
fn unquoted(value: &str) -> Option<String> {
    let mut characters = value.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut text = String::with_capacity(value.len());
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => text.push(characters.next()?),
            _ => text.push(character),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &'static str)]) -> Result<Envelope, Refusal> {
        Envelope::of_headers(|name| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value))
    }

    #[test]
    fn headers_are_decoded() {
        let envelope = read(&[
            ("ce-specversion", "0.3"),
            ("ce-id", "gr%C3%B6%C3%9Fe%201"),
            ("ce-source", "http://localhost:9081/"),
            ("ce-type", "org.kubeflow.serving.inference.request"),
            ("ce-namespace", "prod"),
        ]);
        let envelope = envelope.unwrap();
        assert_eq!((envelope.id.as_str(), envelope.namespace.as_deref()), ("größe 1", Some("prod")));
        assert_eq!((envelope.service.as_deref(), envelope.kind()), (None, EventKind::Rows));
    }

    #[test]
    fn quoted_strings_are_read_before_percent_signs() {
        for (value, text) in [
            (r#""a b""#, "a b"),
            (r#""gr%C3%B6%C3%9Fe \"1\" \\""#, r#"größe "1" \"#),
            (r#""a"b""#, r#""a"b""#),
            (r#""a\""#, r#""a\""#),
            (r#"a"b"#, r#"a"b"#),
            ("\"", "\""),
            ("%22a%22", "\"a\""),
        ] {
            assert_eq!(decoded(value), text, "{value}");
        }
    }

    #[test]
    fn long_attributes_are_refused() {
        let (fits, long) = (&*"x".repeat(1_024).leak(), &*"x".repeat(1_025).leak());
        let names = ["ce-id", "ce-source", "ce-type", "ce-inferenceservicename", "ce-namespace"];
        for name in names {
            let with = |value| {
                let mut headers = vec![("ce-specversion", "1.0")];
                headers.extend(names.map(|other| (other, if other == name { value } else { "a" })));
                read(&headers)
            };
            assert!(with(fits).is_ok(), "{name}");
            let detail = with(long).unwrap_err().detail;
            assert_eq!(detail, format!("`{name}`: expected at most 1024 bytes, 1025 came"));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let all = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "a"), ("ce-type", "b")];
        for index in 0..all.len() {
            let mut headers = all.to_vec();
            let (name, _) = headers.remove(index);
            let detail = read(&headers).unwrap_err().detail;
            assert!(detail.contains(name), "{detail}");
            let mut headers = all.to_vec();
            headers[index].1 = "";
            assert!(read(&headers).unwrap_err().detail.contains(name));
        }
        let detail = read(&[("ce-specversion", "2.0")]).unwrap_err().detail;
        assert_eq!(detail, "expected `ce-specversion` 1.0 or 0.3, \"2.0\" came");
    }

    #[test]
    fn rows_come_with_requests_and_with_types_of_anybody() {
        let kind = |kind: &str| {
            let id = "1".to_owned();
            let (source, kind) = (id.clone(), kind.to_owned());
            Envelope { id, source, kind, service: None, namespace: None }.kind()
        };
        for rows in ["org.kubeflow.serving.inference.request", "io.seldon.serving.inference.request", "com.example.row"]
        {
            assert_eq!(kind(rows), EventKind::Rows, "{rows}");
        }
        for other in [
            "org.kubeflow.serving.inference.response",
            "io.seldon.serving.inference.response",
            "io.seldon.serving.feedback",
            "io.drifting.drift.result.v1",
        ] {
            assert_eq!(kind(other), EventKind::Other, "{other}");
        }
    }
}
