//! One writer for each store: an object that its holder renews and that nobody else may touch until its time is over.
//!
//! # How it is kept
//!
//! * It is taken by a write that succeeds only where there is none, and renewed by writes that succeed only where the last
//!   renewal still stands. A write that was tried again and finds its own bytes counts as done.
//! * Who finds one waits its whole time, and takes it over if nobody has renewed it. The holder is not waited for if it ran
//!   on this machine and is no more, or if it has given the lease back.
//! * The holder writes nothing once half of the time has passed without a renewal, by a clock that goes on while it is
//!   suspended; and nothing ever again once another holds the lease.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use drifting_domain::ports::{PortError, PortErrorKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::holder::Holder;
use super::store::{Condition, RemoteStore, Version};
use super::term::{Ended, Term, Verdict, Watch, now};
use crate::layout;

const TAKE: &str = "take the lease of the artifacts";
const RENEW: &str = "renew the lease of the artifacts";
const RELEASE: &str = "give back the lease of the artifacts";
/// Larger ones were written by somebody else.
const SIZE_MAX: u64 = 64 * 1024;

/// How a lease runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSettings {
    /// How long it runs from each renewal on. It is renewed three times as often.
    pub duration: Duration,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        Self { duration: Duration::from_secs(15) }
    }
}

/// The right of this process to write into a store. Clones are the same lease; when the last one is dropped it is no
/// longer renewed.
#[derive(Debug, Clone)]
pub struct Lease {
    shared: Arc<Shared>,
    _heartbeat: Arc<Heartbeat>,
}

#[derive(Debug)]
struct Shared {
    store: RemoteStore,
    state: Mutex<Term>,
    /// Held for as long as a renewal takes, with what stands in the store.
    written: tokio::sync::Mutex<(Holder, Version)>,
    lost: watch::Sender<bool>,
    /// Told of each renewal, and of the end.
    renewals: watch::Sender<()>,
    duration: Duration,
}

