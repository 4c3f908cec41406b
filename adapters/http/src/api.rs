//! The native API: one file per group of operations. Names, queries and bodies are taken as they come and checked by us,
//! so that every failure has its code and the checks keep their order.

pub(crate) mod answer;
mod backtest;
#[cfg(feature = "echo")]
mod echo;
mod events;
mod exposition;
mod fit;
mod fit_answers;
mod health;
mod metrics;
pub(crate) mod once;
mod operations;
pub(crate) mod parameter;
mod predict;
mod projects;
pub(crate) mod time;
pub(crate) mod token;

pub use backtest::run_backtest;
pub(crate) use backtest::{BacktestApi, EXPECTED_HISTORY};
#[cfg(feature = "echo")]
pub(crate) use echo::EchoApi;
pub(crate) use events::{EventsApi, RootEvents};
pub(crate) use exposition::{OPEN_METRICS, PROMETHEUS_TEXT};
pub(crate) use fit::FitApi;
pub(crate) use fit_answers::{FitAnswer, FitAnswers};
pub(crate) use health::{HealthApi, Readiness};
pub(crate) use metrics::MetricsApi;
pub(crate) use operations::{OperationsApi, Origins};
pub(crate) use predict::PredictApi;
pub(crate) use projects::ProjectsApi;

use std::sync::Arc;

use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{DriftService, FitError};
use futures_util::FutureExt;
use poem_openapi::Tags;
use tracing::Instrument;

use crate::error::Failure;

/// Groups of operations.
#[derive(Tags)]
#[oai(rename_all = "lowercase")]
pub(crate) enum Tag {
    /// Fit, list, show, load, unload, reset and delete projects.
    Projects,
    /// Long fits: follow and cancel them.
    Operations,
    /// Feed rows and be told whether they drift.
    Predictions,
    /// Feed the rows of events, which are answered at once.
    Events,
    /// Drift values over time.
    Metrics,
    /// Probes.
    Health,
}

/// All groups, as poem-openapi takes them.
pub(crate) type Api = (ProjectsApi, FitApi, BacktestApi, OperationsApi, PredictApi, EventsApi, MetricsApi, HealthApi);

/// Drives a future to its end even if the client leaves: what waits goes on in a task of its own. What does not wait
/// costs no task.
pub(crate) async fn driven<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T, Failure> {
    let mut future = Box::pin(future);
    if let Some(output) = future.as_mut().now_or_never() {
        return Ok(output);
    }
    tokio::spawn(future.in_current_span())
        .await
        .map_err(|error| Failure::internal(format!("a task of a request: {error}")))
}

/// Whether there is a project of exactly this name.
fn exists(service: &Arc<DriftService>, name: &ProjectName) -> bool {
    match service.check_free(name, false) {
        Err(FitError::Exists { existing }) => existing == name.as_str(),
        _ => false,
    }
}

/// Work for another thread, which logs as who asked for it.
pub(crate) fn within_span<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let span = tracing::Span::current();
    move || span.in_scope(work)
}
