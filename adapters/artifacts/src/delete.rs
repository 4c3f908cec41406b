//! Removing a project: its configuration first; that is the commit.

use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;

use crate::layout::{self, CONFIGURATION};
use crate::local::FolderKind;
use crate::steps;
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
        if existed {
            self.files.remove(&configuration, REMOVE).await?;
            steps::done("delete:configuration");
            self.files.synchronise(name, REMOVE).await?;
        }
        self.remove_files_and_folder(name).await?;
        Ok(existed)
    }

    /// Removes the files that this store writes, and the folder if nothing else is in it. The caller holds the
    /// project's lock and has removed the configuration.
    pub async fn remove_files_and_folder(&self, name: &ProjectName) -> Result<(), PortError> {
        let mut n_foreign = 0;
        for entry in self.files.entries(name, REMOVE).await? {
            if entry.is_file && layout::is_written_here(&entry.name) {
                self.files.remove(&layout::path(name, &entry.name), REMOVE).await?;
            } else {
                n_foreign += 1;
            }
        }
        steps::done("delete:files");
        if n_foreign > 0 {
            tracing::warn!(project = %name, n_foreign, "the folder of a removed project holds what this program did not write, and stays");
            return self.files.synchronise(name, REMOVE).await;
        }
        self.files.remove_folder(name, REMOVE).await?;
        self.files.synchronise_root(REMOVE).await
    }
}
