//! Faults that tests put into the program, to see what a crash leaves behind and whether the tests notice a wrong order.
//!
//! Without debug assertions there are none, and nothing here does anything.

#[cfg(debug_assertions)]
use std::sync::OnceLock;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicUsize, Ordering};

/// The variable that says where the process aborts: a step, or `step#n` for the n-th time that it is done.
pub const CRASH_AT: &str = "DRIFTING_CRASH_AT";
/// The variable that names an order of writes which is turned round: `put` or `delete`.
pub const TURN_ROUND: &str = "DRIFTING_TURN_ROUND";

/// The variables that set faults in this build.
pub const VARIABLES: &[&str] = if cfg!(debug_assertions) { &[CRASH_AT, TURN_ROUND] } else { &[] };

#[cfg(debug_assertions)]
struct Faults {
    step: Option<String>,
    /// How often the step will be done before the process aborts.
    n_left: AtomicUsize,
    turned_round: Option<String>,
}

#[cfg(debug_assertions)]
static FAULTS: OnceLock<Faults> = OnceLock::new();

/// Sets the faults of this process, once, from variables by their names.
#[cfg(debug_assertions)]
pub fn inject(variable: impl Fn(&str) -> Option<String>) {
    let crash_at = variable(CRASH_AT);
    let (step, n) = match crash_at.as_deref().and_then(|text| text.split_once('#')) {
        Some((step, n)) => (Some(step.to_owned()), n.parse().unwrap_or(1)),
        None => (crash_at, 1),
    };
    FAULTS.get_or_init(|| Faults { step, n_left: AtomicUsize::new(n), turned_round: variable(TURN_ROUND) });
}

/// Sets no faults.
#[cfg(not(debug_assertions))]
pub fn inject(_variable: impl Fn(&str) -> Option<String>) {}

/// Says that a named step is done, at which the process may have to abort.
#[cfg(debug_assertions)]
pub fn step_done(step: &str) {
    let Some(faults) = FAULTS.get() else { return };
    if faults.step.as_deref() == Some(step) && faults.n_left.fetch_sub(1, Ordering::Relaxed) == 1 {
        std::process::abort();
    }
}

/// Says that a named step is done.
#[cfg(not(debug_assertions))]
pub fn step_done(_step: &str) {}

/// Whether an order of writes is turned round, which is wrong.
#[cfg(debug_assertions)]
pub fn is_turned_round(order: &str) -> bool {
    FAULTS.get().is_some_and(|faults| faults.turned_round.as_deref() == Some(order))
}

/// Whether an order of writes is turned round: it is not.
#[cfg(not(debug_assertions))]
pub fn is_turned_round(_order: &str) -> bool {
    false
}
