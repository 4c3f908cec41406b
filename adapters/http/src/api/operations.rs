//! Long fits: list, show, follow, cancel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drifting_access::{Caller, Scope};
use drifting_domain::operation::OperationId;
use drifting_domain::use_cases::{DriftService, OperationQuery, OperationStatus, OperationView};
use futures_util::stream::{self, Stream};
use poem::Request;
use poem::http::StatusCode;
use poem::web::sse::{Event, SSE};
use poem_openapi::OpenApi;

use super::answer::{Also, Answer, Operation};
use super::parameter::{InQuery, OperationInPath};
use super::{Tag, token};
use crate::answers::{LongFit, OperationPage};
use crate::audited::audited;
use crate::error::{Failure, Problem};
use crate::input::{Form, Parameters, Source};
use crate::rights::caller;

const NOT_FOUND: (u16, &str) = (404, "`operation_not_found`: there is no operation of this id.");
const NO_PARAMETERS: (u16, &str) = (422, "`invalid_settings`: a query parameter came, and there are none.");

/// How long the answer to a cancellation waits for the computing to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(2);
/// How often an operation is looked at for whoever follows it.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(200);
/// A comment is sent this often, so that proxies and clients see that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The name and the id of the last event.
const END: &str = "end";

pub(crate) struct Listed;

impl Operation for Listed {
    type Body = OperationPage;
    const DESCRIPTION: &'static str = "Some operations, the latest first.";
    const FAILURES: &'static [(u16, &'static str)] = &[(422, "`invalid_settings`: a query parameter cannot be used.")];
}

pub(crate) struct Shown;

impl Operation for Shown {
    type Body = LongFit;
    const DESCRIPTION: &'static str = "The operation as it stands.";
    const FAILURES: &'static [(u16, &'static str)] = &[NOT_FOUND, NO_PARAMETERS];
}

pub(crate) struct Followed;

impl Operation for Followed {
    type Body = String;
    const MEDIA_TYPE: &'static str = "text/event-stream";
    const DESCRIPTION: &'static str = "The operation whenever something of it has changed, until it has ended.";
    const ALSO: Option<Also> = Some(Also {
        status: StatusCode::NO_CONTENT,
        description: "The client has seen the end: there is nothing to come.",
        headers: &[],
        body: None,
    });
    const FAILURES: &'static [(u16, &'static str)] = &[NOT_FOUND, NO_PARAMETERS];
}

pub(crate) struct Cancelled;

impl Operation for Cancelled {
    type Body = LongFit;
    const DESCRIPTION: &'static str = "The operation, which has ended, or ends soon.";
    const FAILURES: &'static [(u16, &'static str)] = &[NOT_FOUND, NO_PARAMETERS];
}

/// What the requests of operations were, for telling their failures.
#[derive(Clone, Default)]
pub(crate) struct Origins(Arc<Mutex<HashMap<OperationId, Origin>>>);

/// What the request of an operation was.
#[derive(Clone)]
pub(crate) struct Origin {
    /// Where its parts stood.
    pub(crate) source: Source,
    /// Its id.
    pub(crate) request_id: String,
}

impl Origins {
    /// Keeps the origin of an operation for as long as the service knows that.
    pub(crate) fn keep(&self, id: OperationId, origin: Origin, service: &DriftService) {
        let mut origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        origins.retain(|id, _| service.operation(*id).is_some());
        origins.insert(id, origin);
    }

    /// What is told of an operation.
    pub(crate) fn tell(&self, view: &OperationView) -> LongFit {
        let OperationStatus::Failed(error) = &view.status else { return LongFit::of(view, None) };
        let origin = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&view.id).cloned();
        // Of one that the former server began nothing is known; the log tells of it under its own id.
        let unknown = || Origin { source: Source::json(Form::Columns), request_id: view.id.to_string() };
        let Origin { source, request_id } = origin.unwrap_or_else(unknown);
        let failure = Failure::of_fit(&**error, &view.project, &source);
        let problem = Problem::of(failure, &format!("/api/v1/projects/{}/fit", view.project), &request_id);
        LongFit::of(view, Some(problem))
    }
}

/// Operations.
pub(crate) struct OperationsApi {
    pub(crate) service: Arc<DriftService>,
    pub(crate) origins: Origins,
    /// After this long without a byte a connection is closed.
    pub(crate) idle: Duration,
}

impl OperationsApi {
    /// The operation that a request without parameters is about.
    fn addressed(&self, request: &Request, operation: &OperationInPath) -> Result<OperationView, Failure> {
        let id = operation.parse()?;
        let caller = caller(request)?;
        // Of a project that is not shown there is no operation either.
        let view = self.service.operation(id).filter(|view| caller.sees(view.project.as_str()));
        let view = view.ok_or_else(Failure::no_operation)?;
        Parameters::of(request).refuse_all("this operation takes none")?;
        Ok(view)
    }

