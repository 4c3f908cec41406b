//! Where projects are kept.

use async_trait::async_trait;

use super::PortError;
use crate::data::Tensors;
use crate::project::{Configuration, ProjectName, Status};

/// A project as it is stored: its configuration and its fitted parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProject {
    /// Everything but the arrays.
    pub configuration: Configuration,
    /// The fitted arrays.
    pub parameters: Tensors,
}

/// The artifacts of projects: the truth about which projects exist.
///
/// # Contract
/// * A project is visible whole or not at all; putting one over another shows the old or the new one whole.
/// * What has been answered is durable.
/// * The name under which a project is found wins over the name that its configuration carries.
/// * Deleting what is not there succeeds and says `false`.
/// * What cannot be read back or fails its checksum is an error of kind `Damaged`, never other values.
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    /// Stores a project under its configuration's name, in place of the one of that name if there is one.
    ///
    /// # Contract
    /// * The state of the former generation is not read for the new one.
    async fn put_project(&self, project: &StoredProject) -> Result<(), PortError>;

    /// The configuration of a project.
    async fn configuration(&self, name: &ProjectName) -> Result<Option<Configuration>, PortError>;

    /// The configuration of a project and its online state, without its parameters: what a listing needs. A state that
    /// cannot be read counts as none, which is found out when the project is loaded.
    async fn outline(&self, name: &ProjectName) -> Result<Option<(Configuration, Option<Tensors>)>, PortError> {
        let Some(configuration) = self.configuration(name).await? else { return Ok(None) };
        let state = self.state(name, configuration.generation).await.ok().flatten();
        Ok(Some((configuration, state)))
    }

    /// A project, its parameters checked against their checksum.
    async fn project(&self, name: &ProjectName) -> Result<Option<StoredProject>, PortError>;

    /// Replaces the online state of a generation.
    async fn put_state(&self, name: &ProjectName, generation: u64, state: &Tensors) -> Result<(), PortError>;

    /// The online state of a generation.
    ///
    /// # Contract
    /// * `None` where there is none, or only that of another generation.
    async fn state(&self, name: &ProjectName, generation: u64) -> Result<Option<Tensors>, PortError>;

    /// The projects that exist, in the order of their names.
    ///
    /// # Contract
    /// * A folder without a configuration is no project; one with a damaged configuration is.
    async fn list(&self) -> Result<Vec<ProjectName>, PortError>;

    /// Removes a project with everything of it; says whether there was one.
    async fn delete(&self, name: &ProjectName) -> Result<bool, PortError>;

    /// Removes what crashes left behind; says how many things that were.
    ///
    /// # Contract
    /// * No project is touched, nor anything that this store did not write, but in its folder for temporary files.
    async fn sweep(&self) -> Result<usize, PortError>;
}

/// A project in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its name.
    pub project: ProjectName,
    /// The path of its folder, relative to the store; `None` where the index holds none for it.
    pub path: Option<String>,
    /// Its status; `None` where the index holds none for it.
    pub status: Option<Status>,
}

/// The index of projects and their statuses. It can be rebuilt from the artifacts (then all are active).
///
/// # Contract
/// * What has been answered is durable.
/// * Damage is found at opening, said in a warning, and costs no more than the index.
#[async_trait]
pub trait ProjectIndex: Send + Sync {
    /// Every project that has a path or a status in the index, in the order of the names.
    async fn all(&self) -> Result<Vec<IndexEntry>, PortError>;

    /// Puts projects with their paths and statuses, in place of what there was. What is `None` stays as it is.
    async fn put(&self, entries: &[IndexEntry]) -> Result<(), PortError>;

    /// Changes the status of a project, whether or not it has a path in the index.
    async fn set_status(&self, project: &ProjectName, status: Status) -> Result<(), PortError>;

    /// Removes projects and their statuses; removing what is not there succeeds.
    async fn remove(&self, projects: &[ProjectName]) -> Result<(), PortError>;
}
