//! A writer is killed at random times; what it has acknowledged is there afterwards.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use drifting_domain::ports::{IndexEntry, ProjectIndex};
use drifting_domain::project::Status;
use drifting_index::{Found, Guard};
use rand::{RngExt, SeedableRng};

use crate::bench::{Bench, FILES, entry, name, open};
use crate::child;

const DIRECTORY: &str = "DRIFTING_TEST_KILLED_WRITER";
const N_PROJECTS: usize = 40;

/// The change number `step`: what it does, and what the project is like afterwards.
fn after(step: usize) -> Option<IndexEntry> {
    let status = if step.is_multiple_of(3) { Status::Inactive } else { Status::Active };
    (step % 7 != 6).then(|| IndexEntry { path: Some(format!("step-{step}")), ..entry(step % N_PROJECTS, status) })
}

/// Writes without end, and says each step when it is answered.
#[test]
fn writer() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        return; // An ordinary run of the tests.
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let index = open(&directory, Guard::InProcess).await.index;
        println!("\nopen");
        for step in 0.. {
            match after(step) {
                Some(entry) => index.put(&[entry]).await.unwrap(),
                None => index.remove(&[name(step % N_PROJECTS)]).await.unwrap(),
            }
            println!("{step}");
        }
    });
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let mut random = rand::rngs::ChaCha8Rng::seed_from_u64(7);
    let mut n_steps = 0;
    let bench = Bench::new();
    for kill in 0..15 {
        let opened = bench.open_guarded().await;
        opened.index.remove(&(0..N_PROJECTS).map(name).collect::<Vec<_>>()).await.unwrap();
        drop(opened);

        let mut writer =
            child::command("kills::writer").env(DIRECTORY, bench.path(".")).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(writer.stdout.take().unwrap());
        let reader =
            std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        // Some kills come in the middle of opening, the others after a number of answers and a part of a step more.
        let n_answers = if kill % 5 == 0 { 0 } else { random.random_range(1..120) };
        let mut last = None;
        while last.is_none_or(|last| last + 1 < n_answers) && n_answers > 0 {
            last = lines.recv_timeout(Duration::from_secs(20)).expect("the writer writes").parse().ok().or(last);
        }
        // The time is a part of the experiment: nothing is waited for.
        let more = Duration::from_micros(random.random_range(0..if n_answers == 0 { 20_000 } else { 2_000 }));
        let one_more = lines.recv_timeout(more).ok();
        writer.kill().unwrap();
        writer.wait().unwrap();
        reader.join().unwrap();
        let rest = one_more.into_iter().chain(lines.try_iter());
        let last = rest.filter_map(|line| line.parse::<usize>().ok()).last().or(last);

        let opened = bench.open_guarded().await;
        let found = (&opened.store, &opened.active);
        assert!(matches!(found, (Found::Whole, Found::Whole)), "kill {kill} after {last:?}: {found:?}");
        let all = opened.index.all().await.unwrap();
        let n_answered = last.map_or(0, |last| last + 1);
        n_steps += n_answered;
        for project in 0..N_PROJECTS {
            let actual = all.iter().find(|entry| entry.project == name(project));
            // The last answered change, or the one after it, which was under way: whole, or its status alone.
            let steps = || (0..n_answered).rev().filter(|step| step % N_PROJECTS == project);
            let answered = steps().next().and_then(after);
            let right = actual == answered.as_ref()
                || n_answered % N_PROJECTS == project && {
                    let under_way = after(n_answered);
                    let status = under_way.as_ref().and_then(|entry| entry.status);
                    let path = answered.and_then(|entry| entry.path);
                    let half = IndexEntry { project: name(project), path, status };
                    let half = (half.path.is_some() || half.status.is_some()).then_some(half);
                    actual == under_way.as_ref() || actual == half.as_ref()
                };
            assert!(right, "kill {kill} after {last:?}: project {project} is {actual:?}");
        }
    }
    assert!(n_steps > 100, "the writer has come to write");
    for file in FILES {
        let size = std::fs::metadata(bench.path(file)).unwrap().len();
        assert!(size < 60_000, "{file} has grown to {size} bytes");
    }
}
