//! The names of folders and files: what is a project's, what is this store's, what is somebody else's.

use drifting_domain::operation::OperationId;
use drifting_domain::project::ProjectName;

/// The file whose presence makes a folder a project.
pub const CONFIGURATION: &str = "configuration.yaml";
/// The file of the online state.
pub const STATE: &str = "state.safetensors";
/// The parameters of a first fit.
pub const FIRST_PARAMETERS: &str = "drift_detector.safetensors";
/// The folder of temporary files and of the lock: this store's own, so that a sweep may empty it.
pub const TEMPORARY: &str = ".tmp";
/// The lock's name in the folder of temporary files.
pub const LOCK: &str = "lock";

/// The lease's name in the folder of temporary files of a remote store.
pub const LEASE: &str = "lease";

/// The path of the lease.
pub fn lease() -> String {
    format!("{TEMPORARY}/{LEASE}")
}

/// The parameters of an overwrite. Another name than the old file's, so that the old project stays whole until the
/// configuration is replaced.
pub fn parameters_of(generation: u64) -> String {
    format!("drift_detector-{generation}.safetensors")
}

/// Whether a file can hold parameters, judged by its name.
pub fn is_parameters(file: &str) -> bool {
    let generation = file.strip_prefix("drift_detector-").and_then(|rest| rest.strip_suffix(".safetensors"));
    file == FIRST_PARAMETERS
        || generation
            .and_then(|digits| digits.parse::<u64>().ok())
            .is_some_and(|generation| parameters_of(generation) == file)
}

/// Whether this store writes files of that name into projects' folders.
pub fn is_written_here(file: &str) -> bool {
    file == CONFIGURATION || file == STATE || is_parameters(file)
}

/// The path of an operation's note.
pub fn note(id: OperationId) -> String {
    format!("{TEMPORARY}/operation-{id}.yaml")
}

/// The operation whose note has this name.
pub fn operation_of(file: &str) -> Option<OperationId> {
    file.strip_prefix("operation-")?.strip_suffix(".yaml")?.parse().ok()
}

/// The project whose folder has this name.
pub fn project_of(folder: &str) -> Option<ProjectName> {
    folder.parse().ok()
}

/// The path of a project's folder.
pub fn folder(project: &ProjectName) -> String {
    format!("{project}/")
}

/// The path of a file in a project's folder.
pub fn path(project: &ProjectName, file: &str) -> String {
    format!("{project}/{file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_files_are_known_by_their_names() {
        for file in ["drift_detector.safetensors", "drift_detector-2.safetensors", &parameters_of(u64::MAX)] {
            assert!(is_parameters(file), "{file}");
        }
        for file in [
            "",
            "drift_detector-.safetensors",
            "drift_detector-02.safetensors",
            "drift_detector-+2.safetensors",
            "drift_detector-99999999999999999999.safetensors",
            "../a/drift_detector.safetensors",
            "drift_detector.safetensors.old",
            "state.safetensors",
        ] {
            assert!(!is_parameters(file), "{file}");
        }
    }

    #[test]
    fn the_files_of_the_index_are_no_projects() {
        for folder in ["store.db", "Active.DB", ".tmp", "lost+found"] {
            assert!(project_of(folder).is_none(), "{folder}");
        }
        assert!(project_of("store.db2").is_some());
    }
}
