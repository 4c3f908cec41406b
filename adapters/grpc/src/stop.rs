//! How far the server has come in stopping.

use tokio::sync::watch;

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Serving,
    /// It serves, and says that it will not for long.
    Draining,
    Stopping,
}

/// Begins to stop what waits for it.
pub(crate) struct Stopper(watch::Sender<Stage>);

/// Tells when the server stops.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<Stage>);

impl Stopper {
    pub(crate) fn new() -> (Self, Stopping) {
        let (sender, receiver) = watch::channel(Stage::Serving);
        (Self(sender), Stopping(receiver))
    }

    /// The moment comes soon.
    pub(crate) fn drain(&self) {
        self.0.send_replace(Stage::Draining);
    }

    /// The moment has come.
    pub(crate) fn stop(&self) {
        self.0.send_replace(Stage::Stopping);
    }
}

impl Stopping {
    /// Whether the moment is not near.
    pub(crate) fn is_ready(&self) -> bool {
        *self.0.borrow() == Stage::Serving
    }

    /// Waits for the moment.
    pub(crate) async fn begun(mut self) {
        // An error says that the server is gone altogether.
        let _ = self.0.wait_for(|stage| *stage == Stage::Stopping).await;
    }
}
