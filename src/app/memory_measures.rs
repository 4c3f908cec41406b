//! What `/metrics` tells of the projects and the bodies in memory.

use std::fmt;
use std::sync::Arc;

use drifting_domain::use_cases::{DriftService, MemoryUse};
use drifting_listening::BodyMemory;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use super::guards::Guards;

/// The memory of projects and of bodies, as the server counts it.
pub struct MemoryMeasures {
    service: Arc<DriftService>,
    bodies: BodyMemory,
    fit_bodies: BodyMemory,
}

impl MemoryMeasures {
    /// Those of a service and of what is let in to it.
    pub fn of(service: &Arc<DriftService>, guards: &Guards) -> Self {
        let (bodies, fit_bodies) = (guards.bodies.clone(), guards.fit_bodies.clone());
        Self { service: Arc::clone(service), bodies, fit_bodies }
    }
}

impl fmt::Debug for MemoryMeasures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryMeasures")
    }
}

impl Collector for MemoryMeasures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let MemoryUse { n_loaded, n_bytes, budget, n_loads, n_evictions } = self.service.memory_use();
        let mut gauge = |name, help, unit: Option<&Unit>, value: u64| {
            let gauge = ConstGauge::new(value as f64);
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        gauge("drifting_projects_loaded", "Projects in memory", None, n_loaded)?;
        gauge("drifting_projects_memory", "About what projects in memory take", Some(&Unit::Bytes), n_bytes)?;
        if let Some(budget) = budget {
            let help = "What projects in memory may take before the least recently used leave it";
            gauge("drifting_projects_memory_budget", help, Some(&Unit::Bytes), budget)?;
        }
        let n_taken = self.bodies.n_taken() as u64;
        gauge("drifting_bodies_memory", "What bodies of requests under way take", Some(&Unit::Bytes), n_taken)?;
        let n_taken = self.fit_bodies.n_taken() as u64;
        let help = "What bodies of fits and backtests take that wait or compute";
        gauge("drifting_fit_bodies_memory", help, Some(&Unit::Bytes), n_taken)?;
        if let Some(budget) = self.bodies.bytes_max() {
            let help =
                "What bodies of requests under way may take together, and those of fits and backtests as much again";
            gauge("drifting_bodies_memory_budget", help, Some(&Unit::Bytes), budget as u64)?;
        }
        let mut counter = |name, help, value: u64| {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
        };
        counter("drifting_project_loads", "Projects that were read into memory", n_loads)?;
        counter("drifting_project_evictions", "Projects that have left memory to make room", n_evictions)
    }
}
