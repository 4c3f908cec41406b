//! How many requests there were and how long each took, by what was asked and what came of it. What clients send never
//! becomes a label: what is not on the lists is counted under their last word.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use drifting_domain::measures::{DurationCounts, DurationHistogram};

/// The route of requests for something that is not served.
pub const UNMATCHED: &str = "unmatched";

/// Counts of requests. Counting takes no lock.
pub struct RequestMeasures {
    routes: Vec<String>,
    methods: &'static [&'static str],
    statuses: &'static [&'static str],
    /// One a route and method, with one a status.
    cells: Box<[OnceLock<Statuses>]>,
    n_under_way: AtomicI64,
    n_replayed: AtomicU64,
}

type Statuses = Box<[OnceLock<Box<DurationHistogram>>]>;

/// What was counted of one route, method and status.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestCounts<'m> {
    /// The pattern of the route, or [`UNMATCHED`].
    pub route: &'m str,
    /// The method.
    pub method: &'static str,
    /// The status.
    pub status: &'static str,
    /// How long the requests took.
    pub durations: DurationCounts,
}

impl RequestMeasures {
    /// Counts of these routes and of what is none of them, by these methods and statuses.
    pub fn new(mut routes: Vec<String>, methods: &'static [&'static str], statuses: &'static [&'static str]) -> Self {
        routes.push(UNMATCHED.to_owned());
        let cells = (0..routes.len() * methods.len()).map(|_| OnceLock::new()).collect();
        Self { routes, methods, statuses, cells, n_under_way: AtomicI64::new(0), n_replayed: AtomicU64::new(0) }
    }

    /// The pattern of a route.
    pub fn route(&self, route: Option<usize>) -> &str {
        route.and_then(|route| self.routes.get(route)).map_or(UNMATCHED, String::as_str)
    }

    /// The patterns of all routes.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.routes[..self.routes.len() - 1].iter().map(String::as_str)
    }

    /// A request has begun.
    pub fn begun(&self) {
        self.n_under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has ended that took so long. Route, method and status are places in their lists; those beyond are the last.
    pub fn ended(&self, route: Option<usize>, method: usize, status: usize, took: Duration) {
        self.n_under_way.fetch_sub(1, Ordering::Relaxed);
        let route = route.unwrap_or(usize::MAX).min(self.routes.len() - 1);
        let method = method.min(self.methods.len().saturating_sub(1));
        let statuses = self.cells[route * self.methods.len() + method]
            .get_or_init(|| (0..self.statuses.len()).map(|_| OnceLock::new()).collect());
        let durations = statuses[status.min(self.statuses.len().saturating_sub(1))]
            .get_or_init(|| Box::new(DurationHistogram::new(DurationHistogram::REQUESTS)));
        durations.record(took);
    }

    /// A request that came again has been given its first answer.
    pub fn replayed(&self) {
        self.n_replayed.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that came again and were given their first answers.
    pub fn n_replayed(&self) -> u64 {
        self.n_replayed.load(Ordering::Relaxed)
    }

    /// Requests that are being served.
    pub fn n_under_way(&self) -> i64 {
        self.n_under_way.load(Ordering::Relaxed)
    }

    /// What has been counted: of each route, method and status that there was.
    pub fn counts(&self) -> impl Iterator<Item = RequestCounts<'_>> {
        self.cells.iter().enumerate().flat_map(move |(cell, by_status)| {
            let (route, method) = (&self.routes[cell / self.methods.len()], self.methods[cell % self.methods.len()]);
            let by_status = by_status.get().map(|by_status| &**by_status).unwrap_or_default();
            by_status.iter().zip(self.statuses).filter_map(move |(histogram, status)| {
                let durations = histogram.get()?.now();
                Some(RequestCounts { route, method, status, durations })
            })
        })
    }
}

impl fmt::Debug for RequestMeasures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestMeasures")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_where_they_belong_and_others_together() {
        let measures = RequestMeasures::new(vec!["/a".to_owned()], &["GET", "other"], &["200", "other"]);
        measures.begun();
        measures.begun();
        measures.ended(Some(0), 0, 0, Duration::from_millis(1));
        for unknown in 5..9 {
            measures.begun();
            measures.ended(None, unknown, unknown, Duration::from_millis(1));
        }
        assert_eq!(measures.n_under_way(), 1);
        let counts: Vec<_> = measures.counts().map(|of| (of.route, of.method, of.status, of.durations.n())).collect();
        assert_eq!(counts, [("/a", "GET", "200", 1), (UNMATCHED, "other", "other", 4)]);
    }
}
