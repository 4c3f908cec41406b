//! What goes over the wire as JSON, apart from the domain's own types: a serialised type is a promise.

mod backtest;
mod detection;
mod detector;
mod events;
mod feature;
mod metrics;
mod operation;
mod project;
mod quality;
mod requests;
mod sequence;
mod unions;
mod words;

pub(crate) use backtest::BacktestReport;
pub(crate) use detection::{Detection, detection_json};
pub(crate) use events::AcceptedEvents;
pub(crate) use metrics::{CsvRow, Metric, MetricBucket, Trend, TrendPoint};
pub(crate) use operation::{LongFit, OperationPage};
pub(crate) use project::{Project, ProjectPage, Refreshed};
pub(crate) use requests::{BacktestRequest, FitRequest, FitSettings, PredictRequest};
pub(crate) use sequence::TimeOf;
pub(crate) use words::{DetectorKind, DriftType, FeatureSet, Health, MissingValues, Status};
