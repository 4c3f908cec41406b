//! Documents and pages of the protocol, for all models and for each.

use std::sync::Arc;

use drifting_inference::Inference;
use poem::endpoint::make;
use poem::http::Method;
use poem::{Request, Response, Route, get};
use serde_yaml::Value;

use super::{documents, unsupported};
use crate::error::Failure;
use crate::pages::{html, page, swagger_ui, text};
use crate::rights::{Guarded, caller};

/// The paths of the pages.
pub(crate) const PATHS: [&str; 5] = [
    "/v2/docs",
    "/v2/docs/",
    "/v2/docs/dataplane.json",
    "/v2/models/{model}/docs",
    "/v2/models/{model}/docs/dataplane.json",
];

/// Adds the pages, and the paths at which something is told not to be there.
pub(crate) fn add_to(route: Route, inference: &Inference) -> Route {
    let dataplane = Arc::new(documents::dataplane());
    let document = json(&dataplane);
    let docs = html(swagger_ui(&document, "Drifting data plane"));
    let own = |write: fn(&Value, &str) -> Response| {
        let (inference, dataplane) = (inference.clone(), Arc::clone(&dataplane));
        make(move |request: Request| {
            let (inference, dataplane) = (inference.clone(), Arc::clone(&dataplane));
            async move {
                let name = request.raw_path_param("model").unwrap_or_default();
                caller(&request)?.check_project(name).map_err(Failure::from)?;
                let model = inference.metadata(name, None).await.map_err(Failure::from)?;
                Ok::<_, poem::Error>(write(&documents::of_model(&dataplane, &model), &model.name))
            }
        })
    };
    let route = route
        .at("/v2/docs", get(page(docs.clone())))
        .at("/v2/docs/", get(page(docs)))
        .at("/v2/docs/dataplane.json", get(page(text("application/json", document))))
        .at(
            "/v2/models/:model/docs",
            get(read(own(|document, name| {
                html(swagger_ui(&json(document), &format!("Drifting data plane of {name}"))).answer()
            }))),
        )
        .at(
            "/v2/models/:model/docs/dataplane.json",
            get(read(own(|document, _| text("application/json", json(document)).answer()))),
        );
    unsupported::add_to(route)
}

/// A page that tells of one project; both need the same.
fn read<E>(page: E) -> Guarded<E> {
    Guarded::new(page, &Method::GET, "/v2/models/{model}/docs")
}

fn json(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}
