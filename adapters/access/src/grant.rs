//! What whoever shows a key or a token may do.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use governor::DefaultDirectRateLimiter;
use governor::clock::{Clock, DefaultClock};

use crate::{ProjectPatterns, RateLimit, Scopes};

/// What a key or a token is good for.
#[derive(Debug)]
pub(crate) struct Grant {
    /// Whose it is, for logs.
    pub(crate) name: String,
    /// What tells it apart from others of the name; nothing secret.
    pub(crate) id: String,
    pub(crate) scopes: Scopes,
    pub(crate) projects: ProjectPatterns,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) rate: Option<Arc<Rate>>,
}

impl Grant {
    pub(crate) fn has_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= Utc::now())
    }
}

/// A rate, and how much of it has been used.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(crate) limit: RateLimit,
    limiter: DefaultDirectRateLimiter,
}

impl Rate {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, limiter: DefaultDirectRateLimiter::direct(limit.quota()) }
    }

    /// Takes one request, or says how long to wait for the next.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|early| early.wait_time_from(DefaultClock::default().now()))
    }
}
