//! Verdicts in their order become alarms: which start where, which of them are false, and which tell a change.

use std::ops::Range;

use super::ALARMS_LISTED_MAX;
use crate::detection::Detection;
use crate::project::AfterAlarm;

/// What is known of the rows of a replay, and how their verdicts come.
#[derive(Debug, Clone)]
pub(super) struct Course<'c> {
    /// The row that is fed first.
    pub(super) start: usize,
    /// Rows from one verdict to the next: 1 of kinds that judge rows, the stride of windows.
    pub(super) stride: usize,
    /// What follows an alarm.
    pub(super) after_alarm: AfterAlarm,
    /// The rows in which an alarm is false.
    pub(super) unchanged: Range<usize>,
    /// The first row of each change, in their order.
    pub(super) changes: &'c [usize],
    /// How many rows after a change an alarm may come.
    pub(super) margin: usize,
}

/// The alarms so far.
#[derive(Debug, PartialEq)]
pub(super) struct Alarms {
    /// The first row since the detector started, or started anew.
    base: usize,
    is_in_drift: bool,
    /// Alarms that started.
    pub(super) n_starts: u64,
    /// The rows of the first of them.
    pub(super) starts: Vec<usize>,
    /// Windows that could not be judged.
    pub(super) n_unjudged: u64,
    /// Unchanged rows in which an alarm could start.
    pub(super) unchanged_rows: u64,
    /// Alarms that did.
    pub(super) n_false: u64,
    /// The row of the alarm that told each change.
    pub(super) told: Vec<Option<usize>>,
}

impl Alarms {
    pub(super) fn new(course: &Course<'_>) -> Self {
        Self {
            base: course.start,
            is_in_drift: false,
            n_starts: 0,
            starts: Vec::new(),
            n_unjudged: 0,
            unchanged_rows: 0,
            n_false: 0,
            told: vec![None; course.changes.len()],
        }
    }

    /// Takes the next verdicts, in O(log changes) each.
    ///
    /// An alarm starts with a verdict of drift after one without, or with any where the detector starts anew after each: one
    /// that goes on in drift tells nothing new.
    pub(super) fn take(&mut self, verdicts: &[Detection], course: &Course<'_>) {
        for verdict in verdicts {
            let fed = usize::try_from(verdict.time).unwrap_or(usize::MAX).max(1);
            let row = self.base.saturating_add(fed - 1);
            let is_judged = !verdict.warm_up && verdict.problem.is_none();
            self.n_unjudged += u64::from(verdict.problem.is_some());
            if is_judged && !self.is_in_drift && course.unchanged.contains(&row) {
                self.unchanged_rows += course.stride as u64;
            }
            if verdict.is_drift && !self.is_in_drift {
                self.start(row, course);
            }
            let starts_anew = verdict.is_drift && course.after_alarm == AfterAlarm::Reset;
            self.is_in_drift = verdict.is_drift && !starts_anew;
            if starts_anew {
                self.base = row.saturating_add(1);
            }
        }
    }

    fn start(&mut self, row: usize, course: &Course<'_>) {
        self.n_starts += 1;
        if self.starts.len() < ALARMS_LISTED_MAX {
            self.starts.push(row);
        }
        self.n_false += u64::from(course.unchanged.contains(&row));
        let Some(latest) = course.changes.partition_point(|change| *change <= row).checked_sub(1) else { return };
        if row - course.changes[latest] <= course.margin {
            self.told[latest].get_or_insert(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(changes: &[usize], stride: usize, after_alarm: AfterAlarm) -> Course<'_> {
        Course { start: 100, stride, after_alarm, unchanged: 100..110, changes, margin: 3 }
    }

    /// One verdict a row: `w` while a window fills, `-` without drift, `D` with. A detector that starts anew says so by its time.
    fn replay(verdicts: &str, course: &Course<'_>) -> Alarms {
        let mut alarms = Alarms::new(course);
        let mut time = 0;
        for verdict in verdicts.chars() {
            time += 1;
            let is_drift = verdict == 'D';
            let warm_up = verdict == 'w';
            alarms.take(&[Detection { is_drift, time, rows: 1, warm_up, ..Detection::default() }], course);
            if is_drift && course.after_alarm == AfterAlarm::Reset {
                time = 0;
            }
        }
        alarms
    }

    #[test]
    fn an_alarm_starts_where_drift_does() {
        let alarms = replay("ww--DDD--D-", &course(&[], 1, AfterAlarm::Continue));
        assert_eq!((alarms.n_starts, &*alarms.starts), (2, &[104, 109][..]));
        // Rows 102 to 104, 108 and 109: those in drift already, and the one that ended it, could start none.
        assert_eq!((alarms.unchanged_rows, alarms.n_false), (5, 2));
    }

    #[test]
    fn a_detector_that_starts_anew_alarms_again() {
        let alarms = replay("ww-DwwDww-", &course(&[], 1, AfterAlarm::Reset));
        assert_eq!((alarms.n_starts, &*alarms.starts), (2, &[103, 106][..]));
        assert_eq!((alarms.unchanged_rows, alarms.n_false), (4, 2));
    }

    #[test]
    fn a_change_is_told_by_the_first_alarm_within_its_margin_and_before_the_next() {
        let changes = [110, 116, 118, 130];
        //                    100       110       120       130
        let alarms = replay("----D-----D-D------D-----------D-D", &course(&changes, 1, AfterAlarm::Reset));
        assert_eq!(alarms.told, [Some(110), None, Some(119), Some(131)]);
        assert_eq!((alarms.n_starts, alarms.n_false), (6, 1));
        let late = replay("--------------D", &course(&changes[..1], 1, AfterAlarm::Reset));
        assert_eq!(late.told, [None]);
        let going_on = replay("--------DDDDDDD", &course(&changes[..1], 1, AfterAlarm::Continue));
        assert_eq!((going_on.told, going_on.n_false), (vec![None], 1));
    }

    #[test]
    fn a_window_alarms_with_its_last_row() {
        let course = course(&[110], 4, AfterAlarm::Reset);
        let mut alarms = Alarms::new(&course);
        let window = |time, is_drift| Detection { is_drift, time, rows: 4, ..Detection::default() };
        let unjudged = Detection { problem: Some("no".into()), ..window(8, false) };
        // Rows 100 to 103, 104 to 107, 108 to 111; anew 112 to 115.
        alarms.take(&[window(4, false), unjudged, window(12, true), window(4, true)], &course);
        assert_eq!((alarms.n_unjudged, alarms.unchanged_rows, alarms.n_false), (1, 4, 0));
        assert_eq!((&*alarms.starts, alarms.told), (&[111, 115][..], vec![Some(111)]));
    }

    #[test]
    fn more_alarms_than_are_listed_are_counted() {
        let course = course(&[], 1, AfterAlarm::Reset);
        let n = ALARMS_LISTED_MAX + 5;
        let alarms = replay(&"D".repeat(n), &course);
        assert_eq!((alarms.n_starts, alarms.starts.len()), (n as u64, ALARMS_LISTED_MAX));
    }
}
