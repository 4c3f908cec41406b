//! Removing a project: its configuration first; that is the commit.

use drifting_domain::faults;
use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;

use crate::files::Files;
use crate::layout::{self, CONFIGURATION, FIRST_PARAMETERS, STATE};
use crate::local::FolderKind;
use crate::store::Projects;

const REMOVE: &str = "remove the project";

impl Projects {
    /// Removes a project; says whether there was one. What a crash left of one goes too.
    pub async fn delete(&self, name: &ProjectName) -> Result<bool, PortError> {
        let _lock = self.locks.hold(name).await;
        if self.files.folder_kind(name, REMOVE).await? != FolderKind::Folder {
            return Ok(false);
        }
        let configuration = layout::path(name, CONFIGURATION);
        let existed = self.files.exists(&configuration, REMOVE).await?;
        if faults::is_turned_round("delete") {
            for entry in self.files.entries(name, REMOVE).await?.iter().filter(|entry| entry.name != CONFIGURATION) {
                self.files.remove(&layout::path(name, &entry.name), REMOVE).await?;
            }
            faults::step_done("delete:turned-round");
        }
        if existed {
            self.files.remove(&configuration, REMOVE).await?;
            self.fits.forget(name);
            faults::step_done("delete:configuration");
            self.files.synchronise(name, REMOVE).await?;
            faults::step_done("delete:synchronised");
        }
        // Without a configuration they may be those of a fit that is under way elsewhere: the sweep knows their age.
        if !existed && matches!(self.files, Files::Remote(_)) {
            return Ok(false);
        }
        match self.remove_files_and_folder(name).await {
            Err(error) if existed => {
                // The project is gone, and nobody who asks again would be told so.
                tracing::warn!(project = %name, error = &error as &dyn std::error::Error, "files of a removed project are left until a later start");
            }
            removed => removed?,
        }
        Ok(existed)
    }

    /// Removes the files that this store writes, and the folder if nothing else is in it. The caller holds the
    /// project's lock and has removed the configuration.
    pub async fn remove_files_and_folder(&self, name: &ProjectName) -> Result<(), PortError> {
        let mut n_foreign = 0;
        // A link that leads nowhere is in no listing, nor has a folder the name of a file there.
        let hidden = if matches!(self.files, Files::Local(_)) { &[STATE, FIRST_PARAMETERS][..] } else { &[] };
        for file in hidden {
            n_foreign += usize::from(self.files.remove(&layout::path(name, file), REMOVE).await.is_err());
        }
        for entry in self.files.entries(name, REMOVE).await? {
            if layout::is_written_here(&entry.name) {
                self.files.remove(&layout::path(name, &entry.name), REMOVE).await?;
            } else {
                n_foreign += 1;
            }
        }
        faults::step_done("delete:files");
        if n_foreign > 0 {
            tracing::warn!(project = %name, n_foreign, "the folder of a removed project holds what this program did not write, and stays");
            return self.files.synchronise(name, REMOVE).await;
        }
        self.files.remove_folder(name, REMOVE).await?;
        faults::step_done("delete:folder");
        self.files.synchronise_root(REMOVE).await
    }
}
