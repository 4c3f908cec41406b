//! A verdict as an event.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use drifting_domain::ports::{DriftRecord, Verdicts};
use serde::{Deserialize, Serialize};

/// The type of every event.
pub(crate) const TYPE: &str = "io.drifting.drift.result.v1";
/// The media type of the data of every event.
pub(crate) const DATA_TYPE: &str = "application/json";

/// A verdict for a sink.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftEvent {
    /// Never given twice.
    pub id: Box<str>,
    /// The project.
    pub project: Arc<str>,
    /// Which fit of it.
    pub generation: u64,
    /// When the server judged, in microseconds since 1970.
    pub at_us: i64,
    /// The request that brought the rows.
    pub subject: Option<Arc<str>>,
    /// The trace of that request, and what tracing systems keep of it (W3C Trace Context).
    pub trace_parent: Option<Arc<str>>,
    /// The second of both.
    pub trace_state: Option<Arc<str>>,
    /// Rows of each window.
    pub window: Arc<[usize]>,
    /// Rows fed since the start or the last reset.
    pub time: u64,
    /// Rows that were judged.
    pub rows: u64,
    /// Whether it drifts.
    pub is_drift: bool,
    /// Whether there were too few rows to judge.
    pub warm_up: bool,
    /// The statistic.
    pub statistic: Option<f64>,
    /// What it was compared with.
    pub threshold: Option<f64>,
    /// The p-value.
    pub p_value: Option<f64>,
    /// The distance.
    pub distance: Option<f64>,
}

/// Gives each event an id: what tells this start of the server apart, then a number.
#[derive(Debug)]
pub struct EventIds {
    start: Box<str>,
    next: std::sync::atomic::AtomicU64,
}

impl EventIds {
    /// Ids that begin with what no other start of a server has.
    pub fn of_start(start: u128) -> Self {
        Self { start: format!("{start:032x}").into(), next: std::sync::atomic::AtomicU64::new(1) }
    }

    /// One that was not given before.
    pub fn next(&self) -> Box<str> {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        format!("{}-{number}", self.start).into()
    }
}

/// What verdicts that are told together have in common: all their events share it, however many there are.
#[derive(Debug, Clone)]
pub struct Common {
    project: Arc<str>,
    subject: Option<Arc<str>>,
    trace_parent: Option<Arc<str>>,
    trace_state: Option<Arc<str>>,
    window: Arc<[usize]>,
}

impl Common {
    /// That of verdicts on one project; nothing where there is none.
    pub fn of(verdicts: &Verdicts<'_>) -> Option<Self> {
        let project = verdicts.records.first()?.project.as_str().into();
        Some(Self {
            project,
            subject: verdicts.request_id.map(Into::into),
            trace_parent: verdicts.trace.map(|trace| Arc::clone(&trace.parent)),
            trace_state: verdicts.trace.and_then(|trace| trace.state.clone()),
            window: verdicts.window_sizes.into(),
        })
    }
}

impl DriftEvent {
    /// A verdict as an event of this id. `common` is that of the verdicts among which it stands.
    pub fn of(record: &DriftRecord, common: &Common, id: Box<str>) -> Self {
        // JSON has no other numbers.
        let number = |value: Option<f64>| value.filter(|value| value.is_finite());
        Self {
            id,
            project: Arc::clone(&common.project),
            generation: record.generation,
            at_us: record.at.timestamp_micros(),
            subject: common.subject.clone(),
            trace_parent: common.trace_parent.clone(),
            trace_state: common.trace_state.clone(),
            window: Arc::clone(&common.window),
            time: record.time,
            rows: record.rows,
            is_drift: record.is_drift,
            warm_up: record.warm_up,
            statistic: number(record.statistic),
            threshold: number(record.threshold),
            p_value: number(record.p_value),
            distance: number(record.distance),
        }
    }

    /// What it takes in memory, in bytes, as if it shared nothing: once it was in a file, it does not any more.
    pub fn n_bytes(&self) -> usize {
        let shared = [&self.subject, &self.trace_parent, &self.trace_state].into_iter().flatten();
        let texts = self.id.len() + self.project.len() + shared.map(|text| text.len()).sum::<usize>();
        size_of::<Self>() + texts + size_of_val(&*self.window)
    }

    /// Where it comes from.
    pub(crate) fn source(&self) -> String {
        format!("/projects/{}", self.project)
    }

    /// When the server judged, as in RFC 3339.
    pub(crate) fn at(&self) -> String {
        let at = DateTime::from_timestamp_micros(self.at_us).unwrap_or_default();
        at.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// What it tells.
    pub(crate) fn data(&self) -> Data<'_> {
        Data {
            project: &self.project,
            version: self.generation.to_string(),
            time: self.time,
            is_drift: self.is_drift,
            warm_up: self.warm_up,
            test_stat: self.statistic,
            threshold: self.threshold,
            p_val: self.p_value,
            distance: self.distance,
            rows: self.rows,
            window: &self.window,
        }
    }
}

/// The data of an event.
#[derive(Debug, Serialize)]
pub(crate) struct Data<'e> {
    project: &'e str,
    version: String,
    time: u64,
    is_drift: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    warm_up: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_stat: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p_val: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<f64>,
    rows: u64,
    #[serde(skip_serializing_if = "<[usize]>::is_empty")]
    window: &'e [usize],
}
