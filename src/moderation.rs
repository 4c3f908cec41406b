//! Under overload, the threads that answer wake up less often, as the driver of a network card does that is sent more than it can take.
//!
//! Refusing takes less than waking up for it: an interrupt, two switches of threads, and caches that others have filled meanwhile. So what
//! comes within a moment is refused together, and whoever judges rows has the processor until then.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use drifting_domain::use_cases::DriftService;

use crate::runtime::Load;

/// No pause is longer. An answer may wait for several one after the other.
const PAUSE_MAX: Duration = Duration::from_millis(4);

/// When threads that have nothing to do look for something again.
#[derive(Default)]
pub struct Moderation(OnceLock<Moderated>);

/// What is asked before a pause.
struct Moderated {
    /// Whose predictions are refused. It ends before the runtime.
    service: Weak<DriftService>,
    /// Of the threads that judge many rows.
    load: Arc<Load>,
}

impl Moderation {
    /// From now on there are pauses.
    pub fn begin(&self, service: &Arc<DriftService>, load: &Arc<Load>) {
        // There is one server in a process.
        let _ = self.0.set(Moderated { service: Arc::downgrade(service), load: Arc::clone(load) });
    }

    /// To be called by a thread that has nothing to do, before it waits for something. After a refusal it pauses, and nothing wakes it up
    /// but a thread that judges and has no rows any more: it may be this one that gives it the next ones.
    pub fn pause(&self) {
        let Some(Moderated { service, load }) = self.0.get() else { return };
        // This first: it is asked whenever there is nothing to do, and counts nobody who holds the service.
        if load.is_full() && service.upgrade().is_some_and(|service| service.take_refused()) {
            load.wait_while_full(PAUSE_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use drifting_domain::ports::CpuPool;

    use super::*;
    use crate::runtime::Threads;

    #[test]
    fn there_is_one_pause_after_refusals_while_every_thread_that_judges_has_a_job() {
        let (threads, service) = (Threads::new("test", 1).unwrap(), Arc::new(drifting_memory::service()));
        let moderation = Moderation::default();
        moderation.pause();
        moderation.begin(&service, threads.load());
        let places: Vec<_> = std::iter::from_fn(|| service.enter_predictions(None).ok()).collect();
        assert!(!service.has_place_for_prediction(None) && service.announce_prediction(None).is_err());
        moderation.pause();
        let (end, until) = mpsc::channel::<()>();
        threads.spawn(Box::new(move || until.recv().unwrap_or_default()));
        let begin = Instant::now();
        moderation.pause();
        assert!(begin.elapsed() >= PAUSE_MAX, "the refusal was kept until there was a job");
        assert!(!service.take_refused(), "it has been told");
        drop((places, service));
        moderation.pause();
        end.send(()).unwrap();
    }
}
