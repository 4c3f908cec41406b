//! What connections do: whether a request is at work, so that deadlines run only on the others, and whether the client
//! has left, so that nobody works for it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use poem::web::RemoteAddr;
use tokio::sync::Notify;

/// What a connection does.
#[derive(Debug, Default)]
pub(super) struct Activity {
    n_working: AtomicUsize,
    n_finished: AtomicU64,
    /// How many requests have begun, as whoever speaks the protocol sees them.
    pub(super) n_begun: AtomicU64,
    /// How many answers have been written whole, to be sent.
    pub(super) n_answered: AtomicU64,
    /// The length of the body of the last request that has begun; the most of all, where nobody knows it.
    pub(super) body_bytes: AtomicU64,
    /// The head that has been read last frames its body in two ways.
    is_ambiguous: AtomicBool,
    has_left: AtomicBool,
    is_interrupted: AtomicBool,
    /// Wakes who waits for either.
    untimely: Notify,
}

impl Activity {
    /// Whether a request is at work.
    pub(super) fn is_working(&self) -> bool {
        self.n_working.load(Ordering::Acquire) > 0
    }

    /// How many requests have been answered or given up.
    pub(super) fn n_finished(&self) -> u64 {
        self.n_finished.load(Ordering::Acquire)
    }

    /// A request has been answered outside of what speaks the protocol.
    pub(super) fn finish(&self) {
        self.n_finished.fetch_add(1, Ordering::AcqRel);
    }

    /// A request has begun, whose body has this length, if that is known. Both this and [`Activity::answered`] come from the task that
    /// reads the counts.
    pub(super) fn begun(&self, body_bytes: Option<u64>) {
        self.n_begun.fetch_add(1, Ordering::Relaxed);
        self.body_bytes.store(body_bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// A head has been read that frames its body in two ways.
    pub(super) fn note_ambiguous(&self) {
        self.is_ambiguous.store(true, Ordering::Relaxed);
    }

    /// Whether it was that of the request that begins now.
    pub(super) fn take_ambiguous(&self) -> bool {
        self.is_ambiguous.load(Ordering::Relaxed) && self.is_ambiguous.swap(false, Ordering::Relaxed)
    }

    /// An answer has been written whole.
    pub(super) fn answered(&self) {
        self.n_answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the answers to all requests that have begun are written whole. Of HTTP/1.1 alone: over HTTP/2 a client gives requests up.
    pub(super) fn is_answered(&self) -> bool {
        self.n_answered.load(Ordering::Relaxed) == self.n_begun.load(Ordering::Relaxed)
    }

    /// The client has closed its side.
    pub(super) fn leave(&self) {
        self.has_left.store(true, Ordering::Release);
        self.untimely.notify_waiters();
    }

    /// What is at work is to be answered at once.
    fn interrupt(&self) {
        self.is_interrupted.store(true, Ordering::Release);
        self.untimely.notify_waiters();
    }

    /// Why what is at work ends before it is done, if it does.
    fn is_untimely(&self) -> Option<Untimely> {
        if self.has_left.load(Ordering::Acquire) {
            Some(Untimely::ClientLeft)
        } else {
            self.is_interrupted.load(Ordering::Acquire).then_some(Untimely::Interrupted)
        }
    }
}

/// Why a request ends before it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untimely {
    /// Its client has left.
    ClientLeft,
    /// The server stops, and waits no longer.
    Interrupted,
}

/// Every open connection by its remote address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<RwLock<HashMap<SocketAddr, Arc<Activity>>>>);

impl Connections {
    pub(super) fn open(&self, address: SocketAddr) -> Arc<Activity> {
        let activity = Arc::new(Activity::default());
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(address, Arc::clone(&activity));
        activity
    }

    /// Forgets a connection, unless another one has taken its address.
    pub(super) fn close(&self, address: SocketAddr, activity: &Arc<Activity>) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if open.get(&address).is_some_and(|current| Arc::ptr_eq(current, activity)) {
            open.remove(&address);
        }
    }

    /// Has requests that are at work on any answered at once.
    pub(crate) fn interrupt(&self) {
        for activity in self.0.read().unwrap_or_else(PoisonError::into_inner).values() {
            activity.interrupt();
        }
    }

    /// Marks a connection as having a request at work until the mark is dropped.
    pub(crate) fn begin(&self, address: &RemoteAddr) -> Option<Working> {
        let address = address.as_socket_addr()?;
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let activity = Arc::clone(open.get(address)?);
        activity.n_working.fetch_add(1, Ordering::AcqRel);
        Some(Working(activity))
    }
}

/// A request at work.
pub(crate) struct Working(Arc<Activity>);

impl Working {
    /// Completes when the request is to end before it is done.
    pub(crate) async fn untimely(&self) -> Untimely {
        loop {
            let waking = self.0.untimely.notified();
            if let Some(untimely) = self.0.is_untimely() {
                return untimely;
            }
            waking.await;
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.n_finished.fetch_add(1, Ordering::AcqRel);
        self.0.n_working.fetch_sub(1, Ordering::AcqRel);
    }
}
