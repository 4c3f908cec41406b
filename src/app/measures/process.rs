//! The process itself, under the names that every client library of Prometheus gives them. Read of `/proc`, as there is no other
//! place for it on Linux; elsewhere there is none, and nothing is told.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// This process.
#[derive(Debug)]
pub(super) struct ProcessMeasures;

/// What `/proc/self/stat` says.
#[derive(Debug, PartialEq)]
struct Stat {
    /// Time on processors, in ticks.
    cpu_ticks: u64,
    n_threads: u64,
    /// Since the system was started, in ticks.
    started_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn now() -> Option<Self> {
        Self::of(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// By the places of proc(5), which begin with the third behind the name; that may hold anything.
    fn of(text: &str) -> Option<Self> {
        let (_, behind) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = behind.split_ascii_whitespace().collect();
        let field = |place: usize| fields.get(place - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            n_threads: field(20)?,
            started_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// When the system was started, in seconds since 1970.
fn system_started_s() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

impl Collector for ProcessMeasures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(stat) = Stat::now() else { return Ok(()) };
        let seconds = |ticks: u64| ticks as f64 / clock_ticks_per_second().max(1) as f64;
        let help = "Time of this process on processors";
        let cpu = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
        ConstCounter::new(seconds(stat.cpu_ticks)).encode(cpu)?;
        let n_open = fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as f64);
        let n_max = getrlimit(Resource::Nofile).current.map(|n| n as f64);
        let started = system_started_s().map(|system| system as f64 + seconds(stat.started_ticks));
        for (name, help, value) in [
            (
                "process_resident_memory_bytes",
                "Memory of this process that is in use",
                Some(stat.resident_pages as f64 * page_size() as f64),
            ),
            ("process_virtual_memory_bytes", "Memory that is mapped", Some(stat.virtual_bytes as f64)),
            ("process_open_fds", "Open file descriptors", n_open),
            ("process_max_fds", "File descriptors that may be open", n_max),
            ("process_threads", "Threads of this process", Some(stat.n_threads as f64)),
            ("process_start_time_seconds", "When this process was started, in seconds since 1970", started),
        ] {
            let Some(value) = value else { continue };
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_behind_the_name() {
        let text = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 0 0 0 120 30 0 0 20 0 9 0 5000 1000000 250 18446744073709551615";
        let expected =
            Stat { cpu_ticks: 150, n_threads: 9, started_ticks: 5_000, virtual_bytes: 1_000_000, resident_pages: 250 };
        assert_eq!(Stat::of(text), Some(expected));
        assert_eq!(Stat::of("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_threads_and_memory() {
        let stat = Stat::now().unwrap();
        assert!(stat.n_threads > 0 && stat.resident_pages > 0);
        assert!(system_started_s().unwrap() > 1_500_000_000);
    }
}
