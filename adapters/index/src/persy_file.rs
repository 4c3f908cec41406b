//! Persy itself: opening, reading everything, one transaction, a new file. Nothing else in this crate calls it.

use std::fs::File;
use std::mem;
use std::path::Path;
use std::time::Duration;

use drifting_domain::project::ProjectName;
use persy::{ByteVec, Config, IndexIter, OpenOptions, Persy, Transaction, ValueMode};

use crate::failure::{Damage, Failure, caught};
use crate::table::{Entries, Summary, Table};

/// Larger transactions cost more than their share.
pub(crate) const CHANGES_PER_TRANSACTION: usize = 200;

/// Persy waits for a whole day otherwise. All writes come one after the other, so nothing should ever wait at all.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Reads are answered from memory, so that a large cache would serve nobody.
const CACHE_SIZE: u64 = 4 * 1024 * 1024;

/// What a project's entry becomes: another value, or nothing.
pub(crate) type Change<'a> = (&'a ProjectName, Option<&'a str>);

fn config() -> Config {
    let mut config = Config::new();
    config.change_transaction_lock_timeout(LOCK_TIMEOUT);
    config.change_cache_size(CACHE_SIZE);
    config
}

/// A file with all that is in it.
pub(crate) struct Contents {
    pub persy: Persy,
    pub entries: Entries,
    pub summary: Summary,
}

/// Opens a file, recovers what a crash has left half done, and reads all of it.
pub(crate) fn open(file: File, table: Table) -> Result<Contents, Failure> {
    let persy = caught(|| Ok(Persy::open_from_file_with_recover(file, config(), |_| true)?))?;
    match read(&persy, table) {
        Ok((entries, summary)) => Ok(Contents { persy, entries, summary }),
        Err(failure) => {
            mem::forget(persy);
            Err(failure)
        }
    }
}

/// Closes a file.
pub(crate) fn close(persy: Persy) -> Result<(), Failure> {
    caught(|| {
        drop(persy);
        Ok(())
    })
}

/// Makes a new file of these entries. It is durable, but for its name in the directory.
pub(crate) fn create(path: &Path, table: Table, entries: &Entries, summary: Summary) -> Result<Persy, Failure> {
    let persy = caught(|| Ok(OpenOptions::new().create_new(true).config(config()).open(path)?))?;
    match fill(&persy, table, entries, summary) {
        Ok(()) => Ok(persy),
        Err(failure) => {
            mem::forget(persy);
            Err(failure)
        }
    }
}

fn fill(persy: &Persy, table: Table, entries: &Entries, summary: Summary) -> Result<(), Failure> {
    transact(persy, |transaction| {
        transaction.create_index::<String, ByteVec>(table.index_name(), ValueMode::Replace)?;
        Ok(())
    })?;
    let changes: Vec<Change<'_>> = entries.iter().map(|(project, value)| (project, Some(value.as_str()))).collect();
    // Nobody sees the file before it is whole, so that every transaction may carry the summary of the whole.
    commit(persy, table, &[], summary)?;
    changes.chunks(CHANGES_PER_TRANSACTION).try_for_each(|chunk| commit(persy, table, chunk, summary))
}

/// Commits some changes together with the summary of what there is after them, durably.
pub(crate) fn commit(persy: &Persy, table: Table, changes: &[Change<'_>], after: Summary) -> Result<(), Failure> {
    transact(persy, |transaction| {
        let index = table.index_name();
        for (project, value) in changes {
            let key = project.as_str().to_owned();
            match value {
                Some(value) => transaction.put(index, key, sealed(table, project.as_str(), value.as_bytes()))?,
                None => transaction.remove::<String, ByteVec>(index, key, None)?,
            }
        }
        let key = Table::SUMMARY_KEY;
        transaction.put(index, key.to_owned(), sealed(table, key, &after.to_bytes()))?;
        Ok(())
    })
}

fn sealed(table: Table, key: &str, value: &[u8]) -> ByteVec {
    ByteVec::new(table.seal(key, value))
}

fn transact(persy: &Persy, work: impl FnOnce(&mut Transaction) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut transaction = caught(|| Ok(persy.begin()?))?;
    match caught(|| work(&mut transaction)) {
        Ok(()) => caught(|| Ok(transaction.commit()?)),
        Err(failure) => {
            mem::forget(transaction);
            Err(failure)
        }
    }
}

fn read(persy: &Persy, table: Table) -> Result<(Entries, Summary), Failure> {
    let mut found = caught(|| Ok(persy.range::<String, ByteVec, _>(table.index_name(), ..)?))?;
    match caught(|| Ok(check(&mut found, table)?)) {
        Ok(contents) => {
            caught(|| {
                drop(found);
                Ok(())
            })?;
            Ok(contents)
        }
        Err(failure) => {
            mem::forget(found);
            Err(failure)
        }
    }
}

/// Takes in the entries as persy finds them and believes none of them.
fn check(found: &mut IndexIter<String, ByteVec>, table: Table) -> Result<(Entries, Summary), Damage> {
    let mut next = || -> Result<Option<(String, ByteVec)>, Damage> {
        let Some((key, mut values)) = found.next() else { return Ok(None) };
        let value = values.next().ok_or(Damage::Entry)?;
        Ok(Some((key, value)))
    };

    // The summary has the first of all keys.
    let (key, value) = next()?.ok_or(Damage::Summary)?;
    if key != Table::SUMMARY_KEY {
        return Err(Damage::Summary);
    }
    let expected = table.unseal(&key, &value).and_then(Summary::from_bytes).ok_or(Damage::Summary)?;

    let mut entries = Entries::new();
    while let Some((key, value)) = next()? {
        let value = table.unseal(&key, &value).and_then(|value| str::from_utf8(value).ok()).ok_or(Damage::Entry)?;
        let project: ProjectName = key.parse().map_err(|_| Damage::Entry)?;
        // Keys come in order; a chain of pages that a damage has closed to a ring would not come to an end.
        let in_order = entries.last_key_value().is_none_or(|(last, _)| *last < project);
        if !in_order || !table.accepts(value) {
            return Err(Damage::Entry);
        }
        entries.insert(project, value.to_owned());
    }
    if expected.of(table, &entries) == expected { Ok((entries, expected)) } else { Err(Damage::Summary) }
}
