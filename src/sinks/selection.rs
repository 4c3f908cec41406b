//! Which verdicts a sink is told of.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

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
    /// The fits that are in drift, of sinks that are told of changes.
    in_drift: Mutex<HashMap<ProjectName, u64>>,
}

impl Selection {
    pub(super) fn new(which: Which, projects: Vec<Pattern>) -> Self {
        Self { which, projects, in_drift: Mutex::default() }
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
                let mut in_drift = self.in_drift.lock().unwrap_or_else(PoisonError::into_inner);
                (0..records.len()).filter(|index| is_change(&mut in_drift, &records[*index])).collect()
            }
        }
    }
}

/// Whether a verdict is another than the one before. Too few rows to judge are no verdict, and a new fit has none before.
fn is_change(in_drift: &mut HashMap<ProjectName, u64>, record: &DriftRecord) -> bool {
    let was = in_drift.get(&record.project) == Some(&record.generation);
    if record.is_drift {
        in_drift.insert(record.project.clone(), record.generation);
    } else if !record.warm_up {
        in_drift.remove(&record.project);
    }
    if record.is_drift { !was } else { was && !record.warm_up }
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

    fn records(verdicts: &str) -> Vec<DriftRecord> {
        let record =
            |verdict| DriftRecord { is_drift: verdict == 'd', warm_up: verdict == 'w', ..sample_record("churn", 1) };
        verdicts.chars().map(record).collect()
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
        assert!(selection.of(&records("dd")).is_empty());
        let fitted_anew: Vec<_> =
            records("nd").into_iter().map(|record| DriftRecord { generation: 99, ..record }).collect();
        assert_eq!(selection.of(&fitted_anew), [1], "a new fit begins without drift");
        assert!(selection.of(&[]).is_empty());
    }
}
