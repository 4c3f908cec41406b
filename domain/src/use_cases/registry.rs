//! The projects that are known, and which of them are in memory.

use std::collections::{BTreeMap, VecDeque, btree_map};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::loaded::LoadedProject;
use super::measures::{PROJECTS_MAX, ProjectCounts, ProjectMeasures};
use super::tally::Tally;
use crate::project::{Configuration, ProjectName, Status};

/// Known projects by their names without regard to case.
pub(super) struct Registry {
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    /// So many projects are counted each for itself, from the first that came on. One that did not come among them stays
    /// with the others, so that no count ever falls.
    told_apart_max: AtomicUsize,
    others: Arc<ProjectCounts>,
    /// Entries whose state has moved since it was last saved.
    dirty: Mutex<VecDeque<Arc<Entry>>>,
    /// Entries whose rows wait for a window that age can close.
    waiting: Mutex<Vec<Arc<Entry>>>,
    /// Counts what is used, in order.
    uses: AtomicU64,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            entries: RwLock::default(),
            told_apart_max: AtomicUsize::new(PROJECTS_MAX),
            others: Arc::default(),
            dirty: Mutex::default(),
            waiting: Mutex::default(),
            uses: AtomicU64::new(0),
        }
    }
}

/// A known project.
pub(super) struct Entry {
    pub(super) name: ProjectName,
    /// Held by whoever changes what is stored of the project: one at a time.
    pub(super) lifecycle: async_lock::Mutex<()>,
    slot: RwLock<Slot>,
    counts: Arc<ProjectCounts>,
    /// Whether it is among those that wait.
    is_waiting: AtomicBool,
    /// The number of its last use.
    last_use: AtomicU64,
    /// Its predictions whose rows have come, and are not judged.
    n_on_way: AtomicUsize,
    /// Until when the rows of one that has been let in as the only one may be expected, in nanoseconds of the clock.
    expected_until_ns: AtomicU64,
}

/// A prediction of a project whose rows have come, until it is dropped.
pub(super) struct OnWay(Arc<Entry>);

impl Drop for OnWay {
    fn drop(&mut self) {
        self.0.n_on_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is known of a project. Cheap to copy.
#[derive(Clone)]
pub(super) struct Slot {
    pub(super) status: Status,
    pub(super) body: Body,
}

/// What is in memory of a project.
#[derive(Clone)]
pub(super) enum Body {
    /// Nothing, or what a listing has read.
    Cold(Option<Arc<Known>>),
    /// Everything.
    Loaded(Arc<LoadedProject>),
    /// It could not be loaded.
    Failed { reason: Arc<str> },
    /// It has been deleted, though somebody may still hold the entry.
    Gone,
}

/// What a listing tells of a project that is not in memory.
pub(super) struct Known {
    pub(super) configuration: Arc<Configuration>,
    pub(super) time: u64,
    pub(super) tally: Tally,
}

impl Entry {
    pub(super) fn new(name: ProjectName, status: Status, body: Body) -> Self {
        Self {
            name,
            lifecycle: async_lock::Mutex::new(()),
            slot: RwLock::new(Slot { status, body }),
            counts: Arc::default(),
            is_waiting: AtomicBool::new(false),
            last_use: AtomicU64::new(0),
            n_on_way: AtomicUsize::new(0),
            expected_until_ns: AtomicU64::new(0),
        }
    }

    /// Whether none of its predictions is on its way.
    pub(super) fn is_at_rest(&self) -> bool {
        self.n_on_way.load(Ordering::Relaxed) == 0
    }

    /// Whether the rows of one that was let in as the only one are expected now.
    pub(super) fn expects_rows(&self, now_ns: u64) -> bool {
        now_ns < self.expected_until_ns.load(Ordering::Relaxed)
    }

    /// Rows are expected until then.
    pub(super) fn expect_rows(&self, until_ns: u64) {
        self.expected_until_ns.store(until_ns, Ordering::Relaxed);
    }

    /// They have come, or will not.
    pub(super) fn expect_no_rows(&self) {
        self.expected_until_ns.store(0, Ordering::Relaxed);
    }

    /// The rows of one of its predictions have come.
    pub(super) fn begin(self: &Arc<Self>) -> OnWay {
        self.n_on_way.fetch_add(1, Ordering::Relaxed);
        OnWay(Arc::clone(self))
    }

    /// What is counted of it.
    pub(super) fn counts(&self) -> &Arc<ProjectCounts> {
        &self.counts
    }

    /// Marks it as waiting; says whether it was not marked before.
    pub(super) fn wait(&self) -> bool {
        !self.is_waiting.swap(true, Ordering::AcqRel)
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Acquire)
    }

    pub(super) fn last_use(&self) -> u64 {
        self.last_use.load(Ordering::Relaxed)
    }

    /// Whether it has been deleted.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.slot().body, Body::Gone)
    }

