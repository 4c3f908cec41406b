//! Checkpoints: online state on its way to the store.

use std::sync::Arc;

use super::DriftService;
use super::loaded::LoadedProject;
use super::registry::{Body, Entry};
use crate::data::Tensors;
use crate::ports::{PortError, PortErrorKind};

impl DriftService {
    /// Saves the state of every project that has moved since the last time; says how many. What cannot be saved, or is being
    /// fed just now, is tried again at the next checkpoint. Several checkpoints may run at once: they share the projects out.
    ///
    /// # Errors
    /// The last error, after all have been tried, or the first that says that the store cannot be reached.
    pub async fn checkpoint(&self) -> Result<usize, PortError> {
        self.save_moved(Busy::Later).await
    }

    /// The same, but waits for projects that are being fed: nothing is left for another checkpoint.
    ///
    /// # Errors
    /// The last error, after all have been tried.
    pub async fn last_checkpoint(&self) -> Result<usize, PortError> {
        self.save_moved(Busy::Waited).await
    }

    async fn save_moved(&self, busy: Busy) -> Result<usize, PortError> {
        let mut n_saved = 0;
        let mut failure = None;
        // No more than wait now, so that what fails and waits again is left for the next time.
        for _ in 0..self.registry.n_dirty() {
            let Some(entry) = self.registry.pop_dirty() else { break };
            match self.save(&entry, busy).await {
                Ok(()) => n_saved += 1,
                Err(error) => {
                    // The others would wait as long, for the same.
                    let is_away = error.kind() == PortErrorKind::Unavailable;
                    failure = Some(error);
                    if is_away {
                        break;
                    }
                }
            }
        }
        failure.map_or(Ok(n_saved), Err)
    }

    /// Saves the state of a project that is in memory; where that fails, the next checkpoint tries again.
    pub(super) async fn save_state(&self, entry: &Arc<Entry>) -> Result<(), PortError> {
        self.save(entry, Busy::Waited).await
    }

    async fn save(&self, entry: &Arc<Entry>, busy: Busy) -> Result<(), PortError> {
        let guard = entry.lifecycle.lock().await;
        // What was unloaded, replaced or deleted meanwhile has been seen to by whoever did it.
        if let Body::Loaded(loaded) = entry.slot().body {
            let state = match busy {
                Busy::Waited => Some(loaded.take_state().await),
                Busy::Later => loaded.try_take_state(),
            };
            let Some(state) = state else {
                // It is marked still.
                self.registry.push_dirty(Arc::clone(entry));
                return Ok(());
            };
            self.put_state(entry, &loaded, &state).await?;
        }
        drop(guard);
        Ok(())
    }

    /// Saves the state of a project whose lifecycle is held by the caller, unless somebody feeds it.
    pub(super) async fn save_held(&self, entry: &Arc<Entry>, loaded: &LoadedProject) -> Result<(), PortError> {
        let Some(state) = loaded.try_take_state() else { return Ok(()) };
        self.put_state(entry, loaded, &state).await
    }

    async fn put_state(&self, entry: &Arc<Entry>, loaded: &LoadedProject, state: &Tensors) -> Result<(), PortError> {
        match self.ports.artifacts.put_state(&entry.name, loaded.configuration.generation, state).await {
            Err(error) if error.kind() == PortErrorKind::Replaced => {
                tracing::warn!(project = %entry.name, "a project was replaced in the store: the one that is there is taken up");
                entry.set(entry.slot().status, Body::Cold(None));
                Ok(())
            }
            Err(error) => {
                if loaded.mark_dirty() {
                    self.registry.push_dirty(Arc::clone(entry));
                }
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }
}

/// What happens with a project that is being fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    /// It is saved at another checkpoint.
    Later,
    /// It is waited for.
    Waited,
}
