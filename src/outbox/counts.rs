//! What has become of what was to be delivered.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why something was never delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// As many waited in memory as may.
    QueueFull,
    /// As many waited in the file as may.
    SpillFull,
    /// The file could not be written or read.
    SpillFailed,
    /// The other side does not take it, whoever asks.
    Refused,
    /// There is no database, and no hope for one.
    NoDatabase,
    /// The server ended before it was delivered.
    Shutdown,
    /// It was tried in vain for so long that nobody wants it any more.
    Expired,
}

impl Dropped {
    const N: usize = 7;

    /// Its name in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SpillFull => "spill_full",
            Self::SpillFailed => "spill_failed",
            Self::Refused => "refused",
            Self::NoDatabase => "no_database",
            Self::Shutdown => "shutdown",
            Self::Expired => "expired",
        }
    }
}

/// Counts at one time.
#[derive(Debug, Clone, Copy)]
pub struct CountsNow {
    /// What came.
    pub recorded: u64,
    /// What was delivered.
    pub delivered: u64,
    /// Tries that had to be made again.
    pub retried: u64,
    dropped: [u64; Dropped::N],
    /// What waits or is on its way.
    pub waiting: u64,
    /// Bytes that wait in files.
    pub spilled_bytes: u64,
    /// 1 where the other side took what came last, else 0.
    pub is_up: u64,
}

impl CountsNow {
    /// What was dropped for a reason.
    pub fn dropped(&self, why: Dropped) -> u64 {
        self.dropped[why as usize]
    }
}

/// The counts. Everything that is recorded is delivered, dropped, or waits.
#[derive(Debug)]
pub struct Counts {
    /// What is counted, in words for the log.
    what: Box<str>,
    recorded: AtomicU64,
    delivered: AtomicU64,
    retried: AtomicU64,
    dropped: [AtomicU64; Dropped::N],
    waiting: AtomicU64,
    spilled_bytes: AtomicU64,
    is_up: AtomicU64,
}

impl Counts {
    /// Counts of nothing yet.
    pub fn of(what: impl Into<Box<str>>) -> Self {
        let zero = AtomicU64::default;
        Self {
            what: what.into(),
            recorded: zero(),
            delivered: zero(),
            retried: zero(),
            dropped: std::array::from_fn(|_| zero()),
            waiting: zero(),
            spilled_bytes: zero(),
            is_up: zero(),
        }
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }

    pub(super) fn recorded(&self, n: usize) {
        self.recorded.fetch_add(n as u64, Ordering::Relaxed);
        self.waiting.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn delivered(&self, n: usize) {
        self.delivered.fetch_add(n as u64, Ordering::Relaxed);
        self.waiting.fetch_sub(n as u64, Ordering::Relaxed);
    }

    /// Counts what is dropped, and says so in the log: at the first, then at each further hundred thousand.
    pub fn dropped(&self, n: usize, why: Dropped) {
        const EVERY: u64 = 100_000;
        if n == 0 {
            return;
        }
        self.waiting.fetch_sub(n as u64, Ordering::Relaxed);
        let before = self.dropped[why as usize].fetch_add(n as u64, Ordering::Relaxed);
        let dropped = before + n as u64;
        if before == 0 || before / EVERY != dropped / EVERY {
            tracing::warn!(dropped, reason = why.as_str(), "{} are dropped", self.what);
        }
    }

    pub(super) fn spilled(&self, bytes: u64) {
        self.spilled_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Counts a try that has to be made again.
    pub fn retried(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells whether the other side took what came last.
    pub fn up(&self, is_up: bool) {
        self.is_up.store(u64::from(is_up), Ordering::Relaxed);
    }

    /// The counts as they are now.
    pub fn now(&self) -> CountsNow {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CountsNow {
            recorded: of(&self.recorded),
            delivered: of(&self.delivered),
            retried: of(&self.retried),
            dropped: self.dropped.each_ref().map(of),
            waiting: of(&self.waiting),
            spilled_bytes: of(&self.spilled_bytes),
            is_up: of(&self.is_up),
        }
    }
}
