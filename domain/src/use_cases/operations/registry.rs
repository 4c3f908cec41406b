//! The operations that are known: all under way, and the latest that have ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::operation::{Operation, Outcome};
use super::{OperationPage, OperationQuery};
use crate::operation::{OperationId, OperationNote};
use crate::use_cases::FitError;
use crate::use_cases::fit_queue::Watch;

/// Of operations that have ended so many are known, the latest.
const ENDED_MAX: usize = 1_000;
/// And those for so long.
const ENDED_FOR: TimeDelta = TimeDelta::days(7);

/// The operations that are known. Those under way are bounded by the queue of fits.
#[derive(Default)]
pub(in crate::use_cases) struct Operations(Mutex<Known>);

#[derive(Default)]
struct Known {
    is_closed: bool,
    next: u64,
    numbers: HashMap<OperationId, u64>,
    by_number: BTreeMap<u64, Arc<Operation>>,
}

fn has_expired(operation: &Operation, now: DateTime<Utc>) -> bool {
    operation.ended_at().is_some_and(|at| now.signed_duration_since(at) > ENDED_FOR)
}

impl Known {
    fn insert(&mut self, operation: impl FnOnce(u64) -> Operation) -> Arc<Operation> {
        let operation = Arc::new(operation(self.next));
        self.next += 1;
        self.numbers.insert(operation.note.id, operation.number);
        self.by_number.insert(operation.number, Arc::clone(&operation));
        operation
    }

    /// Forgets those that ended too long ago, and the first of too many.
    fn prune(&mut self, now: DateTime<Utc>) {
        let ended: Vec<&Arc<Operation>> =
            self.by_number.values().filter(|operation| operation.ended_at().is_some()).collect();
        let too_many = ended.len().saturating_sub(ENDED_MAX);
        let gone =
            ended.iter().enumerate().filter(|(index, operation)| *index < too_many || has_expired(operation, now));
        let gone: Vec<(u64, OperationId)> = gone.map(|(_, operation)| (operation.number, operation.note.id)).collect();
        for (number, id) in gone {
            self.by_number.remove(&number);
            self.numbers.remove(&id);
        }
    }

    fn under_way(&self) -> Vec<Arc<Operation>> {
        self.by_number.values().filter(|operation| operation.ended_at().is_none()).map(Arc::clone).collect()
    }
}

impl Operations {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether operations may begin.
    pub(super) fn check_open(&self) -> Result<(), FitError> {
        if self.known().is_closed { Err(FitError::Stopping) } else { Ok(()) }
    }

    /// Takes up an operation that begins.
    pub(super) fn begin(&self, note: OperationNote, watch: Watch) -> Result<Arc<Operation>, FitError> {
        let mut known = self.known();
        if known.is_closed {
            return Err(FitError::Stopping);
        }
        known.prune(note.created_at);
        Ok(known.insert(|number| Operation::begun(number, note, watch)))
    }

    /// Takes up an operation that ended with the former server.
    pub(super) fn restore(&self, note: OperationNote, outcome: Outcome, at: DateTime<Utc>) {
        self.known().insert(|number| Operation::restored(number, note, outcome, at));
    }

    pub(super) fn get(&self, id: OperationId, now: DateTime<Utc>) -> Option<Arc<Operation>> {
        let known = self.known();
        let operation = known.by_number.get(known.numbers.get(&id)?)?;
        (!has_expired(operation, now)).then(|| Arc::clone(operation))
    }

    pub(super) fn list(&self, query: &OperationQuery, now: DateTime<Utc>) -> OperationPage {
        let known = self.known();
        let before = query.before.unwrap_or(u64::MAX);
        let mut operations =
            known.by_number.range(..before).rev().filter(|(_, operation)| !has_expired(operation, now));
        let page: Vec<&Arc<Operation>> =
            operations.by_ref().take(query.page_size).map(|(_, operation)| operation).collect();
        let next = page.last().filter(|_| operations.next().is_some()).map(|operation| operation.number);
        OperationPage { operations: page.iter().map(|operation| operation.view()).collect(), next }
    }

    /// Begins none any more; gives back those under way.
    pub(super) fn close(&self) -> Vec<Arc<Operation>> {
        let mut known = self.known();
        known.is_closed = true;
        known.under_way()
    }

    pub(super) fn under_way(&self) -> Vec<Arc<Operation>> {
        self.known().under_way()
    }
}
