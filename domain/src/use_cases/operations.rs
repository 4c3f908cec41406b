//! Operations: fits that go on after whoever asked for them has been answered.
//!
//! An operation is noted durably before it begins and forgotten when it ends, so that a start tells which ones the
//! former server took with it. In memory those that have ended stay for a while, for whoever asks what became of them.

mod operation;
mod registry;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use self::operation::{OperationStatus, OperationView};
pub(super) use self::registry::Operations;

use self::operation::{Operation, Outcome, Stop};
use super::fit::{Asked, Reservation};
use super::fit_computation::Fitted;
use super::fit_queue::Computation;
use super::fit_results::{Ending, FitResult};
use super::{DriftService, FitError, PreparedFit};
use crate::operation::{OperationId, OperationNote};
use crate::ports::Clock;
use crate::project::ProjectName;

/// A fit that has become an operation: it must be handed to [`DriftService::finish_fit`].
pub struct BegunFit {
    unended: Unended,
    computation: Computation<Fitted>,
    asked: Asked,
    reservation: Reservation,
    ending: Ending,
}

impl BegunFit {
    /// What is told of it.
    pub fn view(&self) -> OperationView {
        self.unended.operation.view()
    }
}

/// Ends an operation that nobody has ended, so that it does not seem to run for ever.
struct Unended {
    operation: Arc<Operation>,
    clock: Arc<dyn Clock>,
}

impl Drop for Unended {
    fn drop(&mut self) {
        self.operation.end(Outcome::Failed(Arc::new(FitError::Crashed)), self.clock.now());
    }
}

/// Which operations are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationQuery {
    /// At most so many.
    pub page_size: usize,
    /// Begun before the one of this number.
    pub before: Option<u64>,
}

/// Some operations, the latest first.
#[derive(Debug, Clone)]
pub struct OperationPage {
    /// The operations.
    pub operations: Vec<OperationView>,
    /// The number before which the next page starts, if there is one.
    pub next: Option<u64>,
}

impl DriftService {
    /// Makes an operation of a prepared fit: notes it durably and puts it into the queue of the pool.
    ///
    /// # Errors
    /// When the operation cannot be noted, or the server stops.
    pub async fn begin_fit(&self, id: OperationId, fit: PreparedFit) -> Result<BegunFit, FitError> {
        let fit = fit.in_the_background();
        let note = OperationNote { id, project: fit.project().clone(), created_at: self.ports.clock.now() };
        self.operations.check_open()?;
        self.ports.operations.note(&note).await?;
        let (computation, asked, reservation, ending) = self.compute_prepared(fit);
        match self.operations.begin(note, computation.watch()) {
            Ok(operation) => {
                let unended = Unended { operation, clock: Arc::clone(&self.ports.clock) };
                Ok(BegunFit { unended, computation, asked, reservation, ending })
            }
            Err(error) => {
                self.forget(id).await;
                Err(error)
            }
        }
    }

    /// Waits for the computation of an operation, stores the project, and notes the end. Must be driven to its end.
    pub async fn finish_fit(&self, fit: BegunFit) {
        let BegunFit { unended, computation, asked, reservation, ending } = fit;
        let operation = &unended.operation;
        let outcome = match computation.result().await {
            Ok(fitted) if operation.begin_storing() => {
                operation.outcome(self.store(self.fitted(fitted, asked, reservation, ending)).await.map(drop))
            }
            given_up => {
                // Whoever sees the end may fit the name again.
                drop(reservation);
                let outcome = operation.outcome(given_up.map(drop));
                ending.ended_as(outcome.result());
                outcome
            }
        };
        outcome.log(operation);
        // What the end of the server ended is told by the next start.
        if !outcome.is_interrupted() {
            self.forget(operation.note.id).await;
        }
        operation.end(outcome, self.ports.clock.now());
    }

    async fn forget(&self, id: OperationId) {
        if let Err(error) = self.ports.operations.forget(id).await {
            tracing::warn!(operation = %id, cause = error.source_text(), "the note of an ended operation is left until the next start");
        }
    }

    /// An operation, if there is one of this id and it has not ended too long ago.
    pub fn operation(&self, id: OperationId) -> Option<OperationView> {
        self.operations.get(id, self.ports.clock.now()).map(|operation| operation.view())
    }

    /// Some operations, the latest first.
    pub fn operations(&self, query: &OperationQuery) -> OperationPage {
        self.operations.list(query, self.ports.clock.now())
    }

    /// Has an operation end soon as cancelled; one that has ended or is storing its project goes on as it was.
    /// `None` when there is none.
    pub fn cancel_operation(&self, id: OperationId) -> Option<OperationView> {
        let operation = self.operations.get(id, self.ports.clock.now())?;
        operation.stop(Stop::Cancelled);
        Some(operation.view())
    }

    /// The same of all that fit a project.
    pub(super) fn cancel_operations_of(&self, project: &ProjectName) {
        for operation in self.operations.under_way() {
            if operation.note.project == *project {
                operation.stop(Stop::Cancelled);
            }
        }
    }

    /// Waits until an operation has ended; returns at once when there is none.
    pub async fn operation_ended(&self, id: OperationId) {
        if let Some(operation) = self.operations.get(id, self.ports.clock.now()) {
            operation.ended().await;
        }
    }

    /// Begins no operation any more; those under way go on.
    pub fn close_operations(&self) {
        self.operations.close();
    }

    /// Begins no operation any more and has those under way end soon as interrupted, which the next start tells too.
    pub fn interrupt_operations(&self) {
        for operation in self.operations.close() {
            operation.stop(Stop::Interrupted);
        }
    }

    /// Waits until every operation has ended.
    pub async fn operations_ended(&self) {
        for operation in self.operations.under_way() {
            operation.ended().await;
        }
    }

    /// Tells of the operations that were under way when the former server ended; gives those back that it interrupted.
    pub(super) async fn restore_operations(&self, notes: Vec<OperationNote>) -> Vec<OperationNote> {
        let mut interrupted = Vec::new();
        for note in notes {
            if let Some(at) = self.stored_at(&note).await {
                self.operations.restore(note, Outcome::Succeeded, at);
                continue;
            }
            interrupted.push(note.clone());
            self.counts.fit_results.count(FitResult::Interrupted);
            let outcome = Outcome::Failed(Arc::new(FitError::Interrupted));
            self.operations.restore(note, outcome, self.ports.clock.now());
        }
        interrupted
    }

    /// When the project of a noted operation was fitted: no other fit of the name could begin before it had ended.
    async fn stored_at(&self, note: &OperationNote) -> Option<DateTime<Utc>> {
        let configuration = self.ports.artifacts.configuration(&note.project).await.ok().flatten()?;
        Some(configuration.created_at).filter(|at| *at >= note.created_at)
    }
}
