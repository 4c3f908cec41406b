//! Storing a project: everything it needs first, its configuration last; that is the commit.

use std::collections::HashMap;

use drifting_domain::faults;
use drifting_domain::ports::{PortError, PortErrorKind, StoredProject};
use drifting_domain::project::ProjectName;

use crate::configuration_file::{self, ConfigurationFile, ParameterFile};
use crate::error::refused;
use crate::layout::{self, CONFIGURATION, FIRST_PARAMETERS, STATE};
use crate::local::FolderKind;
use crate::read::PARAMETERS_SIZE_MAX;
use crate::store::{Projects, compute};
use crate::{checksum, tensors_file};

const PREPARE: &str = "prepare the project";
const WRITE_PARAMETERS: &str = "write the parameters";
const WRITE_CONFIGURATION: &str = "write the configuration";
const REMOVE_OLD: &str = "remove the replaced files";

/// What stands in the project's place before it is stored.
enum Former {
    /// No project; perhaps a folder that a crash left behind.
    None,
    /// A project.
    Whole(Box<ConfigurationFile>),
    /// A project that cannot be loaded.
    Damaged,
}

impl Projects {
    /// Stores a project, in place of the one of its name if there is one.
    pub async fn put(&self, project: StoredProject) -> Result<(), PortError> {
        let StoredProject { configuration, parameters } = project;
        let (bytes, checksum) = compute(WRITE_PARAMETERS, move || {
            tensors_file::encode(&parameters, HashMap::new()).map(|bytes| {
                let checksum = checksum::of(&[&bytes]);
                (bytes, checksum)
            })
        })
        .await?
        .map_err(|error| refused(WRITE_PARAMETERS, error))?;
        if bytes.len() as u64 > PARAMETERS_SIZE_MAX {
            let reason =
                format!("expected at most {PARAMETERS_SIZE_MAX} bytes of parameters, there are {}", bytes.len());
            return Err(refused(WRITE_PARAMETERS, reason));
        }

        let name = configuration.project.clone();
        let _lock = self.locks.hold(&name).await;
        let former = self.former(&name).await?;
        let generation = configuration.generation;
        let wanted = match &former {
            Former::None => FIRST_PARAMETERS.to_owned(),
            Former::Whole(former) if former.configuration.generation == generation => {
                return Err(refused(PREPARE, format!("generation {generation} is in use")));
            }
            Former::Whole(_) | Former::Damaged => layout::parameters_of(generation),
        };
        let file = self.files.name_of_parameters(&name, wanted, generation, PREPARE).await?;
        let parameters = ParameterFile { file: file.clone(), checksum };
        let (text, written) =
            compute(WRITE_CONFIGURATION, move || configuration_file::encode(configuration, parameters))
                .await?
                .map_err(|error| refused(WRITE_CONFIGURATION, error))?;

        if let Err(error) = self.write(&name, &former, &file, bytes, text).await {
            self.discard(&name, &file, &error).await;
            return Err(error);
        }
        self.fits.note(&name, &written.checksum);
        // The project is stored; what is left over is ignored by every reader, and the next sweep removes it.
        if let Err(error) = self.remove_unnamed(&name, &file).await {
            tracing::warn!(project = %name, error = &error as &dyn std::error::Error, "replaced files are left until the next start");
        }
        Ok(())
    }

    async fn former(&self, name: &ProjectName) -> Result<Former, PortError> {
        if self.files.folder_kind(name, PREPARE).await? == FolderKind::Foreign {
            return Err(refused(PREPARE, "what stands in the project's place is no folder of a project"));
        }
        match self.read_configuration(name).await {
            Ok(None) => Ok(Former::None),
            Ok(Some(file)) => Ok(Former::Whole(Box::new(file))),
            Err(error) if error.kind() == PortErrorKind::Damaged => Ok(Former::Damaged),
            Err(error) => Err(error),
        }
    }

    async fn write(
        &self,
        name: &ProjectName,
        former: &Former,
        file: &str,
        parameters: Vec<u8>,
        configuration: Vec<u8>,
    ) -> Result<(), PortError> {
        // Where the former generation is unknown, its state could pass for one of the new generation.
        if !matches!(former, Former::Whole(_)) {
            self.files.remove(&layout::path(name, STATE), PREPARE).await?;
        }
        if matches!(former, Former::None) {
            self.files.create_folder(name, PREPARE).await?;
        }
        faults::step_done("put:folder");
        if faults::is_turned_round("put") {
            self.files.replace(&layout::path(name, CONFIGURATION), configuration.clone(), WRITE_CONFIGURATION).await?;
            faults::step_done("put:turned-round");
        }
        self.files.create(&layout::path(name, file), parameters, WRITE_PARAMETERS).await?;
        faults::step_done("put:parameters");
        // Without this, a power failure could keep the configuration and lose the parameters.
        self.files.synchronise(name, WRITE_PARAMETERS).await?;
        self.files.replace(&layout::path(name, CONFIGURATION), configuration, WRITE_CONFIGURATION).await?;
        faults::step_done("put:configuration");
        self.files.confirm(&layout::path(name, CONFIGURATION), &layout::path(name, file), WRITE_CONFIGURATION).await?;
        self.files.synchronise(name, WRITE_CONFIGURATION).await?;
        if matches!(former, Former::None) {
            self.files.synchronise_root(WRITE_CONFIGURATION).await?;
        }
        faults::step_done("put:durable");
        Ok(())
    }

    /// Removes the parameters of a fit that could not be stored: they would fill a disk that may be full already.
    async fn discard(&self, name: &ProjectName, file: &str, because: &PortError) {
        // The failure may have come after the commit.
        let is_committed = match self.read_configuration(name).await {
            Ok(configuration) => configuration.is_some_and(|configuration| configuration.parameters.file == file),
            // Ours could be read.
            Err(error) => error.kind() != PortErrorKind::Damaged,
        };
        if is_committed {
            return;
        }
        if let Err(error) = self.files.discard(&layout::path(name, file), because, PREPARE).await {
            tracing::warn!(project = %name, error = &error as &dyn std::error::Error, "new parameters are left until the next start");
        }
    }

    /// Removes parameters and states other than those of the configuration that has just been written.
    async fn remove_unnamed(&self, name: &ProjectName, file: &str) -> Result<(), PortError> {
        let mut n_removed = 0;
        for entry in self.files.entries(name, REMOVE_OLD).await? {
            let is_old = entry.name == STATE || (layout::is_parameters(&entry.name) && entry.name != file);
            if entry.is_file && is_old {
                self.files.remove(&layout::path(name, &entry.name), REMOVE_OLD).await?;
                n_removed += 1;
            }
        }
        faults::step_done("put:removed-old");
        if n_removed > 0 {
            self.files.synchronise(name, REMOVE_OLD).await?;
        }
        Ok(())
    }
}
