//! What the server answers, read as leniently as possible: what is not there or not understood is left out, so that a
//! client and a server of different versions get on.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::problem::Problem;

mod backtest;

pub use backtest::{Backtest, BacktestCandidate, Replayed};

/// An answer as it came.
#[derive(Debug)]
pub struct Answer(Box<RawValue>);

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) entries: Vec<Box<RawValue>>,
    pub(super) next: Option<String>,
}

impl Answer {
    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn read(text: String) -> anyhow::Result<Self> {
        Ok(Self(RawValue::from_string(text)?))
    }

    /// What of it is understood.
    ///
    /// # Errors
    ///
    /// When it has another form altogether.
    pub fn parse<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_str(self.0.get()).context("cannot understand the server's answer")
    }

    /// Its JSON.
    pub fn raw(&self) -> &RawValue {
        &self.0
    }

    pub(super) fn page(&self, member: &str) -> anyhow::Result<Page> {
        let mut members: BTreeMap<String, Box<RawValue>> = self.parse()?;
        let entries = members.remove(member).with_context(|| format!("the server's answer has no `{member}`"))?;
        let entries = serde_json::from_str(entries.get()).context("cannot understand the server's answer")?;
        let next = members.get("next_page_token").and_then(|token| serde_json::from_str(token.get()).ok());
        Ok(Page { entries, next: next.flatten().filter(|token: &String| !token.is_empty()) })
    }
}

/// What a detector said of a row or a window.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Detection {
    /// Whether it drifts.
    pub is_drift: Option<bool>,
    /// Rows that it speaks of.
    pub rows: Option<u64>,
    /// Rows left out because of missing values.
    pub rows_dropped: Option<u64>,
    /// Rows fed so far.
    pub time: Option<u64>,
    /// Whether there are too few rows to judge yet.
    pub warm_up: Option<bool>,
    /// The statistic.
    pub statistic: Option<f64>,
    /// What it was compared with.
    pub threshold: Option<f64>,
    /// The p-value.
    pub p_value: Option<f64>,
    /// The distance.
    pub distance: Option<f64>,
    /// Its columns, ranked by how far they moved.
    pub features: Option<Vec<Feature>>,
    /// What the checks of quality found.
    pub quality: Option<Vec<Finding>>,
    /// One entry a row or a window, where there is more than one.
    pub results: Option<Vec<Detection>>,
}

/// What a check of quality found.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// The check.
    pub check: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// The sentence for people.
    pub detail: Option<String>,
}

/// What a detector said of a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Feature {
    /// Its name.
    pub name: Option<String>,
    /// Whether it drifts.
    pub is_drift: Option<bool>,
    /// Its statistic.
    pub statistic: Option<f64>,
    /// What it was compared with.
    pub threshold: Option<f64>,
}

/// A project.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Its name.
    #[serde(rename = "project")]
    pub name: Option<String>,
    /// What kind of data it watches.
    pub drift_type: Option<String>,
    /// Whether it serves.
    pub status: Option<String>,
    /// Its detector.
    pub detector: Value,
    /// Rows it was fitted on.
    pub reference_rows: Option<u64>,
    /// Rows it was fed.
    pub rows_seen: Option<u64>,
    /// What it said last.
    pub last_detection: Value,
    /// What the fit found worth knowing.
    pub warnings: Option<Vec<String>>,
    /// How often alarms started in a trial.
    pub run_length: Option<RunLength>,
}

/// How often alarms started on reference that a trial fit had not seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RunLength {
    /// Rows that were judged.
    pub rows: u64,
    /// Alarms that started in them.
    pub alarm_starts: u64,
    /// Alarm starts per 1,000 rows.
    pub per_1000_rows: f64,
    /// Lower end of their interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// What was asked for.
    pub wanted_per_1000_rows: f64,
}

impl Project {
    /// The kind of its detector.
    pub fn kind(&self) -> Option<&str> {
        self.detector.as_str().or_else(|| self.detector.get("kind")?.as_str())
    }

    /// Whether it drifted when it was last asked.
    pub fn is_drift(&self) -> Option<bool> {
        self.last_detection.get("is_drift")?.as_bool()
    }
}

/// A long fit.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// The project that is fitted.
    pub project: Option<String>,
    /// How it stands.
    pub status: Option<String>,
    /// What is done now.
    pub stage: Option<String>,
    /// How far it has come.
    pub progress: Progress,
    /// When it was asked for.
    pub created_at: Option<String>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// How far an operation has come.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The share that is done.
    pub fraction: Option<f64>,
}

/// What a look at the store found.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Refreshed {
    /// Number of projects that are known now.
    pub n_projects: u64,
    /// Those that have come.
    pub added: Vec<String>,
    /// Those that are gone.
    pub vanished: Vec<String>,
    /// Those that do not serve, as their names differ from others' only in case.
    pub clashing: Vec<String>,
}

/// A value of a trend.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Metric {
    /// When it was recorded.
    pub at: Option<String>,
    /// Rows fed until then.
    pub time: Option<u64>,
    /// The statistic.
    pub statistic: Option<f64>,
    /// What it was compared with.
    pub threshold: Option<f64>,
    /// The distance.
    pub distance: Option<f64>,
    /// Whether it drifts.
    pub is_drift: Option<bool>,
}

/// The metrics of a bucket of time.
#[derive(Debug, Deserialize)]
pub struct MetricBucket {
    /// When it starts.
    pub at: Option<String>,
    /// When it ends.
    pub until: Option<String>,
    /// How many metrics.
    #[serde(default)]
    pub count: u64,
    /// How many of them tell drift.
    #[serde(default)]
    pub drifts: u64,
    /// The smallest statistic.
    pub min: Option<f64>,
    /// The mean of the statistics.
    pub mean: Option<f64>,
    /// The largest statistic.
    pub max: Option<f64>,
    /// What they were compared with.
    pub threshold: Option<f64>,
    /// The distances.
    pub distance: Option<MetricRange>,
}

/// The extremes and the mean of some values.
#[derive(Debug, Deserialize)]
pub struct MetricRange {
    /// The smallest.
    pub min: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answer {
        Answer::read(text.to_owned()).unwrap()
    }

    #[test]
    fn pages_are_read_to_the_last() {
        let page = answer(r#"{"projects": [{"project": "a"}], "next_page_token": "t"}"#).page("projects").unwrap();
        assert_eq!((page.entries.len(), page.next.as_deref()), (1, Some("t")));
        for last in [r#"{"projects": [], "next_page_token": null}"#, r#"{"projects": [], "next_page_token": ""}"#] {
            assert_eq!(answer(last).page("projects").unwrap().next, None);
        }
        assert!(answer("{}").page("projects").is_err());
    }

    #[test]
    fn unknown_missing_and_null_members_are_no_failure() {
        let detection: Detection =
            answer(r#"{"is_drift": true, "statistic": null, "news": [1], "results": null}"#).parse().unwrap();
        assert_eq!((detection.is_drift, detection.statistic, detection.results), (Some(true), None, None));
        let project: Project =
            answer(r#"{"project": "p", "detector": {"kind": "cvm_online", "ert": 400}}"#).parse().unwrap();
        assert_eq!((project.kind(), project.is_drift()), (Some("cvm_online"), None));
    }
}
