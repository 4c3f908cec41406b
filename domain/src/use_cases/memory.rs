//! The memory that loaded projects take: counted, and kept within a budget.
//!
//! Above the budget, projects that have not been used for longest are saved and leave memory; their next request loads them
//! again. Only projects that nobody uses just now leave, so that no prediction of a loaded project waits. Loads wait while room is made.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_channel::oneshot;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;

use super::DriftService;
use super::registry::{Body, Entry};

/// About what a project takes beside its arrays.
const PROJECT_BYTES: usize = 16 * 1024;
/// Entries that a walk over the known projects takes at once.
const CHUNK: usize = 256;
/// Projects that leave at once: most of the time of each is spent waiting for the store.
const LEAVING_AT_ONCE: usize = 8;

/// About how many bytes a project takes beside its state, by those of its arrays: detectors keep what they have computed from
/// them beside them.
fn fixed_bytes(parameters: usize) -> u64 {
    (PROJECT_BYTES + 2 * parameters) as u64
}

/// The same of a state.
fn moving_bytes(state: usize) -> u64 {
    2 * state as u64
}

/// About how many bytes a project takes in memory, by those of its fitted arrays and of its state.
pub(super) fn project_bytes(parameters: usize, state: usize) -> u64 {
    fixed_bytes(parameters) + moving_bytes(state)
}

/// What loaded projects take.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    n_bytes: AtomicU64,
    n_projects: AtomicU64,
}

/// What one project takes, from when it is held until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Weight {
    gauge: OnceLock<Arc<Gauge>>,
    fixed: AtomicU64,
    moving: AtomicU64,
}

impl Weight {
    /// Counts a project with its fitted arrays and its state, in bytes.
    pub(super) fn hold(&self, gauge: &Arc<Gauge>, parameters: usize, state: usize) {
        if self.gauge.set(Arc::clone(gauge)).is_ok() {
            let fixed = fixed_bytes(parameters);
            self.fixed.store(fixed, Ordering::Relaxed);
            gauge.n_bytes.fetch_add(fixed, Ordering::Relaxed);
            gauge.n_projects.fetch_add(1, Ordering::Relaxed);
            self.moved(state);
        }
    }

    /// Its state has so many bytes now.
    pub(super) fn moved(&self, state: usize) {
        let Some(gauge) = self.gauge.get() else { return };
        let moving = moving_bytes(state);
        let before = self.moving.swap(moving, Ordering::Relaxed);
        gauge.n_bytes.fetch_add(moving, Ordering::Relaxed);
        gauge.n_bytes.fetch_sub(before, Ordering::Relaxed);
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        if let Some(gauge) = self.gauge.get() {
            gauge.n_bytes.fetch_sub(*self.fixed.get_mut() + *self.moving.get_mut(), Ordering::Relaxed);
            gauge.n_projects.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What is told of the memory of loaded projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// Projects in memory.
    pub n_loaded: u64,
    /// About how many bytes they take.
    pub n_bytes: u64,
    /// How many they may take, if there is a bound.
    pub budget: Option<u64>,
    /// Projects that were read into memory since the start.
    pub n_loads: u64,
    /// Projects that have left memory to make room since the start.
    pub n_evictions: u64,
}

/// The memory of loaded projects.
#[derive(Debug, Default)]
pub(super) struct Memory {
    budget: Option<u64>,
    pub(super) gauge: Arc<Gauge>,
    n_loads: AtomicU64,
    n_evictions: AtomicU64,
    wishes: Mutex<Wishes>,
}

#[derive(Debug, Default)]
struct Wishes {
    /// Whether somebody makes room.
    is_kept: bool,
    /// Whether room is to be made.
    is_wanted: bool,
    /// Whoever makes room waits here.
    keeper: Option<oneshot::Sender<()>>,
    /// Whoever needs room waits here.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Memory {
    pub(super) fn new(budget: Option<u64>) -> Self {
        Self { budget, ..Self::default() }
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self, tenths: u64) -> bool {
        self.budget.is_some_and(|budget| self.gauge.n_bytes.load(Ordering::Relaxed) > budget / 10 * tenths)
    }

    pub(super) fn count_load(&self) {
        self.n_loads.fetch_add(1, Ordering::Relaxed);
    }

    /// Has room made where there is too little.
    pub(super) fn wish(&self) {
        if self.is_over(10) {
            self.wishes().wish();
        }
    }

    /// Waits until room has been made, as far as there could be.
    pub(super) async fn room(&self) {
        if !self.is_over(10) {
            return;
        }
        let receiver = {
            let mut wishes = self.wishes();
            if !wishes.is_kept {
                return;
            }
            let (sender, receiver) = oneshot::channel();
            wishes.waiting.push(sender);
            wishes.wish();
            receiver
        };
        // An error says that nobody makes room any more.
        let _ = receiver.await;
    }

    /// Waits until room is to be made.
    async fn wished(&self) {
        let receiver = {
            let mut wishes = self.wishes();
            if std::mem::take(&mut wishes.is_wanted) {
                return;
            }
            let (sender, receiver) = oneshot::channel();
            wishes.keeper = Some(sender);
            receiver
        };
        let _ = receiver.await;
        self.wishes().is_wanted = false;
    }

    fn wake(&self) {
        for sender in std::mem::take(&mut self.wishes().waiting) {
            // Whoever waited may have left.
            let _ = sender.send(());
        }
    }
}

impl Wishes {
    fn wish(&mut self) {
        self.is_wanted = true;
        if let Some(keeper) = self.keeper.take() {
            // It may have been dropped.
            let _ = keeper.send(());
        }
    }
}

/// Lets nobody wait for room that nobody makes.
struct Keeping<'m>(&'m Memory);

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        self.0.wishes().is_kept = false;
        self.0.wake();
    }
}

