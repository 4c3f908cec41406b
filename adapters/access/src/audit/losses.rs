//! Lines that could not be written, and when the server's log is told of them: when something changes, and once a minute while it does
//! not.

use std::time::{Duration, Instant};

/// Between two complaints of the same reason.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// What has been lost since a line was last written.
#[derive(Default)]
pub(super) struct Losses {
    /// Why the last line was lost, and when that was told last. None where it was written.
    told: Option<(String, Instant)>,
    lost: u64,
    untold: u64,
}

/// What the server's log is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// So many lines were lost since the last time, the latest for this reason.
    Lost { n: u64, reason: String },
    /// A line was written again, after so many that were lost.
    Written { lost: u64 },
}

impl Losses {
    /// A line was lost.
    pub(super) fn lost(&mut self, reason: String, now: Instant) -> Option<News> {
        self.lost += 1;
        self.untold += 1;
        let is_known = |(told, at): &(String, Instant)| *told == reason && now.duration_since(*at) < TOLD_EVERY;
        if self.told.as_ref().is_some_and(is_known) {
            return None;
        }
        self.told = Some((reason.clone(), now));
        Some(News::Lost { n: std::mem::take(&mut self.untold), reason })
    }

    /// A line was written.
    pub(super) fn written(&mut self) -> Option<News> {
        self.told.take()?;
        Some(News::Written { lost: std::mem::take(self).lost })
    }
}

impl News {
    pub(super) fn tell(self) {
        match self {
            Self::Lost { n, reason } => {
                tracing::error!(error = reason, lines = n, "changes are not in the audit log");
            }
            Self::Written { lost } => {
                tracing::warn!(lines = lost, "the audit log is written again, and lacks the lines of the time between");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_when_something_changes_and_once_a_minute() {
        let (begin, mut losses) = (Instant::now(), Losses::default());
        let after = |seconds: u64| begin + Duration::from_secs(seconds);
        let told = |n: u64, reason: &str| Some(News::Lost { n, reason: reason.to_owned() });
        assert_eq!(losses.written(), None);
        assert_eq!(losses.lost("full".to_owned(), begin), told(1, "full"));
        assert_eq!(losses.lost("full".to_owned(), after(1)), None);
        assert_eq!(losses.lost("full".to_owned(), after(59)), None);
        assert_eq!(losses.lost("full".to_owned(), after(60)), told(3, "full"));
        assert_eq!(losses.lost("full".to_owned(), after(61)), None);
        assert_eq!(losses.lost("denied".to_owned(), after(62)), told(2, "denied"));
        assert_eq!(losses.written(), Some(News::Written { lost: 6 }));
        assert_eq!(losses.written(), None);
        assert_eq!(losses.lost("denied".to_owned(), after(63)), told(1, "denied"));
    }
}
