//! Which candidate to take.

use std::cmp::Ordering;

use super::report::{CandidateReport, FalseAlarms, Replayed, Suggestion};

/// Rows between false alarms of kinds that promise none, where no number is wanted: what an `ert` is by default.
const ERT_OTHERWISE: f64 = 400.0;

/// The best candidate. One is better than another that misses more changes; of those alike in this, than another whose false
/// alarms are further above what is wanted; then than one that tells changes later, on average; then than one whose rows cost
/// more by their estimates, so that the suggestion is the same on any machine; then than a later one.
///
/// False alarms are above what is wanted where even the lower end of their interval is: how far, is its ratio to that. Within
/// the interval candidates are alike, as chance could have it either way. Those whose false alarms are not known come last of all
/// with as many misses.
pub(super) fn of(reports: &[CandidateReport], ert: Option<f64>) -> Suggestion {
    let replayed =
        reports.iter().enumerate().filter_map(|(index, report)| Some((index, report.outcome.as_ref().ok()?)));
    let Some((index, best)) = replayed.min_by(|(_, one), (_, other)| order(one, other, ert)) else {
        let reason =
            "no candidate could be fitted on this reference and replayed; the outcome of each says why".to_owned();
        return Suggestion { candidate: None, reason };
    };
    let n_changes = best.changes.len();
    if n_changes > 0 && best.n_missed == n_changes {
        let reason =
            "no candidate told a change within the margin; try a larger margin, larger windows or a longer reference";
        return Suggestion { candidate: None, reason: reason.to_owned() };
    }
    let misses = match best.mean_delay {
        Some(delay) => format!(
            "it told {} of {n_changes} {}, {delay:.0} rows after {} on average, and ",
            n_changes - best.n_missed,
            if n_changes == 1 { "change" } else { "changes" },
            if n_changes == 1 { "it" } else { "them" },
        ),
        None => "as no change is known, only false alarms and costs were compared: it ".to_owned(),
    };
    let false_alarms = match &best.false_alarms {
        Ok(false_alarms) => {
            let wanted = wanted(false_alarms, ert);
            let FalseAlarms { per_1000_rows, low, high, .. } = false_alarms;
            let verdict = if *low > wanted { ", which is too often" } else { "" };
            format!(
                "raised {per_1000_rows:.2} false alarms per 1,000 rows ({low:.2} to {high:.2}) where {wanted:.2} are wanted{verdict}"
            )
        }
        Err(_) => "raised a number of false alarms that is not known".to_owned(),
    };
    let n_replayed = reports.iter().filter(|report| report.outcome.is_ok()).count();
    let reason = format!(
        "{misses}{false_alarms}; the best of {n_replayed} by misses, false alarms, delay and cost, in this order"
    );
    Suggestion { candidate: Some(index), reason }
}

fn order(one: &Replayed, other: &Replayed, ert: Option<f64>) -> Ordering {
    let delay = |replayed: &Replayed| replayed.mean_delay.unwrap_or(f64::INFINITY);
    one.n_missed
        .cmp(&other.n_missed)
        .then(excess(one, ert).total_cmp(&excess(other, ert)))
        .then(delay(one).total_cmp(&delay(other)))
        .then(one.cost.estimated_row_ns.total_cmp(&other.cost.estimated_row_ns))
}

/// How far false alarms are above what is wanted: 1 where they may be as wanted.
fn excess(replayed: &Replayed, ert: Option<f64>) -> f64 {
    replayed.false_alarms.as_ref().map_or(f64::INFINITY, |alarms| (alarms.low / wanted(alarms, ert)).max(1.0))
}

