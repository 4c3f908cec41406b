//! A remote store: whole objects, each call with a deadline, writes and removals on a condition.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use drifting_domain::ports::PortError;
use futures_util::TryStreamExt;
use opendal::options::{DeleteOptions, WriteOptions};
use opendal::{ErrorKind, Metadata, Operator, Writer};
use tokio::sync::{OnceCell, Semaphore};

use super::abilities::Abilities;
use super::failure::{Dialect, Right, too_late};
use super::location::RemoteSettings;
use crate::calls::{CallCount, CallCounts, StoreCalls};
use crate::error::damaged;

/// Larger objects are written in parts of this size, so that a part that has to be sent again is a small one.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// So many parts of an object are under way.
const N_PARTS_AT_ONCE: usize = 4;
/// The deadline of a large object grows by a second for this many bytes.
const BYTES_A_SECOND: u64 = 1024 * 1024;

/// A store in a bucket. Clones share their connections, counts and limits.
#[derive(Clone)]
pub struct RemoteStore(Arc<Connection>);

/// What a store consists of.
pub struct Connection {
    /// The place, to be shown to people.
    pub place: String,
    /// The language that it speaks.
    pub dialect: Dialect,
    /// The technology.
    pub operator: Operator,
    /// One for each call that may be under way.
    pub permits: Semaphore,
    /// The bounds of calls.
    pub settings: RemoteSettings,
    /// The calls so far.
    pub counts: Arc<CallCounts>,
    /// What the store can do, once it has been tried.
    pub abilities: OnceCell<Abilities>,
}

/// Which bytes stand under a name: a mark that changes whenever they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// What must be so for a write to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Nothing.
    Anything,
    /// There is no object of that name.
    Absent,
    /// This version stands under the name.
    Is(&'a Version),
}

/// What this process knows of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// There was no object.
    Absent,
    /// This version stood there.
    Present(Version),
}

impl Seen {
    /// The condition that it still is so.
    pub fn still(&self) -> Condition<'_> {
        match self {
            Self::Absent => Condition::Absent,
            Self::Present(version) => Condition::Is(version),
        }
    }
}

impl From<Option<Version>> for Seen {
    fn from(found: Option<Version>) -> Self {
        found.map_or(Self::Absent, Self::Present)
    }
}

/// An object without its bytes.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its version.
    pub version: Version,
    /// When it was written, by the store's clock.
    pub modified: Option<SystemTime>,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path below the root.
    pub path: String,
    /// When it was written, by the store's clock.
    pub modified: Option<SystemTime>,
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteStore({})", self.0.place)
    }
}

