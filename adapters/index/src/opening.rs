//! From the files as they lie there to files that can be trusted: check, read, move aside, make anew.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek};
use std::path::PathBuf;

use drifting_domain::faults;
use drifting_domain::ports::PortErrorKind;
use drifting_domain::project::ProjectName;
use persy::Persy;

use crate::disk::{Place, copy, remove_if_there};
use crate::failure::{Damage, Failure};
use crate::guard::Guard;
use crate::persy_file::{self, Contents};
use crate::table::{self, Both, Entries, Summary, Table, path_of, status_of};

/// How to open the index.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory with `store.db` and `active.db`. Nobody else may use it meanwhile.
    pub directory: PathBuf,
    /// A directory for copies and half-made files, on the same file system.
    pub temporary_directory: PathBuf,
    /// Who reads the files first.
    pub guard: Guard,
}

/// In which state a file was found.
#[derive(Debug)]
pub enum Found {
    /// Whole: its entries are all there.
    Whole,
    /// Missing: the new one is empty.
    Missing,
    /// Whole, and without the last changes, of which the other file of a mirror knows. It is made anew.
    Behind,
    /// Damaged, for this reason: it has been moved aside. The new one is empty, but for statuses that `store.db` remembers.
    Damaged(Damage),
}

impl Found {
    /// Whether its own entries are all there.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }
}

/// How the files have come to lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// By the index itself, which makes each file durable before the other one knows of it.
    Here,
    /// Each as a whole, one after the other: a mirror that was cut off leaves the second one behind.
    AsMirror,
}

/// A file that is locked, with a copy to check; or the state that leaves nothing to check.
type Candidate = Result<File, Found>;

/// The files before they are checked.
pub(crate) struct Candidates {
    files: Both<Candidate>,
    /// The copies to check.
    pub copies: Vec<(Table, PathBuf)>,
    /// The folder that they are in.
    pub folder: PathBuf,
}

impl Candidates {
    /// Copies some of the files again, to be checked once more.
    pub fn copy_again(&mut self, tables: &[Table]) -> Result<(), Failure> {
        self.copies.retain(|(table, _)| tables.contains(table));
        for (table, to) in &self.copies {
            if let Ok(file) = self.files.of(*table) {
                let mut from: &File = file;
                from.rewind()?;
                copy(file, to)?;
            }
        }
        Ok(())
    }
}

/// A file ready for use.
pub(crate) struct Ready {
    pub persy: Persy,
    pub entries: Entries,
    pub summary: Summary,
    pub found: Found,
}

/// Locks the files and copies them.
///
/// It is a copy that is checked, since opening a file with persy recovers it, which writes: a check that is killed half way
/// would harm the file that it should protect, and a damaged one would not be moved aside as it was found. Persy recovers
/// the copy and the file alike, because their bytes are alike and nobody else writes while the lock is held.
pub(crate) fn candidates(place: &Place) -> Result<Candidates, Failure> {
    fs::create_dir_all(&place.directory)?;
    let sizes = [Table::Store, Table::Active].map(|table| fs::metadata(place.file(table)).map_or(0, |file| file.len()));
    let folder = place.make_folder_for_copies(sizes.iter().sum())?;
    let mut copies = Vec::new();
    let mut candidate = |table: Table| -> Result<Candidate, Failure> {
        let file = match lock(place, table)? {
            Ok(file) => file,
            Err(found) => return Ok(Err(found)),
        };
        let to = folder.join(table.file_name());
        match copy(&file, &to) {
            Ok(()) => {
                copies.push((table, to));
                Ok(Ok(file))
            }
            Err(Failure::Damaged(damage)) => Ok(Err(Found::Damaged(damage))),
            Err(other) => Err(other),
        }
    };
    let files = Both { store: candidate(Table::Store)?, active: candidate(Table::Active)? };
    Ok(Candidates { files, copies, folder })
}

fn lock(place: &Place, table: Table) -> Result<Candidate, Failure> {
    let path = place.file(table);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {}
        Ok(_) => return Ok(Err(Found::Damaged(Damage::NoContent))),
        // A link that leads nowhere is not missing: it stands where the new file has to.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => return Ok(Err(Found::Missing)),
        Err(error) => return unreadable(error),
    }
    let open = || File::options().read(true).write(true).open(&path);
    // The disk may have had a bad moment.
    let file = match open().or_else(|_| open()) {
        Ok(file) => file,
        Err(error) => return unreadable(error),
    };
    // The same lock as persy's own, taken before anything is read.
    match file.try_lock() {
        Ok(()) => Ok(Ok(file)),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::WouldBlock, "another process has locked the file").into())
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// A missing right or a full table of files is not the file's fault, and not worth losing the statuses for.
fn unreadable(error: io::Error) -> Result<Candidate, Failure> {
    use rustix::io::Errno;
    let is_damage = error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error().is_some_and(|code| [Errno::IO, Errno::LOOP].contains(&Errno::from_raw_os_error(code)));
    if is_damage { Ok(Err(Found::Damaged(Damage::Unreadable(error)))) } else { Err(error.into()) }
}

