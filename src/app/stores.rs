//! Where the projects and their index are, from the configuration to the ports.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use drifting_artifacts::{OpendalArtifacts, StoreCalls};
use drifting_domain::ports::{ArtifactStore, OperationJournal, PortErrorKind, ProjectIndex};
use drifting_index::{Found, Guard, Opened, Options, PersyIndex};
use drifting_memory::{MemoryArtifacts, MemoryIndex, MemoryOperations};

use super::bucket::{self, Hold};
use super::read_only_index::ReadOnlyIndex;
use super::{VERIFY_INDEX, explained};
use crate::config::{ArtifactsPath, Config};

/// The stores of a server.
pub struct Stores {
    pub artifacts: Arc<dyn ArtifactStore>,
    pub index: Arc<dyn ProjectIndex>,
    pub operations: Arc<dyn OperationJournal>,
    /// The calls of what holds the projects, unless they are in memory.
    pub calls: Option<StoreCalls>,
    /// What is held of a bucket that is written to.
    pub hold: Option<Hold>,
}

impl Stores {
    /// Opens what the configuration names.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        match &config.artifacts_path {
            ArtifactsPath::Memory => Ok(Self {
                artifacts: Arc::new(MemoryArtifacts::new()),
                index: Arc::new(MemoryIndex::new()),
                operations: Arc::new(MemoryOperations::new()),
                calls: None,
                hold: None,
            }),
            ArtifactsPath::Local(directory) if config.read_only => Self::read_local(directory, &config.cache_path),
            ArtifactsPath::Local(directory) => Self::open_local(directory).await,
            ArtifactsPath::Bucket(place) => bucket::open(place, config).await,
        }
    }

    async fn open_local(directory: &Path) -> anyhow::Result<Self> {
        let artifacts = OpendalArtifacts::open_local(directory).map_err(|error| {
            if error.kind() == PortErrorKind::InUse {
                anyhow!(
                    "another server uses {}; stop it, give --artifacts-path, or serve beside it with --read-only",
                    directory.display()
                )
            } else {
                explained(error).context(format!("cannot use {}", directory.display()))
            }
        })?;
        let artifacts = Arc::new(artifacts);
        let opened = open_index(directory).await?;
        tell_found(&opened);
        Ok(Self {
            operations: Arc::clone(&artifacts) as _,
            calls: Some(artifacts.calls()),
            artifacts,
            index: Arc::new(opened.index),
            hold: None,
        })
    }

    fn read_local(directory: &Path, cache: &Path) -> anyhow::Result<Self> {
        let artifacts = OpendalArtifacts::open_local_read_only(directory)
            .map_err(|error| explained(error).context(format!("cannot read {}", directory.display())))?;
        Ok(Self {
            calls: Some(artifacts.calls()),
            artifacts: Arc::new(artifacts),
            index: Arc::new(ReadOnlyIndex::of_directory(directory, cache)),
            operations: Arc::new(MemoryOperations::new()),
            hold: None,
        })
    }
}

/// Opens the index files of a directory, which nobody else uses.
pub async fn open_index(directory: &Path) -> anyhow::Result<Opened> {
    PersyIndex::open(options(directory)?).await.map_err(explained).context("cannot open the project index")
}

/// Opens copies of the index files of a bucket, in a directory of their own.
pub async fn open_mirror(directory: &Path) -> anyhow::Result<Opened> {
    PersyIndex::open_mirror(options(directory)?).await.map_err(explained).context("cannot open the project index")
}

fn options(directory: &Path) -> anyhow::Result<Options> {
    let program = std::env::current_exe().context("cannot find the program itself")?;
    Ok(Options {
        directory: directory.to_path_buf(),
        temporary_directory: directory.join(".tmp"),
        guard: Guard::ChildProcess { program, arguments: vec![VERIFY_INDEX.into()] },
    })
}

/// Says what has become of damaged or missing files.
pub fn tell_found(opened: &Opened) {
    // Of a new store both are missing, which is no news.
    let is_new = matches!((&opened.store, &opened.active), (Found::Missing, Found::Missing));
    let has_statuses = matches!(opened.store, Found::Whole);
    match opened.store {
        Found::Damaged(_) => tracing::warn!("store.db was damaged: it is rebuilt from the folders of the projects"),
        Found::Missing if !is_new => tracing::warn!("store.db is missing: it is rebuilt from the folders"),
        Found::Behind => {
            tracing::info!("store.db lacks the last changes: they are found in the folders of the projects");
        }
        Found::Missing | Found::Whole => {}
    }
    match opened.active {
        Found::Damaged(_) if has_statuses => {
            tracing::warn!("active.db was damaged: the statuses are those that store.db remembers");
        }
        Found::Damaged(_) => tracing::warn!("active.db was damaged: every project is active again"),
        Found::Missing if !is_new => tracing::warn!("active.db is missing: every project is active again"),
        Found::Behind => {
            tracing::info!("active.db lacks the last changes: the statuses are those that store.db remembers");
        }
        Found::Missing | Found::Whole => {}
    }
}
