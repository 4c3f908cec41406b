//! A look at a directory of artifacts that changes nothing: whether a server could work in it.

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use drifting_domain::ports::PortError;
use opendal::Operator;
use opendal::services::Fs;

use crate::error::{damaged, of_io, of_opendal, refused};
use crate::layout::{LOCK, TEMPORARY};

const OPERATION: &str = "look at the artifacts";
/// As many bytes as a small state has.
const N_BYTES: usize = 4096;

/// What a look at a local directory found.
#[derive(Debug)]
pub struct LocalLook {
    /// Whether the directory is there. If not, the rest speaks of the folder that it would be made in.
    pub exists: bool,
    /// Whether another server works in it.
    pub in_use: bool,
    /// Whether a file could be written durably, read back and removed.
    pub round_trip: Result<(), PortError>,
    /// Room on its disk for this user, in bytes.
    pub bytes_available: Result<u64, PortError>,
}

/// Looks at a local directory: writes a file into its folder of temporary files, reads it back and removes it. Needs no
/// lock, and leaves everything as it was.
///
/// # Errors
/// When the path or what leads to it cannot be looked at, or is no directory.
pub async fn look_at_local(root: &Path) -> Result<LocalLook, PortError> {
    // Made absolute, so that a relative one has parents too.
    let root = std::path::absolute(root).map_err(|error| of_io(OPERATION, error))?;
    let home = nearest(&root).map_err(|error| of_io(OPERATION, error))?;
    let exists = home == root;
    let bytes_available = rustix::fs::statvfs(&home)
        .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
        .map_err(|error| of_io("ask for the room on the disk", error.into()));
    if !exists {
        let round_trip = round_trip(&home, "").await;
        return Ok(LocalLook { exists, in_use: false, round_trip, bytes_available });
    }
    let temporary = home.join(TEMPORARY);
    let in_use = is_locked(&temporary.join(LOCK)).map_err(|error| of_io("lock the artifacts", error))?;
    let round_trip = round_trip_in(&home, &temporary).await;
    Ok(LocalLook { exists, in_use, round_trip, bytes_available })
}

/// The directory itself, or the nearest folder above it that there is.
fn nearest(root: &Path) -> io::Result<PathBuf> {
    for folder in root.ancestors() {
        match fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => return Ok(folder.to_owned()),
            Ok(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, "a file stands in the way")),
            // A link that leads nowhere stands in the way too.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_symlink() => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Whether a server holds the lock. A shared lock is taken for no longer than the question takes.
fn is_locked(lock: &Path) -> io::Result<bool> {
    let file = match File::open(lock) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

async fn round_trip_in(root: &Path, temporary: &Path) -> Result<(), PortError> {
    const OPERATION: &str = "use the folder of temporary files";
    match fs::symlink_metadata(temporary) {
        Ok(metadata) if metadata.is_dir() => round_trip(root, &format!("{TEMPORARY}/")).await,
        Ok(_) => Err(refused(OPERATION, "it is a symbolic link or a file")),
        // A store that was copied without it: it is made for this look only.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir(temporary).map_err(|error| of_io(OPERATION, error))?;
            let tried = round_trip(root, &format!("{TEMPORARY}/")).await;
            let removed = fs::remove_dir(temporary).map_err(|error| of_io(OPERATION, error));
            tried.and(removed)
        }
        Err(error) => Err(of_io(OPERATION, error)),
    }
}

/// Writes a file as the store writes its own, reads it back and removes it, whatever came of it.
async fn round_trip(root: &Path, folder: &str) -> Result<(), PortError> {
    let there = root.join(folder);
    let (Some(root), Some(there)) = (root.to_str(), there.to_str()) else {
        return Err(refused(OPERATION, "the path of the artifacts is not UTF-8"));
    };
    let service = Fs::default().root(root).atomic_write_dir(there);
    let operator = Operator::new(service).map_err(|error| of_opendal(OPERATION, error))?;
    // No two looks at once may meet at the same name.
    let path = format!("{folder}.drifting-check-{:016x}", RandomState::new().build_hasher().finish());
    let tried = write_and_read(&operator, &path).await;
    let removed = operator.delete(&path).await.map_err(|error| of_opendal("remove a file from the artifacts", error));
    tried.and(removed)
}

async fn write_and_read(operator: &Operator, path: &str) -> Result<(), PortError> {
    const READ: &str = "read a file of the artifacts back";
    let written: Vec<u8> = (0..=u8::MAX).cycle().take(N_BYTES).collect();
    let write = operator.write(path, written.clone()).await;
    write.map_err(|error| of_opendal("write a file into the artifacts", error))?;
    let read = operator.read(path).await.map_err(|error| of_opendal(READ, error))?;
    if read.to_vec() == written { Ok(()) } else { Err(damaged(READ, "other bytes came back")) }
}
