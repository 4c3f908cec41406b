//! How many files the process may have open; connections are files, too.

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
