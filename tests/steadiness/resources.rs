//! What a process holds: memory, descriptors, threads. Read from `/proc`.

use std::fs;
use std::time::Duration;

/// What a process holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resources {
    pub memory_kib: u64,
    pub n_descriptors: usize,
    pub n_threads: usize,
}

impl Resources {
    /// What it holds later, and the most threads: those that wait for the disk come and go.
    pub fn with(self, later: Self) -> Self {
        Self { n_threads: self.n_threads.max(later.n_threads), ..later }
    }

    /// The least descriptors of a second: those of files that are being written come and go, those that are lost stay.
    pub async fn with_descriptors_that_stay(self, process: u32) -> Self {
        let mut least = self.n_descriptors;
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(25)).await;
            least = least.min(Self::of(process).n_descriptors);
        }
        Self { n_descriptors: least, ..self }
    }

    pub fn of(process: u32) -> Self {
        let count = |of: &str| fs::read_dir(format!("/proc/{process}/{of}")).map_or(0, Iterator::count);
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the server runs");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of memory");
        Self {
            memory_kib: memory.trim().trim_end_matches(" kB").parse().expect("a number"),
            n_descriptors: count("fd"),
            n_threads: count("task"),
        }
    }
}
