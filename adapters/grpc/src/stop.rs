//! The one moment at which the server begins to stop.

use tokio::sync::watch;

/// Begins to stop what waits for it.
pub(crate) struct Stopper(watch::Sender<bool>);

/// Tells when the server stops.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopper {
    pub(crate) fn new() -> (Self, Stopping) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stopping(receiver))
    }

    /// The moment has come.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Whether the moment has come.
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the moment.
    pub(crate) async fn begun(mut self) {
        // An error says that the server is gone altogether.
        let _ = self.0.wait_for(|has_begun| *has_begun).await;
    }
}
