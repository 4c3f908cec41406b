//! The configuration: defaults < file < environment < flags, validated once, with errors that name the source.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use drifting_domain::project::ProjectName;
use drifting_listening::TlsFiles;
use figment::Figment;
use figment::value::Value;
use serde::Serialize;

mod access;
mod effective;
mod error;
mod event_projects;
mod layers;
mod listen;
mod logging;
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
pub use sinks::EventSinkConfig;
pub use storage::{ArtifactsPath, Bucket, DatabaseUri, Endpoint, ObjectService, StateDurability};
pub use template::template;

use access::{Audiences, ClaimName, CorsOrigins, JwtKeys};
use drifting_access::{KEY_LENGTH_MIN, TokenKeys, TokenSettings};
use error::Origin;
use event_projects::EventProjects;
use layers::Layer;
use listen::{AllowedHosts, Host, Port, Switch};
use sinks::{EventSinks, OnlySink, SecretPlace, Url};
use storage::{Instance, LocalPath, Region, Secret};
use units::{ByteSize, ByteSizeOrNone, Count, Interval, IntervalOrNone, ProjectCount, Retention};

/// The file that is read when no other is named and it exists.
pub const FILE_BY_DEFAULT: &str = "drifting.yaml";

/// How often online state is saved by default.
const STATE_INTERVAL_LOCAL: Duration = Duration::from_secs(1);
const STATE_INTERVAL_REMOTE: Duration = Duration::from_secs(30);
/// How often a local store is looked at by default.
const SCAN_INTERVAL_LOCAL: Duration = Duration::from_secs(30);
/// A shorter lease would be lost by every hiccup of the network.
const LEASE_DURATION_MIN: Duration = Duration::from_secs(2);

/// Every setting with its default; one without has a default that depends on something else.
const SETTINGS: [(&str, Option<&str>); 54] = [
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
    ("idempotency_max_keys", Some("100000")),
    ("idempotency_max_bytes", Some("64MiB")),
    ("projects_memory", None),
    ("predict_queue", Some("1000")),
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
    /// How many answers are kept for requests that come again.
    pub idempotency_max_keys: usize,
    /// How many bytes of them.
    pub idempotency_max_bytes: usize,
    /// What loaded projects may take, if there is a bound, in bytes.
    pub projects_memory: Option<u64>,
    /// Predictions that may wait or be at work.
    pub predict_queue: usize,
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

    /// Whether only this machine can reach the server.
    pub fn is_loopback(&self) -> bool {
        listen::is_loopback(self.host)
    }
}

fn lease_duration(text: &str) -> Result<Duration, String> {
    let Interval(duration) = text.parse()?;
    if duration < LEASE_DURATION_MIN {
        return Err(format!("expected at least {}, got `{text}`", Interval(LEASE_DURATION_MIN)));
    }
    Ok(duration)
}

/// A fit takes several processors where it can: a quarter of them are enough for as many.
fn concurrent_fits() -> usize {
    std::thread::available_parallelism().map_or(1, |n| (n.get() / 4).max(1))
}

/// An interval that may be none at all.
fn drain_delay(text: &str) -> Result<Duration, String> {
    if ["0", "0s", "0ms", "none"].contains(&text) {
        return Ok(Duration::ZERO);
    }
    text.parse().map(|Interval(delay)| delay).map_err(|reason| format!("{reason}; or 0s"))
}

/// The layers put together, each value still a text with its origin.
struct Settings {
    layers: Figment,
    file: Option<PathBuf>,
}

impl Settings {
    fn gather(file: Option<&Path>, flags: &impl Serialize) -> Result<Self, ConfigError> {
        let file = file.map(Path::to_path_buf).or_else(|| {
            let by_default = PathBuf::from(FILE_BY_DEFAULT);
            by_default.exists().then_some(by_default)
        });
        let mut layers = Figment::from(Layer::defaults());
        if let Some(file) = &file {
            layers = layers.merge(Layer::file(file)?);
        }
        Ok(Self { layers: layers.merge(Layer::environment()?).merge(Layer::flags(flags)?), file })
    }

