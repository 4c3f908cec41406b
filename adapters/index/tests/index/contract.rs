//! What a sound index does.

use std::fs;

use drifting_domain::ports::{IndexEntry, PortErrorKind, ProjectIndex};
use drifting_domain::project::Status;
use drifting_index::{Found, Guard, PersyIndex, verify};

use crate::bench::{Bench, FILES, entry, fill, name};

#[tokio::test]
async fn it_keeps_the_contract() {
    let bench = Bench::new();
    let opened = bench.open().await;
    assert!(matches!((&opened.store, &opened.active), (Found::Missing, Found::Missing)));
    drifting_domain::contract::project_index(&opened.index).await;
}

#[tokio::test]
async fn opening_again_finds_everything() {
    let bench = Bench::new();
    let expected = fill(&bench.open_guarded().await.index).await;
    for _ in 0..3 {
        let opened = bench.open_guarded().await;
        assert!(matches!((&opened.store, &opened.active), (Found::Whole, Found::Whole)));
        assert_eq!(opened.index.all().await.unwrap(), expected);
    }
    let mut names: Vec<_> = fs::read_dir(bench.path(".")).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".tmp", "active.db", "store.db"]);
    assert_eq!(fs::read_dir(bench.path(".tmp")).unwrap().count(), 0, "nothing is left in the temporary directory");
}

#[tokio::test]
async fn many_projects_and_a_removal_survive() {
    let bench = Bench::new();
    let index = bench.open().await.index;
    let mut all: Vec<IndexEntry> = (0..1_500).map(|n| entry(n, Status::Inactive)).collect();
    index.put(&all).await.unwrap();
    index.put(&all).await.unwrap();
    index.remove(&(0..700).map(name).collect::<Vec<_>>()).await.unwrap();
    drop(index);
    all.drain(..700);
    all.sort_by(|a, b| a.project.cmp(&b.project));
    assert_eq!(bench.open_guarded().await.index.all().await.unwrap(), all);
}

#[tokio::test]
async fn the_last_of_two_entries_for_a_project_wins() {
    let bench = Bench::new();
    let index = bench.open().await.index;
    index.put(&[entry(1, Status::Inactive), entry(1, Status::Active)]).await.unwrap();
    drop(index);
    assert_eq!(bench.open().await.index.all().await.unwrap(), [entry(1, Status::Active)]);
}

#[tokio::test]
async fn concurrent_writers_take_their_turns() {
    let bench = Bench::new();
    let index = std::sync::Arc::new(bench.open().await.index);
    let writers: Vec<_> = (0..40)
        .map(|n| {
            let index = std::sync::Arc::clone(&index);
            tokio::spawn(async move { index.put(&[entry(n, Status::Active)]).await.unwrap() })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(index.all().await.unwrap().len(), 40);
}

#[tokio::test]
async fn a_second_one_is_refused() {
    let bench = Bench::new();
    let first = bench.open().await.index;
    let error = PersyIndex::open(bench.options(Guard::InProcess)).await.err().expect("refused");
    assert_eq!(error.kind(), PortErrorKind::InUse);
    first.put(&[entry(1, Status::Active)]).await.unwrap();
    drop(first);
    assert_eq!(bench.open().await.index.all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_check_that_cannot_be_made_is_no_damage() {
    let bench = Bench::new();
    let expected = fill(&bench.open().await.index).await;
    for (program, arguments) in [("/nonexistent/program", vec![]), ("false", vec![]), ("sh", vec!["-c", "exit 2"])] {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let guard = Guard::ChildProcess { program: program.into(), arguments };
        assert!(PersyIndex::open(bench.options(guard)).await.is_err(), "{program}");
    }
    assert_eq!(bench.open_guarded().await.index.all().await.unwrap(), expected);
}

#[tokio::test]
async fn opening_shrinks_what_has_grown() {
    let bench = Bench::new();
    let index = bench.open().await.index;
    let all: Vec<IndexEntry> = (0..3_000).map(|n| entry(n, Status::Active)).collect();
    index.put(&all).await.unwrap();
    index.remove(&(10..3_000).map(name).collect::<Vec<_>>()).await.unwrap();
    drop(index);
    let size = |name: &str| fs::metadata(bench.path(name)).unwrap().len();
    let grown = FILES.map(size);
    assert!(grown.iter().all(|size| *size > 50_000), "{grown:?}");
    assert_eq!(bench.open().await.index.all().await.unwrap().len(), 10);
    let shrunk = FILES.map(size);
    assert!(shrunk.iter().all(|size| *size < 16_000), "{grown:?} to {shrunk:?}");
    for name in FILES {
        verify(&bench.path(name)).unwrap();
    }
}
