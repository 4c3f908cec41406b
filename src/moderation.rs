//! While predictions are refused, what comes is read together, every few milliseconds, as network cards moderate their interrupts. On its own
//! each request would take the processor from a prediction, and find nothing in its caches of what refuses it.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use drifting_domain::use_cases::DriftService;

/// Nobody waits longer for that.
const PAUSE_MAX: Duration = Duration::from_millis(10);
/// A shorter pause is worth nothing.
const PAUSE_MIN: Duration = Duration::from_millis(1);
/// Predictions that are on their way last for so many pauses at least, so that those who judge them are never without.
const PAUSES: u32 = 4;

/// What the threads that serve connections do before they wait for something to come.
#[derive(Clone, Default)]
pub struct Moderation(Arc<OnceLock<Weak<DriftService>>>);

impl Moderation {
    /// From now on there are these predictions. Those of a second service are not looked at.
    pub fn follow(&self, service: &Arc<DriftService>) {
        let _ = self.0.set(Arc::downgrade(service));
    }

    /// Lets some of what comes gather, while predictions are refused. Blocks the thread.
    pub fn pause(&self) {
        let service = self.0.get().and_then(Weak::upgrade);
        if let Some(pause) = service.and_then(|service| service.predictions_full_for()).and_then(pause_of) {
            std::thread::sleep(pause);
        }
    }
}

/// The pause while those that have a place take so long altogether.
fn pause_of(full_for: Duration) -> Option<Duration> {
    Some((full_for / PAUSES).min(PAUSE_MAX)).filter(|pause| *pause >= PAUSE_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_judges_never_waits_for_what_is_paused() {
        let ms = Duration::from_millis;
        for (full_for, pause) in
            [(0, None), (3, None), (4, Some(1)), (20, Some(5)), (40, Some(10)), (500, Some(10)), (u64::MAX, Some(10))]
        {
            assert_eq!(pause_of(ms(full_for)), pause.map(ms), "{full_for} ms");
        }
    }

    #[test]
    fn there_is_no_pause_without_a_service() {
        Moderation::default().pause();
    }
}
