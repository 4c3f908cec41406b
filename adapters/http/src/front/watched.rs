//! A request as whoever watches the server sees it: counted by its route, and in a span of its own.

use std::sync::Arc;
use std::time::Duration;

use drifting_domain::project::ProjectName;
use drifting_listening::{
    RequestId, RequestMeasures, TRACE_PARENT, TRACE_STATE, TRACED, TraceContext, Tracing, escaped,
};
use matchit::Router;
use poem::Request;
use poem::http::{HeaderMap, StatusCode};
use tracing::Span;
use tracing::field::Empty;

use super::routes::place_of_project;

/// The methods that are told apart.
pub(crate) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other"];

/// The statuses that are told apart, in order; the last two are for any other, and for requests whose client left.
pub(crate) const STATUSES: &[&str] = &[
    "200",
    "201",
    "202",
    "204",
    "206",
    "304",
    "400",
    "401",
    "403",
    "404",
    "405",
    "406",
    "408",
    "409",
    "411",
    "412",
    "413",
    "414",
    "415",
    "417",
    "421",
    "422",
    "428",
    "429",
    "431",
    "500",
    "501",
    "503",
    "504",
    "507",
    "client_left",
    "other",
];

/// The routes of probes: nobody traces them, and few want to read of them. KServe asks for a model as others ask for the server.
const PROBES: [&str; 6] = [
    "/livez",
    "/readyz",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/{model}/ready",
    "/v2/models/{model}/versions/{version}/ready",
];

/// What is read again and again, and not traced either.
const METRICS: &str = "/metrics";

/// Who watches.
pub(crate) struct Watch {
    measures: Arc<RequestMeasures>,
    router: Router<usize>,
    tracing: Tracing,
}

/// A request that is watched.
pub(super) struct Watched {
    measures: Arc<RequestMeasures>,
    /// Its place among the routes, if it is one of them.
    route: Option<usize>,
    method: usize,
    pub(super) span: Span,
}

impl Watch {
    pub(crate) fn new(measures: Arc<RequestMeasures>, tracing: Tracing) -> Self {
        let mut router = Router::new();
        for (index, route) in measures.routes().enumerate() {
            // A route that the router cannot tell from another one is counted with what is unmatched.
            let _ = router.insert(with_numbered_parameters(route), index);
        }
        Self { measures, router, tracing }
    }

    /// The place of a path among the routes, if it is one of them.
    pub(super) fn route(&self, path: &str) -> Option<usize> {
        let path = path.strip_suffix('/').filter(|path| path.starts_with("/v2")).unwrap_or(path);
        self.router.at(path).ok().map(|found| *found.value)
    }

    /// A request for a route begins, of which something may be logged or nothing is. Gives the trace that goes on to whoever is called for
    /// it, if there is one.
    pub(super) fn begin(
        &self,
        request: &Request,
        id: &RequestId,
        route: Option<usize>,
        is_logged: bool,
    ) -> (Watched, Option<TraceContext>) {
        let pattern = self.measures.route(route);
        let method = METHODS.iter().position(|method| *method == request.method().as_str()).unwrap_or(usize::MAX);
        let context = context_of(request.headers());
        let is_traced = self.tracing.is_on() && !PROBES.contains(&pattern) && pattern != METRICS;
        let traced = || traced_span(request, id, pattern, METHODS.get(method).copied().unwrap_or("_OTHER"));
        let (span, context) = self.tracing.begin(id, context, is_traced.then_some(traced), is_logged);
        self.measures.begun(route, method);
        (Watched { measures: Arc::clone(&self.measures), route, method, span }, context)
    }
}

impl Watched {
    /// Whether somebody only asks whether the server, or a model, is there.
    pub(super) fn is_probe(&self) -> bool {
        PROBES.contains(&self.measures.route(self.route))
    }

    /// The project that a path of the route names, where it does so plainly.
    pub(super) fn project<'p>(&self, path: &'p str) -> Option<&'p str> {
        let place = place_of_project(self.measures.route(self.route))?;
        path.split('/').nth(place).filter(|name| name.parse::<ProjectName>().is_ok())
    }

    /// The request came before, and has been given its first answer again.
    pub(super) fn replayed(&self) {
        self.measures.replayed();
    }

    /// The request has been answered, unless its client has left.
    pub(super) fn end(&self, status: Option<StatusCode>, took: Duration) {
        let index = status_place(status.as_ref().map_or("client_left", StatusCode::as_str));
        self.measures.ended(self.route, self.method, index, took);
        // Spans that only name requests in the log lack these fields, and nothing is recorded.
        match status {
            Some(status) => {
                self.span.record("http.response.status_code", status.as_u16());
                if status.is_server_error() {
                    self.span.record("otel.status_code", "ERROR");
                    self.span.record("error.type", status.as_str());
                }
            }
            None => {
                self.span.record("error.type", "client_left");
            }
        }
    }
}

