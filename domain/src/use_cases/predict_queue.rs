//! Predictions on their way: a bounded number of them, whose rows have come, waits or is at work, and more are refused before
//! their bodies are read.
//!
//! Rows come after the head that announces them. While many heads come at once, those that are let in on one free place would be read whole
//! before all but one of them are refused; so whoever has been let in counts as announced, until its rows are there or will not come,
//! for a short time, and from some number on: clients that are slow to send their rows keep nobody out of the first places.

mod flood;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use self::flood::Flood;
use super::registry::{Entry, OnWay};
use super::{DriftService, Ports, PredictError, ServiceLimits};
use crate::ports::Clock;

/// So many may always be on their way, unless there is a flood: a few that take long are no overload.
const FEW: usize = 64;
/// In a flood one may wait for this part of the time that it may wait otherwise: others come before a thread has nothing to judge.
const FLOOD_PART: u32 = 10;
/// But so many a thread that judges may always be on their way.
const FLOOD_PER_THREAD: usize = 4;
/// For a project of which none is on its way there are so many times the places, and no flood.
const FIRST_TIMES: usize = 2;
/// The pace is the mean of the last so many, about; under overload several end together.
const REMEMBERED: u64 = 64;
/// Whoever has been let in counts as announced for so long, and for at most twice as long.
const PERIOD: Duration = Duration::from_millis(50);

/// How many predictions are on their way, and how many may be.
///
/// What waits takes memory, and the more of it there is the less of it is in the processor's caches when its turn comes; whoever has waited
/// for long may have gone. So there may be no more than are judged in the time that one may wait, by the pace at which they end (Little's law).
/// That is room for who comes at once and then not for a while. When many more are refused than judged it is of no use, and everybody who
/// is let in would wait for all of it: so in a flood there are as few as keep the threads busy (Nichols and Jacobson, "Controlling Queue Delay",
/// 2012, tell such queues from others). Overload of one project keeps no other out: the first prediction of each has places beyond those.
///
/// O(1) each, without a lock: what threads write over each other is a pace that is measured anew with every end.
pub(super) struct PredictQueue {
    n_max: usize,
    wait_max: Option<Duration>,
    /// So many may always be on their way in a flood.
    n_few_in_flood: usize,
    flood: Flood,
    clock: Arc<dyn Clock>,
    n_entered: AtomicUsize,
    /// Those that are announced: let in during the present period, and during the one before.
    announced: [AtomicUsize; 2],
    /// The number of the present period.
    period: AtomicU64,
    /// The mean time between two ends, in nanoseconds; 0 until it has been measured.
    step_ns: AtomicU64,
    /// When the last one ended, or they became many.
    last_ns: AtomicU64,
    /// Whether there was no place for somebody since that was last asked.
    has_refused: AtomicBool,
}

impl PredictQueue {
    /// For predictions that are judged by a service with these ports.
    pub(super) fn of(limits: &ServiceLimits, ports: &Ports) -> Self {
        Self::new(limits, ports.predict_pool.n_threads(), Arc::clone(&ports.clock))
    }

