//! What goes on beside the answers, each at its interval: states are saved, aged windows closed, the store looked at.

use std::sync::Arc;
use std::time::Duration;

use drifting_domain::ports::{PortError, PortErrorKind};
use drifting_domain::use_cases::{DriftService, RefreshReport};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

/// How often windows are looked at that age closes.
const CLOSING_INTERVAL: Duration = Duration::from_secs(1);
/// States that are saved at once: most of the time of each is spent waiting for the store.
const SAVED_AT_ONCE: usize = 8;

/// The work that goes on until it is ended.
pub struct Background {
    /// Dropping it ends the work.
    stop: watch::Sender<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Begins it. Without an interval the store is not looked at.
    pub fn begin(service: &Arc<DriftService>, state_interval: Duration, scan_interval: Option<Duration>) -> Self {
        let (stop, stopped) = watch::channel(());
        let saving = Arc::clone(service);
        let save = move || save_all(Arc::clone(&saving), Checkpoint::Passing);
        let closing = Arc::clone(service);
        let close = move || {
            let service = Arc::clone(&closing);
            async move {
                service.close_aged_windows().await;
                Ok(())
            }
        };
        let mut tasks = vec![
            every(state_interval, stopped.clone(), "online state cannot be saved", save),
            every(CLOSING_INTERVAL, stopped.clone(), "windows cannot be closed", close),
        ];
        let (keeping, mut stopping) = (Arc::clone(service), stopped.clone());
        tasks.push(tokio::spawn(async move {
            let stop = async move {
                // An error says that the sender is gone, which is the sign.
                let _ = stopping.changed().await;
            };
            keeping.keep_within_memory(stop).await;
        }));
        if let Some(interval) = scan_interval {
            let scanning = Arc::clone(service);
            let scan = move || {
                let service = Arc::clone(&scanning);
                async move { service.scan().await.map(|report| tell(&report)) }
            };
            tasks.push(every(interval, stopped, "the store cannot be looked at", scan));
        }
        Self { stop, tasks }
    }

    /// Ends it, and waits so long for what is under way. What takes longer is left to itself: it may still succeed.
    pub async fn end(self, within: Duration) {
        drop(self.stop);
        let deadline = Instant::now() + within;
        for mut task in self.tasks {
            match timeout_at(deadline, &mut task).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "work in the background ended unexpectedly"),
                Err(_) => tracing::warn!("work in the background does not end in time"),
            }
        }
    }
}

/// Does something at each interval, until the sender of `stopped` is gone. What fails is said once, until it succeeds again.
fn every<F: Future<Output = Result<(), PortError>> + Send>(
    interval: Duration,
    mut stopped: watch::Receiver<()>,
    failure: &'static str,
    work: impl Fn() -> F + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut is_failing = false;
        loop {
            tokio::select! {
                _ = stopped.changed() => return,
                () = sleep(interval) => {}
            }
            let done = work().await;
            if let Err(error) = &done
                && !is_failing
            {
                tracing::error!(cause = error.source_text(), "{failure}; it is tried again");
            }
            is_failing = done.is_err();
        }
    })
}

/// Which projects are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checkpoint {
    /// Those that nobody feeds just now.
    Passing,
    /// All of them.
    Last,
}

/// Saves the state of every project that has moved, also of those that are being fed.
///
/// # Errors
/// When a state could not be saved, or not in time.
pub async fn save_last(service: &Arc<DriftService>, within: Duration) -> Result<(), PortError> {
    let saved = tokio::time::timeout(within, save_all(Arc::clone(service), Checkpoint::Last)).await;
    saved.unwrap_or_else(|_| {
        Err(PortError::new(PortErrorKind::Unavailable, "save online state", "the store does not answer in time"))
    })
}

async fn save_all(service: Arc<DriftService>, checkpoint: Checkpoint) -> Result<(), PortError> {
    let mut savers = JoinSet::new();
    for _ in 0..SAVED_AT_ONCE {
        let service = Arc::clone(&service);
        savers.spawn(async move {
            match checkpoint {
                Checkpoint::Passing => service.checkpoint().await,
                Checkpoint::Last => service.last_checkpoint().await,
            }
        });
    }
    let mut failure = None;
    while let Some(saved) = savers.join_next().await {
        match saved {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => failure = Some(error),
            Err(error) => failure = Some(PortError::new(PortErrorKind::Other, "save online state", error)),
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    service.note_checkpoint();
    Ok(())
}

fn tell(report: &RefreshReport) {
    for project in &report.added {
        tracing::info!(%project, "a project has come into the store");
    }
    for project in &report.vanished {
        tracing::warn!(%project, "a project is no longer in the store");
    }
}
