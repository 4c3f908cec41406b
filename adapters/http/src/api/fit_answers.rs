//! Fits that may be sent again: those under way, and the answers of those that have succeeded.
//!
//! They are known until the server stops. After that the note in the configuration of the project tells what it was fitted by.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drifting_domain::use_cases::{Digest, FitError, RequestIdentity};
use drifting_listening::IDEMPOTENCY_REPLAYED;
use poem::Response;
use tracing::Instrument;

use super::once::Written;
use crate::error::{Code, Failure};

/// So many are known, the latest.
const KNOWN_MAX: usize = 1_000;
/// And those for so long.
const KNOWN_FOR: Duration = Duration::from_hours(24);

/// The fits that are known.
#[derive(Clone, Default)]
pub(crate) struct FitAnswers(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    by_key: HashMap<Digest, Arc<Fit>>,
    in_order: VecDeque<Arc<Fit>>,
}

struct Fit {
    identity: RequestIdentity,
    begun: Instant,
    /// Held while it is at work.
    answer: Arc<tokio::sync::Mutex<Option<Written>>>,
}

/// What came of a fit.
pub(crate) struct FitAnswer {
    pub(crate) written: Written,
    /// Whether a request before this one has done it.
    pub(crate) is_replayed: bool,
}

impl FitAnswer {
    fn response(self) -> Response {
        let Self { written, is_replayed } = self;
        Response::from(if is_replayed { written.with_header(IDEMPOTENCY_REPLAYED, "true") } else { written })
    }
}

impl FitAnswers {
    /// Whether a fit of this key has begun.
    pub(crate) fn has(&self, key: &Digest) -> bool {
        self.known().by_key.contains_key(key)
    }

    /// Does the work of a fit once, to its end even if the client leaves, and gives its answer to all who ask. What fails is
    /// forgotten, so that it can be tried again, and so is an answer that promised more than has come of it.
    ///
    /// # Errors
    /// When another request came under the key, and those of the work.
    pub(crate) async fn once(
        &self,
        identity: RequestIdentity,
        came_to_nothing: impl Fn(&Written) -> bool,
        work: impl Future<Output = Result<FitAnswer, Failure>> + Send + 'static,
    ) -> Result<Response, Failure> {
        let (fit, answer) = loop {
            let fit = self.enter(identity)?;
            let answer = Arc::clone(&fit.answer).lock_owned().await;
            let mut known = self.known();
            if answer.as_ref().is_some_and(&came_to_nothing) {
                known.forget(&fit);
            }
            // The one before may have failed and been forgotten.
            if known.has(&fit) {
                drop(known);
                break (fit, answer);
            }
        };
        if let Some(written) = &*answer {
            return Ok(FitAnswer { written: written.clone(), is_replayed: true }.response());
        }
        let known = self.clone();
        let doing = async move {
            let mut answer = answer;
            // Declared after the other, so that it is forgotten before the next one that waits may look.
            let mut forgetting = Forgetting { known, fit, is_answered: false };
            let done = work.await?;
            *answer = Some(done.written.clone());
            forgetting.is_answered = true;
            Ok(done)
        };
        let done = tokio::spawn(doing.in_current_span()).await;
        let done = done.map_err(|error| Failure::internal(format!("a task of a fit: {error}")))?;
        done.map(FitAnswer::response)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, identity: RequestIdentity) -> Result<Arc<Fit>, Failure> {
        let mut known = self.known();
        known.prune();
        if let Some(fit) = known.by_key.get(&identity.key) {
            if fit.identity.content != identity.content {
                return Err(Failure::new(Code::IdempotencyKeyReused, FitError::KeyReused.to_string()));
            }
            return Ok(Arc::clone(fit));
        }
        let fit = Arc::new(Fit { identity, begun: Instant::now(), answer: Arc::default() });
        known.by_key.insert(identity.key, Arc::clone(&fit));
        known.in_order.push_back(Arc::clone(&fit));
        Ok(fit)
    }
}

impl Known {
    fn has(&self, fit: &Arc<Fit>) -> bool {
        self.by_key.get(&fit.identity.key).is_some_and(|known| Arc::ptr_eq(known, fit))
    }

    fn forget(&mut self, forgotten: &Arc<Fit>) {
        if self.has(forgotten) {
            self.by_key.remove(&forgotten.identity.key);
            self.in_order.retain(|fit| !Arc::ptr_eq(fit, forgotten));
        }
    }

    fn prune(&mut self) {
        // One that is at work is left, with those after it: they are bounded by the queue of fits.
        while let Some(oldest) = self.in_order.front()
            && (self.in_order.len() >= KNOWN_MAX || oldest.begun.elapsed() > KNOWN_FOR)
            && oldest.answer.try_lock().is_ok()
        {
            let Some(oldest) = self.in_order.pop_front() else { return };
            if self.has(&oldest) {
                self.by_key.remove(&oldest.identity.key);
            }
        }
    }
}

/// Forgets a fit that ends without an answer, however it ends.
struct Forgetting {
    known: FitAnswers,
    fit: Arc<Fit>,
    is_answered: bool,
}

impl Drop for Forgetting {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        self.known.known().forget(&self.fit);
    }
}
