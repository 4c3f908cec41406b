//! Fits on their way through the pool: a bounded number of them waits, each can be watched and given up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use futures_channel::oneshot;

use super::{FitError, ServiceLimits};
use crate::ports::{Clock, CpuPool, Progress};

/// Fits that wait, and those that compute.
pub(super) struct FitQueue {
    n_waiting_max: usize,
    n_computing_max: usize,
    n_waiting: AtomicUsize,
    turns: Mutex<Turns>,
}

/// Begins a fit.
type Begin = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Turns {
    n_computing: usize,
    next: VecDeque<Begin>,
}

impl FitQueue {
    pub(super) fn new(limits: &ServiceLimits) -> Self {
        let ServiceLimits { fit_queue, concurrent_fits, .. } = *limits;
        let turns = Mutex::default();
        Self { n_waiting_max: fit_queue, n_computing_max: concurrent_fits, n_waiting: AtomicUsize::new(0), turns }
    }

    /// Whether there is a place.
    pub(super) fn check(&self) -> Result<(), FitError> {
        if self.n_waiting.load(Ordering::Relaxed) < self.n_waiting_max { Ok(()) } else { Err(FitError::QueueFull) }
    }

    /// How many wait.
    pub(super) fn n_waiting(&self) -> usize {
        self.n_waiting.load(Ordering::Relaxed)
    }

    /// Takes a place.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Place, FitError> {
        let one_more = |n: usize| (n < self.n_waiting_max).then_some(n + 1);
        match self.n_waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => Ok(Place(Arc::clone(self))),
            Err(_) => Err(FitError::QueueFull),
        }
    }

    /// Begins a fit when its turn comes.
    fn at_its_turn(&self, begin: Begin) {
        let mut turns = lock(&self.turns);
        if turns.n_computing < self.n_computing_max {
            turns.n_computing += 1;
            drop(turns);
            begin();
        } else {
            turns.next.push_back(begin);
        }
    }
}

/// A place among the fits that wait, until it is dropped.
pub(super) struct Place(Arc<FitQueue>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.n_waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A fit that computes, until it is dropped: then the next one begins.
struct Turn(Arc<FitQueue>);

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = lock(&self.0.turns);
        match turns.next.pop_front() {
            Some(begin) => {
                drop(turns);
                begin();
            }
            None => turns.n_computing -= 1,
        }
    }
}

/// Computes, and tells whoever waits what came of it.
type Work = Box<dyn FnOnce(&dyn Progress) + Send>;

/// A fit whose turn has not come.
struct Waiting {
    place: Place,
    work: Work,
}

/// How far a fit has come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Steps {
    /// When its turn came.
    pub(super) started_at: Option<DateTime<Utc>>,
    /// What is done now, in words.
    pub(super) stage: &'static str,
    /// The share that is done, which never falls.
    pub(super) fraction: f64,
}

/// Watches a fit and gives it up, from anywhere.
#[derive(Clone)]
pub(super) struct Watch(Arc<Watched>);

struct Watched {
    is_cancelled: AtomicBool,
    steps: Mutex<Steps>,
    waiting: Mutex<Option<Waiting>>,
}

impl Watch {
    pub(super) fn steps(&self) -> Steps {
        *self.0.steps()
    }

    /// Says what is done now.
    pub(super) fn stage(&self, words: &'static str) {
        self.0.steps().stage = words;
    }

    /// Lets the fit end soon: at once, with all its data, where its turn has not come.
    pub(super) fn give_up(&self) {
        self.0.is_cancelled.store(true, Ordering::Release);
        drop(lock(&self.0.waiting).take());
    }
}

impl Watched {
    fn steps(&self) -> MutexGuard<'_, Steps> {
        lock(&self.steps)
    }
}

impl Progress for Watched {
    fn stage(&self, words: &'static str) {
        self.steps().stage = words;
    }

    fn report(&self, done: usize, total: usize) {
        let fraction = done as f64 / total.max(1) as f64;
        let mut steps = self.steps();
        steps.fraction = steps.fraction.max(fraction.min(1.0));
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }
}

/// A fit on the pool, or something else that waits for its turn among fits. Dropping it gives it up.
pub(super) struct Computation<T> {
    watch: Watch,
    receiver: oneshot::Receiver<Result<T, FitError>>,
}

impl<T: Send + 'static> Computation<T> {
    /// Puts work into the queue of the pool.
    pub(super) fn begin(
        place: Place,
        pool: &Arc<dyn CpuPool>,
        clock: Arc<dyn Clock>,
        work: impl FnOnce(&dyn Progress) -> Result<T, FitError> + Send + 'static,
    ) -> Self {
        let queue = Arc::clone(&place.0);
        let (sender, receiver) = oneshot::channel();
        let work: Work = Box::new(move |progress| {
            // Nobody may wait any more: then the result is of no use.
            let _ = sender.send(work(progress));
        });
        let watched = Arc::new(Watched {
            is_cancelled: AtomicBool::new(false),
            steps: Mutex::new(Steps { stage: "waiting for its turn", ..Steps::default() }),
            waiting: Mutex::new(Some(Waiting { place, work })),
        });
        let running = Arc::clone(&watched);
        let job = move |_turn: Turn| {
            let Some(Waiting { place, work }) = lock(&running.waiting).take() else { return };
            drop(place);
            {
                let mut steps = running.steps();
                steps.started_at = Some(clock.now());
                steps.stage = "reading the reference";
            }
            work(&*running);
        };
        let (pool, turn_of) = (Arc::clone(pool), Arc::clone(&queue));
        // The fit that ends before it may be who begins it: what it logs is of whoever asked for it all the same.
        let span = tracing::Span::current();
        queue.at_its_turn(Box::new(move || {
            let turn = Turn(turn_of);
            span.in_scope(|| pool.spawn(Box::new(move || job(turn))));
        }));
        Self { watch: Watch(watched), receiver }
    }

    pub(super) fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// What comes of it.
    pub(super) async fn result(mut self) -> Result<T, FitError> {
        (&mut self.receiver).await.unwrap_or(Err(FitError::Crashed))
    }
}

impl<T> Drop for Computation<T> {
    fn drop(&mut self) {
        self.watch.give_up();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
