//! Which verdicts a sink is told of.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use drifting_domain::ports::DriftRecord;
use drifting_domain::project::ProjectName;

/// Which verdicts a sink is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// The first in drift, and the first that is not any more.
    #[default]
    Changes,
    /// Every one in drift.
    Drift,
    /// Every one.
    All,
}

impl Which {
    /// Its name in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Drift => "drift",
            Self::All => "all",
        }
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "changes" => Ok(Self::Changes),
            "drift" => Ok(Self::Drift),
            "all" => Ok(Self::All),
            _ => Err(format!("expected changes, drift or all, got `{text}`")),
        }
    }
}

/// Names of projects: `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-*".contains(c);
        if !text.is_empty() && text.len() <= ProjectName::LENGTH_MAX && text.chars().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("expected the name of a project, in which `*` stands for any characters, got `{text}`"))
        }
    }
}

impl Pattern {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn suits(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut left) = name.strip_prefix(first) else { return false };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        // The first place that a part can have leaves the most for those after it.
        for part in parts {
            let Some(at) = left.find(part) else { return false };
            left = &left[at + part.len()..];
        }
        left.ends_with(last)
    }
}

/// The choice of a sink, with what it has to remember.
pub(super) struct Selection {
    which: Which,
    projects: Vec<Pattern>,
    /// What was told last, of sinks that are told of changes.
    told: Mutex<Told>,
}

impl Selection {
    pub(super) fn new(which: Which, projects: Vec<Pattern>) -> Self {
        Self { which, projects, told: Mutex::default() }
    }

    /// The places of those among verdicts on one project that the sink is told of.
    pub(super) fn of(&self, records: &[DriftRecord]) -> Vec<usize> {
        let Some(first) = records.first() else { return Vec::new() };
        let suits = |pattern: &Pattern| pattern.suits(first.project.as_str());
        if !self.projects.is_empty() && !self.projects.iter().any(suits) {
            return Vec::new();
        }
        match self.which {
            Which::All => (0..records.len()).collect(),
            Which::Drift => (0..records.len()).filter(|index| records[*index].is_drift).collect(),
            Which::Changes => {
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                (0..records.len()).filter(|index| told.is_change(&records[*index])).collect()
            }
        }
    }
}

/// The projects of which drift was told and not yet its end. So many at the most: nobody tells of a project that was deleted in
/// drift, so the one that was silent for longest is forgotten.
#[derive(Default)]
struct Told(HashMap<ProjectName, InDrift>);

/// A project that is in drift as far as anybody was told.
struct InDrift {
    /// Where its last verdict stood.
    generation: u64,
    time: u64,
    at: DateTime<Utc>,
    /// Whether drift was told of the detector as it is: one that was fitted again or begun again has none to go on with.
    is_of_this_life: bool,
}

impl Told {
    const PROJECTS_MAX: usize = 100_000;

    /// Whether a verdict is another than what was told. Too few rows to judge are no verdict. Drift that a new fit, a reset or
    /// a deletion ended is over with the first verdict after it that has none, and drift after it is told anew.
    fn is_change(&mut self, record: &DriftRecord) -> bool {
        let DriftRecord { generation, time, at, .. } = *record;
        let Some(last) = self.0.get_mut(&record.project) else {
            if record.is_drift {
                self.make_room();
                self.0.insert(record.project.clone(), InDrift { generation, time, at, is_of_this_life: true });
            }
            return record.is_drift;
        };
        // The time of a detector only ever grows.
        last.is_of_this_life &= generation == last.generation && time > last.time;
        (last.generation, last.time, last.at) = (generation, time, at);
        if record.is_drift {
            return !std::mem::replace(&mut last.is_of_this_life, true);
        }
        !record.warm_up && self.0.remove(&record.project).is_some()
    }

    fn make_room(&mut self) {
        if self.0.len() < Self::PROJECTS_MAX {
            return;
        }
        let silent = self.0.iter().min_by_key(|(_, last)| last.at).map(|(project, _)| project.clone());
        if let Some(project) = silent {
            self.0.remove(&project);
        }
    }
}

