//! What a process holds: memory, descriptors, threads. Read from `/proc`.

use std::fs;

/// What a process holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resources {
    pub memory_kib: u64,
    pub n_descriptors: usize,
    pub n_threads: usize,
}

impl Resources {
    /// The memory of later, and of everything else the most.
    pub fn with(self, later: Self) -> Self {
        Self {
            memory_kib: later.memory_kib,
            n_descriptors: self.n_descriptors.max(later.n_descriptors),
            n_threads: self.n_threads.max(later.n_threads),
        }
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
