//! What the domain needs from outside. Adapters carry these out; `contract` holds the suite that each must pass.

mod buckets;
mod encoders;
mod error;
mod events;
mod images;
mod metrics;
mod operations;
mod project;
mod runtime;

pub use buckets::{BucketPage, BucketQuery, Extent, RecordSums, TrendBucket, ValueSums};
pub use encoders::{ImageEncoder, ImageEncoders, NoEncoders, TextEncoder, TextEncoders};
pub use error::{PortError, PortErrorKind};
pub use events::{EventSink, NoEvents, Trace, Verdicts};
pub use images::{ImageDecoder, NoImageFiles};
pub use metrics::{
    Cursor, DriftRecord, FeatureRecord, MetricsHistory, MetricsRepository, MetricsSink, TrendPage, TrendQuery,
};
pub use operations::OperationJournal;
pub use project::{ArtifactStore, IndexEntry, ProjectIndex, StoredProject};
pub use runtime::{Clock, CpuPool, Progress, Silent};
