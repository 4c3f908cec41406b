//! What each operation asks of whoever calls it: a scope, or nothing. The one table stands behind the checks and behind the document.

use drifting_access::{AuditLog, Caller, Scope};
use poem::http::Method;
use poem::{Endpoint, Request, Response};

use crate::audited::{self, Changing};
use crate::body::leave_unread;
use crate::error::Failure;

/// The operations and the scope that each needs, by method and path.
const SCOPES: [(&str, &str, Scope); 45] = [
    ("GET", "/api/v1/projects", Scope::Read),
    ("POST", "/api/v1/projects/refresh", Scope::Admin),
    ("GET", "/api/v1/projects/{project}", Scope::Read),
    ("DELETE", "/api/v1/projects/{project}", Scope::Admin),
    ("POST", "/api/v1/projects/{project}/load", Scope::Fit),
    ("POST", "/api/v1/projects/{project}/unload", Scope::Fit),
    ("POST", "/api/v1/projects/{project}/reset", Scope::Fit),
    ("POST", "/api/v1/projects/{project}/fit", Scope::Fit),
    ("POST", "/api/v1/projects/{project}/predict", Scope::Predict),
    ("GET", "/api/v1/projects/{project}/metrics", Scope::Read),
    ("POST", "/api/v1/backtest", Scope::Fit),
    ("GET", "/api/v1/operations", Scope::Read),
    ("GET", "/api/v1/operations/{operation}", Scope::Read),
    ("GET", "/api/v1/operations/{operation}/events", Scope::Read),
    ("POST", "/api/v1/operations/{operation}/cancel", Scope::Fit),
    ("POST", "/", Scope::Predict),
    ("POST", "/v1/events/{project}", Scope::Predict),
    ("GET", "/metrics", Scope::Read),
    ("GET", "/dashboard/projects", Scope::Read),
    ("GET", "/dashboard/projects/{project}", Scope::Read),
    ("GET", "/dashboard/projects/{project}/line", Scope::Read),
    ("GET", "/dashboard/projects/{project}/trend", Scope::Read),
    ("GET", "/dashboard/projects/{project}/columns", Scope::Read),
    ("GET", "/dashboard/operations", Scope::Read),
    ("GET", "/dashboard/events", Scope::Read),
    ("GET", "/v2", Scope::Read),
    ("GET", "/v2/models", Scope::Read),
    ("GET", "/v2/models/{model}", Scope::Read),
    ("GET", "/v2/models/{model}/docs", Scope::Read),
    ("GET", "/v2/models/{model}/docs/dataplane.json", Scope::Read),
    ("GET", "/v2/models/{model}/versions/{version}", Scope::Read),
    ("GET", "/v2/models/{model}/ready", Scope::Read),
    ("GET", "/v2/models/{model}/versions/{version}/ready", Scope::Read),
    ("POST", "/v2/models/{model}/infer", Scope::Predict),
    ("POST", "/v2/models/{model}/versions/{version}/infer", Scope::Predict),
    ("POST", "/v2/models/{model}/generate", Scope::Predict),
    ("POST", "/v2/models/{model}/versions/{version}/generate", Scope::Predict),
    ("POST", "/v2/models/{model}/infer_stream", Scope::Predict),
    ("POST", "/v2/models/{model}/versions/{version}/infer_stream", Scope::Predict),
    ("POST", "/v2/models/{model}/generate_stream", Scope::Predict),
    ("POST", "/v2/models/{model}/versions/{version}/generate_stream", Scope::Predict),
    ("POST", "/v2/models/fit", Scope::Fit),
    ("POST", "/v2/repository/index", Scope::Read),
    ("POST", "/v2/repository/models/{model}/load", Scope::Fit),
    ("POST", "/v2/repository/models/{model}/unload", Scope::Fit),
];

/// Reading that goes with what another scope may begin: whoever may fit may see what becomes of it.
const ALSO: [(&str, &str, Scope); 2] = [
    ("GET", "/api/v1/operations/{operation}", Scope::Fit),
    ("GET", "/api/v1/operations/{operation}/events", Scope::Fit),
];

/// What anybody may read, key or not: the probes, and pages and documents that are the same everywhere and tell nothing of projects.
const OPEN: [&str; 15] = [
    "/",
    "/fit",
    "/operations",
    "/docs",
    "/docs/",
    "/openapi.json",
    "/openapi.yaml",
    "/livez",
    "/readyz",
    "/v2/docs",
    "/v2/docs/",
    "/v2/docs/dataplane.json",
    "/v2/health/live",
    "/v2/health/ready",
    "/favicon.ico",
];

/// Whether nobody is asked for a key: who may read what is there may be told that nothing else can be done with it, too. At the root
/// events may be taken.
pub(crate) fn is_open(method: &Method, path: &str) -> bool {
    is_for_anybody(path) && (reads(method) || path != "/")
}

