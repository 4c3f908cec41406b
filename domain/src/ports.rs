//! What the domain needs from outside. Adapters carry these out; `contract` holds the suite that each must pass.

mod error;
mod metrics;
mod operations;
mod project;
mod runtime;

pub use error::{PortError, PortErrorKind};
pub use metrics::{DriftRecord, MetricsRepository, MetricsSink, TrendPage, TrendQuery};
pub use operations::OperationJournal;
pub use project::{ArtifactStore, IndexEntry, ProjectIndex, StoredProject};
pub use runtime::{Clock, CpuPool, Progress, Silent};
