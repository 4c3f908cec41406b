//! What Triton's clients can ask for and this server does not have: told in words, so that nobody looks for a typing error.

use poem::endpoint::make_sync;
use poem::{Endpoint, Response, Route};

use crate::error::{Code, Failure};

/// The paths and what is asked for there.
const PATHS: [(&str, &str); 13] = [
    ("/v2/models/:model/config", "configurations of models"),
    ("/v2/models/:model/versions/:version/config", "configurations of models"),
    ("/v2/models/stats", "statistics of models; see /metrics"),
    ("/v2/models/:model/stats", "statistics of models; see /metrics"),
    ("/v2/models/:model/versions/:version/stats", "statistics of models; see /metrics"),
    ("/v2/models/:model/trace/setting", "trace settings"),
    ("/v2/trace/setting", "trace settings"),
    ("/v2/logging", "log settings over the network; see --log-level"),
    ("/v2/systemsharedmemory/*rest", "shared memory"),
    ("/v2/cudasharedmemory/*rest", "shared memory"),
    ("/v2/xpusharedmemory/*rest", "shared memory"),
    ("/v2/repository/models/:model/config", "configurations of models"),
    ("/v2/neuronsharedmemory/*rest", "shared memory"),
];

/// Adds them.
pub(super) fn add_to(route: Route) -> Route {
    PATHS.into_iter().fold(route, |route, (path, what)| route.at(path, refusal(what)))
}

fn refusal(what: &'static str) -> impl Endpoint<Output = Response> {
    poem::EndpointExt::map_to_response(make_sync(move |_| -> Result<Response, Failure> {
        Err(Failure::new(Code::NotSupported, format!("this server has no {what}")))
    }))
}
