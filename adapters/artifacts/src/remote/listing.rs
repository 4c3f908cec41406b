//! Everything below the root by one flat listing: a thousand objects a call, where a look at each project would cost one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;

use super::files::RemoteFiles;
use super::store::Listed;
use crate::layout::{self, CONFIGURATION, TEMPORARY};

/// An older listing is not handed on.
const FRESH: Duration = Duration::from_secs(30);

/// The objects of a store, by the folder that they are in.
#[derive(Debug)]
pub struct Listing {
    /// The projects' folders with the names of what they hold, whatever it is.
    pub folders: BTreeMap<ProjectName, Vec<Listed>>,
    /// The folder of temporary files.
    pub temporaries: Vec<Listed>,
    taken_at: Instant,
}

impl Listing {
    fn of(objects: Vec<Listed>) -> Self {
        let mut listing = Self { folders: BTreeMap::new(), temporaries: Vec::new(), taken_at: Instant::now() };
        for Listed { path, modified } in objects {
            let Some((folder, name)) = path.split_once('/') else { continue };
            let object = Listed { path: name.to_owned(), modified };
            if folder == TEMPORARY {
                listing.temporaries.push(object);
            } else if let Some(project) = layout::project_of(folder) {
                listing.folders.entry(project).or_default().push(object);
            }
        }
        listing
    }

    /// The folders with a configuration, in the order of their names.
    pub fn projects(&self) -> Vec<ProjectName> {
        let holds = |objects: &Vec<Listed>| objects.iter().any(|object| object.path == CONFIGURATION);
        self.folders.iter().filter(|(_, objects)| holds(objects)).map(|(name, _)| name.clone()).collect()
    }
}

impl RemoteFiles {
    /// Everything as it is now.
    pub(super) async fn list_all(&self, operation: &'static str) -> Result<Listing, PortError> {
        Ok(Listing::of(self.store.list("", operation).await?))
    }

    /// The projects, in the order of their names. Right after a sweep, by its own listing.
    pub async fn projects(&self, operation: &'static str) -> Result<Vec<ProjectName>, PortError> {
        let kept = self.listed().take().filter(|listing| listing.taken_at.elapsed() < FRESH);
        match kept {
            Some(listing) => Ok(listing.projects()),
            None => Ok(self.list_all(operation).await?.projects()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_projects_by_their_names_and_configurations() {
        let paths = [
            ".tmp/lease",
            "store.db",
            "b/configuration.yaml",
            "b/drift_detector.safetensors",
            "a/state.safetensors",
            "c/deep/configuration.yaml",
            "fit/configuration.yaml",
            "C/configuration.yaml",
        ];
        let listing = Listing::of(paths.map(|path| Listed { path: path.to_owned(), modified: None }).to_vec());
        let names: Vec<_> = listing.projects().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["C", "b"]);
        assert_eq!(listing.temporaries.len(), 1);
        assert_eq!(listing.folders.len(), 4);
    }
}
