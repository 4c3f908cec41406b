//! How much of a rate has been used: by one key, by each of many, or by whoever fails to show one.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, QuantaInstant};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil};

use crate::{Denied, RateLimit};

/// A rate of one key.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(crate) limit: RateLimit,
    limiter: DefaultDirectRateLimiter,
}

impl Rate {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, limiter: DefaultDirectRateLimiter::direct(limit.quota()) }
    }

    /// Takes one request. O(1), without a lock.
    ///
    /// # Errors
    /// When it comes too early after others.
    pub(crate) fn take(&self) -> Result<(), Denied> {
        let early = |early| Denied::TooMany { limit: self.limit.to_string(), retry_after: wait(&early) };
        self.limiter.check().map_err(early)
    }
}

/// A rate of each of many.
pub(crate) struct Rates<K: Hash + Eq + Clone> {
    limit: RateLimit,
    limiter: DefaultKeyedRateLimiter<K>,
}

impl<K: Hash + Eq + Clone> Rates<K> {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, limiter: DefaultKeyedRateLimiter::keyed(limit.quota()) }
    }

    /// Takes one request of this one. O(1); locks the part of the table where it stands for a moment.
    ///
    /// # Errors
    /// When it comes too early after others.
    pub(crate) fn take(&self, key: &K) -> Result<(), Denied> {
        let early = |retry_after| Denied::TooMany { limit: self.limit.to_string(), retry_after };
        self.taken(key).map_err(early)
    }

    fn taken(&self, key: &K) -> Result<(), Duration> {
        self.limiter.check_key(key).map_err(|early| wait(&early))
    }

    /// Forgets those who have not come for so long that they might send as many as at first.
    pub(crate) fn forget(&self) {
        self.limiter.retain_recent();
    }
}

impl<K: Hash + Eq + Clone> fmt::Debug for Rates<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// A rate of each address for requests that show nothing that is known here.
///
/// Memory: at most 65,536 places, about 2 MB, however many addresses come. Two that share a place share its rate; which ones do, nobody
/// outside can choose.
pub(crate) struct Failures {
    rates: Rates<u16>,
    places: RandomState,
}

impl Failures {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { rates: Rates::new(limit), places: RandomState::new() }
    }

    /// Takes one failure of this address: why it is refused, which is told with how long to wait where too many came.
    pub(crate) fn take(&self, address: IpAddr, reason: Denied) -> Denied {
        let [first, second, ..] = self.places.hash_one(network(address)).to_ne_bytes();
        match self.rates.taken(&u16::from_ne_bytes([first, second])) {
            Ok(()) => reason,
            Err(retry_after) => {
                Denied::TooManyFailures { reason: Box::new(reason), limit: self.rates.limit.to_string(), retry_after }
            }
        }
    }

    /// Forgets those who have not come for long.
    pub(crate) fn forget(&self) {
        self.rates.forget();
    }
}

fn wait(early: &NotUntil<QuantaInstant>) -> Duration {
    early.wait_time_from(DefaultClock::default().now())
}

/// Whoever has one address of version 6 mostly has all of its network.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}
