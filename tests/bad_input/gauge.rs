//! What a process has taken: time of processors, and memory. Read from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// A process that is looked at.
pub struct Gauge {
    folder: String,
    /// The processor's time of each thread, in nanoseconds, when the measurement began.
    times: BTreeMap<String, u64>,
    memory: u64,
}

/// What was taken during a measurement.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// Of all threads together.
    pub processor: Duration,
    /// The most memory, beyond what there was before, in bytes.
    pub memory: u64,
}

impl Gauge {
    /// Begins to measure a process.
    pub fn on(process: u32) -> Self {
        let folder = format!("/proc/{process}");
        // Forgets the most memory so far.
        fs::write(format!("{folder}/clear_refs"), "5").expect("the peak is reset");
        let (times, memory) = (times(&folder), memory(&folder, "VmRSS:"));
        Self { folder, times, memory }
    }

    /// Memory of the process when the measurement began, in bytes.
    pub fn memory_before(&self) -> u64 {
        self.memory
    }

    /// What was taken until every thread sleeps.
    pub fn read(&self) -> Taken {
        self.wait_until_idle();
        let before = |thread| self.times.get(thread).copied().unwrap_or(0);
        let times = times(&self.folder);
        let nanoseconds = times.iter().map(|(thread, time)| time.saturating_sub(before(thread))).sum();
        Taken {
            processor: Duration::from_nanos(nanoseconds),
            memory: memory(&self.folder, "VmHWM:").saturating_sub(self.memory),
        }
    }

    fn wait_until_idle(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.is_idle() {
            assert!(Instant::now() < deadline, "the server is busy long after its answer");
            std::thread::yield_now();
        }
    }

    fn is_idle(&self) -> bool {
        // The name, in brackets, may hold anything; after it stands the state.
        let sleeps = |stat: &String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'));
        of_threads(&self.folder, "stat").values().all(sleeps)
    }
}

fn times(folder: &str) -> BTreeMap<String, u64> {
    let first = |text: String| text.split(' ').next().and_then(|time| time.parse().ok()).expect("a time");
    of_threads(folder, "schedstat").into_iter().map(|(thread, text)| (thread, first(text))).collect()
}

/// A file of each thread, without those that have ended meanwhile.
fn of_threads(folder: &str, file: &str) -> BTreeMap<String, String> {
    let threads = fs::read_dir(format!("{folder}/task")).expect("the server runs");
    let threads = threads.map(|thread| thread.expect("a thread"));
    let read = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join(file)).ok()?;
        Some((thread.file_name().to_string_lossy().into_owned(), text))
    });
    read.collect()
}

fn memory(folder: &str, name: &str) -> u64 {
    let status = fs::read_to_string(format!("{folder}/status")).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
