//! Loading a project: the configuration, then the parameters that it names, checked before they are interpreted.

use drifting_domain::data::Tensors;
use drifting_domain::ports::{PortError, PortErrorKind, StoredProject};
use drifting_domain::project::{Configuration, ProjectName};

use crate::configuration_file::{self, ConfigurationFile};
use crate::error::damaged;
use crate::layout::{self, CONFIGURATION};
use crate::local::FolderKind;
use crate::store::{Projects, compute};
use crate::{checksum, tensors_file};

/// Larger parameter files are neither written nor read.
pub const PARAMETERS_SIZE_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// Interpreting a configuration of fewer bytes than this takes less time than handing them to another thread.
const INTERPRETED_INLINE_MAX: usize = 4 * 1024;

const READ_CONFIGURATION: &str = "read the configuration";
const READ_PARAMETERS: &str = "read the parameters";

impl Projects {
    /// The configuration of a project.
    pub async fn configuration(&self, name: &ProjectName) -> Result<Option<Configuration>, PortError> {
        let _lock = self.locks.hold(name).await;
        Ok(self.read_configuration(name).await?.map(|file| file.configuration))
    }

    /// The configuration of a project and its state, if that can be read. Each file is read once.
    pub async fn outline(&self, name: &ProjectName) -> Result<Option<(Configuration, Option<Tensors>)>, PortError> {
        let _lock = self.locks.hold(name).await;
        let Some(file) = self.read_configuration(name).await? else { return Ok(None) };
        let state =
            self.read_state(name).await.ok().flatten().filter(|state| {
                state.generation == file.configuration.generation && state.configuration == file.checksum
            });
        Ok(Some((file.configuration, state.map(|state| state.state))))
    }

    /// A project with its parameters.
    pub async fn project(&self, name: &ProjectName) -> Result<Option<StoredProject>, PortError> {
        let _lock = self.locks.hold(name).await;
        let Some(mut file) = self.read_configuration(name).await? else { return Ok(None) };
        loop {
            let checksum = file.checksum.clone();
            let error = match self.with_parameters(name, file).await {
                Err(error) if error.kind() == PortErrorKind::Damaged => error,
                read => {
                    self.fits.note(name, &checksum);
                    return read.map(Some);
                }
            };
            // Where this server only reads, the one that writes may have replaced both files between the two readings.
            match self.read_configuration(name).await? {
                None => return Ok(None),
                Some(now) if now.checksum != checksum => file = now,
                Some(_) => return Err(error),
            }
        }
    }

    async fn with_parameters(&self, name: &ProjectName, file: ConfigurationFile) -> Result<StoredProject, PortError> {
        let path = layout::path(name, &file.parameters.file);
        let Some(bytes) = self.files.read(&path, PARAMETERS_SIZE_MAX, READ_PARAMETERS).await? else {
            return Err(damaged(
                READ_PARAMETERS,
                "expected the parameter file that the configuration names, it is absent",
            ));
        };
        let expected = file.parameters.checksum;
        let parameters = compute(READ_PARAMETERS, move || {
            let actual = checksum::of(&[&bytes]);
            if actual != expected {
                return Err(damaged(
                    READ_PARAMETERS,
                    format!("expected parameters with the {expected}, they have the {actual}"),
                ));
            }
            tensors_file::decode(&bytes).map_err(|error| damaged(READ_PARAMETERS, error))
        })
        .await??;
        Ok(StoredProject { configuration: file.configuration, parameters })
    }

    /// The configuration as it is stored. The caller holds the project's lock.
    pub async fn read_configuration(&self, name: &ProjectName) -> Result<Option<ConfigurationFile>, PortError> {
        if self.files.folder_kind(name, READ_CONFIGURATION).await? != FolderKind::Folder {
            return Ok(None);
        }
        let path = layout::path(name, CONFIGURATION);
        let Some(bytes) = self.files.read(&path, configuration_file::SIZE_MAX, READ_CONFIGURATION).await? else {
            return Ok(None);
        };
        let file = if bytes.len() <= INTERPRETED_INLINE_MAX {
            configuration_file::decode(&bytes, name)
        } else {
            let name = name.clone();
            compute(READ_CONFIGURATION, move || configuration_file::decode(&bytes, &name)).await?
        };
        file.map(Some).map_err(|error| damaged(READ_CONFIGURATION, error))
    }
}
