//! The configuration: defaults < file < environment < flags, validated once, with errors that name the source.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use drifting_domain::project::ProjectName;
use drifting_listening::TlsFiles;
use figment::Figment;
use serde::Serialize;

mod access;
mod effective;
mod error;
mod event_projects;
mod layers;
mod listen;
mod logging;
mod requests;
mod settings;
mod sinks;
mod storage;
mod template;
#[cfg(test)]
mod tests;
mod units;

pub use access::AccessConfig;
pub use effective::{EffectiveSetting, Source};
pub use error::ConfigError;
pub use logging::{LogFormat, LogLevel};
pub use requests::RequestConfig;
pub use sinks::EventSinkConfig;
pub use storage::{ArtifactsPath, Bucket, DatabaseUri, Endpoint, ObjectService, StateDurability};
pub use template::template;

pub use units::Interval;

use layers::Layer;
use settings::Settings;
use sinks::OnlySink;

/// The file that is read when no other is named and it exists.
pub const FILE_BY_DEFAULT: &str = "drifting.yaml";

/// Every setting with its default; one without has a default that depends on something else.
const SETTINGS: [(&str, Option<&str>); 71] = [
    ("artifacts_path", Some(".drifting/")),
    ("artifacts_endpoint", None),
    ("artifacts_region", None),
    ("cache_path", None),
    ("database_uri", None),
    ("database_password_file", None),
    ("metrics_retention", Some("none")),
    ("metrics_features", Some("false")),
    ("metrics_spill_max_bytes", Some("256MiB")),
    ("event_sink", None),
    ("event_sink_secret_file", None),
    ("event_sink_allow_private", Some("false")),
    ("event_sinks", None),
    ("event_spool_max_bytes", Some("64MiB")),
    ("event_projects", None),
    ("encoders_path", None),
    ("instance", None),
    ("host", Some("127.0.0.1")),
    ("port", Some("8080")),
    ("grpc_port", None),
    ("mlserver_headers", Some("false")),
    ("mlserver_metrics", Some("false")),
    ("metrics_max_projects", Some("1000")),
    ("allowed_hosts", None),
    ("cors_origins", None),
    ("api_key", None),
    ("api_keys_file", None),
    ("jwt_issuer", None),
    ("jwt_audience", None),
    ("jwt_keys", None),
    ("jwt_scopes_claim", Some("scope")),
    ("jwt_projects_claim", None),
    ("insecure_no_auth", Some("false")),
    ("rate_limit", None),
    ("audit_log", None),
    ("tls_cert", None),
    ("tls_key", None),
    ("tls_client_ca", None),
    ("log_format", None),
    ("log_level", Some("info")),
    ("state_durability", Some("interval")),
    ("state_interval", None),
    ("scan_interval", None),
    ("lease_duration", Some("15s")),
    ("read_only", Some("false")),
    ("max_body_bytes", Some("32MiB")),
    ("fit_max_body_bytes", Some("1GiB")),
    ("max_uri_bytes", Some("8KiB")),
    ("max_headers", Some("100")),
    ("max_header_bytes", Some("32KiB")),
    ("max_json_depth", Some("127")),
    ("max_columns", Some("10000")),
    ("max_tensors", Some("4096")),
    ("max_rank", Some("8")),
    ("max_permutations", Some("100000")),
    ("max_bootstraps", Some("100000000")),
    ("max_connections", None),
    ("header_timeout", Some("10s")),
    ("body_timeout", Some("30s")),
    ("idle_timeout", Some("75s")),
    ("write_timeout", Some("25s")),
    ("idempotency_max_keys", Some("100000")),
    ("idempotency_max_bytes", Some("64MiB")),
    ("projects_memory", None),
    ("bodies_memory", None),
    ("predict_queue", Some("1000")),
    ("predict_wait", Some("250ms")),
    ("concurrent_fits", None),
    ("fit_queue", Some("16")),
    ("drain_delay", Some("0s")),
    ("shutdown_timeout", Some("25s")),
];

/// The name of every setting.
#[cfg(test)]
pub fn setting_names() -> Vec<&'static str> {
    SETTINGS.iter().map(|(key, _)| *key).collect()
}

