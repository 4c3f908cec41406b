//! Servers on memory adapters, one after the other on the same stores.

use std::sync::Arc;

use chrono::DateTime;
use drifting_domain::use_cases::{Access, DriftService, Ports, ServiceSettings, StateDurability};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

#[derive(Default)]
pub struct House {
    pub artifacts: Arc<MemoryArtifacts>,
    pub index: Arc<MemoryIndex>,
}

impl House {
    /// A server that knows nothing yet.
    pub fn service(&self) -> DriftService {
        let metrics = Arc::new(MemoryMetrics::new());
        let ports = Ports {
            artifacts: Arc::clone(&self.artifacts) as _,
            index: Arc::clone(&self.index) as _,
            operations: Arc::new(MemoryOperations::new()),
            metrics: Arc::clone(&metrics) as _,
            sink: metrics,
            events: Arc::new(drifting_domain::ports::NoEvents),
            clock: Arc::new(FixedClock::new(DateTime::UNIX_EPOCH)),
            fit_pool: Arc::new(InlineCpuPool),
            predict_pool: Arc::new(InlineCpuPool),
        };
        let settings = ServiceSettings {
            access: Access::ReadWrite,
            durability: StateDurability::Always,
            records_features: false,
            fitted_by: "test 0".to_owned(),
        };
        DriftService::new(ports, settings)
    }

    /// A server on the same stores.
    pub async fn serve(&self) -> DriftService {
        let service = self.service();
        service.start().await.expect("the stores are read");
        service
    }
}
