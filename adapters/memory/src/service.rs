//! The use cases over every port of this crate.

use std::sync::Arc;

use chrono::DateTime;
use drifting_domain::ports::{CpuPool, NoEvents};
use drifting_domain::use_cases::{Access, DriftService, Ports, ServiceSettings, StateDurability};

use crate::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

/// A service that keeps nothing: its clock stands at 1970, and it computes on the thread of whoever asks.
pub fn service() -> DriftService {
    let metrics = Arc::new(MemoryMetrics::new());
    let pool: Arc<dyn CpuPool> = Arc::new(InlineCpuPool);
    let ports = Ports {
        artifacts: Arc::new(MemoryArtifacts::new()),
        index: Arc::new(MemoryIndex::new()),
        operations: Arc::new(MemoryOperations::new()),
        sink: Arc::clone(&metrics) as _,
        events: Arc::new(NoEvents),
        metrics,
        clock: Arc::new(FixedClock::new(DateTime::UNIX_EPOCH)),
        fit_pool: Arc::clone(&pool),
        predict_pool: pool,
    };
    let settings = ServiceSettings {
        access: Access::ReadWrite,
        durability: StateDurability::Interval,
        records_features: false,
        fitted_by: "memory".to_owned(),
    };
    DriftService::new(ports, settings)
}
