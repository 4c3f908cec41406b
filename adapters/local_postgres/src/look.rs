//! A look at the cluster that changes nothing.

use std::fs;
use std::path::Path;

use rustix::fs::{Access, access};

use crate::account::Account;
use crate::place::data_in;
use crate::postmaster::{self, Recorded};
use crate::probe::answers;
use crate::programs::Programs;
use crate::server::uri_of;
use crate::{LocalPostgres, LocalPostgresError, SearchPath, cluster};

/// What there is of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cluster {
    /// None yet: a start creates it.
    NotYet {
        /// The version of the programs that would create it.
        major: u32,
    },
    /// One that a start would start.
    Stopped {
        /// Its version.
        major: u32,
    },
    /// One that runs.
    Running {
        /// Its version.
        major: u32,
        /// Where it answers.
        uri: String,
    },
}

impl LocalPostgres {
    /// Looks at what [`Self::start`] would find in the directory.
    ///
    /// # Errors
    /// What would keep it from starting, as far as that can be known without trying.
    pub async fn look(directory: &Path) -> Result<Cluster, LocalPostgresError> {
        Self::look_with(directory, &SearchPath::of_system().await).await
    }

    /// Like [`Self::look`], with the programs of this search path.
    ///
    /// # Errors
    /// Like [`Self::look`].
    pub async fn look_with(directory: &Path, search: &SearchPath) -> Result<Cluster, LocalPostgresError> {
        let cannot_look = LocalPostgresError::io("look at the directory of postgres");
        let directory = std::path::absolute(directory).map_err(&cannot_look)?;
        let directory = fs::canonicalize(&directory).unwrap_or(directory);
        let data = data_in(&directory);
        let version = cluster::version_of(&data)?;
        let account = Account::choose(&data)?;
        let programs = Programs::find(search, version, &directory, account).await?;
        let parent = directory.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        let parent = fs::canonicalize(parent).map_err(&cannot_look)?;
        account.check_way_to(&parent)?;
        let Some(major) = version else {
            let home = if directory.exists() { &directory } else { &parent };
            access(home, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| LocalPostgresError::io("create the directory of postgres")(error.into()))?;
            return Ok(Cluster::NotYet { major: programs.major });
        };
        match postmaster::recorded(&data)? {
            Recorded::Running(postmaster) if answers(&postmaster.socket_folder).await => {
                Ok(Cluster::Running { major, uri: uri_of(&postmaster.socket_folder) })
            }
            _ => Ok(Cluster::Stopped { major }),
        }
    }
}
