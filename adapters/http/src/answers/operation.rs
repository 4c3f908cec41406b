//! An operation as clients see it.

use chrono::{DateTime, Utc};
use drifting_domain::use_cases::{OperationStatus as DomainStatus, OperationView};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use crate::error::Problem;

/// A fit that goes on after its request has been answered.
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Operation")]
pub(crate) struct LongFit {
    /// Its id.
    pub(crate) id: String,
    /// The project that is fitted.
    pub(crate) project: String,
    /// What is done.
    pub(crate) kind: OperationKind,
    /// How it stands.
    pub(crate) status: OperationStatus,
    /// What is done now, or was done last, in words.
    pub(crate) stage: String,
    /// How far it has come.
    pub(crate) progress: OperationProgress,
    /// When it was asked for.
    pub(crate) created_at: DateTime<Utc>,
    /// When its turn came.
    #[oai(nullable)]
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[oai(nullable)]
    pub(crate) ended_at: Option<DateTime<Utc>>,
    /// Why it has failed: what a request that waits would have been answered, or `interrupted`, when the server ended
    /// before it.
    #[oai(nullable)]
    pub(crate) problem: Option<Problem>,
    /// The path of the project, once it is there.
    #[oai(nullable)]
    pub(crate) result: Option<String>,
}

/// How far an operation has come. It never goes back.
#[derive(Debug, Object, Serialize)]
pub(crate) struct OperationProgress {
    /// Steps that are done.
    pub(crate) done: u64,
    /// Steps of the whole.
    pub(crate) total: u64,
    /// The share that is done, by estimated cost.
    #[oai(validator(minimum(value = "0"), maximum(value = "1")))]
    pub(crate) fraction: f64,
}

/// What operations do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationKind {
    Fit,
}

/// How an operation stands; the last three are ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationStatus {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// Some operations, the latest first.
#[derive(Debug, Object, Serialize)]
pub(crate) struct OperationPage {
    /// The operations.
    pub(crate) operations: Vec<LongFit>,
    /// Where the next page starts, if there is one.
    #[oai(nullable)]
    pub(crate) next_page_token: Option<String>,
}

impl OperationProgress {
    /// Steps of any operation: more than a bar can show.
    const TOTAL: u16 = 1_000;

    fn of(fraction: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and TOTAL")]
        let done = (fraction * f64::from(Self::TOTAL)) as u64;
        Self { done, total: Self::TOTAL.into(), fraction }
    }
}

impl LongFit {
    /// What is told of an operation, with the problem of one that has failed.
    pub(crate) fn of(view: &OperationView, problem: Option<Problem>) -> Self {
        let status = match view.status {
            DomainStatus::Queued => OperationStatus::Queued,
            DomainStatus::Running => OperationStatus::Running,
            DomainStatus::Succeeded => OperationStatus::Succeeded,
            DomainStatus::Failed(_) => OperationStatus::Failed,
            DomainStatus::Cancelled => OperationStatus::Cancelled,
        };
        let result = (status == OperationStatus::Succeeded).then(|| format!("/api/v1/projects/{}", view.project));
        Self {
            id: view.id.to_string(),
            project: view.project.to_string(),
            kind: OperationKind::Fit,
            status,
            stage: view.stage.to_owned(),
            progress: OperationProgress::of(view.fraction),
            created_at: view.created_at,
            started_at: view.started_at,
            ended_at: view.ended_at,
            problem,
            result,
        }
    }
}
