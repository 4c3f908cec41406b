//! The drift values of a project over time.

use chrono::{DateTime, TimeDelta, Utc};
use drifting_domain::ports::{DriftRecord, FeatureRecord, TrendBucket, ValueSums};
use poem_openapi::{Object, Union};
use serde::Serialize;

/// The verdict on one row or window, as it was kept.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Metric {
    /// When the server judged.
    pub(crate) at: DateTime<Utc>,
    /// Which fit of the project judged.
    pub(crate) generation: u64,
    /// Rows fed since the start or the last reset.
    pub(crate) time: u64,
    /// Number of rows that were judged.
    pub(crate) rows: u64,
    /// The statistic.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// What it was compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// The p-value, of detectors that have one.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// The distance, of detectors that have one.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
    /// Whether it drifted.
    pub(crate) is_drift: bool,
    /// Whether there were too few rows to judge.
    pub(crate) warm_up: bool,
    /// The verdict on each column, where `features=true` asks for them and the server keeps them (`--metrics-features`).
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) features: Option<Vec<MetricOfColumn>>,
}

/// The verdict on one column, as it was kept.
#[derive(Debug, Object, Serialize)]
pub(crate) struct MetricOfColumn {
    /// The column.
    pub(crate) name: String,
    /// Whether it drifted.
    pub(crate) is_drift: bool,
    /// Its statistic.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// What it was compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// Its p-value.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// Its distance.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
}

impl Metric {
    pub(crate) fn of(record: DriftRecord, with_features: bool) -> Self {
        Self {
            at: record.at,
            generation: record.generation,
            time: record.time,
            rows: record.rows,
            statistic: record.statistic,
            threshold: record.threshold,
            p_value: record.p_value,
            distance: record.distance,
            is_drift: record.is_drift,
            warm_up: record.warm_up,
            features: with_features.then(|| record.features.into_iter().map(Into::into).collect()),
        }
    }
}

impl From<FeatureRecord> for MetricOfColumn {
    fn from(column: FeatureRecord) -> Self {
        Self {
            name: column.name.into(),
            is_drift: column.is_drift,
            statistic: column.statistic,
            threshold: column.threshold,
            p_value: column.p_value,
            distance: column.distance,
        }
    }
}

/// The metrics of a bucket of time, summed up.
#[derive(Debug, Object, Serialize)]
pub(crate) struct MetricBucket {
    /// When the bucket starts.
    pub(crate) at: DateTime<Utc>,
    /// When it ends.
    pub(crate) until: DateTime<Utc>,
    /// How many metrics were recorded in it.
    pub(crate) count: u64,
    /// Number of rows that were judged.
    pub(crate) rows: u64,
    /// How many of the metrics tell drift.
    pub(crate) drifts: u64,
    /// How many are of the warm-up.
    pub(crate) warm_ups: u64,
    /// The smallest statistic.
    #[oai(nullable)]
    pub(crate) min: Option<f64>,
    /// The mean of the statistics.
    #[oai(nullable)]
    pub(crate) mean: Option<f64>,
    /// The largest statistic.
    #[oai(nullable)]
    pub(crate) max: Option<f64>,
    /// The mean of what they were compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// The p-values, of detectors that have them.
    #[oai(nullable)]
    pub(crate) p_value: Option<MetricRange>,
    /// The distances, of detectors that have them.
    #[oai(nullable)]
    pub(crate) distance: Option<MetricRange>,
}

/// The extremes and the mean of some values.
#[derive(Debug, Object, Serialize)]
pub(crate) struct MetricRange {
    /// The smallest.
    pub(crate) min: f64,
    /// The mean.
    #[oai(nullable)]
    pub(crate) mean: Option<f64>,
    /// The largest.
    pub(crate) max: f64,
}

impl MetricRange {
    fn of(sums: &ValueSums) -> Option<Self> {
        let (min, max) = sums.range?;
        Some(Self { min, mean: mean(sums), max })
    }
}

/// The mean, unless the sum was too large for a number.
fn mean(sums: &ValueSums) -> Option<f64> {
    sums.mean().filter(|mean| mean.is_finite())
}

