//! From the layers to the configuration: each setting is read once, and what settings need of each other is asked.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use drifting_access::{KEY_LENGTH_MIN, TokenKeys, TokenSettings};
use drifting_listening::TlsFiles;
use figment::Figment;
use figment::value::Value;
use serde::Serialize;

use super::access::{AccessConfig, Audiences, ClaimName, CorsOrigins, JwtKeys};
use super::error::{ConfigError, Origin};
use super::event_projects::EventProjects;
use super::layers::{self, Layer};
use super::listen::{AllowedHosts, Host, Port, Switch};
use super::logging::LogFormat;
use super::sinks::{EventSinkConfig, EventSinks, OnlySink, SecretPlace, Url};
use super::storage::{ArtifactsPath, DatabaseUri, Instance, LocalPath, Region, Secret};
use super::units::{ByteSize, ByteSizeOrNone, Count, Interval, IntervalOrNone, ProjectCount, Retention};
use super::{Config, FILE_BY_DEFAULT, GrpcPort, WITHOUT_FLAG};

/// How often online state is saved by default.
const STATE_INTERVAL_LOCAL: Duration = Duration::from_secs(1);
const STATE_INTERVAL_REMOTE: Duration = Duration::from_secs(30);
/// How often a local store is looked at by default.
const SCAN_INTERVAL_LOCAL: Duration = Duration::from_secs(30);
/// A shorter lease would be lost by every hiccup of the network.
const LEASE_DURATION_MIN: Duration = Duration::from_secs(2);

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

/// Why nobody could use the server, and a key that is ready to be used: nobody should have to look for how to make one. A file of keys that
/// is given holds none.
fn needs_a_key(host: IpAddr, keys_file: Option<&Path>) -> String {
    let key = drifting_access::new_key().unwrap_or_else(|_| "…".to_owned());
    let why = format!("listening on {host} opens the server to the network, so it needs a key");
    match keys_file {
        None => format!(
            "{why}, such as this new one in the environment variable `DRIFTING_API_KEY`: {key} – or keys in \
             `--api-keys-file`, or `--insecure-no-auth` where something before the server authenticates"
        ),
        Some(file) => {
            let file = file.display();
            format!(
                "{why}, and the file of keys {file} has none: add one by `drifting keys create NAME --file {file}`, or set this \
                 new one in the environment variable `DRIFTING_API_KEY`: {key}"
            )
        }
    }
}

/// The layers put together, each value still a text with its origin.
pub(super) struct Settings {
    pub(super) layers: Figment,
    pub(super) file: Option<PathBuf>,
}

impl Settings {
    /// Every layer; `file` is the file that was asked for.
    pub(super) fn gather(file: Option<&Path>, flags: &impl Serialize) -> Result<Self, ConfigError> {
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

    /// The folder of encoders, where there is one.
    pub(super) fn encoders_path(&self) -> Result<Option<PathBuf>, ConfigError> {
        Ok(self.optional("encoders_path")?.map(|path: LocalPath| path.0))
    }

    /// The configuration, or the first setting that cannot be used.
    pub(super) fn validate(&self) -> Result<Config, ConfigError> {
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
            encoders_path: self.encoders_path()?,
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
            requests: self.requests()?,
            idempotency_max_keys: self.required::<Count>("idempotency_max_keys")?.0,
            idempotency_max_bytes: self.required::<ByteSize>("idempotency_max_bytes")?.0,
            projects_memory: match self.optional::<ByteSizeOrNone>("projects_memory")? {
                None => crate::memory::available().map(|bytes| bytes / 2),
                Some(ByteSizeOrNone(0)) => None,
                Some(ByteSizeOrNone(bytes)) => Some(bytes),
            },
            bodies_memory: match self.optional::<ByteSizeOrNone>("bodies_memory")? {
                None => crate::memory::available().map(|bytes| bytes / 8),
                Some(ByteSizeOrNone(0)) => None,
                Some(ByteSizeOrNone(bytes)) => Some(bytes),
            }
            .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            predict_queue: self.required::<Count>("predict_queue")?.0,
            predict_wait: self.required::<IntervalOrNone>("predict_wait")?.0,
            concurrent_fits: self.optional::<Count>("concurrent_fits")?.map_or_else(concurrent_fits, |fits| fits.0),
            fit_queue: self.required::<Count>("fit_queue")?.0,
            drain_delay: self.read("drain_delay", drain_delay)?.unwrap_or_default(),
            shutdown_timeout: self.required::<Interval>("shutdown_timeout")?.0,
        };
        if config.port != 0 && config.grpc_port == GrpcPort::Given(config.port) {
            let reason = format!("expected another port than that of HTTP, got {} for both", config.port);
            return Err(ConfigError::new(&self.origin("grpc_port"), &reason));
        }
        if config.is_loopback() || config.insecure_no_auth || config.access.lets_somebody_in() {
            return Ok(config);
        }
        Err(ConfigError::new(&self.origin("host"), &needs_a_key(config.host, config.access.api_keys_file.as_deref())))
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
            let alone = [
                ("jwt_audience", audiences.is_some()),
                ("jwt_keys", keys.is_some()),
                ("jwt_projects_claim", projects_claim.is_some()),
            ];
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

    pub(super) fn required<T: FromStr<Err = String>>(&self, key: &'static str) -> Result<T, ConfigError> {
        self.required_as(key, str::parse)
    }

    pub(super) fn required_as<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        self.read(key, read)?.ok_or_else(|| ConfigError::new(&self.origin(key), "expected a value"))
    }

    fn optional<T: FromStr<Err = String>>(&self, key: &'static str) -> Result<Option<T>, ConfigError> {
        self.read(key, str::parse)
    }

    fn text(&self, key: &'static str) -> Result<Option<String>, ConfigError> {
        self.read(key, |text| Ok(text.to_owned()))
    }

    pub(super) fn read<T>(
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
