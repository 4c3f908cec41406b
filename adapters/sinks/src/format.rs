//! Events as bodies and headers of HTTP, by the HTTP protocol binding 1.0 of CloudEvents.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use crate::event::{DATA_TYPE, Data, DriftEvent, TYPE};

/// How events stand in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventFormat {
    /// One a request, all of it in the body.
    #[default]
    Structured,
    /// One a request, its data in the body and the rest in headers.
    Binary,
    /// As many as wait, up to a hundred, as an array.
    Batch,
}

impl EventFormat {
    /// So many events go into a request at the most.
    pub fn events_max(self) -> usize {
        match self {
            Self::Structured | Self::Binary => 1,
            Self::Batch => 100,
        }
    }
}

impl fmt::Display for EventFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Structured => "structured",
            Self::Binary => "binary",
            Self::Batch => "batch",
        })
    }
}

impl FromStr for EventFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "structured" => Ok(Self::Structured),
            "binary" => Ok(Self::Binary),
            "batch" => Ok(Self::Batch),
            _ => Err(format!("expected structured, binary or batch, got `{text}`")),
        }
    }
}

/// A request as it is sent.
pub(crate) struct Message {
    pub(crate) content_type: &'static str,
    /// Names and values of headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Serialize)]
struct Structured<'e> {
    specversion: &'static str,
    id: &'e str,
    source: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<&'e str>,
    time: String,
    datacontenttype: &'static str,
    data: Data<'e>,
}

impl<'e> Structured<'e> {
    fn of(event: &'e DriftEvent) -> Self {
        Self {
            specversion: "1.0",
            id: &event.id,
            source: event.source(),
            r#type: TYPE,
            subject: event.subject.as_deref(),
            traceparent: event.trace_parent.as_deref(),
            tracestate: event.trace_state.as_deref(),
            time: event.at(),
            datacontenttype: DATA_TYPE,
            data: event.data(),
        }
    }
}

/// Everything that a header of an event cannot have as it is (section 3.1.3.2 of the binding).
const IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The trace goes on with the request, too, where it carries one event. The same stands in the event, by the extension of CloudEvents
/// for distributed tracing.
fn trace_headers(event: &DriftEvent) -> Vec<(&'static str, String)> {
    let trace = [("traceparent", &event.trace_parent), ("tracestate", &event.trace_state)];
    trace.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?.to_owned()))).collect()
}

