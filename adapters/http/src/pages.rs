//! Pages for people: the dashboard, the Swagger UI, the document. Everything is in the program; nothing is fetched from
//! elsewhere.

mod policy;

use bytes::Bytes;
use drifting_dashboard::{Page as Shell, shell};
use poem::endpoint::make_sync;
use poem::http::Method;
use poem::http::header::{self, HeaderValue};
use poem::{Endpoint, Response, Route, get};
use poem_openapi::OpenApiService;

use crate::api::RootEvents;
use crate::document::{openapi_document, openapi_yaml};
use crate::rights::Guarded;

/// The paths of the pages.
pub(crate) const PATHS: [&str; 8] =
    ["/", "/projects/{project}", "/fit", "/operations", "/docs", "/docs/", "/openapi.json", "/openapi.yaml"];

/// Adds the pages, and what takes events at the root, if anything does.
pub(crate) fn add_to(route: Route, version: &str, events: Option<RootEvents>) -> Route {
    let document = openapi_document();
    let docs = html(swagger_ui(&document, "Drifting API"));
    let dashboard = |of: Shell| get(page(html(shell(of, version))));
    let at_root = dashboard(Shell::Overview);
    let at_root = match events {
        Some(events) => at_root.post(Guarded::new(events, &Method::POST, "/")),
        None => at_root,
    };
    route
        .at("/", at_root)
        .at("/projects/:project", dashboard(Shell::Project))
        .at("/fit", dashboard(Shell::Fit))
        .at("/operations", dashboard(Shell::Operations))
        .at("/docs", get(page(docs.clone())))
        .at("/docs/", get(page(docs)))
        .at("/openapi.json", get(page(text("application/json", document))))
        .at("/openapi.yaml", get(page(text("application/yaml", openapi_yaml()))))
}

/// A page that is always the same.
pub(crate) fn page(page: Page) -> impl Endpoint<Output = Response> {
    make_sync(move |_| page.answer())
}

/// A text with its type.
#[derive(Clone)]
pub(crate) struct Page {
    content_type: &'static str,
    policy: HeaderValue,
    bytes: Bytes,
}

impl Page {
    /// The answer that shows it, which nobody keeps.
    pub(crate) fn passing(&self) -> Response {
        let mut answer = self.answer();
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    /// The answer that shows it.
    pub(crate) fn answer(&self) -> Response {
        Response::builder()
            .content_type(self.content_type)
            .header(header::CONTENT_SECURITY_POLICY, self.policy.clone())
            .header(header::X_FRAME_OPTIONS, "DENY")
            .header(header::REFERRER_POLICY, "no-referrer")
            // A new version of the server has new pages.
            .header(header::CACHE_CONTROL, "no-cache")
            .body(self.bytes.clone())
    }
}

/// A text of this type.
pub(crate) fn text(content_type: &'static str, text: String) -> Page {
    Page { content_type, policy: policy::of(""), bytes: text.into() }
}

/// A page in HTML.
pub(crate) fn html(html: String) -> Page {
    Page { content_type: "text/html; charset=utf-8", policy: policy::of(&html), bytes: html.into() }
}

/// The embedded Swagger UI with our document. poem-openapi renders only its own document, so an empty one is
/// rendered and ours takes its place.
pub(crate) fn swagger_ui(document: &str, title: &str) -> String {
    let placeholder = OpenApiService::new((), "placeholder", "0");
    // `</` would end the script that the document stands in.
    let document = document.replace("</", "<\\/");
    let html = placeholder.swagger_ui_html().replacen(&placeholder.spec(), &document, 1);
    // Without an icon of the page the browser asks for one that is not there.
    let head = format!("<link rel=\"icon\" href=\"data:,\"><title>{title}</title>");
    html.replacen("<title>Swagger UI</title>", &head, 1)
}
