//! How many requests there were and how long each took, by what was asked and what came of it. What clients send never
//! becomes a label: what is not on the lists is counted under their last word.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use drifting_domain::measures::{DurationCounts, DurationHistogram};

/// The route of requests for something that is not served.
pub const UNMATCHED: &str = "unmatched";

/// Counts of requests. Counting takes no lock.
pub struct RequestMeasures {
    routes: Vec<String>,
    methods: &'static [&'static str],
    statuses: &'static [&'static str],
    /// One a route and method.
    cells: Box<[Cell]>,
    n_replayed: AtomicU64,
}

/// What is counted of one route and method.
#[derive(Default)]
struct Cell {
    n_begun: AtomicU64,
    n_received: AtomicU64,
    n_sent: AtomicU64,
    ended: OnceLock<Statuses>,
}

/// One a status.
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

/// What was counted of one route and method, whatever came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteCounts<'m> {
    /// The pattern of the route, or [`UNMATCHED`].
    pub route: &'m str,
    /// The method.
    pub method: &'static str,
    /// Requests that have begun.
    pub n_begun: u64,
    /// Those of them that are being served.
    pub n_under_way: u64,
    /// Messages that came with them, where a request is made of messages.
    pub n_received: u64,
    /// Messages that answered them.
    pub n_sent: u64,
}

impl Cell {
    fn ended(&self) -> &[OnceLock<Box<DurationHistogram>>] {
        self.ended.get().map(|by_status| &**by_status).unwrap_or_default()
    }

    fn counts<'m>(&self, route: &'m str, method: &'static str) -> RouteCounts<'m> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        // Read before those that have begun, so that none has ended that has not begun.
        let n_ended: u64 = self.ended().iter().filter_map(OnceLock::get).map(|histogram| histogram.now().n()).sum();
        let n_begun = of(&self.n_begun);
        let n_under_way = n_begun.saturating_sub(n_ended);
        RouteCounts { route, method, n_begun, n_under_way, n_received: of(&self.n_received), n_sent: of(&self.n_sent) }
    }
}

impl RequestMeasures {
    /// Counts of these routes and of what is none of them, by these methods and statuses.
    pub fn new(mut routes: Vec<String>, methods: &'static [&'static str], statuses: &'static [&'static str]) -> Self {
        routes.push(UNMATCHED.to_owned());
        let cells = (0..routes.len() * methods.len()).map(|_| Cell::default()).collect();
        Self { routes, methods, statuses, cells, n_replayed: AtomicU64::new(0) }
    }

    /// The pattern of a route.
    pub fn route(&self, route: Option<usize>) -> &str {
        route.and_then(|route| self.routes.get(route)).map_or(UNMATCHED, String::as_str)
    }

    /// The patterns of all routes.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.routes[..self.routes.len() - 1].iter().map(String::as_str)
    }

    /// Of a route and method by their places in their lists; those beyond are the last.
    fn cell(&self, route: Option<usize>, method: usize) -> &Cell {
        let route = route.unwrap_or(usize::MAX).min(self.routes.len() - 1);
        let method = method.min(self.methods.len().saturating_sub(1));
        &self.cells[route * self.methods.len() + method]
    }

    /// The route and method of a cell by its place.
    fn names(&self, cell: usize) -> (&str, &'static str) {
        (&self.routes[cell / self.methods.len()], self.methods[cell % self.methods.len()])
    }

    /// A request has begun. Route and method are places in their lists; those beyond are the last.
    pub fn begun(&self, route: Option<usize>, method: usize) {
        self.cell(route, method).n_begun.fetch_add(1, Ordering::Relaxed);
    }

    /// So many messages have come with a request.
    pub fn received(&self, route: Option<usize>, method: usize, n: u64) {
        self.cell(route, method).n_received.fetch_add(n, Ordering::Relaxed);
    }

    /// So many messages have answered a request.
    pub fn sent(&self, route: Option<usize>, method: usize, n: u64) {
        self.cell(route, method).n_sent.fetch_add(n, Ordering::Relaxed);
    }

    /// A request has ended that took so long. It has begun by the same route and method; of the statuses too, those beyond are the last.
    pub fn ended(&self, route: Option<usize>, method: usize, status: usize, took: Duration) {
        let cell = self.cell(route, method);
        let statuses = cell.ended.get_or_init(|| (0..self.statuses.len()).map(|_| OnceLock::new()).collect());
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
    pub fn n_under_way(&self) -> u64 {
        self.by_route().map(|of| of.n_under_way).sum()
    }

    /// What has been counted of each route and method that there was.
    pub fn by_route(&self) -> impl Iterator<Item = RouteCounts<'_>> {
        let counts = move |(place, cell): (usize, &Cell)| {
            let (route, method) = self.names(place);
            cell.counts(route, method)
        };
        self.cells.iter().enumerate().map(counts).filter(|of| of.n_begun > 0)
    }

    /// What has been counted: of each route, method and status that there was.
    pub fn counts(&self) -> impl Iterator<Item = RequestCounts<'_>> {
        self.cells.iter().enumerate().flat_map(move |(place, cell)| {
            let (route, method) = self.names(place);
            cell.ended().iter().zip(self.statuses).filter_map(move |(histogram, status)| {
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
        measures.begun(Some(0), 0);
        measures.begun(Some(0), 0);
        measures.received(Some(0), 0, 3);
        measures.sent(Some(0), 0, 2);
        measures.ended(Some(0), 0, 0, Duration::from_millis(1));
        for unknown in 5..9 {
            measures.begun(None, unknown);
            measures.ended(None, unknown, unknown, Duration::from_millis(1));
        }
        assert_eq!(measures.n_under_way(), 1);
        let counts: Vec<_> = measures.counts().map(|of| (of.route, of.method, of.status, of.durations.n())).collect();
        assert_eq!(counts, [("/a", "GET", "200", 1), (UNMATCHED, "other", "other", 4)]);
        let known = RouteCounts { route: "/a", method: "GET", n_begun: 2, n_under_way: 1, n_received: 3, n_sent: 2 };
        let (route, method) = (UNMATCHED, "other");
        let unknown = RouteCounts { route, method, n_begun: 4, n_under_way: 0, n_received: 0, n_sent: 0 };
        assert_eq!(measures.by_route().collect::<Vec<_>>(), [known, unknown]);
    }
}
