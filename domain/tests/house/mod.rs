//! Servers on memory adapters, one after the other on the same stores, and what is fitted on them.

use std::sync::Arc;

use chrono::DateTime;
use drifting_domain::data::{MissingValues, Table};
use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{Access, DriftService, FitRequest, Ports, ServiceSettings, StateDurability};
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

/// The project of every test.
pub fn name() -> ProjectName {
    "p".parse().expect("a valid name")
}

/// A fit of everything by default.
pub fn request(drift_type: DriftType, reference: Table, detector: DetectorRequest) -> FitRequest {
    FitRequest {
        project: name(),
        drift_type,
        reference,
        detector,
        standardize: None,
        n_components: None,
        texts: TextRequest::DEFAULT,
        missing_values: MissingValues::Reject,
        quality: QualityRequest::default(),
        report_run_length: false,
        overwrite: true,
    }
}

/// A kind that comes to a verdict within few rows.
pub fn of_kind(kind: DetectorKind) -> DetectorRequest {
    let online = DetectorRequest {
        kind: Some(kind),
        ert: Some(50.0),
        window_size: Some(10),
        n_bootstraps: Some(2_000),
        ..DetectorRequest::default()
    };
    if kind.is_online() { online } else { DetectorRequest { kind: Some(kind), ..DetectorRequest::default() } }
}

/// Fits and stores.
pub async fn fit(service: &DriftService, request: FitRequest) {
    let fitted = service.fit(request).await.expect("a fit");
    service.store(fitted).await.expect("it is stored");
}