/// The one setting that has no flag: other users of the machine see the command line.
pub const WITHOUT_FLAG: &str = "api_key";

/// The port that gRPC has by default.
const GRPC_PORT: u16 = 8081;

/// The port to listen on for gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrpcPort {
    /// Nobody said which: this one, or none where it is taken.
    ByDefault(u16),
    /// This one; 0 for any free one.
    Given(u16),
    /// None: gRPC is off.
    None,
}

impl GrpcPort {
    /// What was given, if anything was, beside the port of HTTP.
    fn of(given: Option<listen::GrpcPort>, http_port: u16) -> Self {
        match given {
            // Whoever takes any port has no fixed one either.
            None => Self::ByDefault(if http_port == 0 { 0 } else { GRPC_PORT }),
            Some(listen::GrpcPort(Some(port))) => Self::Given(port),
            Some(listen::GrpcPort(None)) => Self::None,
        }
    }

    /// Its number, if there is one.
    pub fn number(self) -> Option<u16> {
        match self {
            Self::ByDefault(port) | Self::Given(port) => Some(port),
            Self::None => None,
        }
    }
}

/// What the server runs with: every value checked.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Config {
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// Where projects are stored.
    pub artifacts_path: ArtifactsPath,
    /// The address of the object store, where it is not that of the service's owner or of the environment.
    pub artifacts_endpoint: Option<Endpoint>,
    /// The region of the bucket, where it is not that of the environment.
    pub artifacts_region: Option<String>,
    /// Where the index of a bucket is worked on.
    pub cache_path: PathBuf,
    /// Where metrics are stored.
    pub database_uri: DatabaseUri,
    /// The file with the password of the metrics database.
    pub database_password_file: Option<PathBuf>,
    /// How long metrics are kept, if not for ever.
    pub metrics_retention: Option<Duration>,
    /// Whether the verdicts on columns are kept too.
    pub metrics_features: bool,
    /// How much may wait in a file for a metrics database that is down.
    pub metrics_spill_max_bytes: u64,
    /// Who is told of verdicts.
    pub event_sink: OnlySink,
    /// Who else is told of verdicts.
    pub event_sinks: Vec<EventSinkConfig>,
    /// How much may wait in a file for an event sink that is down.
    pub event_spool_max_bytes: u64,
    /// The projects of events that come to the root path, by namespace and inference service.
    pub event_projects: BTreeMap<String, ProjectName>,
    /// What tells this server apart from others with the same metrics database.
    pub instance: String,
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 for any free one.
    pub port: u16,
    /// The port to listen on for gRPC.
    pub grpc_port: GrpcPort,
    /// Whether answers to inference requests carry MLServer's headers.
    pub mlserver_headers: bool,
    /// Whether `/metrics` tells MLServer's names too.
    pub mlserver_metrics: bool,
    /// How many projects `/metrics` tells apart.
    pub metrics_max_projects: usize,
    /// The names that a Host header may carry, in lower case and without ports; empty where the setting was not given.
    pub allowed_hosts: Vec<String>,
    /// The pages of other servers that may use this one.
    pub cors_origins: Vec<String>,
    /// Who may use the server.
    pub access: AccessConfig,
    /// Whether to listen beyond loopback without authentication.
    pub insecure_no_auth: bool,
    /// The folder of the audit log, if there is one.
    pub audit_log: Option<PathBuf>,
    /// The folder of the encoders of texts and images, where there are some.
    pub encoders_path: Option<PathBuf>,
    /// By which certificate the server is known, if by any.
    pub tls: Option<TlsFiles>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log_level: LogLevel,
    /// When online state is saved.
    pub state_durability: StateDurability,
    /// How much online state a crash may lose at most, in time, with [`StateDurability::Interval`].
    pub state_interval: Duration,
    /// How often the store is looked at for projects that have come or gone, if at all.
    pub scan_interval: Option<Duration>,
    /// How long the right to write into a bucket runs without being renewed.
    pub lease_duration: Duration,
    /// Whether nothing is written into the store.
    pub read_only: bool,
    /// The largest body of a request.
    pub max_body_bytes: usize,
    /// The largest body of a fit.
    pub fit_max_body_bytes: usize,
    /// What a request may be, and how long a client may take.
    pub requests: RequestConfig,
    /// How many answers are kept for requests that come again.
    pub idempotency_max_keys: usize,
    /// How many bytes of them.
    pub idempotency_max_bytes: usize,
    /// What loaded projects may take, if there is a bound, in bytes.
    pub projects_memory: Option<u64>,
    /// What bodies of requests under way may take together, if there is a bound, in bytes.
    pub bodies_memory: Option<usize>,
    /// Predictions that may wait or be at work.
    pub predict_queue: usize,
    /// How long the last one of them may be expected to wait, if there is a bound.
    pub predict_wait: Option<Duration>,
    /// Fits that may compute at once.
    pub concurrent_fits: usize,
    /// Fits that may wait for their turn.
    pub fit_queue: usize,
    /// How long the server goes on serving after it has said that it is not ready any more.
    pub drain_delay: Duration,
    /// How long requests under way may take after that.
    pub shutdown_timeout: Duration,
}

