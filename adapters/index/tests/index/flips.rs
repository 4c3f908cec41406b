//! Flipped bytes: all the right values, or a file that is said to be damaged; never other values.
//!
//! Most flips are tried by a worker process with the guard in its own process, since that is quick. A flip on which the
//! worker dies or hangs is one of those that the real guard is for, and a sample of them is tried with it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use drifting_domain::ports::{IndexEntry, ProjectIndex};
use drifting_index::{Guard, Opened};
use rand::{RngExt, SeedableRng};

use crate::bench::{Bench, FILES, fill, open};
use crate::child;
use crate::damage::left;

const DIRECTORY: &str = "DRIFTING_TEST_FLIPS";
const SKIP: &str = "DRIFTING_TEST_FLIPS_SKIP";
/// Tries one byte of so many, beyond the first ones. With 1 it tries all, which takes minutes.
const STRIDE: &str = "DRIFTING_TEST_FLIPS_STRIDE";
/// A file begins with its format and the places of everything else.
const N_FIRST_BYTES: usize = 48;
/// An ordinary flip takes milliseconds.
const HANG: Duration = Duration::from_secs(2);
const START: Duration = Duration::from_mins(1);

type Files = BTreeMap<&'static str, Vec<u8>>;

/// How a flip ends the process that has no guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Loops,
    Aborts,
}

#[derive(Debug, Clone, Copy)]
struct Flip {
    file: &'static str,
    position: usize,
    mask: u8,
}

impl Flip {
    fn apply(self, files: &Files) -> Files {
        let mut files = files.clone();
        files.get_mut(self.file).unwrap()[self.position] ^= self.mask;
        files
    }
}

fn flips(files: &Files) -> Vec<Flip> {
    let stride = std::env::var(STRIDE).ok().and_then(|stride| stride.parse().ok()).unwrap_or(18);
    let mut random = rand::rngs::ChaCha8Rng::seed_from_u64(11);
    let mut flips = Vec::new();
    for file in FILES {
        let mut position = 0;
        while position < files[file].len() {
            flips.push(Flip {
                file,
                position,
                mask: [1 << random.random_range(0..8), 0xff][random.random_range(0..2)],
            });
            position += if position < N_FIRST_BYTES { 1 } else { random.random_range(1..=2 * stride - 1) };
        }
    }
    flips
}

async fn is_right(opened: &Opened, flip: Flip, expected: &[IndexEntry]) -> bool {
    let (store, active) = (opened.store.is_whole(), opened.active.is_whole());
    // The file that was left alone is never lost.
    let other_is_whole = if flip.file == "store.db" { active } else { store };
    other_is_whole && opened.index.all().await.unwrap() == left(opened, expected)
}

async fn try_flip(parent: &Path, files: &Files, flip: Flip, expected: &[IndexEntry], guard: Guard) {
    let bench = Bench::inside(parent, &flip.apply(files));
    let opened = open(&bench.path("."), guard).await;
    assert!(is_right(&opened, flip, expected).await, "{flip:?}: {:?}", opened.index.all().await.unwrap());
}

/// What a test starts from. Every process makes the same.
fn read_base(directory: &Path) -> Files {
    FILES.iter().map(|name| (*name, std::fs::read(directory.join(name)).unwrap())).collect()
}

#[tokio::test]
async fn worker() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        return; // An ordinary run of the tests.
    };
    let skip: usize = std::env::var(SKIP).unwrap().parse().unwrap();
    let expected = fill(&Bench::new().open().await.index).await;
    let files = read_base(&directory);
    // Persy's panics are expected by the thousand.
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|location| location.file().contains("flips.rs")) {
            eprintln!("{panic}");
        }
    }));
    println!();
    for (n, flip) in flips(&files).into_iter().enumerate().skip(skip) {
        println!("{n}");
        try_flip(&directory, &files, flip, &expected, Guard::InProcess).await;
    }
    println!("done");
}

/// Tries all the flips; returns those that end a process.
fn sweep(directory: &Path, files: &Files) -> Vec<(Flip, End)> {
    let flips = flips(files);
    let mut fatal = Vec::new();
    let mut skip = 0;
    loop {
        let mut worker = child::command("flips::worker")
            .env(DIRECTORY, directory)
            .env(SKIP, skip.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(worker.stdout.take().unwrap());
        let reader =
            std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let mut last = None;
        let mut done = false;
        while let Ok(line) = lines.recv_timeout(if last.is_none() { START } else { HANG }) {
            last = line.parse().ok().or(last);
            if line == "done" {
                done = true;
                break;
            }
        }
        // A worker that has died takes its output with it; one that loops keeps it open.
        let end = if done || lines.recv_timeout(Duration::ZERO) == Err(mpsc::RecvTimeoutError::Disconnected) {
            End::Aborts
        } else {
            worker.kill().unwrap();
            End::Loops
        };
        let status = worker.wait().unwrap();
        reader.join().unwrap();
        if done {
            return fatal;
        }
        let last: usize = last.expect("the worker begins");
        // A test that fails ends by itself; what damage does to a process ends by a signal.
        assert_eq!(status.code(), None, "{:?} gives other values or a panic", flips[last]);
        fatal.push((flips[last], end));
        skip = last + 1;
    }
}

async fn assert_flips_are_harmless(files: Files, expected: &[IndexEntry]) {
    let base = Bench::with(&files);
    let fatal = sweep(&base.path("."), &files);
    println!("{} flips, of which these end a process: {fatal:?}", flips(&files).len());
    for end in [End::Loops, End::Aborts] {
        if let Some((flip, _)) = fatal.iter().find(|fatal| fatal.1 == end) {
            try_flip(&base.path("."), &files, *flip, expected, child::guard()).await;
        }
    }
}

#[tokio::test]
async fn of_an_index_that_was_closed() {
    let bench = Bench::new();
    let expected = fill(&bench.open().await.index).await;
    assert_flips_are_harmless(bench.bytes(), &expected).await;
}

#[tokio::test]
async fn of_an_index_that_was_killed() {
    let bench = Bench::new();
    let index = bench.open().await.index;
    let expected = fill(&index).await;
    // As a kill leaves them: not closed.
    assert_flips_are_harmless(bench.bytes(), &expected).await;
}

/// A flipped bit in the size of a page makes persy allocate terabytes.
#[tokio::test]
async fn an_allocation_without_measure_ends_the_checking_process_only() {
    let bench = Bench::new();
    let expected = fill(&bench.open().await.index).await;
    let files = bench.bytes();
    let sizes = files["active.db"].iter().enumerate().filter(|(_, exponent)| (5..=12).contains(*exponent));
    let mut n_aborted = 0;
    for (position, _) in sizes {
        let flip = Flip { file: "active.db", position, mask: 32 };
        let flipped = Bench::inside(&bench.path("."), &flip.apply(&files));
        let check = child::command("child::check").arg(flipped.path("active.db")).output().unwrap();
        if check.status.code().is_none() {
            try_flip(&bench.path("."), &files, flip, &expected, child::guard()).await;
            n_aborted += 1;
        }
        if n_aborted == 2 {
            return;
        }
    }
    assert!(n_aborted > 0, "none of the flips ends the checking process");
}