/// Opens the files that the check has passed, and makes each of them anew.
pub(crate) fn ready(
    place: &Place,
    candidates: Candidates,
    damaged: &[Table],
    written: Written,
) -> Result<Both<Ready>, Failure> {
    let opened = candidates.files.try_map(|table, candidate| match candidate {
        Ok(file) => open(file, table, damaged.contains(&table)),
        Err(found) => Ok(Err(found)),
    });
    let opened = without_outdated(opened?, written);
    let sequence = sequences(&opened);
    let remembered = opened.store.as_ref().map_or_else(|_| Entries::new(), |store| statuses(&store.entries));
    reminded(opened).try_map(|table, opened| {
        let summary = Summary {
            sequence: *sequence.of(table),
            other_sequence: *sequence.of(table.other()),
            ..Summary::default()
        };
        let lost = if table == Table::Active { remembered.clone() } else { Entries::new() };
        renew(place, table, opened, lost, summary)
    })
}

/// The store with the statuses as they are: a kill may have come between the two files, or a former version wrote them.
fn reminded(mut opened: Both<Result<Contents, Found>>) -> Both<Result<Contents, Found>> {
    if let (Ok(store), Ok(active)) = (&mut opened.store, &opened.active) {
        for (project, value) in &mut store.entries {
            *value = table::place(path_of(value), active.entries.get(project).map(String::as_str));
        }
    }
    opened
}

/// The statuses that the values of the store remember.
fn statuses(store: &Entries) -> Entries {
    let status = |(project, place): (&ProjectName, &String)| Some((project.clone(), status_of(place)?.to_owned()));
    store.iter().filter_map(status).collect()
}

fn open(file: File, table: Table, is_condemned: bool) -> Result<Result<Contents, Found>, Failure> {
    if is_condemned {
        return Ok(Err(Found::Damaged(Damage::Condemned)));
    }
    match persy_file::open(file, table) {
        Ok(contents) => Ok(Ok(contents)),
        Err(failure) => failure.in_reading().map(|damage| Err(Found::Damaged(damage))),
    }
}

/// Drops a file of which the other one has seen more than there is in it.
fn without_outdated(opened: Both<Result<Contents, Found>>, written: Written) -> Both<Result<Contents, Found>> {
    let known = |table: Table| opened.of(table.other()).as_ref().map_or(0, |other| other.summary.other_sequence);
    let known = Both { store: known(Table::Store), active: known(Table::Active) };
    opened.map(|table, file| match file {
        Ok(contents) if contents.summary.sequence < *known.of(table) => Err(match written {
            Written::Here => Found::Damaged(Damage::Outdated),
            Written::AsMirror => Found::Behind,
        }),
        other => other,
    })
}

/// Where the sequences go on. They never go back, so that a crash between the renewals of the two files leaves none that
/// seems to be outdated.
fn sequences(opened: &Both<Result<Contents, Found>>) -> Both<u64> {
    let sequence = |table: Table| match (opened.of(table), opened.of(table.other())) {
        (Ok(contents), _) => contents.summary.sequence,
        (Err(_), Ok(other)) => other.summary.other_sequence,
        (Err(_), Err(_)) => 0,
    };
    Both { store: sequence(Table::Store), active: sequence(Table::Active) }
}

/// Makes a file anew: of its entries, or of those that stand elsewhere where it is damaged. Where there is no room for that, a
/// whole file is kept as it is, so that a server starts on a full disk.
fn renew(
    place: &Place,
    table: Table,
    old: Result<Contents, Found>,
    elsewhere: Entries,
    summary: Summary,
) -> Result<Ready, Failure> {
    let old_summary = old.as_ref().ok().map(|contents| contents.summary);
    let (mut old, entries, found) = match old {
        Ok(contents) => (Some(contents.persy), contents.entries, Found::Whole),
        Err(found @ (Found::Damaged(_) | Found::Behind)) => (None, elsewhere, found),
        // Whoever removes the file wants its entries gone.
        Err(found) => (None, Entries::new(), found),
    };
    let summary = summary.of(table, &entries);
    let persy = match (make(place, table, &entries, summary), old_summary, old) {
        (Err(failure), Some(summary), Some(persy)) if failure.kind() == PortErrorKind::Full => {
            tracing::warn!(file = table.file_name(), "there is no room to make a file of the project index anew");
            return Ok(Ready { persy, entries, summary, found });
        }
        (made, _, kept) => {
            old = kept;
            made?
        }
    };
    if let Found::Damaged(damage) = &found {
        place.set_aside(table)?;
        tracing::warn!(
            file = table.file_name(),
            moved_to = table.damaged_file_name(),
            reason = %damage,
            "a file of the project index is damaged: it is moved aside and made anew"
        );
    }
    place.adopt(table)?;
    // The old file stays locked until the new one has its name. What becomes of a file without a name is no concern.
    if let Some(old) = old {
        drop(persy_file::close(old));
    }
    Ok(Ready { persy, entries, summary, found })
}

/// Makes a new file in the temporary directory.
pub(crate) fn make(place: &Place, table: Table, entries: &Entries, summary: Summary) -> Result<Persy, Failure> {
    let path = place.new_file(table);
    remove_if_there(&path)?;
    // About four times what persy takes for entries of this size.
    let n_bytes: usize = entries.iter().map(|(project, value)| project.as_str().len() + value.len() + 64).sum();
    place.check_room(n_bytes as u64 * 4)?;
    let persy = persy_file::create(&path, table, entries, summary)?;
    File::open(&path)?.sync_all()?;
    faults::step_done("index:made");
    Ok(persy)
}
