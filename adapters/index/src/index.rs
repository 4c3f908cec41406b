//! The port.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use drifting_domain::faults;
use drifting_domain::ports::{IndexEntry, PortError, ProjectIndex};
use drifting_domain::project::{ProjectName, Status};
use persy::Persy;

use crate::disk::Place;
use crate::failure::{Damage, Failure};
use crate::guard::Guard;
use crate::opening::{Candidates, Found, Options, Ready, Written, candidates, make, ready};
use crate::persy_file::{self, CHANGES_PER_TRANSACTION, Change};
use crate::table::{Both, Entries, Summary, Table, parse_status, path_of, place};

/// What becomes of projects: another value, or none.
type Changes = BTreeMap<ProjectName, Option<String>>;

/// The project index in two persy files, and in memory.
pub struct PersyIndex {
    /// One writer at a time, over both files.
    writer: Arc<tokio::sync::Mutex<Writer>>,
    store: Arc<RwLock<Entries>>,
    active: Arc<RwLock<Entries>>,
}

/// An index that has been opened, and what was found there.
pub struct Opened {
    /// The index.
    pub index: PersyIndex,
    /// How `store.db` was found. Unless whole, the paths have to be put again.
    pub store: Found,
    /// How `active.db` was found. Unless whole, no project has a status.
    pub active: Found,
}

impl PersyIndex {
    /// Opens the index, or makes it.
    ///
    /// # Errors
    /// Where the files are in use, must not be read or written, find no room, or could not be checked. Damage is no error.
    pub async fn open(options: Options) -> Result<Opened, PortError> {
        Self::open_written(options, Written::Here).await
    }

    /// Opens an index whose files were put there one after the other, each as a whole: the second one may be behind.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_mirror(options: Options) -> Result<Opened, PortError> {
        Self::open_written(options, Written::AsMirror).await
    }

    async fn open_written(options: Options, written: Written) -> Result<Opened, PortError> {
        const OPERATION: &str = "open the project index";
        let Options { directory, temporary_directory, guard } = options;
        let place = Place { directory, temporary_directory };

        let files = blocking({
            let place = place.clone();
            move || candidates(&place)
        });
        let files = files.await.map_err(|failure| failure.into_port_error(OPERATION))?;
        let (files, checked) = check(files, &guard).await.map_err(|failure| failure.into_port_error(OPERATION))?;
        let opened = blocking(move || {
            // What is left of them is swept at the next start.
            drop(fs::remove_dir_all(&files.folder));
            let damaged = checked?;
            let ready = ready(&place, files, &damaged, written)?;
            Ok(assemble(&place, ready))
        });
        opened.await.map_err(|failure| failure.into_port_error(OPERATION))
    }

    async fn write(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut Writer) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), PortError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        blocking(move || work(&mut writer)).await.map_err(|failure| failure.in_writing(operation))
    }
}

/// Which files are damaged. A check writes, and the disk may have had a bad moment: what is damaged is found so twice.
async fn check(mut files: Candidates, guard: &Guard) -> Result<(Candidates, io::Result<Vec<Table>>), Failure> {
    let damaged = match guard.damaged(&files.copies).await {
        Ok(damaged) if !damaged.is_empty() => damaged,
        sound => return Ok((files, sound)),
    };
    let files = blocking(move || {
        files.copy_again(&damaged)?;
        Ok(files)
    });
    let files = files.await?;
    let damaged = guard.damaged(&files.copies).await;
    Ok((files, damaged))
}

fn assemble(place: &Place, ready: Both<Ready>) -> Opened {
    let Both { store: (store, store_found), active: (active, active_found) } =
        ready.map(|table, Ready { persy, entries, summary, found }| {
            let entries = Arc::new(RwLock::new(entries));
            (IndexFile { table, place: place.clone(), persy: Some(persy), entries, summary }, found)
        });
    let index = PersyIndex {
        store: Arc::clone(&store.entries),
        active: Arc::clone(&active.entries),
        writer: Arc::new(tokio::sync::Mutex::new(Writer { store, active })),
    };
    Opened { index, store: store_found, active: active_found }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Failure::Damaged(Damage::Panicked)))
}

#[async_trait]
impl ProjectIndex for PersyIndex {
    async fn all(&self) -> Result<Vec<IndexEntry>, PortError> {
        // Nothing panics while it holds these locks for writing, so that what they guard is whole even if poisoned.
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        let projects: BTreeSet<&ProjectName> = store.keys().chain(active.keys()).collect();
        let entry = |project: &ProjectName| IndexEntry {
            project: project.clone(),
            path: store.get(project).map(|place| path_of(place).to_owned()),
            status: active.get(project).and_then(|status| parse_status(status)),
        };
        Ok(projects.into_iter().map(entry).collect())
    }

