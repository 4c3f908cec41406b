//! Events that bring rows: taken at once, fed in their order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use drifting_domain::data::Table;
use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{DriftService, ExpectedProject};
use drifting_inference::events::{
    Accepted, Envelope, Event, EventIntake, EventKind, NotTaken, Payload, StructuredEvent, read_batch, read_payload,
    read_structured,
};
use drifting_inference::{Place, ReadLimits, Refusal, RefusalCode};
use poem::http::StatusCode;
use poem::{Endpoint, IntoResponse, Request, Response};
use poem_openapi::OpenApi;

use super::answer::{Answer, Operation};
use super::parameter::NameInPath;
use super::{Tag, exists};
use crate::answers::AcceptedEvents;
use crate::body::{EventBody, EventForm, parse};
use crate::error::{Code, Failure};
use crate::input::{Limits, read_json_data};
use crate::rights::caller;
use crate::settings::HttpTimeouts;

pub(crate) struct Taken;

impl Operation for Taken {
    type Body = AcceptedEvents;
    const STATUS: StatusCode = StatusCode::ACCEPTED;
    const DESCRIPTION: &'static str = "They are taken. Their rows are fed in the order of acceptance.";
    const FAILURES: &'static [(u16, &'static str)] = &[
        (
            400,
            "`invalid_name`: the path holds no project name; `malformed`: this is no event, or its data are none that bring rows. \
             None of a batch is taken.",
        ),
        (404, "`project_not_found`: there is no project of this name."),
        (408, "`request_timeout`: the body came too slowly."),
        (409, "`project_inactive`: the project is inactive; load it first."),
        (413, "`body_too_large`: the body, or what it holds when it is decoded, is larger than this server takes."),
        (415, "`unsupported_media_type`: the body has another type or content coding than those that are taken."),
        (
            503,
            "`event_queue_full`: too many events wait; none was taken. `overloaded`: the bodies of other requests take the \
             memory that there is for them. `project_failed`: the project cannot be loaded. \
             `storage_unavailable`: the storage cannot be reached now. `shutting_down`: the server stops.",
        ),
    ];
}

/// Events.
#[derive(Clone)]
pub(crate) struct EventsApi {
    pub(crate) service: Arc<DriftService>,
    pub(crate) intake: EventIntake,
    pub(crate) limits: ReadLimits,
    pub(crate) timeouts: HttpTimeouts,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Events")]
impl EventsApi {
    /// Feed the rows of events
    ///
    /// Takes CloudEvents, such as those that the loggers of KServe and Seldon send, and answers at once; the rows are fed behind the
    /// answer, those of a project in the order in which they were taken. What came before, by source and id, is left out, and so are
    /// the answers of models.
    #[oai(path = "/events/:project", method = "post", operation_id = "sendEvents")]
    async fn send(
        &self,
        /// The project.
        project: NameInPath,
        body: EventBody,
    ) -> Result<Answer<Taken>, Failure> {
        let name = project.parse()?;
        if !exists(&self.service, &name) {
            return Err(Failure::not_found());
        }
        let expected = self.expect(&name).await?;
        let read = self.read(body).await?;
        let event = |Read { envelope, payload }| Event { project: expected.clone(), envelope, payload };
        let accepted = self.take(read.into_iter().map(event).collect())?;
        Answer::of(&AcceptedEvents::from(accepted))
    }
}

/// What was read of an event.
struct Read {
    envelope: Envelope,
    payload: Option<Payload>,
}

impl EventsApi {
    /// The project, if rows could be fed to it now.
    async fn expect(&self, name: &ProjectName) -> Result<ExpectedProject, Failure> {
        Ok(self.intake.inference().expect_rows(name).await?)
    }

    async fn read(&self, body: EventBody) -> Result<Vec<Read>, Failure> {
        let (bytes, form) = body.read(self.limits.bytes, &self.timeouts).await?;
        let limits = self.limits;
        Ok(parse(bytes, move |bytes| read_events(bytes, form, &limits)).await??)
    }