/// Events as a request; of formats that take one, the first.
pub(crate) fn message(events: &[DriftEvent], format: EventFormat) -> Result<Message, serde_json::Error> {
    let structured = "application/cloudevents+json; charset=utf-8";
    let batch = "application/cloudevents-batch+json; charset=utf-8";
    Ok(match (format, events) {
        (EventFormat::Structured, [event, ..]) => {
            let body = serde_json::to_vec(&Structured::of(event))?;
            Message { content_type: structured, headers: trace_headers(event), body }
        }
        (EventFormat::Binary, [event, ..]) => {
            let mut headers = trace_headers(event);
            headers.extend([
                ("ce-specversion", "1.0".to_owned()),
                ("ce-id", event.id.to_string()),
                ("ce-source", event.source()),
                ("ce-type", TYPE.to_owned()),
                ("ce-time", event.at()),
            ]);
            if let Some(subject) = &event.subject {
                headers.push(("ce-subject", utf8_percent_encode(subject, IN_HEADERS).to_string()));
            }
            let trace = [("ce-traceparent", &event.trace_parent), ("ce-tracestate", &event.trace_state)];
            let trace = trace.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
            headers.extend(trace.map(|(name, value)| (name, utf8_percent_encode(value, IN_HEADERS).to_string())));
            Message { content_type: DATA_TYPE, headers, body: serde_json::to_vec(&event.data())? }
        }
        (EventFormat::Batch, events) | (_, events @ []) => {
            let body = serde_json::to_vec(&events.iter().map(Structured::of).collect::<Vec<_>>())?;
            Message { content_type: batch, headers: Vec::new(), body }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> DriftEvent {
        DriftEvent {
            id: "7-1".into(),
            project: "churn".into(),
            generation: 3,
            at_us: 1_780_000_000_123_456,
            subject: Some("größe 5%".into()),
            trace_parent: None,
            trace_state: None,
            window: [40, 80].into(),
            time: 46,
            rows: 1,
            is_drift: true,
            warm_up: false,
            statistic: Some(1.42),
            threshold: Some(1.117),
            p_value: None,
            distance: None,
        }
    }

    fn expected() -> Value {
        json!({"specversion": "1.0", "id": "7-1", "source": "/projects/churn", "type": "io.drifting.drift.result.v1",
            "subject": "größe 5%", "time": "2026-05-28T20:26:40.123456Z", "datacontenttype": "application/json",
            "data": {"project": "churn", "version": "3", "time": 46, "is_drift": true, "test_stat": 1.42,
                "threshold": 1.117, "rows": 1, "window": [40, 80]}})
    }

    #[test]
    fn structured_and_batch_have_everything_in_the_body() {
        let message_of = |format| message(&[event()], format).unwrap();
        let structured = message_of(EventFormat::Structured);
        assert_eq!(serde_json::from_slice::<Value>(&structured.body).unwrap(), expected());
        assert!(structured.headers.is_empty() && structured.content_type.starts_with("application/cloudevents+json"));
        let batch = message(&[event(), event()], EventFormat::Batch).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&batch.body).unwrap(), json!([expected(), expected()]));
        assert!(batch.content_type.starts_with("application/cloudevents-batch+json"));
    }

    #[test]
    fn binary_has_its_attributes_in_headers() {
        let binary = message(&[event()], EventFormat::Binary).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&binary.body).unwrap(), expected()["data"]);
        assert_eq!(binary.content_type, "application/json");
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", "7-1"),
            ("ce-source", "/projects/churn"),
            ("ce-type", "io.drifting.drift.result.v1"),
            ("ce-time", "2026-05-28T20:26:40.123456Z"),
            ("ce-subject", "gr%C3%B6%C3%9Fe%205%25"),
        ] {
            assert!(binary.headers.contains(&(name, value.to_owned())), "{:?}", binary.headers);
        }
    }

    #[test]
    fn a_trace_goes_on_with_the_event_and_with_a_request_of_one() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let event = || DriftEvent { trace_parent: Some(parent.into()), trace_state: Some("a=1 2".into()), ..event() };
        let header = |message: &Message, name: &str| {
            message.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        let structured = message(&[event()], EventFormat::Structured).unwrap();
        let told: Value = serde_json::from_slice(&structured.body).unwrap();
        assert_eq!((&told["traceparent"], &told["tracestate"]), (&json!(parent), &json!("a=1 2")));
        let binary = message(&[event()], EventFormat::Binary).unwrap();
        assert_eq!(header(&binary, "ce-traceparent").as_deref(), Some(parent));
        assert_eq!(header(&binary, "ce-tracestate").as_deref(), Some("a=1%202"));
        for message in [structured, binary] {
            assert_eq!(header(&message, "traceparent").as_deref(), Some(parent));
            assert_eq!(header(&message, "tracestate").as_deref(), Some("a=1 2"));
        }
        let batch = message(&[event(), event()], EventFormat::Batch).unwrap();
        assert!(batch.headers.is_empty(), "it belongs to several traces");
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let event = DriftEvent { subject: None, window: [].into(), warm_up: true, ..event() };
        let message = message(&[event], EventFormat::Structured).unwrap();
        let told: Value = serde_json::from_slice(&message.body).unwrap();
        assert!(told.get("subject").is_none() && told["data"].get("window").is_none());
        assert_eq!(told["data"]["warm_up"], true);
    }
}