/// The place of a status, or of what stands for one, among the [`STATUSES`].
fn status_place(word: &str) -> usize {
    STATUSES.binary_search(&word).unwrap_or(usize::MAX)
}

/// By the semantic conventions of OpenTelemetry for HTTP servers. The query may hold what is nobody's business.
fn traced_span(request: &Request, id: &RequestId, route: &str, method: &'static str) -> Span {
    let path = escaped(request.uri().path());
    let host = request.header("host").unwrap_or_default();
    let agent = request.header("user-agent").unwrap_or_default();
    let name = format!("{method} {route}");
    tracing::error_span!(
        target: TRACED,
        "request",
        request_id = id.0,
        trace_id = Empty,
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        error.type = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        url.scheme = request.scheme().as_str(),
        url.path = %path,
        server.address = %escaped(host),
        user_agent.original = %escaped(agent),
    )
}

fn context_of(headers: &HeaderMap) -> Option<TraceContext> {
    // Most requests have none, and are looked at once.
    if !headers.contains_key(TRACE_PARENT) {
        return None;
    }
    let all = |name| headers.get_all(name).iter().map(poem::http::HeaderValue::as_bytes);
    TraceContext::of(all(TRACE_PARENT), all(TRACE_STATE))
}

/// Parameters of one place have one name, as the router asks for.
fn with_numbered_parameters(pattern: &str) -> String {
    let parts = pattern.split('/').enumerate();
    let parts: Vec<String> = parts
        .map(|(index, part)| if part.starts_with('{') { format!("{{p{index}}}") } else { part.to_owned() })
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::request_measures;

    #[test]
    fn every_route_is_found_by_a_path_of_its_own() {
        let watch = Watch::new(Arc::new(request_measures()), Tracing::default());
        for route in watch.measures.routes() {
            let path: Vec<&str> =
                route.split('/').map(|part| if part.starts_with('{') { "lab-1.x" } else { part }).collect();
            let request = Request::builder().uri_str(path.join("/")).finish();
            let route_found = watch.route(request.uri().path());
            let (watched, _) = watch.begin(&request, &RequestId::default(), route_found, true);
            let is_slash = route.len() > 1 && route.ends_with('/');
            assert!(is_slash || watch.measures.route(watched.route) == route, "{route}");
            assert_eq!(METHODS[watched.method], "GET");
        }
        for unknown in ["/x", "/api/v1/projects/a/b/c", "/v2/x", "//"] {
            assert_eq!(watch.route(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_status_is_found() {
        for (place, status) in STATUSES.iter().enumerate() {
            assert_eq!(status_place(status), place);
        }
        assert_eq!(status_place("418"), usize::MAX);
    }

    #[test]
    fn what_is_not_traced_is_a_route() {
        let measures = request_measures();
        for route in PROBES.into_iter().chain([METRICS]) {
            assert!(measures.routes().any(|known| known == route), "{route}");
        }
    }

    #[test]
    fn a_project_is_known_by_its_place_in_the_route() {
        let watch = Watch::new(Arc::new(request_measures()), Tracing::default());
        for (path, project) in [
            ("/api/v1/projects/lab-1.x", Some("lab-1.x")),
            ("/api/v1/projects/fit-1/predict", Some("fit-1")),
            ("/v2/models/price/infer/", Some("price")),
            ("/v2/repository/models/price/load", Some("price")),
            ("/v1/events/price", Some("price")),
            ("/api/v1/projects", None),
            ("/api/v1/projects/%0a", None),
            ("/api/v1/operations/price", None),
            ("/nothing/price", None),
        ] {
            let request = Request::builder().uri_str(path).finish();
            let (watched, _) = watch.begin(&request, &RequestId::default(), watch.route(path), true);
            assert_eq!(watched.project(path), project, "{path}");
        }
    }

    #[test]
    fn probes_are_told_from_other_requests_by_their_routes() {
        let watch = Watch::new(Arc::new(request_measures()), Tracing::default());
        for (path, is_probe) in [
            ("/livez", true),
            ("/readyz", true),
            ("/v2/health/live", true),
            ("/v2/health/ready/", true),
            ("/v2/models/a.b/ready", true),
            ("/v2/models/a/versions/1/ready", true),
            ("/metrics", false),
            ("/v2/models/ready", false),
            ("/v2/models/ready/infer", false),
            ("/v2/health/x", false),
            ("/livez/x", false),
        ] {
            let request = Request::builder().uri_str(path).finish();
            let (watched, _) = watch.begin(&request, &RequestId::default(), watch.route(path), true);
            assert_eq!(watched.is_probe(), is_probe, "{path}");
        }
    }
}