    fn take(&self, events: Vec<Event>) -> Result<Accepted, Failure> {
        self.intake.take(events).map_err(|error| match error {
            NotTaken::Full => Failure::new(Code::EventQueueFull, "too many events wait; try again"),
            NotTaken::Stopping => Failure::new(Code::ShuttingDown, "the server is shutting down"),
        })
    }
}

fn read_events(bytes: &[u8], form: EventForm, limits: &ReadLimits) -> Result<Vec<Read>, Refusal> {
    match form {
        EventForm::Binary(envelope, json_length) => {
            let payload = payload_of(&envelope, bytes, json_length, limits)?;
            Ok(vec![Read { envelope: *envelope, payload }])
        }
        EventForm::Structured => {
            limits.check_json(bytes)?;
            Ok(vec![structured(read_structured(bytes)?, limits)?])
        }
        EventForm::Batch => {
            limits.check_json(bytes)?;
            let events = read_batch(bytes)?.into_iter().enumerate();
            events.map(|(index, event)| structured(event, limits).map_err(|refusal| below(refusal, index))).collect()
        }
    }
}

fn structured(event: StructuredEvent<'_>, limits: &ReadLimits) -> Result<Read, Refusal> {
    let StructuredEvent { envelope, data } = event;
    // What stands in the body itself has been held against the limits with it.
    let limits = if matches!(data, Cow::Borrowed(_)) { limits.json_checked() } else { *limits };
    let payload = payload_of(&envelope, &data, None, &limits).map_err(|refusal| placed(refusal, "/data"))?;
    Ok(Read { envelope, payload })
}

fn payload_of(
    envelope: &Envelope,
    data: &[u8],
    json_length: Option<usize>,
    limits: &ReadLimits,
) -> Result<Option<Payload>, Refusal> {
    if envelope.kind() == EventKind::Other {
        return Ok(None);
    }
    let rows = |json: &[u8]| read_rows(json, limits);
    read_payload(data, json_length, limits, &rows).map(Some)
}

/// Rows in JSON, in any form that a prediction takes. How many a project takes is asked when they are fed.
fn read_rows(json: &[u8], limits: &ReadLimits) -> Result<Table, Refusal> {
    let limits = Limits::of(limits.json_checked(), usize::MAX);
    let refused = |failure: Failure| {
        let code = if failure.code == Code::BodyTooLarge { RefusalCode::TooLarge } else { RefusalCode::Malformed };
        let place = |issue: crate::error::Issue| Place { pointer: issue.pointer, detail: issue.detail };
        let places = failure.issues.into_iter().map(place).collect();
        Refusal { code, detail: failure.detail, places, cause: failure.cause }
    };
    read_json_data(json, limits).map(|data| data.table).map_err(refused)
}

/// A refusal of one event of a batch.
fn below(refusal: Refusal, index: usize) -> Refusal {
    placed(refusal, &format!("/{index}"))
}

/// A refusal of what stands at a place.
fn placed(mut refusal: Refusal, place: &str) -> Refusal {
    match refusal.places.as_mut_slice() {
        [] => refusal.detail = format!("{place}: {}", refusal.detail).into(),
        places => {
            for at in places.iter_mut() {
                at.pointer.insert_str(0, place);
            }
            let more = if places.len() > 1 { format!(" (and {} more)", places.len() - 1) } else { String::new() };
            refusal.detail = format!("{}{more}", places[0]).into();
        }
    }
    refusal
}

/// Events at the root, where Seldon's and others' loggers send them: what they say of themselves tells the project.
#[derive(Clone)]
pub(crate) struct RootEvents {
    pub(crate) events: EventsApi,
    /// By namespace and inference service, `prod/churn-model`, or the service alone.
    pub(crate) projects: Arc<BTreeMap<String, ProjectName>>,
}

impl Endpoint for RootEvents {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let (request, mut body) = request.split();
        let body = EventBody::of(&request, &mut body);
        let caller = caller(&request)?;
        let mut events = Vec::new();
        for Read { envelope, payload } in self.events.read(body).await? {
            let project = self.project(&envelope)?;
            caller.check_project(project.as_str()).map_err(Failure::from)?;
            let project = self.events.expect(&project).await?;
            events.push(Event { project, envelope, payload });
        }
        let accepted = self.events.take(events)?;
        Ok(Answer::<Taken>::of(&AcceptedEvents::from(accepted))?.into_response())
    }
}

impl RootEvents {
    fn project(&self, envelope: &Envelope) -> Result<ProjectName, Failure> {
        let service = envelope.service.as_deref().unwrap_or_default();
        let name = match &envelope.namespace {
            Some(namespace) => format!("{namespace}/{service}"),
            None => service.to_owned(),
        };
        let project = self.projects.get(&name).or_else(|| self.projects.get(service));
        let project = project.filter(|project| exists(&self.events.service, project)).cloned();
        project.ok_or_else(|| {
            let detail = "the event names no inference service for which `event_projects` has a project that is there";
            Failure::new(Code::ProjectNotFound, detail)
        })
    }
}
