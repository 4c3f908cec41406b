//! The places of a listener's connections. Where all are taken and another connection comes, the one that has rested for longest between
//! two requests makes room: whoever asks for nothing keeps nobody out.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// A connection that has rested for less is left alone: its next request, or its first, may be on the way.
const REST_MIN_MS: u64 = 500;
/// Those that rest are looked for at most so often, whoever comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many are found at one look.
const FOUND_MAX: usize = 1_024;

/// Of a connection on which a request is on its way.
const AT_WORK: u64 = 0;
/// Of one that is to be closed.
const MAKES_ROOM: u64 = u64::MAX;

/// The places of a listener.
#[derive(Clone)]
pub struct Places(Arc<All>);

struct All {
    n: usize,
    permits: Arc<Semaphore>,
    /// From when on time is counted.
    begun: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// How many there have been.
    n_taken: u64,
    connections: HashMap<u64, Arc<Rest>>,
}

/// Whether a connection rests.
struct Rest {
    /// Since when, in milliseconds, at least 1; or [`AT_WORK`], or [`MAKES_ROOM`].
    since: AtomicU64,
    waker: AtomicWaker,
}

impl Rest {
    fn makes_room(&self) -> bool {
        self.since.load(Ordering::Acquire) == MAKES_ROOM
    }
}

impl Places {
    /// So many places.
    pub fn new(n: usize) -> Self {
        let n = n.min(Semaphore::MAX_PERMITS);
        let permits = Arc::new(Semaphore::new(n));
        Self(Arc::new(All { n, permits, begun: Instant::now(), open: Mutex::default() }))
    }

    /// How many there are.
    pub fn n_places(&self) -> usize {
        self.0.n
    }

    /// How many are taken: connections that are open.
    pub fn n_taken(&self) -> usize {
        self.0.n - self.0.permits.available_permits().min(self.0.n)
    }

    /// A place, once there is one; where all are taken, a connection that rests makes room.
    ///
    /// # Errors
    /// When there will be none any more.
    pub(crate) async fn take(&self, resting: &mut Resting) -> io::Result<Place> {
        let mut asked: Option<Arc<Rest>> = None;
        loop {
            if let Ok(permit) = Arc::clone(&self.0.permits).try_acquire_owned() {
                return Ok(Place::new(Arc::clone(&self.0), permit));
            }
            // Whoever was to make room goes on where its next request comes first. Then it is another one's turn.
            if !asked.as_ref().is_some_and(|rest| rest.makes_room()) {
                asked = resting.make_room(&self.0, self.0.now_ms());
            }
            if let Ok(permit) = timeout(LOOK_EVERY, Arc::clone(&self.0.permits).acquire_owned()).await {
                return Ok(Place::new(Arc::clone(&self.0), permit.map_err(io::Error::other)?));
            }
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Places")
    }
}

impl All {
    /// At least 1.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(MAKES_ROOM - 1).max(1)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connections that have rested at least since then, for longest the last one. O(connections).
    fn resting_since(&self, latest_ms: u64) -> Vec<(u64, Arc<Rest>)> {
        let rests = |since: u64| since != AT_WORK && since <= latest_ms;
        let since = |rest: &Arc<Rest>| rest.since.load(Ordering::Acquire);
        let open = self.open();
        let mut found: Vec<_> = open.connections.values().map(|rest| (since(rest), rest)).collect();
        found.retain(|(since, _)| rests(*since));
        if found.len() > FOUND_MAX {
            found.select_nth_unstable_by_key(FOUND_MAX, |(since, _)| *since);
            found.truncate(FOUND_MAX);
        }
        found.sort_unstable_by_key(|(since, _)| Reverse(*since));
        found.into_iter().map(|(since, rest)| (since, Arc::clone(rest))).collect()
    }
}

/// Connections that rested when they were last looked for.
#[derive(Default)]
pub(crate) struct Resting {
    found: Vec<(u64, Arc<Rest>)>,
    next_look_ms: u64,
}

impl Resting {
    /// Has the connection that has rested for longest make room, if there is one. O(1) each, but for one look in [`LOOK_EVERY`].
    fn make_room(&mut self, all: &All, now_ms: u64) -> Option<Arc<Rest>> {
        if let Some(rest) = self.take_found() {
            return Some(rest);
        }
        if now_ms < self.next_look_ms {
            return None;
        }
        self.next_look_ms = now_ms.saturating_add(u64::try_from(LOOK_EVERY.as_millis()).unwrap_or(u64::MAX));
        self.found = all.resting_since(now_ms.saturating_sub(REST_MIN_MS));
        self.take_found()
    }

    /// Has one make room that has rested ever since it was found.
    fn take_found(&mut self) -> Option<Arc<Rest>> {
        while let Some((since, rest)) = self.found.pop() {
            if rest.since.compare_exchange(since, MAKES_ROOM, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                rest.waker.wake();
                return Some(rest);
            }
        }
        None
    }
}

/// The place of a connection, which is free again once this is dropped.
pub(crate) struct Place {
    all: Arc<All>,
    number: u64,
    rest: Arc<Rest>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn new(all: Arc<All>, permit: OwnedSemaphorePermit) -> Self {
        let rest = Arc::new(Rest { since: AtomicU64::new(all.now_ms()), waker: AtomicWaker::new() });
        let mut open = all.open();
        let number = open.n_taken;
        open.n_taken += 1;
        open.connections.insert(number, Arc::clone(&rest));
        drop(open);
        Self { all, number, rest, _permit: permit }
    }

