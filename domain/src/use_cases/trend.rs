//! Trend: the drift values of a project over time.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};

use super::registry::Body;
use super::{DriftService, ProjectError};
use crate::ports::{BucketPage, BucketQuery, Extent, PortErrorKind, TrendPage, TrendQuery};
use crate::project::ProjectName;

/// Up to so many records are summed up anew for buckets of less than a minute; more of them are read from sums by the minute.
const FINE_RECORDS_MAX: u64 = 200_000;
const MINUTE_S: u32 = 60;

/// How wide the buckets of a trend are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// So many seconds, counted from 1970: a minute, an hour, a day in UTC.
    Seconds(NonZeroU32),
    /// So many that there are at most this many buckets.
    Points(NonZeroU32),
}

/// Which buckets are asked for. The range is half-open: `from <= at < to`.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendInBuckets {
    /// The project.
    pub project: ProjectName,
    /// The earliest time.
    pub from: Option<DateTime<Utc>>,
    /// The time that is no longer included.
    pub to: Option<DateTime<Utc>>,
    /// How wide they are.
    pub resolution: Resolution,
    /// At most so many buckets of [`Resolution::Seconds`]; points come all at once.
    pub page_size: usize,
    /// The number of the bucket at which the page before ended.
    pub after: Option<i64>,
}

impl DriftService {
    /// The recorded drift values of a project: from `from` on, or since it was fitted, for those of an earlier fit belong to
    /// another detector. Those of a deleted project are told while they are kept.
    ///
    /// # Errors
    /// When there is neither such a project nor a record of one, or when the database fails.
    pub async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, ProjectError> {
        let from = self.told_from(&query.project, query.from).await?;
        Ok(self.ports.metrics.trend(&TrendQuery { from, ..query.clone() }).await?)
    }

    /// The same values, summed up in buckets of time, with the width of these in seconds. Without `from`, points begin at the first value since the fit, and
    /// without `to` they end at the last one.
    ///
    /// # Errors
    /// As for [`Self::trend`].
    pub async fn trend_in_buckets(&self, query: &TrendInBuckets) -> Result<(BucketPage, u32), ProjectError> {
        let TrendInBuckets { project, to, page_size, after, .. } = query.clone();
        let from = self.told_from(&project, query.from).await?;
        let buckets = BucketQuery { project, from, to, origin_s: 0, width_s: NonZeroU32::MIN, page_size, after };
        let buckets = match query.resolution {
            Resolution::Seconds(width_s) => BucketQuery { width_s, ..buckets },
            Resolution::Points(n_points) => {
                let extent = self.ports.metrics.extent(&buckets.project, from, to).await?;
                let Some(extent) = extent else {
                    return Ok((BucketPage { buckets: Vec::new(), next: None }, MINUTE_S));
                };
                let asked =
                    Extent { first: query.from.unwrap_or(extent.first), end: to.unwrap_or(extent.end), ..extent };
                let (origin_s, width_s) = spread(asked, n_points);
                let page_size = n_points.get() as usize;
                // What comes meanwhile is not asked for, so that there are no more.
                BucketQuery { origin_s, width_s, page_size, after: None, to: Some(asked.end), ..buckets }
            }
        };
        let mut page = self.ports.metrics.buckets(&buckets).await?;
        if matches!(query.resolution, Resolution::Points(_)) {
            page.next = None;
        }
        Ok((page, buckets.width_s.get()))
    }

    /// Whether there is a project of the name, or was one whose values are kept.
    ///
    /// # Errors
    /// When nobody can tell, because the database fails.
    pub async fn has_trend(&self, project: &ProjectName) -> Result<bool, ProjectError> {
        match self.told_from(project, None).await {
            Err(ProjectError::NotFound) => Ok(false),
            told => told.map(|_| true),
        }
    }

    async fn told_from(
        &self,
        project: &ProjectName,
        from: Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, ProjectError> {
        let body = self.registry.get(project).map_or(Body::Gone, |entry| entry.slot().body);
        let fitted_at = match body {
            Body::Loaded(loaded) => Some(loaded.configuration.created_at),
            Body::Cold(Some(known)) => Some(known.configuration.created_at),
            Body::Gone => {
                let is_kept = self.is_kept(project).await?;
                return is_kept.then_some(from).ok_or(ProjectError::NotFound);
            }
            Body::Cold(None) | Body::Failed { .. } => match self.ports.artifacts.configuration(project).await {
                Ok(configuration) => configuration.map(|configuration| configuration.created_at),
                // Without its configuration nobody knows; all of the name is told.
                Err(error) if error.kind() == PortErrorKind::Damaged => None,
                Err(error) => return Err(error.into()),
            },
        };
        Ok(from.or(fitted_at))
    }

    async fn is_kept(&self, project: &ProjectName) -> Result<bool, ProjectError> {
        let first = TrendQuery {
            project: project.clone(),
            from: None,
            to: None,
            page_size: 1,
            after: None,
            with_features: false,
        };
        Ok(!self.ports.metrics.trend(&first).await?.records.is_empty())
    }
}

/// Where the first bucket starts and how wide each is, so that `n_points` of them reach over all: whole minutes, but for few
/// records.
fn spread(extent: Extent, n_points: NonZeroU32) -> (i64, NonZeroU32) {
    let unit = if extent.n_records > FINE_RECORDS_MAX { MINUTE_S } else { 1 };
    let width = |origin_s: i64, unit: u32| {
        // A part of a second at the end counts as a whole one.
        let seconds = (extent.end.timestamp() + 1 - origin_s).max(1).unsigned_abs();
        let width = seconds.div_ceil(u64::from(n_points.get())).next_multiple_of(u64::from(unit));
        NonZeroU32::new(u32::try_from(width).unwrap_or(u32::MAX - u32::MAX % MINUTE_S)).unwrap_or(NonZeroU32::MIN)
    };
    let first_s = extent.first.timestamp();
    let fine = width(first_s, unit);
    if fine.get() < MINUTE_S {
        return (first_s, fine);
    }
    let origin_s = first_s.div_euclid(i64::from(MINUTE_S)) * i64::from(MINUTE_S);
    (origin_s, width(origin_s, MINUTE_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread_of(first: i64, end: i64, n_records: u64, n_points: u32) -> (i64, u32) {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
        let extent = Extent { first: at(first), end: at(end), n_records };
        let (origin, width) = spread(extent, NonZeroU32::new(n_points).expect("not zero"));
        (origin, width.get())
    }

    #[test]
    fn points_reach_over_all() {
        assert_eq!(spread_of(1_000, 1_000, 1, 200), (1_000, 1));
        assert_eq!(spread_of(1_000, 1_999, 100, 100), (1_000, 10), "few records are shown in detail");
        assert_eq!(spread_of(1_000, 1_999, 1_000_000, 100), (960, 60), "many are not");
        assert_eq!(spread_of(1_000, 1_000_000, 100, 100), (960, 10_020));
        for (first, end, n_points) in [(17, 1_000_000, 7), (-500, 86_399, 200), (0, 59, 1), (0, 60, 1)] {
            let (origin, width) = spread_of(first, end, 1, n_points);
            assert!(origin <= first && origin + i64::from(width) * i64::from(n_points) > end);
        }
        assert_eq!(spread_of(0, i64::from(u32::MAX) * 4, 1, 1).1 % MINUTE_S, 0);
    }
}
