//! What has become of events.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::RefusalCode;

/// Why the rows of an event that was taken were not fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// They are not rows of the project.
    InvalidData,
    /// The project was deleted meanwhile.
    NoProject,
    /// The project is inactive.
    Inactive,
    /// The project cannot be loaded.
    Failed,
    /// The storage could not be reached for too long, or the state that must be saved was not.
    Storage,
    /// The server serves read-only.
    ReadOnly,
    /// The server failed.
    Internal,
    /// The server ended before.
    Shutdown,
}

impl Unused {
    /// All of them.
    pub const ALL: [Self; Self::N] = [
        Self::InvalidData,
        Self::NoProject,
        Self::Inactive,
        Self::Failed,
        Self::Storage,
        Self::ReadOnly,
        Self::Internal,
        Self::Shutdown,
    ];
    const N: usize = 8;

    /// Its name in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidData => "invalid_data",
            Self::NoProject => "project_not_found",
            Self::Inactive => "project_inactive",
            Self::Failed => "project_failed",
            Self::Storage => "storage_unavailable",
            Self::ReadOnly => "read_only",
            Self::Internal => "internal",
            Self::Shutdown => "shutdown",
        }
    }

    pub(super) fn of(code: RefusalCode) -> Self {
        match code {
            RefusalCode::ProjectNotFound | RefusalCode::InvalidName | RefusalCode::VersionNotFound => Self::NoProject,
            RefusalCode::ProjectInactive => Self::Inactive,
            RefusalCode::ProjectFailed => Self::Failed,
            RefusalCode::StorageUnavailable | RefusalCode::StorageFull => Self::Storage,
            RefusalCode::ReadOnly => Self::ReadOnly,
            RefusalCode::Internal | RefusalCode::Interrupted | RefusalCode::ShuttingDown => Self::Internal,
            _ => Self::InvalidData,
        }
    }
}

/// The counts as they are at one time. Every event that is accepted is fed, unused, or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventCounts {
    /// Those that were taken.
    pub accepted: u64,
    /// Those that had come before.
    pub duplicates: u64,
    /// Those that bring no rows.
    pub ignored: u64,
    /// Those that were sent away, since too many waited.
    pub refused: u64,
    /// Those whose rows were fed.
    pub fed: u64,
    /// Those that wait.
    pub waiting: u64,
    unused: [u64; Unused::N],
}

impl EventCounts {
    /// Those whose rows were not fed, for a reason.
    pub fn unused(&self, why: Unused) -> u64 {
        self.unused[why as usize]
    }
}

/// The counts as they move.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: AtomicU64,
    pub(super) duplicates: AtomicU64,
    pub(super) ignored: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) fed: AtomicU64,
    unused: [AtomicU64; Unused::N],
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn unused(&self, why: Unused, n: usize) {
        Self::add(&self.unused[why as usize], n);
    }

    pub(super) fn now(&self, waiting: usize) -> EventCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EventCounts {
            accepted: of(&self.accepted),
            duplicates: of(&self.duplicates),
            ignored: of(&self.ignored),
            refused: of(&self.refused),
            fed: of(&self.fed),
            waiting: waiting as u64,
            unused: self.unused.each_ref().map(of),
        }
    }
}