impl DriftService {
    /// What loaded projects take.
    pub fn memory_use(&self) -> MemoryUse {
        let Memory { budget, gauge, n_loads, n_evictions, .. } = &self.memory;
        MemoryUse {
            n_loaded: gauge.n_projects.load(Ordering::Relaxed),
            n_bytes: gauge.n_bytes.load(Ordering::Relaxed),
            budget: *budget,
            n_loads: n_loads.load(Ordering::Relaxed),
            n_evictions: n_evictions.load(Ordering::Relaxed),
        }
    }

    /// Keeps loaded projects within their memory until `stop` is ready. Must be driven to its end.
    pub async fn keep_within_memory(&self, stop: impl Future<Output = ()>) {
        self.memory.wishes().is_kept = true;
        let _keeping = Keeping(&self.memory);
        let mut stop = pin!(stop);
        loop {
            let wished = pin!(self.memory.wished());
            if let Either::Right(_) = select(wished, stop.as_mut()).await {
                return;
            }
            self.make_room().await;
            self.memory.wake();
        }
    }

    /// Has those leave that have not been used for longest, until a tenth of the budget is free.
    async fn make_room(&self) {
        if !self.memory.is_over(10) {
            return;
        }
        let mut loaded = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let entries = self.registry.after(after.as_deref(), CHUNK);
            let Some(last) = entries.last() else { break };
            after = Some(last.name.to_string());
            loaded.extend(entries.into_iter().filter(|entry| matches!(entry.slot().body, Body::Loaded(_))));
        }
        loaded.sort_by_cached_key(|entry| entry.last_use());
        let mut candidates = loaded.into_iter();
        let mut leaving = FuturesUnordered::new();
        loop {
            while leaving.len() < LEAVING_AT_ONCE && self.memory.is_over(9) {
                let Some(entry) = candidates.next() else { break };
                leaving.push(self.evict(entry));
            }
            if leaving.next().await.is_none() {
                return;
            }
        }
    }

    /// Saves a project and lets it leave memory, unless somebody uses it.
    async fn evict(&self, entry: Arc<Entry>) {
        let Some(guard) = entry.lifecycle.try_lock() else { return };
        let Body::Loaded(loaded) = entry.slot().body else { return };
        // The entry has one, and so has this. What waits for its age to close a window has to stay.
        let is_used = || Arc::strong_count(&loaded) > 2 || entry.is_waiting();
        if is_used() {
            return;
        }
        if loaded.is_dirty()
            && let Err(error) = self.save_held(&entry, &loaded).await
        {
            tracing::warn!(project = %entry.name, cause = error.source_text(), "a project stays in memory: it cannot be saved");
            return;
        }
        if is_used() || !matches!(entry.slot().body, Body::Loaded(_)) {
            return;
        }
        // From here to the end nothing waits, so that rows come either before or after it.
        let Some(mut running) = loaded.running.try_lock() else { return };
        if loaded.is_dirty() {
            return;
        }
        // Whoever has found it meanwhile sees that it has left.
        running.is_closed = true;
        entry.set(entry.slot().status, Body::Cold(Some(Arc::new(loaded.known()))));
        drop(running);
        drop(guard);
        self.memory.n_evictions.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_projects_take_is_counted_until_they_are_dropped() {
        let gauge = Arc::new(Gauge::default());
        let told = || (gauge.n_projects.load(Ordering::Relaxed), gauge.n_bytes.load(Ordering::Relaxed));
        let (first, second) = (Weight::default(), Weight::default());
        first.moved(1_000);
        assert_eq!(told(), (0, 0), "it is not held");
        first.hold(&gauge, 500, 0);
        second.hold(&gauge, 0, 10);
        second.hold(&gauge, 7, 7);
        let alone = 2 * PROJECT_BYTES as u64;
        assert_eq!(told(), (2, alone + 1_020));
        second.moved(30);
        assert_eq!(told(), (2, alone + 1_060));
        drop(first);
        drop(second);
        assert_eq!(told(), (0, 0));
    }
}
