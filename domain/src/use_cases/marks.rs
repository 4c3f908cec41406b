//! Which projects have moved, for whoever watches all of them.

use chrono::{DateTime, Utc};

use super::DriftService;
use super::registry::Body;
use super::tally::Tally;
use crate::project::{Configuration, ProjectName, Status};

/// What differs from an earlier one of the project once something of it has moved: its rows, its verdict, its status, its fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    is_active: bool,
    has_failed: bool,
    fitted_at: Option<DateTime<Utc>>,
    rows_seen: u64,
    time: u64,
    judged_at: Option<DateTime<Utc>>,
}

impl Mark {
    pub(super) fn of(status: Status, configuration: Option<&Configuration>, time: u64, tally: &Tally) -> Self {
        Self {
            is_active: status == Status::Active,
            has_failed: false,
            fitted_at: configuration.map(|configuration| configuration.created_at),
            rows_seen: tally.rows_seen,
            time,
            judged_at: tally.last_detection.as_ref().map(|last| last.at),
        }
    }
}

impl DriftService {
    /// The marks of all projects, in the order of their names without regard to case. Reads nothing and waits for nobody: of a
    /// project that is not in memory it is what is known. O(projects).
    pub fn marks(&self) -> Vec<(ProjectName, Mark)> {
        let entries = self.registry.after(None, usize::MAX).into_iter();
        let marked = entries.filter_map(|entry| {
            let slot = entry.slot();
            let mark = match &slot.body {
                Body::Gone => return None,
                Body::Loaded(loaded) => loaded.mark(slot.status),
                Body::Cold(Some(known)) => Mark::of(slot.status, Some(&known.configuration), known.time, &known.tally),
                Body::Cold(None) => Mark::of(slot.status, None, 0, &Tally::default()),
                Body::Failed { .. } => Mark { has_failed: true, ..Mark::of(slot.status, None, 0, &Tally::default()) },
            };
            Some((entry.name.clone(), mark))
        });
        marked.collect()
    }
}
