//! The drift values behind charts: in detail while they are few, in buckets of time when they are many.

use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use drifting_dashboard::Trend;
use drifting_domain::ports::{DriftRecord, TrendQuery};
use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{DriftService, Resolution, TrendInBuckets};

use crate::api::time;
use crate::error::Failure;
use crate::input::Parameters;

/// Up to so many values are read each for itself: buckets are no finer than a second.
const RECORDS_MAX: usize = 4_000;
/// Up to so many are looked through for where a drift began.
const LOOKED_THROUGH_MAX: usize = 1_000;

/// `from` or `to` of a request.
pub(super) fn end(parameters: &Parameters, name: &str) -> Result<Option<DateTime<Utc>>, Failure> {
    parameters.parsed(name, time::EXPECTED, time::parse)
}

/// The values of a range, by default since the fit.
pub(super) async fn trend(
    service: &DriftService,
    project: &ProjectName,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    n_points: NonZeroU32,
) -> Result<Trend, Failure> {
    let n_points_max = n_points.get() as usize;
    let resolution = Resolution::Points(n_points);
    let query = TrendInBuckets { project: project.clone(), from, to, resolution, page_size: n_points_max, after: None };
    let (page, width_s) = service.trend_in_buckets(&query).await.map_err(Failure::of_project)?;
    let trend = Trend::of_buckets(page.buckets, width_s);
    let is_coarse = trend.buckets.len() * 2 < n_points_max;
    if is_coarse && trend.n_records() <= RECORDS_MAX as u64 {
        let records = records(service, project, from, to, RECORDS_MAX).await?;
        return Ok(Trend::of_records(&records, n_points));
    }
    Ok(trend)
}

/// When the drift began that lasts, if there is one.
pub(super) async fn drift_began(service: &DriftService, project: &ProjectName, trend: &Trend) -> Option<DateTime<Utc>> {
    let bucket = trend.drift_began()?;
    if bucket.sums.drifts == bucket.sums.records || bucket.sums.records > LOOKED_THROUGH_MAX as u64 {
        return Some(bucket.from);
    }
    // The end of a bucket of single values is that of the last one.
    let until = bucket.until + TimeDelta::microseconds(1);
    let within = records(service, project, Some(bucket.from), Some(until), LOOKED_THROUGH_MAX).await;
    let within = within.unwrap_or_default();
    let run = within.iter().rev().take_while(|record| record.is_drift).last();
    Some(run.map_or(bucket.until, |first| first.at))
}

async fn records(
    service: &DriftService,
    project: &ProjectName,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    n_max: usize,
) -> Result<Vec<DriftRecord>, Failure> {
    let query = TrendQuery { project: project.clone(), from, to, page_size: n_max, after: None, with_features: false };
    Ok(service.trend(&query).await.map_err(Failure::of_project)?.records)
}
