//! Times in queries.

use chrono::{DateTime, Utc};

/// What is expected of one.
pub(crate) const EXPECTED: &str = "a time as in RFC 3339, such as 2026-01-31T12:00:00Z";

/// A time.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    // A plus sign that was not escaped arrives as a blank.
    let parsed = DateTime::parse_from_rfc3339(text).or_else(|_| {
        let (start, offset) = text.rsplit_once(' ').unwrap_or((text, ""));
        DateTime::parse_from_rfc3339(&format!("{start}+{offset}"))
    });
    parsed.ok().map(|time| time.with_timezone(&Utc))
}