    pub(super) fn slot(&self) -> Slot {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, status: Status, body: Body) {
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = Slot { status, body };
    }
}

impl Registry {
    pub(super) fn get(&self, name: &ProjectName) -> Option<Arc<Entry>> {
        let entry = self.get_in_any_case(name)?;
        (entry.name == *name).then_some(entry)
    }

    /// The project whose name differs at most in case.
    pub(super) fn get_in_any_case(&self, name: &ProjectName) -> Option<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(&name.folded()).map(Arc::clone)
    }

    /// Puts entries; gives the names back that were taken already.
    pub(super) fn insert(&self, entries: impl IntoIterator<Item = Entry>) -> Vec<ProjectName> {
        let mut known = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let mut refused = Vec::new();
        let is_other = |entry: &Arc<Entry>| Arc::ptr_eq(&entry.counts, &self.others);
        let mut n_told_apart = known.values().filter(|entry| !is_other(entry)).count();
        for mut entry in entries {
            match known.entry(entry.name.folded()) {
                btree_map::Entry::Occupied(_) => refused.push(entry.name),
                btree_map::Entry::Vacant(vacant) => {
                    let is_named_as_they_are = entry.name.as_str() == ProjectMeasures::OTHERS;
                    if is_named_as_they_are || n_told_apart >= self.told_apart_max.load(Ordering::Relaxed) {
                        entry.counts = Arc::clone(&self.others);
                    } else {
                        n_told_apart += 1;
                    }
                    vacant.insert(Arc::new(entry));
                }
            }
        }
        refused
    }

    /// Counts so many projects each for itself.
    pub(super) fn tell_apart(&self, projects_max: usize) {
        self.told_apart_max.store(projects_max, Ordering::Relaxed);
    }

    /// What is counted of the others together.
    pub(super) fn others(&self) -> Arc<ProjectCounts> {
        Arc::clone(&self.others)
    }

    /// Removes an entry, unless another one has taken its place.
    pub(super) fn remove(&self, entry: &Arc<Entry>) {
        let mut known = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let folded = entry.name.folded();
        if known.get(&folded).is_some_and(|current| Arc::ptr_eq(current, entry)) {
            known.remove(&folded);
        }
    }

    /// Notes that an entry is used now.
    pub(super) fn note_use(&self, entry: &Entry) {
        entry.last_use.store(self.uses.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(super) fn n_entries(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Up to `n` entries after a name, in order.
    pub(super) fn after(&self, name: Option<&str>, n: usize) -> Vec<Arc<Entry>> {
        let known = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let from = name.map_or(Bound::Unbounded, |name| Bound::Excluded(name.to_ascii_lowercase()));
        known.range::<String, _>((from, Bound::Unbounded)).take(n).map(|(_, entry)| Arc::clone(entry)).collect()
    }

    pub(super) fn push_dirty(&self, entry: Arc<Entry>) {
        self.dirty().push_back(entry);
    }

    /// The one that has waited longest.
    pub(super) fn pop_dirty(&self) -> Option<Arc<Entry>> {
        self.dirty().pop_front()
    }

    pub(super) fn n_dirty(&self) -> usize {
        self.dirty().len()
    }

    /// Adds an entry that is marked as waiting.
    pub(super) fn push_waiting(&self, entry: Arc<Entry>) {
        entry.is_waiting.store(true, Ordering::Release);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// Those that wait, no longer marked.
    pub(super) fn take_waiting(&self) -> Vec<Arc<Entry>> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for entry in &waiting {
            entry.is_waiting.store(false, Ordering::Release);
        }
        waiting
    }

    fn dirty(&self) -> MutexGuard<'_, VecDeque<Arc<Entry>>> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