impl RemoteStore {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Arc::new(connection))
    }

    /// The calls since the store was connected, by what they were for and what came of them.
    pub fn calls(&self) -> Vec<CallCount> {
        self.0.counts.snapshot()
    }

    /// The same for whoever watches the store.
    pub(crate) fn counted(&self) -> StoreCalls {
        StoreCalls::new(self.backend(), &self.0.counts)
    }

    /// The service that it is: `s3` or `gcs`.
    pub fn backend(&self) -> &'static str {
        match self.0.dialect {
            Dialect::S3 => "s3",
            Dialect::Gcs => "gcs",
        }
    }

    /// The same store with a queue of its own, for calls that must not wait behind others.
    pub(super) fn aside(&self) -> Self {
        let connection = &self.0;
        Self(Arc::new(Connection {
            place: connection.place.clone(),
            dialect: connection.dialect,
            operator: connection.operator.clone(),
            permits: Semaphore::new(1),
            settings: connection.settings.clone(),
            counts: Arc::clone(&connection.counts),
            abilities: connection.abilities.clone(),
        }))
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.0.dialect
    }

    pub(super) fn cell_of_abilities(&self) -> &OnceCell<Abilities> {
        &self.0.abilities
    }

    /// The bytes of an object and their version.
    pub(crate) async fn get(
        &self,
        path: &str,
        size_max: u64,
        operation: &'static str,
    ) -> Result<Option<(Vec<u8>, Version)>, PortError> {
        // How large it is turns out on the way.
        let found = self.bounded(size_max, operation, self.read_within(path, size_max, operation)).await?;
        let Some((bytes, version)) = found else { return Ok(None) };
        let version = match version {
            Some(version) => Some(version),
            // Not every store says it beside the bytes.
            None => self.head(path, operation).await?.map(|found| found.version),
        };
        Ok(version.map(|version| (bytes, version)))
    }

    async fn read_within(
        &self,
        path: &str,
        size_max: u64,
        operation: &'static str,
    ) -> Result<Option<(Vec<u8>, Option<Version>)>, PortError> {
        let failure = |error| self.0.dialect.failure(Right::Get, operation, &error);
        let reader = self.0.operator.reader(path).await.map_err(failure)?;
        let mut parts = match reader.clone().into_stream(..).await {
            Ok(parts) => parts,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failure(error)),
        };
        let mut bytes = Vec::new();
        loop {
            let wait = tokio::time::timeout(self.0.settings.deadline, parts.try_next());
            let part = match wait.await.map_err(|_| too_late(operation, self.0.settings.deadline.as_secs()))? {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failure(error)),
            };
            if bytes.is_empty() {
                let size = reader.metadata().map_or(0, Metadata::content_length);
                refuse_larger(size, size_max, operation)?;
                bytes.reserve_exact(usize::try_from(size).unwrap_or_default().max(part.len()));
            }
            refuse_larger((bytes.len() + part.len()) as u64, size_max, operation)?;
            for chunk in part {
                bytes.extend_from_slice(&chunk);
            }
        }
        Ok(Some((bytes, reader.metadata().and_then(|metadata| self.version_of(metadata)))))
    }

    /// Whether there is an object, and which.
    pub(crate) async fn head(&self, path: &str, operation: &'static str) -> Result<Option<Found>, PortError> {
        self.bounded(0, operation, async {
            match self.0.operator.stat(path).await {
                Ok(metadata) => {
                    let version = self.version_of(&metadata).unwrap_or(Version(String::new()));
                    Ok(Some(Found { version, modified: metadata.last_modified().map(SystemTime::from) }))
                }
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(self.0.dialect.failure(Right::Get, operation, &error)),
            }
        })
        .await
    }

    /// Writes an object whole and says its version; `None` where the condition does not hold.
    ///
    /// A write that was tried again may meet the outcome of its own first try. So the bytes that stand there decide:
    /// where they are the ones that were sent, they were written.
    pub(crate) async fn put(
        &self,
        path: &str,
        bytes: Bytes,
        condition: Condition<'_>,
        operation: &'static str,
    ) -> Result<Option<Version>, PortError> {
        let size = bytes.len() as u64;
        let written =
            self.bounded(size, operation, async { Ok(self.write(path, bytes.clone(), condition).await) }).await?;
        match written {
            Ok(metadata) => match self.version_of(&metadata) {
                Some(version) => Ok(Some(version)),
                None => Ok(self.head(path, operation).await?.map(|found| found.version)),
            },
            // An upload in parts that is already completed is absent.
            Err(error) if [ErrorKind::ConditionNotMatch, ErrorKind::NotFound].contains(&error.kind()) => {
                match self.get(path, size, operation).await {
                    Ok(Some((found, version))) if found == bytes => Ok(Some(version)),
                    // Another is longer, or went in the meantime.
                    _ if error.kind() == ErrorKind::ConditionNotMatch => Ok(None),
                    _ => Err(self.0.dialect.failure(Right::Put, operation, &error)),
                }
            }
            Err(error) => Err(self.0.dialect.failure(Right::Put, operation, &error)),
        }
    }

    async fn write(&self, path: &str, bytes: Bytes, condition: Condition<'_>) -> opendal::Result<Metadata> {
        let mut options = WriteOptions::default();
        match (condition, self.0.dialect) {
            (Condition::Anything, _) => {}
            (Condition::Absent, _) => options.if_not_exists = true,
            (Condition::Is(version), Dialect::S3) => options.if_match = Some(version.0.clone()),
            (Condition::Is(version), Dialect::Gcs) => options.if_version_match = Some(version.0.clone()),
        }
        if bytes.len() <= PART_BYTES {
            return self.0.operator.write_options(path, bytes, options).await;
        }
        options.chunk = Some(PART_BYTES);
        options.concurrent = N_PARTS_AT_ONCE;
        let mut writer = self.0.operator.writer_options(path, options).await?;
        let written = write_parts(&mut writer, bytes).await;
        // Parts that were sent cost room until they are given up.
        if written.is_err() && writer.abort().await.is_err() {
            tracing::debug!("parts of an upload that failed may be left in the store");
        }
        written
    }

    /// Removes an object, if this version stands under the name; says whether it did. `None` removes any.
    pub(crate) async fn remove(
        &self,
        path: &str,
        version: Option<&Version>,
        operation: &'static str,
    ) -> Result<bool, PortError> {
        let mut options = DeleteOptions::default();
        match self.0.dialect {
            Dialect::S3 => options.if_match = version.map(|version| version.0.clone()),
            Dialect::Gcs => options.if_version_match = version.map(|version| version.0.clone()),
        }
        let removal = async { Ok(self.0.operator.delete_options(path, options).await) };
        match self.bounded(0, operation, removal).await? {
            Ok(()) => Ok(true),
            // The first of several tries may have removed it.
            Err(error) if error.kind() == ErrorKind::ConditionNotMatch => {
                Ok(self.head(path, operation).await?.is_none())
            }
            Err(error) => Err(self.0.dialect.failure(Right::Delete, operation, &error)),
        }
    }

    /// Every object whose path begins so, in folders of folders too.
    pub(crate) async fn list(&self, folder: &str, operation: &'static str) -> Result<Vec<Listed>, PortError> {
        let failure = |error| self.0.dialect.failure(Right::List, operation, &error);
        let deadline = self.0.settings.deadline;
        let _permit = self.permit(operation).await?;
        let lister = self.0.operator.lister_with(folder).recursive(true);
        let mut entries = tokio::time::timeout(deadline, lister)
            .await
            .map_err(|_| too_late(operation, deadline.as_secs()))?
            .map_err(failure)?;
        let mut listed = Vec::new();
        // The deadline is for each page.
        while let Some(entry) = tokio::time::timeout(deadline, entries.try_next())
            .await
            .map_err(|_| too_late(operation, deadline.as_secs()))?
            .map_err(failure)?
        {
            let (path, metadata) = entry.into_parts();
            if !path.ends_with('/') {
                listed.push(Listed { path, modified: metadata.last_modified().map(SystemTime::from) });
            }
        }
        Ok(listed)
    }

    /// The mark of a version: on S3 the entity tag, which conditions speak of; on Google's store the generation.
    fn version_of(&self, metadata: &Metadata) -> Option<Version> {
        let mark = match self.0.dialect {
            Dialect::S3 => metadata.etag(),
            Dialect::Gcs => metadata.version(),
        };
        mark.filter(|mark| !mark.is_empty()).map(|mark| Version(mark.to_owned()))
    }

    /// Waits for its turn and then for the call, no longer than all tries may take.
    async fn bounded<T>(
        &self,
        n_bytes_max: u64,
        operation: &'static str,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let deadline = self.0.settings.deadline + Duration::from_secs(n_bytes_max / BYTES_A_SECOND);
        let turn = async {
            let _permit = self.0.permits.acquire().await;
            call.await
        };
        tokio::time::timeout(deadline, turn).await.map_err(|_| too_late(operation, deadline.as_secs()))?
    }

    async fn permit(&self, operation: &'static str) -> Result<impl Sized, PortError> {
        let deadline = self.0.settings.deadline;
        let turn = tokio::time::timeout(deadline, self.0.permits.acquire()).await;
        turn.map_err(|_| too_late(operation, deadline.as_secs()))
    }
}

async fn write_parts(writer: &mut Writer, bytes: Bytes) -> opendal::Result<Metadata> {
    let mut rest = bytes;
    while !rest.is_empty() {
        writer.write(rest.split_to(rest.len().min(PART_BYTES))).await?;
    }
    writer.close().await
}

fn refuse_larger(size: u64, size_max: u64, operation: &'static str) -> Result<(), PortError> {
    if size <= size_max {
        return Ok(());
    }
    Err(damaged(operation, format!("expected at most {size_max} bytes, the object has {size}")))
}
