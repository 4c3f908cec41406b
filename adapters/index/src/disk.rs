//! Files and directories: names that survive a loss of power, room to write, copies.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Damage, Failure};
use crate::table::Table;

/// Persy does not bear a full disk well, so that it is not let come to it.
const ROOM_BYTES_MIN: u64 = 1024 * 1024;

/// Where the files lie. Both directories are on one file system.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub directory: PathBuf,
    pub temporary_directory: PathBuf,
}

impl Place {
    pub fn file(&self, table: Table) -> PathBuf {
        self.directory.join(table.file_name())
    }

    /// Where a new file of this table is made.
    pub fn new_file(&self, table: Table) -> PathBuf {
        self.temporary_directory.join(table.new_file_name())
    }

    /// Where copies are checked: they keep their names, which say what is in them.
    pub fn copies(&self) -> PathBuf {
        self.temporary_directory.join("index-check")
    }

    /// Puts the new file in the place of the one that there is, durably.
    pub fn adopt(&self, table: Table) -> io::Result<()> {
        fs::rename(self.new_file(table), self.file(table))?;
        sync_directory(&self.directory)
    }

    /// Moves the file of this table aside, in place of the one that was moved aside before.
    pub fn set_aside(&self, table: Table) -> io::Result<()> {
        let aside = self.directory.join(table.damaged_file_name());
        if aside.is_dir() {
            fs::remove_dir_all(&aside)?;
        }
        fs::rename(self.file(table), &aside)?;
        sync_directory(&self.directory)
    }

    /// Refuses where a write of this size could fill the disk.
    pub fn check_room(&self, n_bytes: u64) -> Result<(), Failure> {
        let disk = rustix::fs::statvfs(&self.temporary_directory).map_err(io::Error::from)?;
        let available = disk.f_bavail.saturating_mul(disk.f_frsize);
        let enough = available >= n_bytes.saturating_add(ROOM_BYTES_MIN);
        if enough { Ok(()) } else { Err(Failure::NearlyFull { available }) }
    }
}

/// Copies what a file holds. Not being able to read it is damage; not being able to write the copy is not.
pub(crate) fn copy(mut from: &File, to: &Path) -> Result<(), Failure> {
    let mut to = File::create(to)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => to.write_all(&buffer[..n])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Damage::Unreadable(error).into()),
        }
    }
}

/// Removes a file that may not be there.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A new or another name in a directory is durable only after this.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
