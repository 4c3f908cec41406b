//! How often a key may ask: so many requests in a time, at once or spread (the generic cell rate algorithm). Whoever has not asked for that
//! time may send all of them at once; from then on one more each `1/n` of it. Of `20/s` 39 may come within the first second, 79 within
//! three.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use governor::Quota;

/// So many requests in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    n: NonZeroU32,
    per: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    fn as_str(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
        }
    }

    fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        })
    }
}

impl RateLimit {
    /// How often requests of an address may show nothing that is known here, where nobody has set a rate.
    pub(crate) const FAILURES: Self = Self { n: NonZeroU32::new(60).unwrap(), per: Unit::Minute };

    pub(crate) fn quota(self) -> Quota {
        let each = self.per.duration() / self.n.get();
        // A rate above a thousand million a second is none.
        Quota::with_period(each.max(Duration::from_nanos(1)))
            .map_or_else(|| Quota::per_second(self.n), |quota| quota.allow_burst(self.n))
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.n, self.per.as_str())
    }
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (n, unit) = text.split_once('/')?;
            let per = Unit::ALL.into_iter().find(|known| known.as_str() == unit.trim())?;
            Some(Self { n: n.trim().parse().ok()?, per })
        };
        read().ok_or_else(|| format!("expected a number of requests per second, minute or hour, such as `100/s`, `600/min` or `1000/h`, got `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_they_are_written() {
        for text in ["1/s", "600/min", "4294967295/h"] {
            assert_eq!(text.parse::<RateLimit>().unwrap().to_string(), text);
        }
        assert_eq!(" 5 / s".parse::<RateLimit>().unwrap().to_string(), "5/s");
        for text in ["", "0/s", "-1/s", "1", "1/d", "1.5/s", "s/1"] {
            assert!(text.parse::<RateLimit>().unwrap_err().contains("100/s"), "{text}");
        }
    }

    #[test]
    fn a_whole_time_s_requests_may_come_at_once_and_then_one_by_one() {
        let quota = "10/s".parse::<RateLimit>().unwrap().quota();
        assert_eq!((quota.burst_size().get(), quota.replenish_interval()), (10, Duration::from_millis(100)));
    }
}
