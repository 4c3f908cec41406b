//! Files that are damaged as a whole. Those that persy might loop over or abort on are checked by a real process.

use std::fs;

use drifting_domain::ports::{IndexEntry, ProjectIndex};
use drifting_domain::project::Status;
use drifting_index::{Damage, Found, Guard, Opened, PersyIndex, verify};

use crate::bench::{Bench, FILES, entry, fill, name};

/// What the files that were not lost hold.
pub fn left(opened: &Opened, expected: &[IndexEntry]) -> Vec<IndexEntry> {
    let store = opened.store.is_whole();
    // A damaged file's statuses stand in the other one, too.
    let active = opened.active.is_whole() || (store && matches!(opened.active, Found::Damaged(_)));
    let left = |entry: &IndexEntry| IndexEntry {
        path: entry.path.clone().filter(|_| store),
        status: entry.status.filter(|_| active),
        ..entry.clone()
    };
    expected.iter().filter(|_| store || active).map(left).collect()
}

/// Either all the right values or a file that is said to be damaged; and then an index that works.
async fn assert_right_or_rebuilt(opened: &Opened, expected: &[IndexEntry], what: &str) {
    let expected = left(opened, expected);
    assert_eq!(opened.index.all().await.unwrap(), expected, "{what}");
    opened.index.put(&[entry(77, Status::Inactive)]).await.unwrap();
    assert!(opened.index.all().await.unwrap().contains(&entry(77, Status::Inactive)), "{what}");
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_and_costs_nothing_else() {
    let base = Bench::new();
    let expected = fill(&base.open().await.index).await;
    let good = base.bytes();
    for damaged in FILES {
        let contents: [(&str, Vec<u8>); 5] = [
            ("empty", Vec::new()),
            ("zeros", vec![0; good[damaged].len()]),
            ("garbage", (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()),
            ("text", b"store.db".to_vec()),
            ("ones", vec![0xff; 4096]),
        ];
        for (what, content) in contents {
            let bench = Bench::with(&good);
            fs::write(bench.path(damaged), &content).unwrap();
            let aside = bench.path(&format!("{damaged}.damaged"));
            fs::write(&aside, "an older one").unwrap();

            let opened = bench.open_guarded().await;
            assert_eq!(!opened.store.is_whole(), damaged == "store.db", "{what}");
            assert_eq!(!opened.active.is_whole(), damaged == "active.db", "{what}");
            assert_right_or_rebuilt(&opened, &expected, what).await;
            assert_eq!(fs::read(aside).unwrap(), content, "it is moved aside as it was found");

            drop(opened);
            let again = bench.open_guarded().await;
            assert!(matches!((&again.store, &again.active), (Found::Whole, Found::Whole)), "{what}");
            assert!(again.index.all().await.unwrap().contains(&entry(77, Status::Inactive)), "{what}");
        }
    }
}

#[tokio::test]
async fn a_missing_file_is_made() {
    let base = Bench::new();
    let expected = fill(&base.open().await.index).await;
    for missing in FILES {
        let bench = Bench::with(&base.bytes());
        fs::remove_file(bench.path(missing)).unwrap();
        let opened = bench.open_guarded().await;
        let found = if missing == "store.db" { &opened.store } else { &opened.active };
        assert!(matches!(found, Found::Missing));
        assert_right_or_rebuilt(&opened, &expected, missing).await;
        assert!(!bench.path(&format!("{missing}.damaged")).exists());
    }
}

#[tokio::test]
async fn a_directory_or_a_dangling_link_in_place_of_a_file_is_moved_aside() {
    let bench = Bench::new();
    fs::create_dir(bench.path("store.db")).unwrap();
    std::os::unix::fs::symlink("nowhere", bench.path("active.db")).unwrap();
    for _ in 0..2 {
        let opened = bench.open_guarded().await;
        assert!(!opened.store.is_whole() && !opened.active.is_whole());
        drop(opened);
        fs::remove_file(bench.path("store.db")).unwrap();
        fs::create_dir_all(bench.path("store.db/inside")).unwrap();
        fs::remove_file(bench.path("active.db")).unwrap();
    }
}

#[tokio::test]
async fn truncations_are_noticed() {
    let base = Bench::new();
    let expected = fill(&base.open().await.index).await;
    let good = base.bytes();
    for truncated in FILES {
        let length = good[truncated].len();
        let lengths = [1, 2, 17, 1_000, 1_023, 1_024, 1_025, 2_048, 3_000, length / 2, length - 600, length - 1];
        for length in lengths {
            let bench = Bench::with(&good);
            fs::write(bench.path(truncated), &good[truncated][..length]).unwrap();
            let opened = bench.open_guarded().await;
            assert_right_or_rebuilt(&opened, &expected, &format!("{truncated} of {length} bytes")).await;
        }
    }
}

#[tokio::test]
async fn swapped_files_are_noticed() {
    let base = Bench::new();
    fill(&base.open().await.index).await;
    let mut files = base.bytes();
    let store = files.remove("store.db").unwrap();
    let active = files.insert("active.db", store).unwrap();
    files.insert("store.db", active);
    let bench = Bench::with(&files);
    let opened = bench.open_guarded().await;
    assert!(matches!((&opened.store, &opened.active), (Found::Damaged(_), Found::Damaged(_))));
    assert_right_or_rebuilt(&opened, &[], "swapped").await;
}

#[tokio::test]
async fn a_mirror_that_was_cut_off_between_its_files_is_whole() {
    let bench = Bench::new();
    let index = bench.open().await.index;
    index.put(&[entry(1, Status::Active)]).await.unwrap();
    let old = bench.bytes();
    index.set_status(&entry(1, Status::Active).project, Status::Inactive).await.unwrap();
    drop(index);
    fs::write(bench.path("active.db"), &old["active.db"]).unwrap();

    let opened = PersyIndex::open_mirror(bench.options(Guard::InProcess)).await.unwrap();
    assert!(matches!((&opened.store, &opened.active), (Found::Whole, Found::Behind)));
    assert_eq!(opened.index.all().await.unwrap(), [entry(1, Status::Inactive)]);
    assert!(!bench.path("active.db.damaged").exists());
}

#[tokio::test]
async fn a_file_that_is_older_than_the_other_one_knows_is_noticed() {
    for outdated in FILES {
        let bench = Bench::new();
        let index = bench.open().await.index;
        index.put(&[entry(1, Status::Active)]).await.unwrap();
        let old = bench.bytes();
        index.put(&[IndexEntry { path: Some("moved".to_owned()), ..entry(1, Status::Inactive) }]).await.unwrap();
        drop(index);
        fs::write(bench.path(outdated), &old[outdated]).unwrap();

        let opened = bench.open_guarded().await;
        let (found, other) = match outdated {
            "store.db" => (&opened.store, &opened.active),
            _ => (&opened.active, &opened.store),
        };
        assert!(matches!(found, Found::Damaged(Damage::Outdated)), "{outdated}: {found:?}");
        assert!(matches!(other, Found::Whole), "{outdated}: {other:?}");
        drop(opened);
        let again = bench.open_guarded().await;
        assert!(matches!((&again.store, &again.active), (Found::Whole, Found::Whole)), "{outdated}");
    }
}

#[tokio::test]
async fn a_file_of_another_name_is_not_verified() {
    let bench = Bench::new();
    bench.open().await.index.set_status(&name(1), Status::Active).await.unwrap();
    fs::copy(bench.path("store.db"), bench.path("other.db")).unwrap();
    assert!(matches!(verify(&bench.path("other.db")), Err(Damage::UnknownName)));
    verify(&bench.path("store.db")).unwrap();
    verify(&bench.path("active.db")).unwrap();
}

#[tokio::test]
async fn the_statuses_that_survive_are_the_latest() {
    let bench = Bench::new();
    let index = bench.open().await.index;
    fill(&index).await;
    for status in [Status::Active, Status::Inactive, Status::Active, Status::Inactive] {
        index.set_status(&name(0), status).await.unwrap();
    }
    index.remove(&[name(1)]).await.unwrap();
    // A status that no path belongs to stands in its own file alone.
    index.set_status(&name(50), Status::Inactive).await.unwrap();
    let expected: Vec<IndexEntry> =
        index.all().await.unwrap().into_iter().filter(|entry| entry.path.is_some()).collect();
    drop(index);
    fs::write(bench.path("active.db"), "garbage").unwrap();
    let opened = bench.open_guarded().await;
    assert!(matches!(opened.active, Found::Damaged(_)));
    assert_eq!(opened.index.all().await.unwrap(), expected);
    assert!(expected.contains(&entry(0, Status::Inactive)), "{expected:?}");
}

/// The checking process of a server that was killed lives on, and recovers its copies, which writes.
#[tokio::test]
async fn copies_of_another_process_are_left_alone() {
    let bench = Bench::new();
    let expected = fill(&bench.open().await.index).await;
    let folder = bench.path(".tmp/index-check-0");
    fs::create_dir_all(&folder).unwrap();
    for file in FILES {
        fs::write(folder.join(file), "of another process").unwrap();
    }
    let opened = bench.open_guarded().await;
    assert!(matches!((&opened.store, &opened.active), (Found::Whole, Found::Whole)));
    assert_eq!(opened.index.all().await.unwrap(), expected);
    for file in FILES {
        assert_eq!(fs::read_to_string(folder.join(file)).unwrap(), "of another process");
    }
}
