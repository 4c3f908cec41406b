//! Values with units.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes: `1048576`, `32MiB`, `10 MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteSize(pub(super) usize);

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KiB", 1 << 10)];
        match units.into_iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text);
        let factor: Option<usize> = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => Some(1),
            "kb" => Some(1_000),
            "mb" => Some(1_000_000),
            "gb" => Some(1_000_000_000),
            "kib" => Some(1 << 10),
            "mib" => Some(1 << 20),
            "gib" => Some(1 << 30),
            _ => None,
        };
        let bytes = factor.and_then(|factor| number.parse::<usize>().ok()?.checked_mul(factor));
        bytes
            .filter(|bytes| *bytes > 0)
            .map(Self)
            .ok_or_else(|| format!("expected a number of bytes such as 1048576, 32MiB or 10MB, got `{text}`"))
    }
}

/// How many of something: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub(super) usize);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MAX: usize = 1_000_000_000;
        let count = text.parse().ok().filter(|count| (1..=MAX).contains(count));
        count.map(Self).ok_or_else(|| format!("expected a number from 1 to {MAX}, got `{text}`"))
    }
}

/// A number of projects, up to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProjectCount(pub(super) usize);

impl FromStr for ProjectCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MAX: usize = 1_000_000;
        let count = text.parse().ok().filter(|n| *n <= MAX).map(Self);
        count.ok_or_else(|| format!("expected a number of projects from 0 to {MAX}, got `{text}`"))
    }
}

/// A time between two things: `500ms`, `1s`, `2m`, at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(pub Duration);

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
        match units.into_iter().find(|(_, factor)| ms > 0 && ms.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", ms / factor),
            None => write!(f, "{ms}ms"),
        }
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
        let (number, unit) = number_and_unit(text);
        let factor: Option<u64> = match unit {
            "ms" => Some(1),
            "s" => Some(1_000),
            "m" | "min" => Some(60_000),
            "h" => Some(3_600_000),
            _ => None,
        };
        let duration_ms = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
        duration_ms
            .filter(|duration_ms| (1..=DAY_MS).contains(duration_ms))
            .map(|duration_ms| Self(Duration::from_millis(duration_ms)))
            .ok_or_else(|| format!("expected a duration from 1ms to 24h such as 500ms, 1s or 30s, got `{text}`"))
    }
}

/// A time between two things, or `none` for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IntervalOrNone(pub(super) Option<Duration>);

impl FromStr for IntervalOrNone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_none(text) {
            return Ok(Self(None));
        }
        let Interval(interval) = text.parse().map_err(|reason| format!("{reason}; or none"))?;
        Ok(Self(Some(interval)))
    }
}

/// A number of bytes, or `none` for 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteSizeOrNone(pub(super) u64);

impl fmt::Display for ByteSizeOrNone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::try_from(self.0) {
            Ok(0) => f.write_str("none"),
            Ok(bytes) => ByteSize(bytes).fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

impl FromStr for ByteSizeOrNone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_none(text) || text == "0" {
            return Ok(Self(0));
        }
        let ByteSize(bytes) = text.parse().map_err(|reason| format!("{reason}; or none"))?;
        Ok(Self(bytes as u64))
    }
}

/// How long something is kept: `12h`, `90d`, at least an hour; or `none` for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retention(pub(super) Option<Duration>);

const HOUR_S: u64 = 60 * 60;
const DAY_S: u64 = 24 * HOUR_S;

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.map(|age| age.as_secs()) {
            None => f.write_str("none"),
            Some(seconds) if seconds.is_multiple_of(DAY_S) => write!(f, "{}d", seconds / DAY_S),
            Some(seconds) => write!(f, "{}h", seconds / HOUR_S),
        }
    }
}

impl FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        /// A hundred years.
        const DAYS_MAX: u64 = 36_525;
        if is_none(text) {
            return Ok(Self(None));
        }
        let (number, unit) = number_and_unit(text);
        let factor = match unit {
            "h" => Some(HOUR_S),
            "d" => Some(DAY_S),
            _ => None,
        };
        let seconds = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
        seconds
            .filter(|seconds| (HOUR_S..=DAYS_MAX * DAY_S).contains(seconds))
            .map(|seconds| Self(Some(Duration::from_secs(seconds))))
            .ok_or_else(|| format!("expected hours or days such as 12h or 90d, or none, got `{text}`"))
    }
}

fn is_none(text: &str) -> bool {
    ["none", "off"].iter().any(|none| text.eq_ignore_ascii_case(none))
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_and_without_unit() {
        for (text, expected) in [
            ("1", 1),
            ("33554432", 33_554_432),
            ("32MiB", 33_554_432),
            ("32 mib", 33_554_432),
            ("10MB", 10_000_000),
            ("1GiB", 1 << 30),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(expected)), "{text}");
        }
        for text in ["", "0", "-1", "1.5MB", "32M", "MiB", "99999999999999999999", "99999999999999GiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn counts_are_positive() {
        assert_eq!("1000".parse(), Ok(Count(1_000)));
        for text in ["", "0", "-1", "1.5", "1000000001", "many"] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["32MiB", "1GiB", "2GB", "10MB", "1048577", "3KiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        for text in ["1s", "500ms", "2m", "24h", "1500ms"] {
            assert_eq!(text.parse::<Interval>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!("500ms".parse(), Ok(Interval(Duration::from_millis(500))));
        assert_eq!("30s".parse(), Ok(Interval(Duration::from_secs(30))));
        assert_eq!("2m".parse(), Ok(Interval(Duration::from_mins(2))));
        for text in ["", "1", "0s", "-1s", "1d", "25h", "s", "1 week"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_kept_is_kept_for_hours_days_or_ever() {
        for text in ["none", "1h", "36h", "90d"] {
            assert_eq!(text.parse::<Retention>().unwrap().to_string(), text);
        }
        assert_eq!("48h".parse::<Retention>().unwrap().to_string(), "2d");
        for text in ["", "0d", "30m", "-1d", "1w", "99999999999d", "d"] {
            assert!(text.parse::<Retention>().is_err(), "{text}");
        }
        for text in ["none", "256MiB"] {
            assert_eq!(text.parse::<ByteSizeOrNone>().unwrap().to_string(), text);
        }
        assert_eq!("0".parse(), Ok(ByteSizeOrNone(0)));
        assert!("-1".parse::<ByteSizeOrNone>().is_err());
    }
}
