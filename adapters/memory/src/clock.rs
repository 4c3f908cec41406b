//! A clock that stands still.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use drifting_domain::ports::Clock;

use crate::locked;

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct FixedClock(Mutex<DateTime<Utc>>);

impl FixedClock {
    /// A clock that stands at a time.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// When the time is beyond what a date can hold.
    pub fn advance(&self, by: TimeDelta) {
        let mut now = locked(&self.0);
        *now = now.checked_add_signed(by).expect("a test stays within the calendar");
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *locked(&self.0)
    }
}
