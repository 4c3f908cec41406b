//! A file that another part of the program works on locally and keeps in the store as well.

use std::sync::Arc;

use bytes::Bytes;
use drifting_domain::ports::{PortError, PortErrorKind};
use tokio::sync::Mutex;

use super::failure::conflict;
use super::lease::Lease;
use super::store::{RemoteStore, Seen};

const READ: &str = "read the mirrored file";
const WRITE: &str = "mirror the file";

/// The files that no project can be named like.
const NAMES: [&str; 2] = ["store.db", "active.db"];

/// Larger files are neither written nor read.
const SIZE_MAX: u64 = 1024 * 1024 * 1024;

/// A file beside the projects' folders. Clones share what was seen of it.
#[derive(Debug, Clone)]
pub struct RemoteFile {
    store: RemoteStore,
    lease: Option<Lease>,
    name: String,
    /// What was seen last, once something was.
    seen: Arc<Mutex<Option<Seen>>>,
}

impl RemoteFile {
    /// A file of the index in the root, or one that was found damaged and is kept beside it; it is written with a lease only.
    ///
    /// # Errors
    /// When the name is of none of these.
    pub fn new(store: &RemoteStore, lease: Option<&Lease>, name: &str) -> Result<Self, PortError> {
        if !NAMES.contains(&name.strip_suffix(".damaged").unwrap_or(name)) {
            let text = format!("expected the name of a file of the index, `{name}` came");
            return Err(PortError::new(PortErrorKind::Other, READ, text));
        }
        let (store, lease, name) = (store.clone(), lease.cloned(), name.to_owned());
        Ok(Self { store, lease, name, seen: Arc::default() })
    }

    /// The bytes as they are stored.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read(&self) -> Result<Option<Vec<u8>>, PortError> {
        let mut seen = self.seen.lock().await;
        let found = self.store.get(&self.name, SIZE_MAX, READ).await?;
        *seen = Some(Seen::from(found.as_ref().map(|(_, version)| version.clone())));
        Ok(found.map(|(bytes, _)| bytes))
    }

    /// Puts bytes in the place of those that were read or written last.
    ///
    /// # Errors
    /// Of kind `InUse` when others stand there: they have to be read first. When the lease does not allow it, and when the
    /// store cannot be written to.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), PortError> {
        let mut seen = self.seen.lock().await;
        let Some(lease) = &self.lease else {
            let text = "this server was started read-only; it mirrors nothing";
            return Err(PortError::new(PortErrorKind::Permission, WRITE, text));
        };
        let before = match seen.take() {
            Some(before) => before,
            None => Seen::from(self.store.head(&self.name, WRITE).await?.map(|found| found.version)),
        };
        if let Err(error) = lease.wait(WRITE).await {
            *seen = Some(before);
            return Err(error);
        }
        // A failure leaves the old one or the new one: the next write has to look.
        let written = self.store.put_if(&self.name, Bytes::from(bytes), before.still(), WRITE).await?;
        let is_written = written.is_some();
        *seen = Some(written.map_or(before, Seen::Present));
        if is_written { Ok(()) } else { Err(conflict(WRITE)) }
    }
}