#[derive(Debug)]
struct Heartbeat(JoinHandle<()>);

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Lease {
    /// Takes the lease of a store. Where another process holds it, its end is waited for.
    ///
    /// # Errors
    /// Of kind `InUse` when its holder renews it.
    pub async fn acquire(store: &RemoteStore, settings: LeaseSettings) -> Result<Self, PortError> {
        let duration = settings.duration.max(Duration::from_secs(1));
        let holder = Holder::this_process(duration.as_secs());
        let mut watch: Option<Watch<Version>> = None;
        loop {
            let asked_at = now();
            let found = store.get(&layout::lease(), SIZE_MAX, TAKE).await?;
            let Some((bytes, version)) = found else {
                // One that is given back while it is watched is free.
                match Self::write(store, &holder, Condition::Absent).await? {
                    Some((version, began)) => return Ok(Self::start(store, holder, version, duration, began)),
                    None => continue,
                }
            };
            let other = Holder::decode(&bytes);
            let waited = other.as_ref().map_or(duration, |other| duration.max(Duration::from_secs(other.seconds)));
            let watched = watch.get_or_insert_with(|| {
                tracing::info!(
                    host = other.as_ref().map_or("unknown", |other| other.host.as_str()),
                    seconds = waited.as_secs(),
                    "another server holds the lease of the artifacts, or has died with it; its end is waited for"
                );
                Watch::new(waited)
            });
            let is_gone = other.as_ref().is_some_and(Holder::is_gone);
            let verdict = if is_gone { Verdict::Expired } else { watched.observe(version.clone(), asked_at, now()) };
            match verdict {
                Verdict::Held => return Err(held(other.as_ref())),
                Verdict::Wait => tokio::time::sleep(waited / 15).await,
                Verdict::Expired => match Self::write(store, &holder, Condition::Is(&version)).await? {
                    Some((version, began)) => {
                        tracing::warn!(
                            "the lease of the artifacts is taken over from a server that did not give it back"
                        );
                        return Ok(Self::start(store, holder, version, duration, began));
                    }
                    // Somebody was faster, or the holder has come back.
                    None => return Err(held(other.as_ref())),
                },
            }
        }
    }

    async fn write(
        store: &RemoteStore,
        holder: &Holder,
        condition: Condition<'_>,
    ) -> Result<Option<(Version, Duration)>, PortError> {
        let began = now();
        let bytes = Bytes::from(holder.encode(TAKE)?);
        let written = store.put_if(&layout::lease(), bytes.clone(), condition, TAKE).await?;
        let Some(version) = written else { return Ok(None) };
        if store.conditional_writes().await? {
            return Ok(Some((version, began)));
        }
        // Two at once may both have written: the later one has it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let found = store.get(&layout::lease(), SIZE_MAX, TAKE).await?;
        Ok(found.filter(|(found, _)| *found == bytes).map(|(_, version)| (version, began)))
    }

    fn start(store: &RemoteStore, holder: Holder, version: Version, duration: Duration, began: Duration) -> Self {
        let shared = Arc::new(Shared {
            // Renewals do not queue behind other calls.
            store: store.aside(),
            state: Mutex::new(Term::new(duration, began)),
            written: tokio::sync::Mutex::new((holder, version)),
            lost: watch::Sender::new(false),
            renewals: watch::Sender::new(()),
            duration,
        });
        let heartbeat = tokio::spawn(Arc::clone(&shared).renew_forever());
        Self { shared, _heartbeat: Arc::new(Heartbeat(heartbeat)) }
    }

    /// Whether this process may write now.
    ///
    /// # Errors
    /// Of kind `InUse` once another holds the lease, `Unavailable` while it has not been renewed in time.
    pub fn check(&self, operation: &'static str) -> Result<(), PortError> {
        self.shared.term().check(now(), operation)
    }

    /// Waits, if a renewal is late, until this process may write; no longer than it takes for the lease to run out.
    pub(super) async fn wait(&self, operation: &'static str) -> Result<(), PortError> {
        let mut renewals = self.shared.renewals.subscribe();
        let patience = tokio::time::sleep(self.shared.duration / 2);
        tokio::pin!(patience);
        loop {
            let Err(refused) = self.check(operation) else { return Ok(()) };
            if self.shared.term().ended().is_some() {
                return Err(refused);
            }
            tokio::select! {
                // The sender lives as long as this lease.
                _ = renewals.changed() => {}
                () = &mut patience => return Err(refused),
            }
        }
    }

    /// Waits until another server holds the lease: then this one has to stop.
    pub async fn lost(&self) {
        let mut lost = self.shared.lost.subscribe();
        // The sender lives as long as this lease.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Gives the lease back, so that the next server need not wait. Nothing is written from here on.
    ///
    /// # Errors
    /// When the store cannot be reached: the lease then ends by itself.
    pub async fn release(&self) -> Result<(), PortError> {
        let written = self.shared.written.lock().await;
        let is_over = {
            let mut term = self.shared.term();
            let is_over = term.ended().is_some();
            term.end(Ended::Released);
            is_over
        };
        if is_over {
            return Ok(());
        }
        let (holder, version) = &*written;
        if self.shared.store.remove_if(&layout::lease(), version, RELEASE).await? {
            return Ok(());
        }
        // A renewal whose answer was lost stands there, or another server's lease.
        match self.shared.store.get(&layout::lease(), SIZE_MAX, RELEASE).await? {
            Some((bytes, version)) if is_of(holder, &bytes) => {
                self.shared.store.remove_if(&layout::lease(), &version, RELEASE).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

impl Shared {
    fn term(&self) -> MutexGuard<'_, Term> {
        // Nothing below can panic half way, so a poisoned term is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew_forever(self: Arc<Self>) {
        let pause = self.duration / 3;
        let mut next = pause;
        let mut is_failing = false;
        while self.term().ended().is_none() {
            tokio::time::sleep(next).await;
            let began = now();
            // A slow store has time to answer; where it does not, there still is some for another renewal.
            let renewal = tokio::time::timeout(self.duration / 2, self.renew()).await;
            let failure = match renewal {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.source_text()),
                Err(_) => Some("the store does not answer".to_owned()),
            };
            // Said once, until it succeeds again.
            match &failure {
                Some(reason) if !is_failing => {
                    tracing::warn!(reason, "the lease of the artifacts cannot be renewed; it is tried again");
                }
                None if is_failing && self.term().ended().is_none() => {
                    tracing::info!("the lease of the artifacts is renewed again");
                }
                _ => {}
            }
            is_failing = failure.is_some();
            let waited = if failure.is_some() { pause / 5 } else { pause };
            next = waited.saturating_sub(now().saturating_sub(began));
        }
    }

    async fn renew(&self) -> Result<(), PortError> {
        let mut written = self.written.lock().await;
        while self.term().ended().is_none() {
            let (holder, version) = &*written;
            let holder = holder.renewed();
            let bytes = Bytes::from(holder.encode(RENEW)?);
            let began = now();
            let renewed = self.store.put_if(&layout::lease(), bytes, Condition::Is(version), RENEW).await?;
            if let Some(version) = renewed {
                *written = (holder, version);
                self.term().renewed(began);
                self.renewals.send_replace(());
                break;
            }
            let found = self.store.get(&layout::lease(), SIZE_MAX, RENEW).await?;
            let found = found.map(|(bytes, version)| (Holder::decode(&bytes), version));
            match found {
                // A renewal that was given up has reached the store after all: the next one goes on from there.
                Some((Some(found), version)) if found.id == holder.id => *written = (found, version),
                other => {
                    let host = other.and_then(|(other, _)| other).map(|other| other.host);
                    tracing::error!(
                        host,
                        "another server has taken the lease of the artifacts; this one stops writing"
                    );
                    self.term().end(Ended::Taken);
                    self.lost.send_replace(true);
                    self.renewals.send_replace(());
                }
            }
        }
        Ok(())
    }
}

fn is_of(holder: &Holder, bytes: &[u8]) -> bool {
    Holder::decode(bytes).is_some_and(|found| found.id == holder.id)
}

fn held(by: Option<&Holder>) -> PortError {
    let host = by.map_or(String::new(), |by| format!(" on {}", by.host));
    let text = format!("another server{host} uses these artifacts and renews its lease; stop it, or serve read-only");
    PortError::new(PortErrorKind::InUse, TAKE, text)
}