impl Config {
    /// Reads every layer. `file` is the file that was asked for, which must exist; `flags` serialises to a map of
    /// settings in which a flag that was not given is left out.
    ///
    /// # Errors
    ///
    /// With the first setting that is unknown or has a value it cannot have, and where it was said.
    pub fn load(file: Option<&Path>, flags: &impl Serialize) -> Result<Self, ConfigError> {
        Settings::gather(file, flags)?.validate()
    }

    /// Reads every layer as [`Config::load`] does, and gives the folder of encoders alone: nothing else is asked for, or can be wrong.
    ///
    /// # Errors
    ///
    /// When a setting is unknown, or when this one cannot be used.
    pub fn encoders_path(file: Option<&Path>, flags: &impl Serialize) -> Result<Option<PathBuf>, ConfigError> {
        Settings::gather(file, flags)?.encoders_path()
    }

    /// Reads every layer as [`Config::load`] does, and tells of each setting its value and where that was said.
    ///
    /// # Errors
    ///
    /// As for [`Config::load`].
    pub fn explain(file: Option<&Path>, flags: &impl Serialize) -> Result<(Self, Vec<EffectiveSetting>), ConfigError> {
        let settings = Settings::gather(file, flags)?;
        let config = settings.validate()?;
        let effective = settings.effective(&config);
        Ok((config, effective))
    }

    /// What these flags say over the defaults, whatever the surroundings say.
    ///
    /// # Errors
    ///
    /// As for [`Config::load`].
    pub fn of_flags(flags: &impl Serialize) -> Result<Self, ConfigError> {
        let layers = Figment::from(Layer::defaults()).merge(Layer::flags(flags)?);
        Settings { layers, file: None }.validate()
    }

    /// The address to listen on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// The address to listen on for gRPC, if it is on.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc_port.number().map(|port| SocketAddr::new(self.host, port))
    }

    /// Everybody who is told of verdicts.
    pub fn sinks(&self) -> impl Iterator<Item = &EventSinkConfig> {
        self.event_sink.sink.iter().chain(&self.event_sinks)
    }

    /// The names that a Host header may carry, or nothing where every Host is accepted: names are checked where the
    /// setting says which, and on a loopback address, where a web page could otherwise reach the server by a name
    /// that it lets point there.
    pub fn checked_hosts(&self) -> Option<Vec<String>> {
        if !self.allowed_hosts.is_empty() {
            Some(self.allowed_hosts.clone())
        } else if listen::is_loopback(self.host) {
            Some(listen::loopback_names(self.host))
        } else {
            None
        }
    }

    /// Whether a page may do everything from a browser that reaches the server, once it has its own name point there. Over TLS
    /// browsers refuse the certificate, which is of another name.
    pub fn is_open_to_rebinding(&self) -> bool {
        self.checked_hosts().is_none() && !self.access.asks_for_keys() && self.tls.is_none()
    }

    /// Whether only this machine can reach the server.
    pub fn is_loopback(&self) -> bool {
        listen::is_loopback(self.host)
    }
}