    fn validate(&self) -> Result<Config, ConfigError> {
        let artifacts_path: ArtifactsPath = self.required("artifacts_path")?;
        // Calls of an object store have a price.
        let is_remote = matches!(artifacts_path, ArtifactsPath::Bucket(_));
        let state_interval = if is_remote { STATE_INTERVAL_REMOTE } else { STATE_INTERVAL_LOCAL };
        let scan_interval = if is_remote { None } else { Some(SCAN_INTERVAL_LOCAL) };
        let port = self.required::<Port>("port")?.0;
        let event_sink = self.event_sink()?;
        let event_sinks = self.read_value("event_sinks", EventSinks::of_text, EventSinks::of)?.unwrap_or_default();
        let event_sinks = event_sinks.beside(event_sink.sink.as_ref());
        let event_sinks = event_sinks.map_err(|reason| ConfigError::new(&self.origin("event_sinks"), &reason))?;
        let config = Config {
            file: self.file.clone(),
            artifacts_path,
            artifacts_endpoint: self.optional("artifacts_endpoint")?,
            artifacts_region: self.optional::<Region>("artifacts_region")?.map(|region| region.0),
            cache_path: self.optional("cache_path")?.map_or_else(std::env::temp_dir, |path: LocalPath| path.0),
            database_uri: self.optional("database_uri")?.unwrap_or(DatabaseUri::NotGiven),
            database_password_file: self.optional("database_password_file")?.map(|path: LocalPath| path.0),
            metrics_retention: self.required::<Retention>("metrics_retention")?.0,
            metrics_features: self.required::<Switch>("metrics_features")?.0,
            metrics_spill_max_bytes: self.required::<ByteSizeOrNone>("metrics_spill_max_bytes")?.0,
            event_sinks,
            event_sink,
            event_spool_max_bytes: self.required::<ByteSizeOrNone>("event_spool_max_bytes")?.0,
            event_projects: self
                .read_value("event_projects", EventProjects::of_text, EventProjects::of)?
                .unwrap_or_default()
                .0,
            instance: self.optional::<Instance>("instance")?.unwrap_or_else(Instance::of_host).0,
            host: self.required::<Host>("host")?.0,
            port,
            grpc_port: GrpcPort::of(self.optional("grpc_port")?, port),
            mlserver_headers: self.required::<Switch>("mlserver_headers")?.0,
            mlserver_metrics: self.required::<Switch>("mlserver_metrics")?.0,
            metrics_max_projects: self.required::<ProjectCount>("metrics_max_projects")?.0,
            allowed_hosts: self.optional::<AllowedHosts>("allowed_hosts")?.map(|hosts| hosts.0).unwrap_or_default(),
            cors_origins: self.optional::<CorsOrigins>("cors_origins")?.map(|origins| origins.0).unwrap_or_default(),
            access: self.access()?,
            insecure_no_auth: self.required::<Switch>("insecure_no_auth")?.0,
            audit_log: self.optional("audit_log")?.map(|path: LocalPath| path.0),
            tls: self.tls()?,
            log_format: self.optional("log_format")?.unwrap_or_else(LogFormat::of_this_terminal),
            log_level: self.required("log_level")?,
            state_durability: self.required("state_durability")?,
            state_interval: self.optional::<Interval>("state_interval")?.map_or(state_interval, |interval| interval.0),
            scan_interval: self
                .optional::<IntervalOrNone>("scan_interval")?
                .map_or(scan_interval, |interval| interval.0),
            lease_duration: self.read("lease_duration", lease_duration)?.unwrap_or(LEASE_DURATION_MIN),
            read_only: self.required::<Switch>("read_only")?.0,
            max_body_bytes: self.required::<ByteSize>("max_body_bytes")?.0,
            fit_max_body_bytes: self.required::<ByteSize>("fit_max_body_bytes")?.0,
            idempotency_max_keys: self.required::<Count>("idempotency_max_keys")?.0,
            idempotency_max_bytes: self.required::<ByteSize>("idempotency_max_bytes")?.0,
            projects_memory: match self.optional::<ByteSizeOrNone>("projects_memory")? {
                None => crate::memory::available().map(|bytes| bytes / 2),
                Some(ByteSizeOrNone(0)) => None,
                Some(ByteSizeOrNone(bytes)) => Some(bytes),
            },
            predict_queue: self.required::<Count>("predict_queue")?.0,
            concurrent_fits: self.optional::<Count>("concurrent_fits")?.map_or_else(concurrent_fits, |fits| fits.0),
            fit_queue: self.required::<Count>("fit_queue")?.0,
            drain_delay: self.read("drain_delay", drain_delay)?.unwrap_or_default(),
            shutdown_timeout: self.required::<Interval>("shutdown_timeout")?.0,
        };
        if config.port != 0 && config.grpc_port == GrpcPort::Given(config.port) {
            let reason = format!("expected another port than that of HTTP, got {} for both", config.port);
            return Err(ConfigError::new(&self.origin("grpc_port"), &reason));
        }
        if config.is_loopback() || config.insecure_no_auth || config.access.asks_for_keys() {
            return Ok(config);
        }
        // Ready to be used: nobody should have to look for how to make one.
        let key = drifting_access::new_key().unwrap_or_else(|_| "…".to_owned());
        let reason = format!(
            "listening on {} opens the server to the network, so it needs a key, such as this new one in the environment \
             variable `DRIFTING_API_KEY`: {key} – or keys in `--api-keys-file`, or `--insecure-no-auth` where something \
             before the server authenticates",
            config.host
        );
        Err(ConfigError::new(&self.origin("host"), &reason))
    }

