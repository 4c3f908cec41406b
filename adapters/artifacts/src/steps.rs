//! The named steps of the commit protocol, at which a test can let the server crash.

/// Says that a step is done. In a build with debug assertions the process aborts here when `DRIFTING_CRASH_AT` names
/// the step; otherwise nothing happens.
#[cfg(debug_assertions)]
pub fn done(step: &str) {
    if std::env::var_os("DRIFTING_CRASH_AT").is_some_and(|wanted| wanted == step) {
        std::process::abort();
    }
}

/// Says that a step is done; nothing happens without debug assertions.
#[cfg(not(debug_assertions))]
pub fn done(_step: &str) {}
