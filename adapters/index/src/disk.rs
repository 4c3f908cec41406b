//! Files and directories: names that survive a loss of power, room to write, copies.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::{env, process};

use drifting_domain::faults;

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

    /// Makes a folder for copies that are checked: they keep their names, which say what is in them. It is nobody else's: the
    /// checking process of a server that was killed may still be writing into that server's copies.
    ///
    /// Where there is no room for so many bytes, the system's temporary folder may have some.
    pub fn make_folder_for_copies(&self, n_bytes: u64) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.temporary_directory)?;
        let (within, name) = match self.check_room(n_bytes) {
            Ok(()) => (self.temporary_directory.clone(), "index-check".to_owned()),
            Err(_) => (env::temp_dir(), format!("drifting-index-check-{}", process::id())),
        };
        let mut n = 0_u64;
        loop {
            let folder = within.join(format!("{name}-{n}"));
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n += 1,
                made => return made.map(|()| folder),
            }
        }
    }

    /// Puts the new file in the place of the one that there is, durably.
    pub fn adopt(&self, table: Table) -> io::Result<()> {
        fs::rename(self.new_file(table), self.file(table))?;
        faults::step_done("index:adopted");
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

    /// Makes everything durable that has been written into the file of this table. Persy's own commit leaves pages for
    /// later, and a loss of power that keeps some of those and not others can make a file unreadable.
    pub fn synchronise(&self, table: Table) -> io::Result<()> {
        File::open(self.file(table))?.sync_data()
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
