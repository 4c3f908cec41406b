//! Checkpoints: online state on its way to the store.

use std::sync::Arc;

use super::DriftService;
use super::registry::{Body, Entry};
use crate::ports::PortError;

impl DriftService {
    /// Saves the state of every project that has moved since the last time; says how many. What cannot be saved is
    /// tried again at the next checkpoint. Several checkpoints may run at once: they share the projects out.
    ///
    /// # Errors
    /// The last error, after all have been tried.
    pub async fn checkpoint(&self) -> Result<usize, PortError> {
        let mut n_saved = 0;
        let mut failure = None;
        // No more than wait now, so that what fails and waits again is left for the next time.
        for _ in 0..self.registry.n_dirty() {
            let Some(entry) = self.registry.pop_dirty() else { break };
            match self.save_state(&entry).await {
                Ok(()) => n_saved += 1,
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(n_saved), Err)
    }

    /// Saves the state of a project that is in memory; where that fails, the next checkpoint tries again.
    pub(super) async fn save_state(&self, entry: &Arc<Entry>) -> Result<(), PortError> {
        let guard = entry.lifecycle.lock().await;
        // What was unloaded, replaced or deleted meanwhile has been seen to by whoever did it.
        if let Body::Loaded(loaded) = entry.slot().body {
            let state = loaded.take_state();
            let saved = self.ports.artifacts.put_state(&entry.name, loaded.configuration.generation, &state).await;
            if saved.is_err() && loaded.mark_dirty() {
                self.registry.push_dirty(Arc::clone(entry));
            }
            saved?;
        }
        drop(guard);
        Ok(())
    }
}
