//! Predictions that are refused by their heads alone while too many are on their way. Under overload most requests end here, before
//! they are routed, so that what is refused takes little from what is judged.

use std::sync::Arc;

use drifting_domain::use_cases::{DriftService, PredictAnnouncement, PredictError};
use poem::http::Method;

use crate::error::Failure;

/// The check of predictions.
#[derive(Default)]
pub(crate) struct Overload {
    /// Whose predictions they are; without one nothing is refused.
    service: Option<Arc<DriftService>>,
    /// Whether each route takes predictions.
    is_prediction: Vec<bool>,
}

impl Overload {
    /// The check for requests to these routes.
    pub(crate) fn new<'r>(service: Arc<DriftService>, routes: impl Iterator<Item = &'r str>) -> Self {
        Self { service: Some(service), is_prediction: routes.map(takes_predictions).collect() }
    }

    /// Whether there is no place for a prediction. O(1).
    pub(super) fn is_full(&self) -> bool {
        self.service.as_ref().is_some_and(|service| !service.has_place_for_prediction())
    }

    /// Whether there is a place for a request, if it is a prediction. O(1); it takes none.
    pub(super) fn check(&self, method: &Method, route: Option<usize>) -> Result<(), Failure> {
        self.of_prediction(method, route, DriftService::check_prediction)
    }

    /// Lets a request in whose rows are about to come, if it is a prediction. O(1).
    pub(super) fn announce(
        &self,
        method: &Method,
        route: Option<usize>,
    ) -> Result<Option<PredictAnnouncement>, Failure> {
        self.of_prediction(method, route, |service| service.announce_prediction().map(Some))
    }

    fn of_prediction<A: Default>(
        &self,
        method: &Method,
        route: Option<usize>,
        ask: fn(&DriftService) -> Result<A, PredictError>,
    ) -> Result<A, Failure> {
        let is_prediction = route.and_then(|route| self.is_prediction.get(route)).copied().unwrap_or(false);
        match &self.service {
            Some(service) if is_prediction && *method == Method::POST => {
                ask(service).map_err(|_| Failure::overloaded())
            }
            _ => Ok(A::default()),
        }
    }
}

fn takes_predictions(pattern: &str) -> bool {
    let last = pattern.rsplit('/').next().unwrap_or_default();
    matches!(last, "predict" | "infer" | "generate" | "infer_stream" | "generate_stream")
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
            assert_eq!(takes_predictions(route), predicts && !is_event, "{route}");
        }
    }
}
