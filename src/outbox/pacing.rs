//! When what failed is tried again.

use std::time::Duration;

use futures_util::future::BoxFuture;
use rand::RngExt;
use tokio::time::Instant;

/// After a first failure the next try is made after so long.
const RETRY_MIN: Duration = Duration::from_millis(500);

/// Tries that come later after each failure, up to a longest wait.
#[derive(Debug)]
pub struct Pacing {
    retry_at: Instant,
    wait: Duration,
    wait_max: Duration,
}

impl Pacing {
    /// A first try at once.
    pub fn new(wait_max: Duration) -> Self {
        Self { retry_at: Instant::now(), wait: RETRY_MIN, wait_max }
    }

    /// When it is time for the next try.
    pub fn retry_at(&self) -> Instant {
        self.retry_at
    }

    /// Whether it is.
    pub fn is_time(&self) -> bool {
        Instant::now() >= self.retry_at
    }

    /// The last try succeeded: the next failure is the first one again. Whoever waits for a try goes on waiting.
    pub fn succeeded(&mut self) {
        self.wait = RETRY_MIN;
    }

    /// The last try failed: the next one is made after about twice the wait before it.
    pub fn failed(&mut self) {
        // Servers that lost the same one do not come back all at once.
        self.retry_at = Instant::now() + self.wait.mul_f64(rand::rng().random_range(0.75..1.25));
        self.wait = (self.wait * 2).min(self.wait_max);
    }

    /// The next try is not made before.
    pub fn wait_until(&mut self, at: Instant) {
        self.retry_at = self.retry_at.max(at);
    }

    /// The next try is made then, as if nothing had failed.
    pub fn restart(&mut self, at: Instant) {
        (self.retry_at, self.wait) = (at, RETRY_MIN);
    }
}

/// What comes of the work; without any, nothing ever does.
pub async fn done<T>(work: &mut Option<BoxFuture<'static, T>>) -> T {
    match work {
        Some(doing) => doing.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_begin_anew_after_a_success() {
        let mut pacing = Pacing::new(Duration::from_secs(2));
        assert!(pacing.is_time());
        let mut failed = || {
            let before = Instant::now();
            pacing.failed();
            (pacing.retry_at() - before).as_secs_f64()
        };
        for expected in [0.5, 1.0, 2.0, 2.0] {
            let waited = failed();
            assert!((0.74 * expected..1.3 * expected).contains(&waited), "{waited} for {expected}");
        }
        pacing.succeeded();
        assert!(!pacing.is_time(), "a success changes nothing of a wait");
        pacing.failed();
        assert!(pacing.retry_at() < Instant::now() + Duration::from_millis(650));
        let later = Instant::now() + Duration::from_hours(1);
        pacing.wait_until(later);
        assert_eq!(pacing.retry_at(), later);
        pacing.restart(Instant::now());
        assert!(pacing.is_time());
    }
}
