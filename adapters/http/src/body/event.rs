//! Bodies of CloudEvents: one event in headers and body, one in JSON, or many.

use bytes::Bytes;
use drifting_inference::Refusal;
use drifting_inference::events::Envelope;
use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::coding::Coding;
use super::inference::{json_length, read_coded};
use super::unread::Unread;
use crate::error::{Code, Failure, shown};
use crate::settings::HttpTimeouts;

/// The media types of events in JSON.
pub(crate) const STRUCTURED: &str = "application/cloudevents+json";
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";

/// The names of the schemas of events in JSON, and of the data of one whose attributes are headers.
const EVENT: &str = "CloudEvent";
const EVENT_DATA: &str = "EventData";
const DATA: &str = "The data of the event whose `ce-` headers came: a request of the Open Inference Protocol or of its \
     version 1 (`instances`), of Seldon (`data` with `ndarray` or `tensor`), or rows as `data`.";

/// How events stand in a request.
#[derive(Debug)]
pub(crate) enum EventForm {
    /// What it says of itself stands in headers, its data are the body; with the length of their JSON, where bytes follow.
    Binary(Box<Envelope>, Option<usize>),
    /// One, all of it in JSON.
    Structured,
    /// An array of them.
    Batch,
}

/// A body of events, not read yet.
pub(crate) struct EventBody {
    unread: Unread,
    coding: Result<Coding, Failure>,
    form: Result<EventForm, Failure>,
}

impl EventBody {
    /// That of a request.
    pub(crate) fn of(request: &Request, body: &mut RequestBody) -> Self {
        let unsupported = |detail| Failure::new(Code::UnsupportedMediaType, detail);
        Self {
            unread: Unread::of(request, body),
            coding: Coding::of(request.headers()).map_err(unsupported),
            form: form(request),
        }
    }

    /// Reads it whole, decoded.
    pub(crate) async fn read(self, bytes_max: usize, timeouts: &HttpTimeouts) -> Result<(Bytes, EventForm), Failure> {
        let (coding, form) = (self.coding?, self.form?);
        Ok((read_coded(self.unread, coding, bytes_max, timeouts).await?, form))
    }
}

fn form(request: &Request) -> Result<EventForm, Failure> {
    let text = request.header(header::CONTENT_TYPE).unwrap_or_default();
    let name = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = name == "application/json" || (name.starts_with("application/") && name.ends_with("+json"));
    match name.as_str() {
        STRUCTURED => Ok(EventForm::Structured),
        BATCH => Ok(EventForm::Batch),
        "" | "application/octet-stream" => binary(request),
        name if is_json && !name.starts_with("application/cloudevents") => binary(request),
        _ => {
            let detail = format!(
                "expected {STRUCTURED}, {BATCH}, or the data of an event as application/json, application/octet-stream or of no \
                 type, {} came",
                shown(text)
            );
            Err(Failure::new(Code::UnsupportedMediaType, detail))
        }
    }
}

fn binary(request: &Request) -> Result<EventForm, Failure> {
    let envelope =
        Envelope::of_headers(|name| request.header(name)).map_err(|refusal: Refusal| Failure::from(refusal))?;
    Ok(EventForm::Binary(Box::new(envelope), json_length(request)?))
}

impl<'a> ApiExtractor<'a> for EventBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        for (name, description) in [(EVENT, "A CloudEvent of version 1.0 or 0.3."), (EVENT_DATA, DATA)] {
            let title = Some(name.to_owned());
            let schema = MetaSchema { title, description: Some(description), ..MetaSchema::new("object") };
            registry.schemas.insert(name.to_owned(), schema);
        }
    }

    fn request_meta() -> Option<MetaRequest> {
        let media = |content_type, schema| MetaMediaType { content_type, schema };
        let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
        let reference = |name: &str| MetaSchemaRef::Reference(name.to_owned());
        let events = MetaSchema {
            description: Some("A batch of events."),
            items: Some(Box::new(reference(EVENT))),
            ..MetaSchema::new("array")
        };
        let bytes = "The same with bytes behind its JSON (the binary tensor data extension).";
        Some(MetaRequest {
            description: Some(
                "One event in binary or structured mode, or a batch of at most 1000. May be coded in gzip, deflate or zstd.",
            ),
            content: vec![
                media("application/json", reference(EVENT_DATA)),
                media(
                    "application/octet-stream",
                    inline(MetaSchema { description: Some(bytes), ..MetaSchema::new_with_format("string", "binary") }),
                ),
                media(STRUCTURED, reference(EVENT)),
                media(BATCH, inline(events)),
            ],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self::of(request, body))
    }
}