    async fn put(&self, entries: &[IndexEntry]) -> Result<(), PortError> {
        let path = |entry: &IndexEntry| Some((entry.project.clone(), Some(entry.path.clone()?)));
        let paths: Changes = entries.iter().filter_map(path).collect();
        let status = |entry: &IndexEntry| Some((entry.project.clone(), Some(entry.status?.as_str().to_owned())));
        let statuses: Changes = entries.iter().filter_map(status).collect();
        self.write("write the project index", move |writer| writer.write(&statuses, &paths)).await
    }

    async fn set_status(&self, project: &ProjectName, status: Status) -> Result<(), PortError> {
        let statuses = Changes::from([(project.clone(), Some(status.as_str().to_owned()))]);
        self.write("write the status of a project", move |writer| writer.write(&statuses, &Changes::new())).await
    }

    async fn remove(&self, projects: &[ProjectName]) -> Result<(), PortError> {
        let gone: Changes = projects.iter().map(|project| (project.clone(), None)).collect();
        self.write("remove from the project index", move |writer| writer.write(&gone, &gone)).await
    }
}

struct Writer {
    store: IndexFile,
    active: IndexFile,
}

impl Writer {
    /// Writes the statuses first. A status without a path does no harm, while a path without its status would make an
    /// inactive project active, if the power went between the two. And a removal that is cut in two so leaves a path, which
    /// is seen and removed again, and not a status, which nobody sees until a new project of that name inherits it.
    ///
    /// The paths carry the statuses too, and each file is durable before the other one is touched: when the power goes,
    /// persy may find one of them in a state that it cannot mend, and never both.
    ///
    /// What fails is tried once more, with files that are made anew: one bad moment of the disk costs nothing. What fails
    /// again is taken back, so that whoever is told of the failure finds what was there before, after a start too.
    fn write(&mut self, statuses: &Changes, paths: &Changes) -> Result<(), Failure> {
        let paths = self.with_statuses(paths, statuses);
        let former = (self.active.values(statuses.keys()), self.store.values(paths.keys()));
        let Err(failure) = self.forward(statuses, &paths) else { return Ok(()) };
        // Nothing was touched, and there is no room for a new file either.
        if matches!(failure, Failure::NearlyFull { .. }) && self.active.values(statuses.keys()) == former.0 {
            return Err(failure);
        }
        tracing::warn!(
            error = &failure as &dyn std::error::Error,
            "a write of the project index has failed; it is tried again"
        );
        let Err(failure) = self.forward(statuses, &paths) else { return Ok(()) };
        self.active.take_back(former.0, self.store.summary.sequence);
        self.store.take_back(former.1, self.active.summary.sequence);
        Err(failure)
    }

    fn forward(&mut self, statuses: &Changes, paths: &Changes) -> Result<(), Failure> {
        self.active.write(statuses.clone(), self.store.summary.sequence)?;
        faults::step_done("index:statuses");
        self.store.write(paths.clone(), self.active.summary.sequence)?;
        faults::step_done("index:paths");
        // What has been answered is known to both files: see `Summary`.
        self.active.attest(self.store.summary.sequence)?;
        faults::step_done("index:attested");
        self.store.attest(self.active.summary.sequence)?;
        faults::step_done("index:durable");
        Ok(())
    }

    /// What becomes of the values of the store: paths that change, and statuses that change of paths that do not.
    fn with_statuses(&self, paths: &Changes, statuses: &Changes) -> Changes {
        let store = self.store.entries.read().unwrap_or_else(PoisonError::into_inner);
        let active = self.active.entries.read().unwrap_or_else(PoisonError::into_inner);
        let projects: BTreeSet<&ProjectName> = paths.keys().chain(statuses.keys()).collect();
        let value = |project: &ProjectName| {
            let known = || store.get(project).map(|place| path_of(place).to_owned());
            let path = paths.get(project).cloned().unwrap_or_else(known);
            let status = statuses.get(project).cloned().unwrap_or_else(|| active.get(project).cloned());
            path.map(|path| place(&path, status.as_deref()))
        };
        projects.into_iter().map(|project| (project.clone(), value(project))).collect()
    }
}

/// One of the files with its copy in memory.
struct IndexFile {
    table: Table,
    place: Place,
    /// None after a failure: nobody knows then what is in the file, and the next write makes it anew from the memory.
    persy: Option<Persy>,
    /// What has been committed.
    entries: Arc<RwLock<Entries>>,
    summary: Summary,
}

impl IndexFile {
    fn write(&mut self, changes: Changes, other_sequence: u64) -> Result<(), Failure> {
        if self.persy.is_none() {
            return self.write_anew(changes, other_sequence);
        }
        let changes: Vec<_> = self.without_idle(changes).into_iter().collect();
        changes.chunks(CHANGES_PER_TRANSACTION).try_for_each(|chunk| {
            let after = Summary { sequence: self.summary.sequence + 1, other_sequence, ..self.summary };
            self.commit(chunk, after)
        })
    }