    /// Who may use the server.
    fn access(&self) -> Result<AccessConfig, ConfigError> {
        let api_key = self.text(WITHOUT_FLAG)?;
        if api_key.as_ref().is_some_and(|key| key.chars().count() < KEY_LENGTH_MIN) {
            let reason = format!("expected at least {KEY_LENGTH_MIN} characters, such as `drifting keys create` makes");
            return Err(ConfigError::new(&self.origin(WITHOUT_FLAG), &reason));
        }
        Ok(AccessConfig {
            api_key: api_key.map(Secret::from),
            api_keys_file: self.optional("api_keys_file")?.map(|path: LocalPath| path.0),
            tokens: self.tokens()?,
            rate_limit: self.optional("rate_limit")?,
        })
    }

    /// Whose tokens are taken.
    fn tokens(&self) -> Result<Option<TokenSettings>, ConfigError> {
        let issuer = self.text("jwt_issuer")?;
        let audiences = self.optional::<Audiences>("jwt_audience")?;
        let keys = self.optional::<JwtKeys>("jwt_keys")?;
        let scopes_claim = self.required::<ClaimName>("jwt_scopes_claim")?.0;
        let projects_claim = self.optional::<ClaimName>("jwt_projects_claim")?.map(|claim| claim.0);
        let Some(issuer) = issuer else {
            let alone = [("jwt_audience", audiences.is_some()), ("jwt_keys", keys.is_some())];
            return match alone.into_iter().find(|(_, is_said)| *is_said) {
                None => Ok(None),
                Some((key, _)) => {
                    Err(ConfigError::new(&self.origin(key), "expected `jwt_issuer` too: whose tokens are taken"))
                }
            };
        };
        let Some(audiences) = audiences else {
            let reason = "expected `jwt_audience` too: without it tokens for other servers would be taken";
            return Err(ConfigError::new(&self.origin("jwt_issuer"), reason));
        };
        Ok(Some(TokenSettings {
            issuer,
            audiences: audiences.0,
            keys: keys.map_or(TokenKeys::Discovered, |keys| keys.0),
            scopes_claim,
            projects_claim,
        }))
    }

    /// By which certificate the server is known.
    fn tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        let file = |key| Ok(self.optional(key)?.map(|path: LocalPath| path.0));
        let (cert, key, client_ca) = (file("tls_cert")?, file("tls_key")?, file("tls_client_ca")?);
        let missing =
            |said, missing: &str| Err(ConfigError::new(&self.origin(said), &format!("expected `{missing}` too")));
        match (cert, key) {
            (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key, client_ca })),
            (Some(_), None) => missing("tls_cert", "tls_key"),
            (None, Some(_)) => missing("tls_key", "tls_cert"),
            (None, None) if client_ca.is_some() => missing("tls_client_ca", "tls_cert"),
            (None, None) => Ok(None),
        }
    }

    /// The sink that has settings of its own.
    fn event_sink(&self) -> Result<OnlySink, ConfigError> {
        let secret_file = self.optional("event_sink_secret_file")?.map(|path: LocalPath| path.0);
        let allow_private = self.required::<Switch>("event_sink_allow_private")?.0;
        let secret = secret_file.clone().map(SecretPlace::File);
        let sink = self.optional("event_sink")?.map(|Url(url)| EventSinkConfig::of_url(url, allow_private, secret));
        let sink = sink.transpose().map_err(|reason| ConfigError::new(&self.origin("event_sink"), &reason))?;
        Ok(OnlySink { sink, secret_file, allow_private })
    }

    fn required<T: FromStr<Err = String>>(&self, key: &'static str) -> Result<T, ConfigError> {
        self.optional(key)?.ok_or_else(|| ConfigError::new(&self.origin(key), "expected a value"))
    }

    fn optional<T: FromStr<Err = String>>(&self, key: &'static str) -> Result<Option<T>, ConfigError> {
        self.read(key, str::parse)
    }

    fn text(&self, key: &'static str) -> Result<Option<String>, ConfigError> {
        self.read(key, |text| Ok(text.to_owned()))
    }

    fn read<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let value = self.layers.find_value(key).ok();
        let parsed = value.map(|value| layers::text(&value).and_then(|text| read(&text))).transpose();
        parsed.map_err(|reason| ConfigError::new(&self.origin(key), &reason))
    }

    /// A value that may be more than a text: in a file it stands as it is.
    fn read_value<T>(
        &self,
        key: &'static str,
        read_text: impl FnOnce(&str) -> Result<T, String>,
        read: impl FnOnce(serde_json::Value) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let parsed = self.layers.find_value(key).ok().map(|value| match &value {
            Value::String(_, text) => read_text(text),
            _ => serde_json::to_value(&value).map_err(|error| error.to_string()).and_then(read),
        });
        parsed.transpose().map_err(|reason| ConfigError::new(&self.origin(key), &reason))
    }

    fn origin(&self, key: &'static str) -> Origin {
        let tag = self.layers.find_value(key).ok().as_ref().map(Value::tag);
        Origin::of(key, tag.and_then(|tag| self.layers.get_metadata(tag)))
    }
}
