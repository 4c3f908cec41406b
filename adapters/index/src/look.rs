//! A look at the files of the index that changes nothing.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use drifting_domain::ports::PortError;

use crate::disk::copy;
use crate::failure::Failure;
use crate::guard::Guard;
use crate::table::Table;

/// In which state a file was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// There is none: the next start makes it.
    Missing,
    /// All its entries are there.
    Whole,
    /// A server works in it, which has checked it.
    InUse,
    /// It cannot be trusted: the next start moves it aside and makes it anew.
    Damaged,
}

/// Looks at `store.db` and `active.db` in a directory, each by its name: copies of them, in a temporary directory of the
/// caller, are checked as a start would check them.
pub async fn look(
    directory: &Path,
    temporary_directory: &Path,
    guard: &Guard,
) -> [(&'static str, Result<Look, PortError>); 2] {
    let seen = [Table::Store, Table::Active].map(|table| async move {
        let seen = look_at(directory, temporary_directory, guard, table).await;
        (table.file_name(), seen.map_err(|failure| failure.into_port_error("open the project index")))
    });
    let [store, active] = seen;
    [store.await, active.await]
}

async fn look_at(directory: &Path, temporary_directory: &Path, guard: &Guard, table: Table) -> Result<Look, Failure> {
    let path = directory.join(table.file_name());
    // For writing too, as a start would open it: a missing right is told before that.
    let file = match File::options().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => return Ok(Look::Missing),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => return Ok(Look::Damaged),
        Err(error) => return Err(error.into()),
    };
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Look::InUse),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    if !file.metadata()?.is_file() || file.metadata()?.len() == 0 {
        return Ok(Look::Damaged);
    }
    let to = temporary_directory.join(table.file_name());
    match copy(&file, &to) {
        Ok(()) => {}
        Err(Failure::Damaged(_)) => return Ok(Look::Damaged),
        Err(other) => return Err(other),
    }
    drop(file);
    let damaged = guard.damaged(&[(table, to)]).await?;
    Ok(if damaged.is_empty() { Look::Whole } else { Look::Damaged })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use drifting_domain::ports::{IndexEntry, ProjectIndex};

    use super::*;
    use crate::{Options, PersyIndex};

    #[tokio::test]
    async fn each_state_is_seen_and_nothing_changes() {
        let directory = tempfile::tempdir().unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let seen = || async {
            look(directory.path(), temporary.path(), &Guard::InProcess).await.map(|(_, seen)| seen.unwrap())
        };
        assert_eq!(seen().await, [Look::Missing, Look::Missing]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

        let half_made = directory.path().join(".tmp");
        fs::create_dir(&half_made).unwrap();
        let options =
            Options { directory: directory.path().to_owned(), temporary_directory: half_made, guard: Guard::InProcess };
        let opened = PersyIndex::open(options).await.unwrap();
        let entry = IndexEntry { project: "p".parse().unwrap(), path: Some("p".to_owned()), status: None };
        opened.index.put(&[entry]).await.unwrap();
        assert_eq!(seen().await, [Look::InUse, Look::InUse]);
        drop(opened);
        assert_eq!(seen().await, [Look::Whole, Look::Whole]);

        let store = directory.path().join("store.db");
        let before = fs::read(&store).unwrap();
        assert_eq!(seen().await, [Look::Whole, Look::Whole]);
        assert_eq!(fs::read(&store).unwrap(), before);
        fs::write(&store, &before[..before.len() / 2]).unwrap();
        fs::write(directory.path().join("active.db"), "").unwrap();
        assert_eq!(seen().await, [Look::Damaged, Look::Damaged]);
        assert_eq!(fs::read(&store).unwrap().len(), before.len() / 2);
    }
}
