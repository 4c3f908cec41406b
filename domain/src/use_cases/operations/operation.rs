//! One operation: how far it has come, and how it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use futures_channel::oneshot;

use crate::operation::{OperationId, OperationNote};
use crate::project::ProjectName;
use crate::use_cases::fit_queue::{Steps, Watch};
use crate::use_cases::{FitError, FitResult};

/// How an operation stands.
#[derive(Debug, Clone)]
pub enum OperationStatus {
    /// It waits for its turn.
    Queued,
    /// It computes or stores.
    Running,
    /// The project is stored and serves.
    Succeeded,
    /// There is no project of it.
    Failed(Arc<FitError>),
    /// It ended because somebody asked for that.
    Cancelled,
}

/// What is told of an operation.
#[derive(Debug, Clone)]
pub struct OperationView {
    /// Its id.
    pub id: OperationId,
    /// The project that is fitted.
    pub project: ProjectName,
    /// How it stands.
    pub status: OperationStatus,
    /// What is done now, or was done last, in words.
    pub stage: &'static str,
    /// The share that is done, from 0 to 1, which never falls.
    pub fraction: f64,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When its turn came; unknown of one that the former server began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl OperationView {
    /// Whether nothing of it will change any more.
    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }
}

/// Why an operation is to end before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Somebody asked for that.
    Cancelled,
    /// The server stops.
    Interrupted,
}

/// How an operation ended.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Succeeded,
    Failed(Arc<FitError>),
    Cancelled,
}

/// An operation.
pub(super) struct Operation {
    /// Which one it is in the order of their beginnings.
    pub(super) number: u64,
    pub(super) note: OperationNote,
    /// None of one that the former server began.
    watch: Option<Watch>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stop: Option<Stop>,
    /// From here on it cannot be stopped.
    is_storing: bool,
    end: Option<(Outcome, DateTime<Utc>)>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Operation {
    pub(super) fn begun(number: u64, note: OperationNote, watch: Watch) -> Self {
        Self { number, note, watch: Some(watch), state: Mutex::default() }
    }

    pub(super) fn restored(number: u64, note: OperationNote, outcome: Outcome, at: DateTime<Utc>) -> Self {
        let state = State { end: Some((outcome, at)), ..State::default() };
        Self { number, note, watch: None, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.state().end.as_ref().map(|(_, at)| *at)
    }

    pub(super) fn view(&self) -> OperationView {
        let steps = self.watch.as_ref().map_or_else(Steps::default, Watch::steps);
        let end = self.state().end.clone();
        let ended_at = end.as_ref().map(|(_, at)| *at);
        let outcome = end.map(|(outcome, _)| outcome);
        let (status, stage, fraction) = match (outcome, steps.started_at) {
            (Some(Outcome::Succeeded), _) => (OperationStatus::Succeeded, "done", 1.0),
            (Some(Outcome::Cancelled), _) => (OperationStatus::Cancelled, steps.stage, steps.fraction),
            (Some(Outcome::Failed(error)), _) => {
                let stage = if steps.stage.is_empty() { "interrupted" } else { steps.stage };
                (OperationStatus::Failed(error), stage, steps.fraction)
            }
            (None, Some(_)) => (OperationStatus::Running, steps.stage, steps.fraction),
            (None, None) => (OperationStatus::Queued, steps.stage, steps.fraction),
        };
        OperationView {
            id: self.note.id,
            project: self.note.project.clone(),
            status,
            stage,
            fraction,
            created_at: self.note.created_at,
            started_at: steps.started_at,
            ended_at,
        }
    }

    /// Has it end soon, unless it is past that.
    pub(super) fn stop(&self, stop: Stop) {
        {
            let mut state = self.state();
            if state.is_storing || state.end.is_some() || state.stop.is_some() {
                return;
            }
            state.stop = Some(stop);
        }
        if let Some(watch) = &self.watch {
            watch.give_up();
        }
    }

    /// Says that the project is going to be stored; `false` when the operation was to end before.
    pub(super) fn begin_storing(&self) -> bool {
        let mut state = self.state();
        if state.stop.is_some() {
            return false;
        }
        state.is_storing = true;
        if let Some(watch) = &self.watch {
            watch.stage("storing the project");
        }
        true
    }

    /// What a result means for an operation that may have been stopped.
    pub(super) fn outcome(&self, result: Result<(), FitError>) -> Outcome {
        let stop = self.state().stop;
        match (result, stop) {
            (_, Some(Stop::Cancelled)) => Outcome::Cancelled,
            (_, Some(Stop::Interrupted)) => Outcome::Failed(Arc::new(FitError::Interrupted)),
            (Ok(()), None) => Outcome::Succeeded,
            (Err(error), None) => Outcome::Failed(Arc::new(error)),
        }
    }

    /// Ends it, if it has not ended.
    pub(super) fn end(&self, outcome: Outcome, at: DateTime<Utc>) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some((outcome, at));
            for sender in state.waiting.drain(..) {
                // Whoever waited may have left.
                let _ = sender.send(());
            }
        }
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) {
        let receiver = {
            let mut state = self.state();
            if state.end.is_some() {
                return;
            }
            state.waiting.retain(|sender| !sender.is_canceled());
            let (sender, receiver) = oneshot::channel();
            state.waiting.push(sender);
            receiver
        };
        // An error says that the operation is gone, which is an end too.
        let _ = receiver.await;
    }
}

impl Outcome {
    /// What is counted of it.
    pub(super) fn result(&self) -> FitResult {
        match self {
            Self::Succeeded => FitResult::Succeeded,
            Self::Cancelled => FitResult::Cancelled,
            Self::Failed(error) if matches!(**error, FitError::Interrupted) => FitResult::Interrupted,
            Self::Failed(_) => FitResult::Failed,
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.result() == FitResult::Interrupted
    }

    /// For the log: nobody may ever ask what became of the operation.
    pub(super) fn log(&self, operation: &Operation) {
        let OperationNote { id, project, .. } = &operation.note;
        match self {
            Self::Succeeded => tracing::info!(operation = %id, %project, "a fit in the background has succeeded"),
            Self::Cancelled => tracing::info!(operation = %id, %project, "a fit in the background was cancelled"),
            Self::Failed(error) => match &**error {
                FitError::Storage(cause) => {
                    let cause = cause.source_text();
                    tracing::error!(operation = %id, %project, %error, cause, "a fit in the background failed");
                }
                FitError::Crashed => {
                    tracing::error!(operation = %id, %project, %error, "a fit in the background failed");
                }
                _ => tracing::info!(operation = %id, %project, %error, "a fit in the background failed"),
            },
        }
    }
}
