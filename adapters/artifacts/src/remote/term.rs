//! The times of a lease, by a clock that goes on while the machine sleeps. Nothing here waits or calls.

use std::time::Duration;

use drifting_domain::ports::{PortError, PortErrorKind};

/// The time since some moment that the process does not share with others. It never goes back, and it goes on while the
/// process or the machine is suspended.
pub fn now() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// A lease as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    duration: Duration,
    /// When the last renewal that succeeded began: whoever waits for its end begins no earlier.
    renewed_at: Duration,
    ended: Option<Ended>,
}

/// Why a lease is over for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Another server has taken it.
    Taken,
    /// Its holder has given it back.
    Released,
}

impl Term {
    /// A lease whose acquisition began then.
    pub fn new(duration: Duration, began: Duration) -> Self {
        Self { duration, renewed_at: began, ended: None }
    }

    /// A renewal that began then has succeeded.
    pub fn renewed(&mut self, began: Duration) {
        self.renewed_at = self.renewed_at.max(began);
    }

    /// It is over.
    pub fn end(&mut self, how: Ended) {
        self.ended.get_or_insert(how);
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Whether its holder may write. The other half of the time is for what is on its way when it runs out.
    ///
    /// # Errors
    /// Of kind `InUse` once the lease is over, `Unavailable` while it has not been renewed for half of its time.
    pub fn check(&self, now: Duration, operation: &'static str) -> Result<(), PortError> {
        match self.ended {
            Some(Ended::Taken) => {
                let text = "another server has taken over the artifacts; this one no longer writes";
                Err(PortError::new(PortErrorKind::InUse, operation, text))
            }
            Some(Ended::Released) => {
                let text = "this server has given the artifacts back and no longer writes";
                Err(PortError::new(PortErrorKind::Unavailable, operation, text))
            }
            None if now.saturating_sub(self.renewed_at) < self.duration / 2 => Ok(()),
            None => {
                let seconds = now.saturating_sub(self.renewed_at).as_secs();
                let text = format!(
                    "the lease of the artifacts has not been renewed for {seconds} s; nothing is written until it is"
                );
                Err(PortError::new(PortErrorKind::Unavailable, operation, text))
            }
        }
    }
}

/// A lease as somebody sees it who waits for its end: its holder's clock is not known, so the whole time has to pass by
/// the watcher's own, with no renewal in it.
#[derive(Debug)]
pub struct Watch<M> {
    duration: Duration,
    seen: Option<(M, Duration)>,
}

/// What a watcher can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Look again.
    Wait,
    /// Take it over: its time has passed.
    Expired,
    /// Give up: its holder renews it.
    Held,
}

impl<M: PartialEq> Watch<M> {
    /// A watch that has seen nothing yet, of a lease of this duration.
    pub fn new(duration: Duration) -> Self {
        Self { duration, seen: None }
    }

    /// Judges by the mark of the lease's present version, which was asked for at this time.
    pub fn observe(&mut self, mark: M, asked_at: Duration, now: Duration) -> Verdict {
        match &self.seen {
            // It is certain from the answer on only that nothing had changed when it was asked for.
            None => {
                self.seen = Some((mark, now));
                Verdict::Wait
            }
            Some((first, _)) if *first != mark => Verdict::Held,
            Some((_, since)) if asked_at.saturating_sub(*since) >= self.duration => Verdict::Expired,
            Some(_) => Verdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_writer_stops_itself_at_half_the_time_and_goes_on_when_renewed() {
        let mut term = Term::new(s(14), s(100));
        assert!(term.check(s(106), "write").is_ok());
        let error = term.check(s(107), "write").unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
        assert!(error.source_text().contains("7 s"), "{}", error.source_text());
        // It counts from when the renewal began, however late its answer came.
        term.renewed(s(105));
        assert!(term.check(s(111), "write").is_ok());
        assert!(term.check(s(112), "write").is_err());
        // An answer that comes out of turn takes nothing away.
        term.renewed(s(110));
        term.renewed(s(101));
        assert!(term.check(s(116), "write").is_ok());
    }

    #[test]
    fn what_is_taken_stays_taken() {
        let mut term = Term::new(s(14), s(100));
        term.end(Ended::Taken);
        term.end(Ended::Released);
        term.renewed(s(101));
        assert_eq!(term.ended(), Some(Ended::Taken));
        assert_eq!(term.check(s(101), "write").unwrap_err().kind(), PortErrorKind::InUse);
    }

    #[test]
    fn a_watcher_waits_the_whole_time_by_its_own_clock() {
        let mut watch = Watch::new(s(15));
        assert_eq!(watch.observe("a", s(0), s(2)), Verdict::Wait);
        assert_eq!(watch.observe("a", s(16), s(20)), Verdict::Wait, "the first look ended at 2");
        assert_eq!(watch.observe("a", s(17), s(20)), Verdict::Expired);
        assert_eq!(watch.observe("b", s(17), s(20)), Verdict::Held);
    }

    #[test]
    fn a_writer_has_stopped_long_before_a_watcher_takes_over() {
        // The renewal began at 10 and reached the store at once; the watcher saw it right then.
        let (term, mut watch) = (Term::new(s(15), s(10)), Watch::new(s(15)));
        watch.observe((), s(10), s(10));
        for time in 10..40 {
            let may_write = term.check(s(time), "write").is_ok();
            let is_taken = watch.observe((), s(time), s(time)) == Verdict::Expired;
            assert!(!(may_write && is_taken), "at {time}");
        }
    }

    #[test]
    fn the_clock_goes_on() {
        assert!(now() > Duration::ZERO && now() >= now().saturating_sub(s(1)));
    }
}
