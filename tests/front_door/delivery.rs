//! What `/metrics` tells of drift values on their way to the database.

use std::time::{Duration, Instant};

use drifting_postgres_servers::PostgresServer;

use crate::server::Server;

/// Long enough for a machine that builds something else meanwhile, and for the longest wait between two tries.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub recorded: u64,
    pub delivered: u64,
    pub waiting: u64,
    /// By reason, without those of none.
    pub dropped: Vec<(String, u64)>,
    pub spilled_bytes: u64,
    pub is_up: bool,
}

impl Delivery {
    /// The counts now.
    pub fn of(server: &Server) -> Self {
        let text = server.get("/metrics").expect(200).as_str().expect("a text").to_owned();
        let samples: Vec<(&str, u64)> = text
            .lines()
            .filter(|line| line.starts_with("drifting_"))
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| Some((name, value.parse().ok()?)))
            .collect();
        let of = |name: &str| {
            let found = samples.iter().find(|(sample, _)| *sample == name);
            found.unwrap_or_else(|| panic!("{name} is missing: {text}")).1
        };
        let dropped = samples.iter().filter_map(|(name, n)| {
            let reason = name.strip_prefix("drifting_metrics_dropped_total{reason=\"")?.strip_suffix("\"}")?;
            (*n > 0).then(|| (reason.to_owned(), *n))
        });
        Self {
            recorded: of("drifting_metrics_recorded_total"),
            delivered: of("drifting_metrics_delivered_total"),
            waiting: of("drifting_queue_depth{queue=\"metrics\"}"),
            dropped: dropped.collect(),
            spilled_bytes: of("drifting_metrics_spilled_bytes"),
            is_up: of("drifting_metrics_database_up") == 1,
        }
    }

    /// The counts once nothing waits any more.
    pub fn ended(server: &Server) -> Self {
        let mut counts = Self::of(server);
        wait_until(server, "everything is delivered", || {
            counts = Self::of(server);
            counts.waiting == 0
        });
        counts
    }

    pub fn n_dropped(&self) -> u64 {
        self.dropped.iter().map(|(_, n)| n).sum()
    }

    /// Every record that was recorded was delivered or dropped, and those delivered are in the database, each once.
    pub fn assert_exact(&self, database: &PostgresServer) {
        assert_eq!(self.recorded, self.delivered + self.n_dropped() + self.waiting, "{self:?}");
        let counted = |sql: &str| database.query_value(sql).parse::<u64>().expect("a number");
        assert_eq!(counted("SELECT count(*) FROM drift_record"), self.delivered, "{self:?}");
        let distinct = "SELECT count(*) FROM (SELECT DISTINCT server_id, number FROM drift_record) AS records";
        assert_eq!(counted(distinct), self.delivered, "a record is there twice");
        let summed = "SELECT coalesce(sum(records), 0) FROM drift_rollup";
        assert_eq!(counted(summed), self.delivered, "the sums by the minute are others");
    }
}

/// Waits until something is so.
pub fn wait_until(server: &Server, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}: {}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}
