//! Removing what crashes left behind: everything in the folder of temporary files, which is the store's own, and nothing
//! else that it did not write.

use std::error::Error;

use drifting_domain::faults;
use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;

use crate::files::{Entry, Files};
use crate::layout::{self, CONFIGURATION, STATE};
use crate::local::{FolderKind, Which};
use crate::local_files::LocalFiles;
use crate::store::Projects;

const SWEEP: &str = "sweep the artifacts";

impl Projects {
    /// Empties the folder of temporary files but for the lock, whoever wrote them, and removes folders of projects that
    /// were never whole, and files that no configuration names. Says how many: a folder counts as one, whatever it held.
    pub async fn sweep(&self) -> Result<usize, PortError> {
        match &self.files {
            Files::Local(files) => self.sweep_local(files).await,
            Files::Remote(files) => self.sweep_remote(files).await,
        }
    }

    async fn sweep_local(&self, files: &LocalFiles) -> Result<usize, PortError> {
        let mut n_removed = files.calls.counted("delete", files.remove_temporaries(SWEEP)).await?;
        faults::step_done("sweep:temporaries");
        for project in files.calls.counted("list", files.projects(Which::Disorderly, SWEEP)).await? {
            match self.sweep_project(&project).await {
                Ok(n) => n_removed += n,
                // One project must not keep the server from starting; whoever loads it is told what is wrong with it.
                Err(error) => {
                    tracing::warn!(%project, error = &error as &dyn Error, "a project's folder is not swept");
                }
            }
        }
        Ok(n_removed)
    }

    async fn sweep_project(&self, name: &ProjectName) -> Result<usize, PortError> {
        let _lock = self.locks.hold(name).await;
        // It may have gone since the listing.
        if self.files.folder_kind(name, SWEEP).await? != FolderKind::Folder {
            return Ok(0);
        }
        let entries = self.files.entries(name, SWEEP).await?;
        if entries.iter().any(|entry| entry.name == CONFIGURATION) {
            return self.sweep_files(name, &entries).await;
        }
        if entries.iter().all(|entry| entry.is_file && layout::is_written_here(&entry.name)) {
            self.remove_files_and_folder(name).await?;
            faults::step_done("sweep:folder");
            return Ok(1);
        }
        Ok(0)
    }

    /// Removes the files of a project that its configuration does not name.
    async fn sweep_files(&self, name: &ProjectName, entries: &[Entry]) -> Result<usize, PortError> {
        let files = || entries.iter().filter(|entry| entry.is_file).map(|entry| entry.name.as_str());
        let Some(configuration) = self.read_configuration(name).await? else { return Ok(0) };
        let mut n_removed = 0;
        for file in files() {
            let is_left_over = if file == STATE {
                self.is_state_of_another(name, configuration.configuration.generation).await
            } else {
                layout::is_parameters(file) && file != configuration.parameters.file
            };
            if is_left_over {
                self.files.remove(&layout::path(name, file), SWEEP).await?;
                faults::step_done("sweep:file");
                n_removed += 1;
            }
        }
        if n_removed > 0 {
            self.files.synchronise(name, SWEEP).await?;
        }
        Ok(n_removed)
    }

    /// A state that cannot be read is left to whoever loads or resets the project.
    async fn is_state_of_another(&self, name: &ProjectName, generation: u64) -> bool {
        match self.read_state(name).await {
            Ok(state) => state.is_some_and(|state| state.generation != generation),
            Err(error) => {
                tracing::warn!(project = %name, error = &error as &dyn Error, "a project's state is not swept");
                false
            }
        }
    }
}