    fn new(limits: &ServiceLimits, n_threads: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            n_max: limits.predict_queue,
            wait_max: limits.predict_wait,
            // One that is read or answered beside them.
            n_few_in_flood: FLOOD_PER_THREAD * (n_threads + 1),
            flood: Flood::new(n_threads),
            clock,
            n_entered: AtomicUsize::new(0),
            announced: Default::default(),
            period: AtomicU64::new(0),
            step_ns: AtomicU64::new(0),
            last_ns: AtomicU64::new(0),
            has_refused: AtomicBool::new(false),
        }
    }

    /// How many there are.
    pub(super) fn n_entered(&self) -> usize {
        self.n_entered.load(Ordering::Relaxed)
    }

    /// How many there may be now when one comes, which is the first of its project or not.
    fn n_allowed(&self, is_first: bool) -> usize {
        let (Some(wait_max), step_ns) = (self.wait_max, self.step_ns.load(Ordering::Relaxed)) else {
            return self.n_max;
        };
        let wait = if self.is_flooded(is_first) { wait_max / FLOOD_PART } else { wait_max };
        let judged = nanoseconds(wait).checked_div(step_ns).and_then(|n| usize::try_from(n).ok());
        let times = if is_first { FIRST_TIMES } else { 1 };
        judged.map_or(self.n_max, |n| n.max(self.n_few(is_first)).saturating_mul(times).min(self.n_max))
    }

    /// Whether there is a flood for one that comes.
    fn is_flooded(&self, is_first: bool) -> bool {
        !is_first && self.wait_max.is_some() && self.flood.is_on()
    }

    /// So many may always be on their way.
    fn n_few(&self, is_first: bool) -> usize {
        let n = if self.is_flooded(is_first) { self.n_few_in_flood } else { FEW.max(self.n_few_in_flood) };
        n.min(self.n_max)
    }

    /// From so many on the pace is measured, as they keep most processors busy, and announcements count.
    fn n_busy(&self, is_first: bool) -> usize {
        (self.n_few(is_first) / 2).max(1)
    }

    /// The number of the present period, which begins here if it has not. Announcements that come or end in this moment may be missed, or
    /// count for one period more.
    fn present_period(&self) -> u64 {
        let now = nanoseconds(self.clock.elapsed()) / nanoseconds(PERIOD);
        let last = self.period.load(Ordering::Relaxed);
        if now > last && self.period.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let before = self.announced[0].swap(0, Ordering::Relaxed);
            self.announced[1].store(if now == last + 1 { before } else { 0 }, Ordering::Relaxed);
        }
        now.max(last)
    }

    /// How many have been let in lately, and have not entered.
    fn n_announced(&self) -> usize {
        self.present_period();
        self.announced.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    /// Whether there is a place. While less than [`Self::n_busy`] are on their way nobody is kept out by those that are only announced. That
    /// is less than what may always be on its way: where no more may, the rows of all who come at once would be read on the same free place.
    fn has_place(&self, is_first: bool) -> bool {
        let (n, n_allowed) = (self.n_entered(), self.n_allowed(is_first));
        // While all places are taken, which is asked most, the clock is not.
        n < n_allowed && (n < self.n_busy(is_first) || n + self.n_announced() < n_allowed)
    }

    /// Whether there is a place for one of this project.
    fn has_place_for(&self, project: &Entry) -> bool {
        self.is_first(project) && self.has_place(true)
    }

    /// Whether no other one of the project is on its way, or about to be.
    fn is_first(&self, project: &Entry) -> bool {
        project.is_at_rest() && !project.expects_rows(nanoseconds(self.clock.elapsed()))
    }

    /// One that has come is refused.
    fn refuse(&self) {
        self.has_refused.store(true, Ordering::Relaxed);
        if self.flood.refused() {
            // From here on the pace is measured from fewer on.
            self.last_ns.store(nanoseconds(self.clock.elapsed()), Ordering::Relaxed);
        }
    }

    /// Whether there was none since the last time that this was asked.
    fn take_refused(&self) -> bool {
        self.has_refused.load(Ordering::Relaxed) && self.has_refused.swap(false, Ordering::Relaxed)
    }

    /// Lets one in, if there is a place.
    fn announce(self: &Arc<Self>, project: Option<Arc<Entry>>) -> Option<PredictAnnouncement> {
        // Threads that ask at the same time may each find theirs the first: there is one more a thread then.
        let is_first = project.as_ref().is_some_and(|project| self.is_first(project));
        if !self.has_place(is_first) {
            self.refuse();
            return None;
        }
        if let Some(project) = project.as_ref().filter(|_| is_first) {
            project.expect_rows(nanoseconds(self.clock.elapsed() + PERIOD));
        }
        let period = self.present_period();
        self.announced[0].fetch_add(1, Ordering::Relaxed);
        let has_ended = AtomicBool::new(false);
        Some(PredictAnnouncement(Arc::new(Announced { queue: Arc::clone(self), period, has_ended, project, is_first })))
    }

    /// An announcement of a period is over, if it still counts.
    fn forget(&self, period: u64) {
        let age = self.period.load(Ordering::Relaxed).saturating_sub(period);
        if let Some(n) = usize::try_from(age).ok().and_then(|age| self.announced.get(age)) {
            let one_less = |n: usize| n.checked_sub(1);
            // None may be left where another thread has begun a period meanwhile.
            let _ = n.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        }
    }

    /// Lets one go on whose rows have come, if there is a place.
    fn enter(self: &Arc<Self>, announced: Option<&PredictAnnouncement>) -> Option<PredictPlace> {
        let project = announced.and_then(|PredictAnnouncement(announced)| {
            announced.end();
            announced.project.as_ref()
        });
        let is_first = project.is_some_and(|project| project.is_at_rest());
        self.take_place(is_first).then(|| PredictPlace { queue: Arc::clone(self), _on_way: project.map(Entry::begin) })
    }

    /// Takes a place, if there is one.
    fn take_place(&self, is_first: bool) -> bool {
        let n_allowed = self.n_allowed(is_first);
        let one_more = |n: usize| (n < n_allowed).then_some(n + 1);
        let before = self.n_entered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        match before {
            Ok(n) if n + 1 == self.n_busy(false) => {
                self.last_ns.store(nanoseconds(self.clock.elapsed()), Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(_) => self.refuse(),
        }
        before.is_ok()
    }

    fn leave(&self) {
        let n = self.n_entered.fetch_sub(1, Ordering::Relaxed);
        let n_busy = self.n_busy(false);
        self.flood.ended(n - 1);
        if n < n_busy {
            return;
        }
        let now = nanoseconds(self.clock.elapsed());
        let took = now.saturating_sub(self.last_ns.swap(now, Ordering::Relaxed));
        let mean = match self.step_ns.load(Ordering::Relaxed) {
            0 => took,
            mean => mean - mean / REMEMBERED + took / REMEMBERED,
        };
        self.step_ns.store(mean.max(1), Ordering::Relaxed);
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A prediction that has been let in, and whose rows have not come yet. Once its last copy is dropped none are waited for any longer.
#[derive(Clone)]
#[must_use = "to be held until its rows have come, or will not"]
pub struct PredictAnnouncement(Arc<Announced>);

struct Announced {
    queue: Arc<PredictQueue>,
    period: u64,
    has_ended: AtomicBool,
    project: Option<Arc<Entry>>,
    /// Whether none of its project was on its way, so that its rows are expected.
    is_first: bool,
}

impl Announced {
    /// Its rows have come, or will not.
    fn end(&self) {
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            self.queue.forget(self.period);
            if let Some(project) = self.project.as_ref().filter(|_| self.is_first) {
                project.expect_no_rows();
            }
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.end();
    }
}

/// A place among the predictions on their way, until it is dropped.
pub struct PredictPlace {
    queue: Arc<PredictQueue>,
    /// Of the project, where that is known.
    _on_way: Option<OnWay>,
}

impl Drop for PredictPlace {
    fn drop(&mut self) {
        self.queue.leave();
    }
}

impl DriftService {
    /// Whether there is a place among the predictions on their way that nobody who is announced may take: for anybody, or for one of the project
    /// of this name. O(1), and O(log(number of projects)) where there is none for anybody.
    pub fn has_place_for_prediction(&self, project: Option<&str>) -> bool {
        let queue = &self.predict_queue;
        queue.has_place(false)
            || self.project_of_prediction(project).is_some_and(|project| queue.has_place_for(&project))
    }

    /// Notes that a prediction is refused, since there was no place for it. O(1).
    pub fn refuse_prediction(&self) {
        self.predict_queue.refuse();
    }

    /// Whether a prediction has been refused since the last time that this was asked. O(1).
    pub fn take_refused(&self) -> bool {
        self.predict_queue.take_refused()
    }

    /// Lets a prediction in whose body has not been read, for a project of this name, if that is known. It takes no place, which a client
    /// that is slow to send would hold; but for a moment its rows are announced, and others are not let in on the same place. To be held until
    /// they have come, or will not. O(log(number of projects)).
    ///
    /// # Errors
    /// [`PredictError::Overloaded`].
    pub fn announce_prediction(&self, project: Option<&str>) -> Result<PredictAnnouncement, PredictError> {
        self.predict_queue.announce(self.project_of_prediction(project)).ok_or(PredictError::Overloaded)
    }

    fn project_of_prediction(&self, name: Option<&str>) -> Option<Arc<Entry>> {
        self.registry.get(&name?.parse().ok()?)
    }

    /// Takes a place among the predictions on their way, for rows that have come, and that may have been announced. To be held until
    /// they are judged.
    ///
    /// # Errors
    /// [`PredictError::Overloaded`].
    pub fn enter_predictions(&self, announced: Option<&PredictAnnouncement>) -> Result<PredictPlace, PredictError> {
        self.predict_queue.enter(announced).ok_or(PredictError::Overloaded)
    }
}

#[cfg(test)]
mod tests;