impl MetricBucket {
    pub(crate) fn of(bucket: &TrendBucket, width_s: u32) -> Self {
        let TrendBucket { at, sums } = bucket;
        let range = sums.statistic.range;
        Self {
            at: *at,
            until: at.checked_add_signed(TimeDelta::seconds(width_s.into())).unwrap_or(DateTime::<Utc>::MAX_UTC),
            count: sums.records,
            rows: sums.rows,
            drifts: sums.drifts,
            warm_ups: sums.warm_ups,
            min: range.map(|(min, _)| min),
            mean: mean(&sums.statistic),
            max: range.map(|(_, max)| max),
            threshold: mean(&sums.threshold),
            p_value: MetricRange::of(&sums.p_value),
            distance: MetricRange::of(&sums.distance),
        }
    }
}

/// Metrics by their times: one by one, or in buckets where a `resolution` is asked for.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Trend {
    /// The metrics; or the buckets, of which those are left out in which nothing was recorded.
    pub(crate) metrics: Vec<TrendPoint>,
    /// Where the next page starts, if there is one.
    #[oai(nullable)]
    pub(crate) next_page_token: Option<String>,
}

/// A metric, or a bucket of them where a `resolution` is asked for.
#[derive(Debug, Union, Serialize)]
#[oai(one_of)]
#[serde(untagged)]
pub(crate) enum TrendPoint {
    /// A metric.
    Value(Metric),
    /// A bucket.
    Bucket(MetricBucket),
}

/// A row of CSV.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum CsvRow {
    /// A metric.
    Value(CsvValue),
    /// A bucket.
    Bucket(CsvBucket),
}

#[derive(Debug, Serialize)]
pub(crate) struct CsvValue {
    at: DateTime<Utc>,
    generation: u64,
    time: u64,
    rows: u64,
    statistic: Option<f64>,
    threshold: Option<f64>,
    p_value: Option<f64>,
    distance: Option<f64>,
    is_drift: bool,
    warm_up: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct CsvBucket {
    at: DateTime<Utc>,
    until: DateTime<Utc>,
    count: u64,
    rows: u64,
    drifts: u64,
    warm_ups: u64,
    min: Option<f64>,
    mean: Option<f64>,
    max: Option<f64>,
    threshold: Option<f64>,
    p_value_min: Option<f64>,
    p_value_mean: Option<f64>,
    p_value_max: Option<f64>,
    distance_min: Option<f64>,
    distance_mean: Option<f64>,
    distance_max: Option<f64>,
}

impl From<TrendPoint> for CsvRow {
    fn from(point: TrendPoint) -> Self {
        match point {
            TrendPoint::Value(metric) => Self::Value(metric.into()),
            TrendPoint::Bucket(bucket) => Self::Bucket(bucket.into()),
        }
    }
}

impl From<Metric> for CsvValue {
    fn from(metric: Metric) -> Self {
        let Metric { at, generation, time, rows, statistic, threshold, p_value, distance, is_drift, warm_up, .. } =
            metric;
        Self { at, generation, time, rows, statistic, threshold, p_value, distance, is_drift, warm_up }
    }
}

impl From<MetricBucket> for CsvBucket {
    fn from(bucket: MetricBucket) -> Self {
        let min = |range: &Option<MetricRange>| range.as_ref().map(|range| range.min);
        let mean = |range: &Option<MetricRange>| range.as_ref().and_then(|range| range.mean);
        let max = |range: &Option<MetricRange>| range.as_ref().map(|range| range.max);
        Self {
            at: bucket.at,
            until: bucket.until,
            count: bucket.count,
            rows: bucket.rows,
            drifts: bucket.drifts,
            warm_ups: bucket.warm_ups,
            min: bucket.min,
            mean: bucket.mean,
            max: bucket.max,
            threshold: bucket.threshold,
            p_value_min: min(&bucket.p_value),
            p_value_mean: mean(&bucket.p_value),
            p_value_max: max(&bucket.p_value),
            distance_min: min(&bucket.distance),
            distance_mean: mean(&bucket.distance),
            distance_max: max(&bucket.distance),
        }
    }
}
