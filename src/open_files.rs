//! How many files the process may have open; connections are files, too.

use std::io::stderr;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, getrlimit, setrlimit};

/// How many may be open at most: after [`raise`] as many may be in fact. Any number where there is none.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Lets the process have as many files open as it may without asking anybody. Shells start programs with fewer, for the sake of old
/// ones that cannot bear more.
pub fn raise() {
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limits) {
        tracing::debug!(%error, "no more files can be opened than before");
    }
}

/// Makes room for so many open files, on a thread of its own. Where a process has several threads, Linux doubles its table of them when it is
/// full, and whoever opens a file then waits until all processors have seen the new one: tens of milliseconds, several times while a thousand
/// clients connect.
pub fn make_room(n_files: usize) {
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let last = u64::try_from(n_files).unwrap_or(u64::MAX).min(most).saturating_sub(1);
    let Ok(last) = i32::try_from(last) else { return };
    let enlarge = move || {
        // The table reaches as far as the highest descriptor that there ever was.
        if let Err(error) = fcntl_dupfd_cloexec(stderr(), last) {
            tracing::debug!(%error, "the table of open files grows when it must");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("open-files".to_owned()).spawn(enlarge) {
        tracing::debug!(%error, "the table of open files grows when it must");
    }
}