    /// The connection is between two requests, from now on unless it has been.
    pub(crate) fn rest(&self) {
        if self.rest.since.load(Ordering::Relaxed) == AT_WORK {
            self.rest.since.store(self.all.now_ms(), Ordering::Release);
        }
    }

    /// A request is on its way. The connection need not make room any more.
    pub(crate) fn work(&self) {
        if self.rest.since.load(Ordering::Relaxed) != AT_WORK {
            self.rest.since.store(AT_WORK, Ordering::Release);
        }
    }

    /// Whether the connection is to make room.
    pub(crate) fn makes_room(&self) -> bool {
        self.rest.makes_room()
    }

    /// Ready when the connection is to make room.
    pub(crate) fn poll_makes_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.rest.waker.register(cx.waker());
        if self.makes_room() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever has found it must not take it for one that makes room.
        self.work();
        self.all.open().connections.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LATER_MS: u64 = 1_000;
    /// No test takes as long.
    const HOUR_MS: u64 = 3_600_000;

    async fn taken(places: &Places, n: usize) -> Vec<Place> {
        let mut taken = Vec::new();
        for _ in 0..n {
            taken.push(places.take(&mut Resting::default()).await.unwrap());
        }
        taken
    }

    /// Which places make room, in their order.
    fn making_room(taken: &[Place]) -> Vec<bool> {
        taken.iter().map(Place::makes_room).collect()
    }

    #[tokio::test]
    async fn whoever_has_rested_for_longest_makes_room_first_and_nobody_at_work_does() {
        let places = Places::new(4);
        let taken = taken(&places, 4).await;
        for (place, since) in taken.iter().zip([30, 10, AT_WORK, 20]) {
            place.rest.since.store(since, Ordering::Release);
        }
        let mut resting = Resting::default();
        let mut order = Vec::new();
        while resting.make_room(&places.0, LATER_MS).is_some() {
            order.push(making_room(&taken));
        }
        let expected =
            [[false, true, false, false], [false, true, false, true], [true, true, false, true]].map(Vec::from);
        assert_eq!(order, expected);
    }

    #[tokio::test]
    async fn whoever_has_just_come_or_works_again_is_left_alone() {
        let places = Places::new(2);
        let taken = taken(&places, 2).await;
        let came = taken[0].rest.since.load(Ordering::Acquire);
        let mut resting = Resting::default();
        assert!(resting.make_room(&places.0, came + REST_MIN_MS - 1).is_none(), "they have just come");
        for place in &taken {
            place.rest.since.store(HOUR_MS, Ordering::Release);
        }
        let now = 2 * HOUR_MS;
        resting.next_look_ms = now;
        assert!(resting.make_room(&places.0, now - 1).is_none(), "it was just looked for them");
        assert!(resting.make_room(&places.0, now).is_some());
        let (first, second) = if taken[0].makes_room() { (0, 1) } else { (1, 0) };
        // The one has its next request before it is closed, the other one since it was found.
        taken[first].work();
        taken[second].work();
        taken[second].rest();
        assert!(resting.make_room(&places.0, now).is_none());
        assert_eq!(making_room(&taken), [false, false]);
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_connection_has_made_room() {
        let places = Places::new(1);
        let place = places.take(&mut Resting::default()).await.unwrap();
        assert_eq!((places.n_places(), places.n_taken()), (1, 1));
        let mut resting = Resting::default();
        assert!(places.take(&mut resting).now_or_never().is_none(), "it has just come");
        place.rest.since.store(1, Ordering::Release);
        resting.next_look_ms = 0;
        assert!(resting.make_room(&places.0, LATER_MS).is_some());
        std::future::poll_fn(|cx| place.poll_makes_room(cx)).await;
        drop(place);
        assert_eq!(places.n_taken(), 0);
        assert!(resting.make_room(&places.0, 2 * LATER_MS).is_none(), "it is gone");
        places.take(&mut resting).await.unwrap();
    }

    #[tokio::test]
    async fn one_look_finds_those_that_have_rested_for_longest() {
        let n = FOUND_MAX + 100;
        let places = Places::new(n);
        let taken = taken(&places, n).await;
        for (place, since) in taken.iter().zip(1..) {
            place.rest.since.store(since * 7_919 % 10_007 + 1, Ordering::Release);
        }
        let found = places.0.resting_since(20_000);
        assert_eq!(found.len(), FOUND_MAX);
        assert!(found.is_sorted_by_key(|(since, _)| Reverse(*since)));
        let newest_found = found[0].0;
        let n_older = taken.iter().filter(|place| place.rest.since.load(Ordering::Acquire) <= newest_found).count();
        assert_eq!(n_older, FOUND_MAX);
    }

    #[tokio::test]
    async fn one_newcomer_closes_one_connection_however_long_that_takes() {
        let places = Places::new(2);
        let taken = taken(&places, 2).await;
        for place in &taken {
            place.rest.since.store(1, Ordering::Release);
        }
        tokio::time::sleep(Duration::from_millis(REST_MIN_MS + 1)).await;
        assert!(timeout(LOOK_EVERY * 3, places.take(&mut Resting::default())).await.is_err());
        assert_eq!(making_room(&taken).into_iter().filter(|makes_room| *makes_room).count(), 1);
    }
}