/// The page of a project is the same for all of them: its script reads the name.
fn is_for_anybody(path: &str) -> bool {
    let is_of_project = |rest: &str| !rest.is_empty() && !rest.contains('/');
    OPEN.contains(&path) || path.strip_prefix("/projects/").is_some_and(is_of_project)
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The scope that an operation needs, if it needs any; its path as in the document, or with colons. What is not in the table is for
/// those who may do everything.
pub(crate) fn scope_of(method: &Method, path: &str) -> Option<Scope> {
    if reads(method) && is_for_anybody(path) {
        return None;
    }
    Some(found_in(&SCOPES, method, path).unwrap_or(Scope::Admin))
}

/// A scope that does as well as [`scope_of`].
pub(crate) fn scope_also_of(method: &Method, path: &str) -> Option<Scope> {
    found_in(&ALSO, method, path)
}

fn found_in(table: &[(&str, &str, Scope)], method: &Method, path: &str) -> Option<Scope> {
    let is_it = |(of, at, _): &&(&str, &str, Scope)| *of == method.as_str() && is_same(at, path);
    table.iter().find(is_it).map(|(_, _, scope)| *scope)
}

/// Whether two patterns of paths are the same, whatever marks their parameters.
fn is_same(documented: &str, path: &str) -> bool {
    let name = |part: &str| part.starts_with('{') || part.starts_with(':');
    let mut parts = path.split('/');
    documented.split('/').all(|part| parts.next().is_some_and(|other| part == other || (name(part) && name(other))))
        && parts.next().is_none()
}

/// An operation behind the check of its scope, before anything of the request but its head is read.
pub(crate) struct Guarded<E> {
    inner: E,
    scope: Option<Scope>,
    /// One that does as well.
    also: Option<Scope>,
    /// How it is written down, if it changes something.
    changing: Option<Changing>,
}

impl<E> Guarded<E> {
    /// The operation of this method and path.
    pub(crate) fn new(inner: E, method: &Method, path: &str) -> Self {
        Self { inner, scope: scope_of(method, path), also: scope_also_of(method, path), changing: None }
    }

    /// The same at this path, written down in this log where it changes projects.
    pub(crate) fn audited(self, path: &str, log: Option<&AuditLog>) -> Self {
        let changes = matches!(self.scope, Some(Scope::Fit | Scope::Admin));
        Self { changing: log.filter(|_| changes).map(|log| Changing::new(log.clone(), path)), ..self }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Guarded<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let Some(scope) = self.scope else { return self.inner.call(request).await };
        let caller = caller(&request)?;
        let also = self.also.is_some_and(|also| caller.check(also).is_ok());
        let allowed = if also { Ok(()) } else { caller.check(scope) };
        let recording = self.changing.as_ref().map(|changing| changing.begin(&request, caller));
        if let Some(recording) = &recording {
            request.set_data(recording.audited());
        }
        let answer = match allowed {
            Ok(()) => self.inner.call(request).await,
            Err(denied) => {
                leave_unread(&mut request);
                Err(Failure::from(denied).into())
            }
        };
        if let Some(recording) = recording {
            audited::end(recording, &answer);
        }
        answer
    }
}

/// Who sends a request, as the front found.
pub(crate) fn caller(request: &Request) -> Result<&Caller, Failure> {
    request.data::<Caller>().ok_or_else(|| Failure::internal("nobody has looked at who sends a request"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Api;
    use poem_openapi::OpenApi;

    /// Operations of the documents, by method and path.
    fn documented() -> Vec<(Method, String)> {
        let apis = Api::meta().into_iter().chain(crate::v2::Api::meta());
        let paths = apis.flat_map(|api| api.paths);
        paths
            .flat_map(|path| path.operations.into_iter().map(move |operation| (operation.method, path.path.clone())))
            .collect()
    }

    #[test]
    fn each_operation_has_its_scope_by_name() {
        for (method, path) in documented() {
            let is_listed = SCOPES.iter().any(|(of, at, _)| *of == method.as_str() && is_same(at, &path));
            assert!(is_listed || is_open(&method, &path), "{method} {path}");
        }
    }

    #[test]
    fn the_table_names_nothing_that_is_not_there() {
        let pages = ["/v2/models/{model}/docs", "/v2/models/{model}/docs/dataplane.json"];
        let documented = documented();
        let is_documented = |of: &str, at: &str| {
            (of, at) != ("POST", "/") && !pages.contains(&at) && !crate::dashboard::FRAGMENTS.contains(&at)
        };
        for (of, at, _) in SCOPES.iter().filter(|(of, at, _)| is_documented(of, at)) {
            assert!(documented.iter().any(|(method, path)| method.as_str() == *of && is_same(at, path)), "{of} {at}");
        }
    }

    #[test]
    fn pages_are_open_and_what_tells_of_projects_is_not() {
        for page in crate::pages::PATHS {
            assert!(is_open(&Method::GET, page), "{page}");
        }
        for fragment in crate::dashboard::FRAGMENTS {
            assert!(!is_open(&Method::GET, fragment), "{fragment}");
            assert_eq!(scope_of(&Method::GET, fragment), Some(Scope::Read), "{fragment}");
        }
        for path in ["/projects/", "/projects/a/b", "/projects//", "/dashboard/projects/a", "/fit/"] {
            assert!(!is_open(&Method::GET, path), "{path}");
        }
    }

    #[test]
    fn what_nobody_thought_of_is_for_those_who_may_do_everything() {
        assert_eq!(scope_of(&Method::POST, "/api/v1/something"), Some(Scope::Admin));
        assert_eq!(scope_of(&Method::POST, "/livez"), Some(Scope::Admin));
        assert_eq!(scope_of(&Method::GET, "/livez"), None);
    }
}
