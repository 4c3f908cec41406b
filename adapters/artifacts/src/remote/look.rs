//! A look at a remote store that changes nothing: whether a server could work in it, and which permissions are missing.

use bytes::Bytes;
use drifting_domain::ports::PortError;

use super::failure::conflict;
use super::holder::Holder;
use super::random::random_name;
use super::store::{Condition, RemoteStore, Version};
use crate::error::{damaged, refused};
use crate::layout::{self, TEMPORARY};

/// As many bytes as a small state has.
const N_BYTES: usize = 4096;
const LEASE_SIZE_MAX: u64 = 64 * 1024;

/// What a look at a remote store found. A failure names the permission that is missing.
#[derive(Debug)]
pub struct RemoteLook {
    /// Whether an object could be written.
    pub put: Result<(), PortError>,
    /// Whether it came back as it was.
    pub get: Result<(), PortError>,
    /// Whether it stood in a listing.
    pub list: Result<(), PortError>,
    /// Whether a second write of an object that must not be there was refused; `false` where the store ignores conditions
    /// and cannot keep two servers from writing over each other.
    pub conditional_put: Result<bool, PortError>,
    /// Whether it could be removed.
    pub delete: Result<(), PortError>,
    /// The name of the machine whose server holds the lease, if one does. It may have died with it.
    pub lease_held_by: Result<Option<String>, PortError>,
}

/// Looks at a remote store: writes an object into its folder of temporary files, reads and lists it, writes it again on a
/// condition that does not hold, and removes it. Needs no lease, and leaves everything as it was.
pub async fn look_at_remote(store: &RemoteStore) -> RemoteLook {
    const WRITE_AGAIN: &str = "write an object of the store on a condition";
    let path = format!("{TEMPORARY}/check-{}", random_name());
    let bytes = Bytes::from((0..=u8::MAX).cycle().take(N_BYTES).collect::<Vec<_>>());
    let put = store.put(&path, bytes.clone(), Condition::Anything, "write an object into the store").await;
    let lease_held_by = lease_held_by(store).await;
    let version = match put {
        Ok(version) => version,
        Err(error) => {
            let untried = |operation| refused(operation, "there is no object to try it with");
            return RemoteLook {
                put: Err(error),
                get: Err(untried("read an object of the store")),
                list: list(store, None).await,
                conditional_put: Err(untried(WRITE_AGAIN)),
                delete: Err(untried("remove an object from the store")),
                lease_held_by,
            };
        }
    };
    let get = get(store, &path, &bytes).await;
    let list = list(store, Some(&path)).await;
    let again = store.put(&path, Bytes::from_static(b"other"), Condition::Absent, WRITE_AGAIN).await;
    let conditional_put = again.map(|written| written.is_none());
    let delete = delete(store, &path, version).await;
    RemoteLook { put: Ok(()), get, list, conditional_put, delete, lease_held_by }
}

async fn get(store: &RemoteStore, path: &str, expected: &Bytes) -> Result<(), PortError> {
    const GET: &str = "read an object of the store";
    match store.get(path, N_BYTES as u64, GET).await? {
        Some((found, _)) if found == *expected => Ok(()),
        Some(_) => Err(damaged(GET, "other bytes came back")),
        None => Err(refused(GET, "what was just written is not there")),
    }
}

async fn list(store: &RemoteStore, expected: Option<&str>) -> Result<(), PortError> {
    const LIST: &str = "list the objects of the store";
    let listed = store.list(&format!("{TEMPORARY}/"), LIST).await?;
    let is_there = |path: &str| listed.iter().any(|object| object.path == path);
    if expected.is_none_or(is_there) { Ok(()) } else { Err(refused(LIST, "what was just written is not listed")) }
}

async fn delete(store: &RemoteStore, path: &str, version: Option<Version>) -> Result<(), PortError> {
    const DELETE: &str = "remove an object from the store";
    if version.is_none() {
        return Err(conflict(DELETE));
    }
    store.remove(path, None, DELETE).await?;
    match store.head(path, DELETE).await? {
        None => Ok(()),
        Some(_) => Err(refused(DELETE, "what was removed is still there")),
    }
}

async fn lease_held_by(store: &RemoteStore) -> Result<Option<String>, PortError> {
    let found = store.get(&layout::lease(), LEASE_SIZE_MAX, "read the lease of the artifacts").await?;
    Ok(found.map(|(bytes, _)| Holder::decode(&bytes).map_or_else(|| "unknown".to_owned(), |holder| holder.host)))
}
