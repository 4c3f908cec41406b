//! What the owner of the server decides about its HTTP interface.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use drifting_access::{AuditLog, Gate};
use drifting_domain::project::ProjectName;
use drifting_inference::ReadLimits;
use drifting_listening::{BodyMemory, Places, RequestMeasures, Tls, Tracing};

use crate::server::request_measures;

/// Limits and names of the HTTP interface.
#[derive(Clone)]
pub struct HttpSettings {
    /// The version that `/` tells.
    pub version: String,
    /// Bodies of predictions may have so many bytes.
    pub max_body_bytes: usize,
    /// Bodies of fits may have so many bytes.
    pub fit_max_body_bytes: usize,
    /// How large the head of a request may be.
    pub head: HeadLimits,
    /// Arrays and objects of JSON may stand so deep within one another.
    pub max_json_depth: usize,
    /// A request for an inference may have so many tensors.
    pub max_tensors: usize,
    /// A tensor may have so many dimensions.
    pub max_rank: usize,
    /// The hosts that a request may name in `Host` and `Origin`.
    pub allowed_hosts: AllowedHosts,
    /// The pages of other servers that may use this one, each as `https://host` or `https://host:port`.
    pub cors_origins: Vec<String>,
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// Where changes are written down, if anywhere.
    pub audit: Option<AuditLog>,
    /// What the bodies of requests may take together.
    pub bodies: BodyMemory,
    /// What those of fits and backtests may, which keep nobody else waiting.
    pub fit_bodies: BodyMemory,
    /// By what the server is known, if it speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// The places of connections that are served at once. Where none is free, one that rests makes room, or else more wait in the
    /// system's queue.
    pub places: Places,
    /// How long a client may take.
    pub timeouts: HttpTimeouts,
    /// The projects of events that come to `/`, by namespace and inference service (`prod/churn-model`), or by the service alone.
    /// Where there is none, `/` takes no events.
    pub event_projects: BTreeMap<String, ProjectName>,
    /// Whether answers to inference requests carry the CloudEvents headers that MLServer gives its own.
    pub mlserver_headers: bool,
    /// What `/metrics` tells.
    pub measures: Measures,
    /// Where requests are counted.
    pub requests: Arc<RequestMeasures>,
    /// Where requests are traced, if at all.
    pub tracing: Tracing,
}

/// What `/metrics` tells, as text for Prometheus in a format; asked for at each request.
#[derive(Clone)]
pub struct Measures(pub Arc<dyn Fn(MeasuresFormat) -> String + Send + Sync>);

/// How `/metrics` writes what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasuresFormat {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// The text format of Prometheus, 0.0.4.
    PrometheusText,
}

impl fmt::Debug for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Measures")
    }
}

/// Nothing.
impl Default for Measures {
    fn default() -> Self {
        Self(Arc::new(|format| match format {
            MeasuresFormat::OpenMetrics => "# EOF\n".to_owned(),
            MeasuresFormat::PrometheusText => String::new(),
        }))
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            max_body_bytes: 32 * 1024 * 1024,
            fit_max_body_bytes: 1024 * 1024 * 1024,
            head: HeadLimits::default(),
            max_json_depth: ReadLimits::JSON_DEPTH_MAX,
            max_tensors: ReadLimits::TENSORS_MAX,
            max_rank: ReadLimits::RANK_MAX,
            allowed_hosts: AllowedHosts::Any,
            cors_origins: Vec::new(),
            gate: Arc::new(Gate::open()),
            audit: None,
            bodies: BodyMemory::default(),
            fit_bodies: BodyMemory::default(),
            tls: None,
            places: Places::new(10_000),
            timeouts: HttpTimeouts::default(),
            event_projects: BTreeMap::new(),
            mlserver_headers: false,
            measures: Measures::default(),
            requests: Arc::new(request_measures()),
            tracing: Tracing::default(),
        }
    }
}

impl HttpSettings {
    /// What a body of so many bytes may hold.
    pub(crate) fn read_limits(&self, bytes: usize) -> ReadLimits {
        ReadLimits { bytes, json_depth: self.max_json_depth, tensors: self.max_tensors, rank: self.max_rank }
    }
}

/// How large the head of a request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the path and the query: settings of a fit may stand there.
    pub target_bytes: usize,
    /// Headers; more than 256 never get here.
    pub headers: usize,
    /// Bytes of their names and values: tokens of an issuer may stand there.
    pub headers_bytes: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { target_bytes: 8 * 1024, headers: 100, headers_bytes: 32 * 1024 }
    }
}

/// The hosts that a request may name in `Host` and `Origin`, with or without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedHosts {
    /// Any.
    Any,
    /// Names of this machine that nobody chose. Pages of other programs on it have these hosts too: they may read, and
    /// only pages of the server itself may change something.
    Loopback(Vec<String>),
    /// Names that somebody chose. Pages of these hosts may change something, too.
    Named(Vec<String>),
}

/// How long a client may take. None of them runs while the server works on a request, but for that on another head over HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpTimeouts {
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// Between two requests on one connection, and before the first.
    pub idle: Duration,
    /// Without a byte of an answer being taken.
    pub write: Duration,
    /// Without a byte of a body arriving.
    pub body_chunk: Duration,
    /// A body may take this long at any rate; longer ones must come at [`Self::body_bytes_per_second_min`].
    pub body_grace: Duration,
    /// A body that takes longer than [`Self::body_grace`] must have come at this rate on average.
    pub body_bytes_per_second_min: u64,
    /// A body may take this long at most, whatever its rate.
    pub body: Duration,
    /// The same for that of a fit or a backtest.
    pub fit_body: Duration,
}

impl HttpTimeouts {
    /// Those of fits.
    pub(crate) fn of_fits(self) -> Self {
        Self { body: self.fit_body, ..self }
    }
}

impl Default for HttpTimeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write: Duration::from_mins(1),
            body_chunk: Duration::from_secs(30),
            body_grace: Duration::from_secs(20),
            body_bytes_per_second_min: 1024,
            body: Duration::from_mins(5),
            fit_body: Duration::from_hours(1),
        }
    }
}
