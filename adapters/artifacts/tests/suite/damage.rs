//! Whatever happens to a file, nobody gets other values from it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::ArtifactStore;
use tempfile::TempDir;

use crate::support::{assert_damaged, assert_holds, fresh, same, state};

const FILES: [&str; 3] = ["configuration.yaml", "drift_detector.safetensors", "state.safetensors"];

async fn one_project() -> (TempDir, OpendalArtifacts) {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    store.put_state(&name("a"), 1, &state(1)).await.unwrap();
    (root, store)
}

fn path(root: &Path, project: &str, file: &str) -> PathBuf {
    root.join(project).join(file)
}

/// That the damage to one file is noticed by whatever needs that file, and only by that.
async fn assert_noticed(store: &OpendalArtifacts, file: &str, what: &str) {
    let a = name("a");
    if file == "state.safetensors" {
        assert_damaged(store.state(&a, 1).await, what);
        assert_holds(store, &sample_project("a", 1, 1)).await;
        return;
    }
    assert_damaged(store.project(&a).await, what);
    if file == "configuration.yaml" {
        assert_damaged(store.configuration(&a).await, what);
        assert_damaged(store.state(&a, 1).await, what);
        assert_damaged(store.put_state(&a, 1, &state(2)).await, what);
    } else {
        assert!(same(&store.state(&a, 1).await.unwrap().unwrap(), &state(1)), "{what}");
    }
    assert_eq!(store.list().await.unwrap(), [a], "{what}: a damaged project is still a project");
}

#[tokio::test]
async fn every_changed_byte_is_noticed() {
    let (root, store) = one_project().await;
    for file in FILES {
        let path = path(root.path(), "a", file);
        let whole = fs::read(&path).unwrap();
        for position in 0..whole.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[position] ^= change;
                fs::write(&path, &changed).unwrap();
                assert_noticed(&store, file, &format!("{file}, byte {position} changed by {change}")).await;
            }
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_holds(&store, &sample_project("a", 1, 1)).await;
}

#[tokio::test]
async fn every_cut_and_every_addition_is_noticed() {
    let (root, store) = one_project().await;
    for file in FILES {
        let path = path(root.path(), "a", file);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_noticed(&store, file, &format!("{file}, cut off at {length}")).await;
        }
        for more in [&b"\n"[..], b"\0", b" ", b"# a comment\n", b"seed: 1\n"] {
            fs::write(&path, [&whole[..], more].concat()).unwrap();
            assert_noticed(&store, file, &format!("{file}, followed by {more:?}")).await;
        }
        fs::write(&path, &whole).unwrap();
    }
}

#[tokio::test]
async fn every_lost_line_is_noticed() {
    let (root, store) = one_project().await;
    let path = path(root.path(), "a", "configuration.yaml");
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = whole.split_inclusive('\n').collect();
    for lost in 0..lines.len() {
        let rest: String = lines.iter().enumerate().filter(|(n, _)| *n != lost).map(|(_, line)| *line).collect();
        fs::write(&path, rest).unwrap();
        assert_noticed(&store, "configuration.yaml", &format!("without line {lost}")).await;
    }
}

#[tokio::test]
async fn lost_parameters_are_damage_and_a_lost_state_is_none() {
    let (root, store) = one_project().await;
    fs::remove_file(path(root.path(), "a", "drift_detector.safetensors")).unwrap();
    fs::remove_file(path(root.path(), "a", "state.safetensors")).unwrap();
    assert_damaged(store.project(&name("a")).await, "without parameters");
    assert!(store.state(&name("a"), 1).await.unwrap().is_none());
}

#[tokio::test]
async fn files_of_other_projects_are_noticed() {
    let (root, store) = one_project().await;
    store.put_project(&sample_project("b", 1, 2)).await.unwrap();
    store.put_state(&name("b"), 1, &state(2)).await.unwrap();
    for file in FILES {
        let (a, b) = (path(root.path(), "a", file), path(root.path(), "b", file));
        let (of_a, of_b) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());
        fs::write(&a, &of_b).unwrap();
        fs::write(&b, &of_a).unwrap();
        for project in ["a", "b"] {
            let project = name(project);
            if file == "state.safetensors" {
                assert_damaged(store.state(&project, 1).await, file);
            } else {
                assert_damaged(store.project(&project).await, file);
            }
        }
        fs::write(&a, &of_a).unwrap();
        fs::write(&b, &of_b).unwrap();
    }
    for former in FILES {
        for latter in FILES.into_iter().filter(|file| *file != former) {
            let (path, other) = (path(root.path(), "a", former), path(root.path(), "a", latter));
            let whole = fs::read(&path).unwrap();
            fs::write(&path, fs::read(other).unwrap()).unwrap();
            assert_noticed_by_all_but_the_other(&store, former).await;
            fs::write(&path, whole).unwrap();
        }
    }
}

async fn assert_noticed_by_all_but_the_other(store: &OpendalArtifacts, file: &str) {
    if file == "state.safetensors" {
        assert_damaged(store.state(&name("a"), 1).await, file);
    } else {
        assert_damaged(store.project(&name("a")).await, file);
    }
}

#[tokio::test]
async fn a_state_of_the_former_fit_of_that_generation_is_noticed() {
    let (root, store) = one_project().await;
    let state_path = path(root.path(), "a", "state.safetensors");
    let old = fs::read(&state_path).unwrap();
    store.delete(&name("a")).await.unwrap();
    store.put_project(&sample_project("a", 1, 3)).await.unwrap();
    fs::write(&state_path, old).unwrap();
    assert_damaged(store.state(&name("a"), 1).await, "the state of the fit before");
    store.put_state(&name("a"), 1, &state(9)).await.unwrap();
    assert!(same(&store.state(&name("a"), 1).await.unwrap().unwrap(), &state(9)), "a reset mends it");
}

#[tokio::test]
async fn huge_files_are_refused_without_being_read() {
    let (root, store) = one_project().await;
    for (file, size) in FILES.into_iter().zip([1_u64 << 25, 1 << 34, 1 << 31]) {
        let path = path(root.path(), "a", file);
        let whole = fs::read(&path).unwrap();
        // A file of holes, which takes no room.
        fs::File::options().write(true).open(&path).unwrap().set_len(size).unwrap();
        assert_noticed(&store, file, &format!("{file} of {size} bytes")).await;
        fs::write(&path, whole).unwrap();
    }
}

#[tokio::test]
async fn what_is_no_plain_file_is_neither_opened_nor_overlooked() {
    for file in FILES {
        for kind in ["folder", "link to nowhere", "link to a whole one"] {
            let (root, store) = one_project().await;
            let (path, what) = (path(root.path(), "a", file), format!("a {kind} for {file}"));
            let kept = root.path().join("kept");
            fs::rename(&path, &kept).unwrap();
            match kind {
                "folder" => fs::create_dir(&path).unwrap(),
                "link to nowhere" => symlink("nowhere", &path).unwrap(),
                _ => symlink(&kept, &path).unwrap(),
            }
            assert_noticed(&store, file, &what).await;
            assert!(store.delete(&name("a")).await.unwrap(), "{what}");
            assert_eq!(store.list().await.unwrap(), [], "{what}: it does not come back");
            assert!(kept.exists(), "{what}: what a link leads to is nobody's to remove");
        }
    }
}
