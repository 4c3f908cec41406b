//! When a sink wants to be asked again (RFC 9110, section 10.2.3).

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Nobody is waited for longer than this, whatever the sink says.
const WAIT_MAX: Duration = Duration::from_hours(1);

/// How long a `Retry-After` tells to wait: seconds, or a date.
pub(crate) fn wait(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = DateTime::parse_from_rfc2822(value).ok()?;
        date.signed_duration_since(now).to_std().unwrap_or_default()
    };
    Some(wait.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_waited_for_an_hour_at_most() {
        let now = DateTime::parse_from_rfc3339("2026-11-28T08:49:30Z").unwrap().with_timezone(&Utc);
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("86400", Some(3_600)),
            ("Sat, 28 Nov 2026 08:49:37 GMT", Some(7)),
            ("Sat, 28 Nov 2026 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