    /// What there is of some projects.
    fn values<'a>(&self, projects: impl Iterator<Item = &'a ProjectName>) -> Changes {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        projects.map(|project| (project.clone(), entries.get(project).cloned())).collect()
    }

    /// Goes back to former values. Where the file cannot be written even now, the next write makes it anew with them.
    fn take_back(&mut self, former: Changes, other_sequence: u64) {
        if self.persy.is_some() && self.values(former.keys()) == former {
            return;
        }
        mem::forget(self.persy.take());
        apply(&mut self.entries.write().unwrap_or_else(PoisonError::into_inner), former);
        if let Err(failure) = self.write_anew(Changes::new(), other_sequence) {
            let error = &failure as &dyn std::error::Error;
            tracing::warn!(
                error,
                file = self.table.file_name(),
                "a failed change of the project index is not taken back yet"
            );
        }
    }

    /// Writes down how far the other file has come.
    fn attest(&mut self, other_sequence: u64) -> Result<(), Failure> {
        if self.summary.other_sequence == other_sequence && self.persy.is_some() {
            return Ok(());
        }
        if self.persy.is_none() {
            return self.write_anew(Changes::new(), other_sequence);
        }
        self.commit(&[], Summary { other_sequence, ..self.summary })
    }

    /// Changes that change something: the others need no transaction.
    fn without_idle(&self, mut changes: Changes) -> Changes {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        changes.retain(|project, value| entries.get(project) != value.as_ref());
        changes
    }

    fn commit(&mut self, chunk: &[(ProjectName, Option<String>)], mut after: Summary) -> Result<(), Failure> {
        let n_bytes: usize = chunk.iter().map(|(_, value)| value.as_ref().map_or(0, String::len)).sum();
        self.place.check_room(n_bytes as u64)?;
        {
            let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
            for (project, value) in chunk {
                if let Some(old) = entries.get(project) {
                    after.subtract(self.table, project, old);
                }
                if let Some(new) = value {
                    after.add(self.table, project, new);
                }
            }
        }
        let borrowed: Vec<Change<'_>> = chunk.iter().map(|(project, value)| (project, value.as_deref())).collect();
        let Some(persy) = &self.persy else { return Err(Damage::Panicked.into()) };
        if let Err(failure) = persy_file::commit(persy, self.table, &borrowed, after) {
            mem::forget(self.persy.take());
            return Err(failure);
        }
        if let Err(error) = self.place.synchronise(self.table) {
            mem::forget(self.persy.take());
            return Err(error.into());
        }
        self.summary = after;
        apply(&mut self.entries.write().unwrap_or_else(PoisonError::into_inner), chunk.iter().cloned());
        Ok(())
    }

    fn write_anew(&mut self, changes: Changes, other_sequence: u64) -> Result<(), Failure> {
        let mut entries = self.entries.read().unwrap_or_else(PoisonError::into_inner).clone();
        apply(&mut entries, changes);
        let after = Summary { sequence: self.summary.sequence + 1, other_sequence, ..self.summary };
        let after = after.of(self.table, &entries);
        let persy = make(&self.place, self.table, &entries, after)?;
        self.place.adopt(self.table)?;
        self.summary = after;
        self.persy = Some(persy);
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = entries;
        Ok(())
    }
}

fn apply(entries: &mut Entries, changes: impl IntoIterator<Item = (ProjectName, Option<String>)>) {
    for (project, value) in changes {
        match value {
            Some(value) => entries.insert(project, value),
            None => entries.remove(&project),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guard;

    #[tokio::test]
    async fn after_a_failure_the_next_write_makes_the_file_anew() {
        let directory = tempfile::tempdir().unwrap();
        let options = || Options {
            directory: directory.path().to_owned(),
            temporary_directory: directory.path().join(".tmp"),
            guard: Guard::InProcess,
        };
        let names: Vec<ProjectName> = ["a", "b", "c"].iter().map(|name| name.parse().unwrap()).collect();
        let entry = |n: usize| IndexEntry {
            project: names[n].clone(),
            path: Some("folder".to_owned()),
            status: Some(Status::Inactive),
        };

        let index = PersyIndex::open(options()).await.unwrap().index;
        index.put(&[entry(0)]).await.unwrap();
        {
            let mut writer = index.writer.lock().await;
            // As a failed commit leaves it, with a file that cannot be trusted any more.
            mem::forget(writer.active.persy.take());
            fs::write(writer.active.place.file(Table::Active), "garbage").unwrap();
        }
        index.put(&[entry(1)]).await.unwrap();
        index.put(&[entry(2)]).await.unwrap();
        assert_eq!(index.all().await.unwrap(), [entry(0), entry(1), entry(2)]);
        drop(index);

        let opened = PersyIndex::open(options()).await.unwrap();
        assert!(matches!((&opened.store, &opened.active), (Found::Whole, Found::Whole)));
        assert_eq!(opened.index.all().await.unwrap(), [entry(0), entry(1), entry(2)]);
    }
}