#[cfg(test)]
mod tests {
    use drifting_domain::contract::sample_record;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().expect("a pattern")
    }

    #[test]
    fn stars_stand_for_any_characters() {
        for (text, name, suits) in [
            ("churn", "churn", true),
            ("churn", "churn2", false),
            ("*", "anything", true),
            ("prod-*", "prod-", true),
            ("prod-*", "prod-a", true),
            ("prod-*", "test-a", false),
            ("*-v1", "a-v1", true),
            ("*-v1", "a-v12", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("*a*", "bab", true),
            ("**", "x", true),
        ] {
            assert_eq!(pattern(text).suits(name), suits, "{text} {name}");
        }
        for text in ["", "a b", "ä", "a/b", &"x".repeat(200)] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }

    /// Verdicts of a fit, the first of them at a time.
    fn records_of(generation: u64, begin: u64, verdicts: &str) -> Vec<DriftRecord> {
        let record = |(time, verdict)| DriftRecord {
            generation,
            time,
            is_drift: verdict == 'd',
            warm_up: verdict == 'w',
            ..sample_record("churn", 1)
        };
        (begin..).zip(verdicts.chars()).map(record).collect()
    }

    fn records(verdicts: &str) -> Vec<DriftRecord> {
        records_of(1, 1, verdicts)
    }

    #[test]
    fn each_choice_has_its_verdicts() {
        let verdicts = records("wnnddwdnnd");
        let of = |which| Selection::new(which, Vec::new()).of(&verdicts);
        assert_eq!(of(Which::All), (0..10).collect::<Vec<_>>());
        assert_eq!(of(Which::Drift), [3, 4, 6, 9]);
        assert_eq!(of(Which::Changes), [3, 7, 9]);
    }

    #[test]
    fn changes_are_those_of_a_project_and_of_a_fit_over_requests() {
        let selection = Selection::new(Which::Changes, vec![pattern("chu*"), pattern("other")]);
        let other = DriftRecord { is_drift: true, ..sample_record("other", 1) };
        let nobody = DriftRecord { is_drift: true, ..sample_record("nobody", 1) };
        assert_eq!(selection.of(&records("nd")), [1]);
        assert_eq!(selection.of(std::slice::from_ref(&other)), [0]);
        assert!(selection.of(&[nobody]).is_empty());
        assert!(selection.of(&records_of(1, 3, "dd")).is_empty());
        assert!(selection.of(&[]).is_empty());
    }

    #[test]
    fn what_ends_drift_ends_it_for_those_who_were_told() {
        for (generation, begin, name) in [(2, 6, "a new fit"), (1, 1, "a project of the same name"), (1, 5, "as far")] {
            let after = |verdicts: &str| {
                let selection = Selection::new(Which::Changes, Vec::new());
                assert_eq!(selection.of(&records_of(1, 5, "d")), [0]);
                let told = selection.of(&records_of(generation, begin, verdicts));
                told.into_iter().map(|index| verdicts.as_bytes()[index]).collect::<Vec<_>>()
            };
            assert_eq!(after("wwn"), b"n", "{name}: its end is told");
            assert_eq!(after("wndnd"), b"ndnd", "{name}: so is what follows");
            assert_eq!(after("wwdd"), b"d", "{name}: drift of its own is told");
            assert_eq!(after("wwddn"), b"dn", "{name}: once");
        }
        let selection = Selection::new(Which::Changes, Vec::new());
        assert_eq!(selection.of(&records_of(1, 5, "dwd")), [0], "of the same detector it goes on");
    }

    #[test]
    fn no_more_is_remembered_than_may() {
        let mut told = Told::default();
        let record = |n: usize| {
            let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(i64::try_from(n).expect("few"));
            DriftRecord { is_drift: true, at, ..sample_record(&format!("p{n}"), 1) }
        };
        assert!((0..=Told::PROJECTS_MAX).all(|n| told.is_change(&record(n))));
        assert_eq!(told.0.len(), Told::PROJECTS_MAX);
        assert!(!told.0.contains_key(&record(0).project));
    }
}
