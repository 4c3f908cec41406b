//! Predictions that are refused by their heads alone while too many are on their way. Under overload most requests end here, before
//! they are routed, so that what is refused takes little from what is judged.

use std::sync::Arc;

use drifting_domain::use_cases::{DriftService, PredictAnnouncement};
use poem::Request;
use poem::http::Method;

use super::routes::place_of_project;
use crate::error::Failure;

/// The check of predictions.
#[derive(Default)]
pub(crate) struct Overload {
    /// Whose predictions they are; without one nothing is refused.
    service: Option<Arc<DriftService>>,
    /// Of each route that takes predictions, which part of the path names the project.
    projects: Vec<Option<usize>>,
}

impl Overload {
    /// The check for requests to these routes.
    pub(crate) fn new<'r>(service: Arc<DriftService>, routes: impl Iterator<Item = &'r str>) -> Self {
        Self { service: Some(service), projects: routes.map(place_in_prediction).collect() }
    }

    /// Whether there is no place for a prediction. O(1).
    pub(super) fn is_full(&self) -> bool {
        self.service.as_ref().is_some_and(|service| !service.has_place_for_prediction(None))
    }

    /// Whether a request is a prediction for which there is no place. It takes none.
    pub(super) fn refuses(&self, request: &Request, route: Option<usize>) -> bool {
        self.of_prediction(request, route).is_some_and(|(service, project)| !service.has_place_for_prediction(project))
    }

    /// Notes that a prediction is refused for that.
    pub(super) fn refuse(&self) {
        if let Some(service) = &self.service {
            service.refuse_prediction();
        }
    }

    /// Lets a request in whose rows are about to come, if it is a prediction.
    pub(super) fn announce(
        &self,
        request: &Request,
        route: Option<usize>,
    ) -> Result<Option<PredictAnnouncement>, Failure> {
        let announced = self.of_prediction(request, route);
        let announced = announced.map(|(service, project)| service.announce_prediction(project));
        announced.transpose().map_err(|_| Failure::overloaded())
    }

    /// The service that a request asks for a verdict, and the project of which it does, where the path names that as it is.
    fn of_prediction<'r>(
        &self,
        request: &'r Request,
        route: Option<usize>,
    ) -> Option<(&DriftService, Option<&'r str>)> {
        let place = (*self.projects.get(route?)?)?;
        let service = self.service.as_deref().filter(|_| *request.method() == Method::POST)?;
        Some((service, request.uri().path().split('/').nth(place)))
    }
}

/// Which part of the path names the project, where predictions are taken.
fn place_in_prediction(pattern: &str) -> Option<usize> {
    let last = pattern.rsplit('/').next().unwrap_or_default();
    let takes_predictions = matches!(last, "predict" | "infer" | "generate" | "infer_stream" | "generate_stream");
    if takes_predictions { place_of_project(pattern) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::scope_of;
    use drifting_access::Scope;

    #[test]
    fn what_takes_predictions_is_known_by_its_pattern() {
        let measures = crate::server::request_measures();
        for route in measures.routes() {
            // Events wait in a queue of their own.
            let predicts = scope_of(&Method::POST, route) == Some(Scope::Predict);
            let is_event = route == "/" || route.starts_with("/v1/events");
            assert_eq!(place_in_prediction(route).is_some(), predicts && !is_event, "{route}");
        }
        assert_eq!(place_in_prediction("/api/v1/projects/{project}/predict"), Some(4));
        assert_eq!(place_in_prediction("/v2/models/{model}/versions/{version}/infer"), Some(3));
    }
}
