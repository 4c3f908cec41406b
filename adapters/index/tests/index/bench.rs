//! A directory with an index in it, and what every test does with one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use drifting_domain::ports::{IndexEntry, ProjectIndex};
use drifting_domain::project::{ProjectName, Status};
use drifting_index::{Guard, Opened, Options, PersyIndex};

pub const FILES: [&str; 2] = ["store.db", "active.db"];

pub struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// One with these two files.
    pub fn with(files: &BTreeMap<&'static str, Vec<u8>>) -> Self {
        Self::inside(&std::env::temp_dir(), files)
    }

    /// One with these two files, in a directory of another bench, which removes it should this process be killed.
    pub fn inside(parent: &Path, files: &BTreeMap<&'static str, Vec<u8>>) -> Self {
        let bench = Self { directory: tempfile::tempdir_in(parent).unwrap() };
        for (name, bytes) in files {
            fs::write(bench.path(name), bytes).unwrap();
        }
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn bytes(&self) -> BTreeMap<&'static str, Vec<u8>> {
        FILES.iter().map(|name| (*name, fs::read(self.path(name)).unwrap())).collect()
    }

    pub async fn open(&self) -> Opened {
        open(self.directory.path(), Guard::InProcess).await
    }

    pub async fn open_guarded(&self) -> Opened {
        open(self.directory.path(), super::child::guard()).await
    }

    pub fn options(&self, guard: Guard) -> Options {
        options(self.directory.path(), guard)
    }
}

fn options(directory: &Path, guard: Guard) -> Options {
    Options { directory: directory.to_owned(), temporary_directory: directory.join(".tmp"), guard }
}

pub async fn open(directory: &Path, guard: Guard) -> Opened {
    PersyIndex::open(options(directory, guard)).await.expect("open the index")
}

pub fn name(n: usize) -> ProjectName {
    format!("project-{n}").parse().unwrap()
}

pub fn entry(n: usize, status: Status) -> IndexEntry {
    IndexEntry { project: name(n), path: Some(format!("folder-{n}")), status: Some(status) }
}

/// A few projects, written by a number of transactions, as an index in use has them.
pub async fn fill(index: &PersyIndex) -> Vec<IndexEntry> {
    let all: Vec<_> = (0..6).map(|n| entry(n, if n % 2 == 0 { Status::Active } else { Status::Inactive })).collect();
    for round in 0..3 {
        for entry in &all {
            let former = format!("{:?}-{round}", entry.path);
            index
                .put(&[IndexEntry { path: Some(former), status: Some(Status::Active), ..entry.clone() }])
                .await
                .unwrap();
        }
    }
    index.remove(&[name(0)]).await.unwrap();
    index.put(&all).await.unwrap();
    index.set_status(&name(2), Status::Inactive).await.unwrap();
    index.set_status(&name(2), Status::Active).await.unwrap();
    all
}