fn wanted(false_alarms: &FalseAlarms, ert: Option<f64>) -> f64 {
    let by_request = ert.map(|ert| 1_000.0 / ert);
    by_request.or(false_alarms.wanted_per_1000_rows).unwrap_or(1_000.0 / ERT_OTHERWISE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Candidate;
    use super::super::report::{ChangeReport, Cost, FalseAlarmSource};
    use super::*;
    use crate::detectors::{DetectorSpec, DummySpec, OnlineSpec};
    use crate::preprocess::{Preprocessing, TextRequest};
    use crate::project::Policy;

    fn report(delays: &[Option<usize>], false_alarms: Option<u64>, row_ns: f64) -> CandidateReport {
        let told: Vec<usize> = delays.iter().flatten().copied().collect();
        let source = FalseAlarmSource::BeforeFirstChange;
        let replayed = Replayed {
            detector: DetectorSpec::Online(OnlineSpec::Dummy(DummySpec { seed: 0 })),
            policy: Policy::default(),
            preprocessing: Preprocessing { standardize: false, n_components: None, texts: TextRequest::DEFAULT },
            warnings: Vec::new(),
            n_alarms: 0,
            alarms: Vec::new(),
            unjudged_windows: 0,
            false_alarms: false_alarms
                .and_then(|starts| FalseAlarms::of(source, 10_000, starts, Some(2.5), 400))
                .ok_or_else(|| "too short".to_owned()),
            changes: delays.iter().map(|delay| ChangeReport { change: 0, alarm: *delay, delay: *delay }).collect(),
            n_missed: delays.len() - told.len(),
            mean_delay: (!told.is_empty()).then(|| told.iter().sum::<usize>() as f64 / told.len() as f64),
            cost: Cost { fit: Duration::ZERO, row_ns: 0.0, estimated_row_ns: row_ns, memory_bytes: 0 },
        };
        CandidateReport { candidate: Candidate::default(), outcome: Ok(replayed) }
    }

    fn suggested(reports: &[CandidateReport], ert: Option<f64>) -> Option<usize> {
        of(reports, ert).candidate
    }

    #[test]
    fn misses_come_before_false_alarms_before_delays_before_costs() {
        let missing = report(&[Some(1), None], Some(0), 1.0);
        let crying = report(&[Some(2), Some(2)], Some(90), 1.0);
        let late = report(&[Some(90), Some(110)], Some(20), 1.0);
        let dear = report(&[Some(20), Some(20)], Some(33), 9.0);
        let cheap = report(&[Some(10), Some(30)], Some(0), 8.0);
        let all = [missing, crying, late, dear, cheap].map(|report| vec![report]).concat();
        for n in 1..=all.len() {
            assert_eq!(suggested(&all[..n], None), Some(n - 1), "{n}");
        }
        // Backwards the better ones come first.
        let backwards: Vec<CandidateReport> = all.iter().rev().cloned().collect();
        assert_eq!(suggested(&backwards, None), Some(0));
    }

    #[test]
    fn of_candidates_alike_the_first_is_taken() {
        let alike = [report(&[Some(5)], Some(25), 1.0), report(&[Some(5)], Some(26), 1.0)];
        assert_eq!(suggested(&alike, None), Some(0));
    }

    #[test]
    fn false_alarms_are_held_against_what_is_wanted() {
        // 9 and 5 in 1,000 rows: of intervals that reach down to 7.3 and 3.7.
        let reports = [report(&[Some(5)], Some(90), 1.0), report(&[Some(50)], Some(50), 1.0)];
        assert_eq!(suggested(&reports, None), Some(1));
        assert_eq!(suggested(&reports, Some(100.0)), Some(0));
    }

    #[test]
    fn unknown_false_alarms_come_last() {
        let reports = [report(&[Some(5)], None, 1.0), report(&[Some(50)], Some(500), 1.0)];
        assert_eq!(suggested(&reports, None), Some(1));
        assert_eq!(suggested(&reports[..1], None), Some(0));
        assert!(of(&reports[..1], None).reason.contains("is not known"));
    }

    #[test]
    fn where_nothing_is_worth_it_nothing_is_suggested() {
        let nothing = of(&[report(&[None], Some(0), 1.0)], None);
        assert_eq!(nothing.candidate, None);
        assert!(nothing.reason.contains("no candidate told a change"), "{}", nothing.reason);
        let failed = CandidateReport { candidate: Candidate::default(), outcome: Err("few rows".to_owned()) };
        assert_eq!(suggested(std::slice::from_ref(&failed), None), None);
        assert_eq!(suggested(&[failed, report(&[], Some(3), 1.0)], None), Some(1));
    }
}