    fn tell(&self, view: &OperationView) -> LongFit {
        self.origins.tell(view)
    }
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Operations")]
impl OperationsApi {
    /// List operations
    ///
    /// Lists the fits that were asked for with `Prefer: respond-async`, the latest first: those under way, and of those
    /// that have ended the latest 1,000 of the last seven days. A key that is for some projects shows
    /// theirs; a page may have fewer then, and still a next one. A start of the server forgets them, but for those that
    /// the end of the former server interrupted.
    #[oai(path = "/operations", method = "get", operation_id = "listOperations")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn list(
        &self,
        request: &Request,
        /// At most so many operations; by default 100.
        #[oai(name = "page_size", validator(minimum(value = "1"), maximum(value = "1000")))]
        _page_size: InQuery<u32>,
        /// The `next_page_token` of the page before.
        #[oai(name = "page_token")]
        _page_token: InQuery<String>,
    ) -> Result<Answer<Listed>, Failure> {
        let parameters = Parameters::of(request);
        parameters.check(&["page_size", "page_token"])?;
        let query =
            OperationQuery { page_size: parameters.page_size()?, before: parameters.page_token(token::to_operation)? };
        let page = self.service.operations(&query);
        let caller = caller(request)?;
        let shown = page.operations.iter().filter(|view| caller.sees(view.project.as_str()));
        Answer::of(&OperationPage {
            operations: shown.map(|view| self.tell(view)).collect(),
            next_page_token: page.next.map(token::of_operation),
        })
    }

    /// Show an operation
    ///
    /// Tells how far an operation has come, and what became of it once it has ended.
    #[oai(path = "/operations/:operation", method = "get", operation_id = "getOperation")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn show(
        &self,
        request: &Request,
        /// The operation.
        operation: OperationInPath,
    ) -> Result<Answer<Shown>, Failure> {
        Answer::of(&self.tell(&self.addressed(request, &operation)?))
    }

    /// Follow an operation
    ///
    /// Server-sent events, for `EventSource` and the like. The data of each are the operation as in `getOperation`: at
    /// once as it stands, then whenever something has changed, looked at five times a second, at last its end; then
    /// one of the type `end` with the same data, at which the client closes the stream. Whoever comes back after a
    /// break is told how it stands now; a client that comes back after the end, with `Last-Event-ID: end`, is answered
    /// 204, at which `EventSource` gives up.
    #[oai(path = "/operations/:operation/events", method = "get", operation_id = "followOperation")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn follow(
        &self,
        request: &Request,
        /// The operation.
        operation: OperationInPath,
    ) -> Result<Answer<Followed>, Failure> {
        let view = self.addressed(request, &operation)?;
        if view.has_ended() && request.header("last-event-id") == Some(END) {
            return Ok(Answer::also_empty());
        }
        let events = events(Arc::clone(&self.service), self.origins.clone(), view.id, caller(request)?.clone());
        // Twice before the connection would count as silent.
        Ok(Answer::response(SSE::new(events).keep_alive(KEEP_ALIVE.min(self.idle / 3))))
    }

    /// Cancel an operation
    ///
    /// Has a fit that waits or computes end as `cancelled`; nothing of it is stored. The answer waits for the computing
    /// to stop, for up to two seconds. An operation that has ended, or that is storing its project already, goes on as it
    /// was, and the answer tells that: cancelling twice is no error.
    #[oai(path = "/operations/:operation/cancel", method = "post", operation_id = "cancelOperation")]
    async fn cancel(
        &self,
        request: &Request,
        /// The operation.
        operation: OperationInPath,
    ) -> Result<Answer<Cancelled>, Failure> {
        let OperationView { id, project, .. } = self.addressed(request, &operation)?;
        audited(request).of_project(project.as_str());
        self.service.cancel_operation(id);
        // Where it takes longer, the answer tells how it stands until then.
        let _ = tokio::time::timeout(STOPS_WITHIN, self.service.operation_ended(id)).await;
        let view = self.service.operation(id).ok_or_else(Failure::no_operation)?;
        Answer::of(&self.tell(&view))
    }
}

/// What a follower is to be told next.
enum Next {
    /// What has changed since this text was sent.
    Change(String),
    /// The end, with this text.
    End(String),
    /// Nothing more.
    Nothing,
}

/// The stream for whoever follows. It ends with the operation, and when the follower's key is good for it no longer.
fn events(
    service: Arc<DriftService>,
    origins: Origins,
    id: OperationId,
    caller: Caller,
) -> impl Stream<Item = Event> + Send + 'static {
    stream::unfold(Next::Change(String::new()), move |next| {
        let (service, origins, caller) = (Arc::clone(&service), origins.clone(), caller.clone());
        async move {
            let sent = match next {
                Next::Change(sent) => sent,
                Next::End(text) => return Some((Event::message(text).id(END).event_type(END), Next::Nothing)),
                Next::Nothing => return None,
            };
            loop {
                let caller = caller.again(Scope::Read).or_else(|_| caller.again(Scope::Fit)).ok()?;
                // Gone when it ended long ago.
                let view = service.operation(id).filter(|view| caller.sees(view.project.as_str()))?;
                let text = serde_json::to_string(&origins.tell(&view)).ok()?;
                if text != sent {
                    let next = if view.has_ended() { Next::End(text.clone()) } else { Next::Change(text.clone()) };
                    return Some((Event::message(text), next));
                }
                let _: Result<(), _> = tokio::time::timeout(LOOKED_AT_EVERY, service.operation_ended(id)).await;
            }
        }
    })
}

/// How an operation has ended, for the audit log. One that the end of the server interrupts has failed.
pub(super) fn how_it_ended(view: &OperationView) -> &'static str {
    match view.status {
        OperationStatus::Succeeded => "succeeded",
        OperationStatus::Cancelled => "cancelled",
        OperationStatus::Failed(_) | OperationStatus::Queued | OperationStatus::Running => "failed",
    }
}

/// A new id.
pub(super) fn new_id() -> Result<OperationId, Failure> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| Failure::internal(format!("drawing an id: {error}")))?;
    Ok(OperationId::new(u128::from_be_bytes(bits)))
}
