//! Predictions on their way: a bounded number of them, whose rows have come, waits or is at work, and more are refused before
//! their bodies are read.
//!
//! Rows come after the head that announces them. While many heads come at once, those that are let in on one free place would be read whole
//! before all but one of them are refused; so whoever has been let in counts as announced, until its rows are there or will not come,
//! for a short time, and from some number on: clients that are slow to send their rows keep nobody out of the first places.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::{DriftService, PredictError, ServiceLimits};
use crate::ports::Clock;

/// So many may always be on their way: a few that take long are no overload.
const FEW: usize = 64;
/// From so many on the pace is measured, as they keep most processors busy, and announcements count.
const BUSY: usize = FEW / 2;
/// The pace is the mean of the last so many, about; under overload several end together.
const REMEMBERED: u64 = 64;
/// Whoever has been let in counts as announced for so long, and for at most twice as long.
const PERIOD: Duration = Duration::from_millis(50);

/// How many predictions are on their way, and how many may be.
///
/// What waits takes memory, and the more of it there is the less of it is in the processor's caches when its turn comes; whoever has waited
/// for long may have gone. So there may be no more than are judged in the time that one may wait, by the pace at which they end (Little's law).
/// O(1) each, without a lock: what threads write over each other is a pace that is measured anew with every end.
pub(super) struct PredictQueue {
    n_max: usize,
    wait_max: Option<Duration>,
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
    pub(super) fn new(limits: &ServiceLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            n_max: limits.predict_queue,
            wait_max: limits.predict_wait,
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

    /// How many there may be now.
    fn n_allowed(&self) -> usize {
        let (Some(wait_max), step_ns) = (self.wait_max, self.step_ns.load(Ordering::Relaxed)) else {
            return self.n_max;
        };
        let judged = nanoseconds(wait_max).checked_div(step_ns).and_then(|n| usize::try_from(n).ok());
        judged.map_or(self.n_max, |n| n.max(FEW).min(self.n_max))
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

    /// Whether there is a place. Below [`BUSY`] nobody is kept out by those that are only announced. That is less than what may always be on
    /// its way: where no more may, the rows of all who come at once would be read on the same free place.
    fn has_place(&self) -> bool {
        let (n, n_allowed) = (self.n_entered(), self.n_allowed());
        // While all places are taken, which is asked most, the clock is not.
        n < n_allowed && (n < BUSY || n + self.n_announced() < n_allowed)
    }

    /// Whether there is a place for one that has come.
    fn check(&self) -> bool {
        let has_place = self.has_place();
        if !has_place {
            self.has_refused.store(true, Ordering::Relaxed);
        }
        has_place
    }

    /// Whether there was none since the last time that this was asked.
    fn take_refused(&self) -> bool {
        self.has_refused.load(Ordering::Relaxed) && self.has_refused.swap(false, Ordering::Relaxed)
    }

    /// Lets one in, if there is a place.
    fn announce(self: &Arc<Self>) -> Option<PredictAnnouncement> {
        self.check().then(|| {
            let period = self.present_period();
            self.announced[0].fetch_add(1, Ordering::Relaxed);
            PredictAnnouncement(Arc::new(Announced {
                queue: Arc::clone(self),
                period,
                has_ended: AtomicBool::new(false),
            }))
        })
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

    fn enter(&self, announced: Option<&PredictAnnouncement>) -> bool {
        if let Some(PredictAnnouncement(announced)) = announced {
            announced.end();
        }
        let n_allowed = self.n_allowed();
        let one_more = |n: usize| (n < n_allowed).then_some(n + 1);
        let entered = self.n_entered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        if entered == Ok(BUSY - 1) {
            self.last_ns.store(nanoseconds(self.clock.elapsed()), Ordering::Relaxed);
        }
        entered.is_ok()
    }

    fn leave(&self) {
        if self.n_entered.fetch_sub(1, Ordering::Relaxed) < BUSY {
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
}

impl Announced {
    /// Its rows have come, or will not.
    fn end(&self) {
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            self.queue.forget(self.period);
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.end();
    }
}

/// A place among the predictions on their way, until it is dropped.
pub struct PredictPlace(Arc<PredictQueue>);

impl Drop for PredictPlace {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl DriftService {
    /// Whether there is a place among the predictions on their way that nobody who is announced may take. O(1).
    pub fn has_place_for_prediction(&self) -> bool {
        self.predict_queue.has_place()
    }

    /// The same for a prediction that has come, and is refused otherwise. O(1).
    ///
    /// # Errors
    /// [`PredictError::Overloaded`].
    pub fn check_prediction(&self) -> Result<(), PredictError> {
        if self.predict_queue.check() { Ok(()) } else { Err(PredictError::Overloaded) }
    }

    /// Whether a prediction has been refused since the last time that this was asked. O(1).
    pub fn take_refused(&self) -> bool {
        self.predict_queue.take_refused()
    }

    /// Lets a prediction in whose body has not been read. It takes no place, which a client that is slow to send would hold; but for a
    /// moment its rows are announced, and others are not let in on the same place. To be held until they have come, or will not. O(1).
    ///
    /// # Errors
    /// [`PredictError::Overloaded`].
    pub fn announce_prediction(&self) -> Result<PredictAnnouncement, PredictError> {
        self.predict_queue.announce().ok_or(PredictError::Overloaded)
    }

    /// Takes a place among the predictions on their way, for rows that have come, and that may have been announced. To be held until
    /// they are judged.
    ///
    /// # Errors
    /// [`PredictError::Overloaded`].
    pub fn enter_predictions(&self, announced: Option<&PredictAnnouncement>) -> Result<PredictPlace, PredictError> {
        let queue = &self.predict_queue;
        if queue.enter(announced) { Ok(PredictPlace(Arc::clone(queue))) } else { Err(PredictError::Overloaded) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    /// A clock that stands where it was put, in microseconds.
    #[derive(Default)]
    struct Set(AtomicU64);

    impl Clock for Set {
        fn now(&self) -> DateTime<Utc> {
            DateTime::default()
        }

        fn elapsed(&self) -> Duration {
            Duration::from_micros(self.0.load(Ordering::Relaxed))
        }
    }

    fn queue(wait_max: Option<Duration>) -> (Arc<PredictQueue>, Arc<Set>) {
        let clock = Arc::new(Set::default());
        let limits = ServiceLimits { predict_wait: wait_max, ..ServiceLimits::default() };
        (Arc::new(PredictQueue::new(&limits, Arc::clone(&clock) as _)), clock)
    }

    /// Lets in as many as there is room for, and no more than so many.
    fn announced(queue: &Arc<PredictQueue>, n_max: usize) -> Vec<PredictAnnouncement> {
        (0..n_max).map_while(|_| queue.announce()).collect()
    }

    /// Enters as many as are allowed.
    fn fill(queue: &PredictQueue) -> usize {
        while queue.enter(None) {}
        queue.n_entered()
    }

    /// So many end, one each so many microseconds, and others take their places.
    fn work(queue: &PredictQueue, clock: &Set, n: usize, each_us: u64) {
        for _ in 0..n {
            clock.0.fetch_add(each_us, Ordering::Relaxed);
            queue.leave();
            queue.enter(None);
        }
    }

    #[test]
    fn no_more_may_be_on_their_way_than_are_judged_in_the_time_that_one_may_wait() {
        let (queue, clock) = queue(Some(Duration::from_millis(500)));
        assert_eq!(fill(&queue), 1_000, "nothing is known of the pace yet");
        for (each_us, allowed) in [(3_000, 166), (1_000, 500), (100, 1_000), (50_000, FEW)] {
            work(&queue, &clock, 2_000, each_us);
            let seen = queue.n_allowed();
            assert!(seen.abs_diff(allowed) <= allowed / 50, "{each_us} us each: {seen} instead of {allowed}");
            assert!(each_us < 3_000 || queue.n_entered() <= allowed + 1, "{}", queue.n_entered());
        }
    }

    #[test]
    fn a_few_that_take_long_are_no_overload_and_times_of_rest_do_not_count() {
        let (queue, clock) = queue(Some(Duration::from_millis(500)));
        for _ in 0..BUSY - 1 {
            assert!(queue.enter(None));
        }
        work(&queue, &clock, 100, 10_000_000);
        assert_eq!(queue.n_allowed(), 1_000);
        // Work, an hour of rest, and work again.
        fill(&queue);
        work(&queue, &clock, 2_000, 1_000);
        let before = queue.n_allowed();
        while queue.n_entered() > 0 {
            clock.0.fetch_add(1_000, Ordering::Relaxed);
            queue.leave();
        }
        clock.0.fetch_add(3_600_000_000, Ordering::Relaxed);
        fill(&queue);
        work(&queue, &clock, 10, 1_000);
        assert!(queue.n_allowed().abs_diff(before) <= before / 10, "{} after {before}", queue.n_allowed());
    }

    #[test]
    fn whoever_is_let_in_is_announced_until_it_comes_and_not_for_long() {
        let (queue, clock) = queue(None);
        while queue.n_entered() < 990 {
            queue.enter(None);
        }
        let first = announced(&queue, 11);
        assert_eq!(first.len(), 10);
        assert!(queue.announce().is_none() && !queue.has_place(), "all places are spoken for");
        for announced in &first[..4] {
            assert!(queue.enter(Some(announced)));
            assert!(!queue.has_place(), "its own place was taken");
        }
        // Six never come, and another one that was not announced does.
        clock.0.fetch_add(50_000, Ordering::Relaxed);
        assert!(!queue.has_place());
        assert!(queue.enter(None));
        clock.0.fetch_add(50_000, Ordering::Relaxed);
        assert!(queue.has_place());
        let second = announced(&queue, 6);
        assert_eq!(second.len(), 5);
        // Those that are out of time say nothing of the others.
        drop(first);
        assert!(queue.announce().is_none());
        clock.0.fetch_add(3_600_000_000, Ordering::Relaxed);
        assert!(queue.announce().is_some());
    }

    #[test]
    fn whoever_gives_up_before_its_rows_have_come_leaves_its_room_to_others() {
        for periods in [0, 1] {
            let (queue, clock) = queue(None);
            while queue.n_entered() < 990 {
                queue.enter(None);
            }
            let mut first = announced(&queue, 10);
            clock.0.fetch_add(periods * 50_000, Ordering::Relaxed);
            assert!(!queue.has_place());
            let copy = first.last().cloned();
            first.pop();
            assert!(!queue.has_place(), "there is a copy");
            drop(copy);
            let second = announced(&queue, 2);
            assert_eq!(second.len(), 1, "after {periods} periods");
            // Whoever has entered leaves only its place.
            let entered = first.pop().expect("nine are left");
            assert!(queue.enter(Some(&entered)));
            drop(entered);
            assert!(!queue.has_place());
            queue.leave();
            assert!(queue.has_place());
        }
    }

    #[test]
    fn those_that_never_come_keep_nobody_out_of_the_first_places() {
        let (queue, clock) = queue(None);
        // After a long calm.
        clock.0.store(3_600_000_000, Ordering::Relaxed);
        let silent = announced(&queue, 1_000);
        assert_eq!(silent.len(), 1_000);
        for n in 0..BUSY {
            assert!(queue.has_place(), "{n}");
            assert!(queue.enter(None));
        }
        assert!(!queue.has_place(), "now they count");
    }

    #[test]
    fn one_free_place_lets_one_in_however_slow_the_pace() {
        for each_us in [1_000, 3_000, 50_000] {
            let (queue, clock) = queue(Some(Duration::from_millis(250)));
            fill(&queue);
            work(&queue, &clock, 2_000, each_us);
            while queue.n_entered() >= queue.n_allowed() {
                clock.0.fetch_add(each_us, Ordering::Relaxed);
                queue.leave();
            }
            assert_eq!(announced(&queue, 1_000).len(), 1, "of a thousand, at {each_us} us each");
        }
    }

    #[test]
    fn who_is_refused_is_told_once_and_a_question_for_places_refuses_nobody() {
        let (queue, _) = queue(None);
        assert!(queue.check() && queue.announce().is_some() && !queue.take_refused());
        fill(&queue);
        assert!(!queue.has_place() && !queue.take_refused());
        for has_place in
            [|queue: &Arc<PredictQueue>| queue.check(), |queue: &Arc<PredictQueue>| queue.announce().is_some()]
        {
            assert!(!has_place(&queue));
            assert!(queue.take_refused() && !queue.take_refused());
        }
    }

    #[test]
    fn without_a_bound_of_time_the_number_alone_counts() {
        let (queue, clock) = queue(None);
        assert_eq!(fill(&queue), 1_000);
        work(&queue, &clock, 200, 1_000_000);
        assert_eq!(queue.n_allowed(), 1_000);
    }
}
