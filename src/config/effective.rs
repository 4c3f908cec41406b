//! The configuration as it holds: each setting with its value and where that was said.

use drifting_access::TokenKeys;
use figment::value::Value as Said;
use serde::Serialize;
use serde_json::Value;

use super::layers::{self, ENVIRONMENT, FILE, FLAGS};
use super::units::{ByteSize, ByteSizeOrNone, Interval, Retention};
use super::{ArtifactsPath, Config, DatabaseUri, EventSinkConfig, LogFormat, SETTINGS, Settings, StateDurability};

/// A setting as it holds. Nothing secret is in its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectiveSetting {
    /// Its name, as in a configuration file.
    pub name: &'static str,
    /// What it comes to; `null` for any of all possible values, or for what the platform says.
    pub value: Value,
    /// Where it was said.
    pub source: Source,
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Source {
    /// Nobody said it.
    Default,
    /// The configuration file of this path.
    File(String),
    /// The environment variable of this name.
    Environment(String),
    /// This flag.
    Flag(String),
}

impl Settings {
    /// Every setting, in the order of the list.
    pub(super) fn effective(&self, config: &Config) -> Vec<EffectiveSetting> {
        let setting =
            |name: &'static str| EffectiveSetting { name, value: config.shown(name), source: self.source(name) };
        SETTINGS.iter().map(|(name, _)| setting(name)).collect()
    }

    fn source(&self, name: &str) -> Source {
        let tag = self.layers.find_value(name).ok().as_ref().map(Said::tag);
        let layer = tag.and_then(|tag| self.layers.get_metadata(tag)).map(|layer| layer.name.as_ref());
        match layer {
            Some(FILE) => Source::File(self.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default()),
            Some(ENVIRONMENT) => Source::Environment(layers::variable(name)),
            Some(FLAGS) => Source::Flag(layers::flag(name)),
            _ => Source::Default,
        }
    }
}

impl Config {
    fn shown_token(&self, name: &str) -> Value {
        let Some(tokens) = &self.access.tokens else { return Value::Null };
        match name {
            "jwt_issuer" => tokens.issuer.clone().into(),
            "jwt_audience" => tokens.audiences.clone().into(),
            "jwt_keys" => match &tokens.keys {
                TokenKeys::Discovered => Value::Null,
                TokenKeys::At(url) => url.to_string().into(),
                TokenKeys::File(file) => file.display().to_string().into(),
            },
            "jwt_scopes_claim" => tokens.scopes_claim.as_str().into(),
            _ => tokens.projects_claim.as_ref().map(|claim| claim.as_str().to_owned()).into(),
        }
    }

    fn shown_tls(&self, name: &str) -> Value {
        let Some(tls) = &self.tls else { return Value::Null };
        let file = match name {
            "tls_cert" => Some(&tls.cert),
            "tls_key" => Some(&tls.key),
            _ => tls.client_ca.as_ref(),
        };
        file.map(|file| file.display().to_string()).into()
    }

    /// What a setting comes to.
    fn shown(&self, name: &str) -> Value {
        match name {
            "artifacts_path" => self.artifacts_path.to_string().into(),
            "artifacts_endpoint" => self.artifacts_endpoint.as_ref().map(ToString::to_string).into(),
            "artifacts_region" => self.artifacts_region.clone().into(),
            "cache_path" => self.cache_path.display().to_string().into(),
            "database_uri" => match (&self.database_uri, &self.artifacts_path) {
                (DatabaseUri::NotGiven, ArtifactsPath::Local(_)) if !self.read_only => {
                    DatabaseUri::Local.to_string().into()
                }
                (DatabaseUri::NotGiven, _) => DatabaseUri::None.to_string().into(),
                (uri, _) => uri.to_string().into(),
            },
            "database_password_file" => {
                self.database_password_file.as_ref().map(|file| file.display().to_string()).into()
            }
            "metrics_retention" => Retention(self.metrics_retention).to_string().into(),
            "metrics_features" => self.metrics_features.into(),
            "metrics_spill_max_bytes" => ByteSizeOrNone(self.metrics_spill_max_bytes).to_string().into(),
            "event_sink" => self.event_sink.sink.as_ref().map(|sink| sink.url.to_string()).into(),
            "event_sink_secret_file" => {
                self.event_sink.secret_file.as_ref().map(|file| file.display().to_string()).into()
            }
            "event_sink_allow_private" => self.event_sink.allow_private.into(),
            "event_sinks" if self.event_sinks.is_empty() => Value::Null,
            "event_sinks" => self.event_sinks.iter().map(EventSinkConfig::shown).collect(),
            "event_spool_max_bytes" => ByteSizeOrNone(self.event_spool_max_bytes).to_string().into(),
            "event_projects" if self.event_projects.is_empty() => Value::Null,
            "event_projects" => {
                let projects = self.event_projects.iter();
                projects.map(|(service, project)| (service.clone(), Value::from(project.as_str()))).collect()
            }
            "encoders_path" => self.encoders_path.as_ref().map(|folder| folder.display().to_string()).into(),
            "instance" => self.instance.clone().into(),
            "host" => self.host.to_string().into(),
            "port" => self.port.into(),
            "grpc_port" => self.grpc_port.number().map_or_else(|| "none".into(), Value::from),
            "mlserver_headers" => self.mlserver_headers.into(),
            "mlserver_metrics" => self.mlserver_metrics.into(),
            "metrics_max_projects" => self.metrics_max_projects.into(),
            "allowed_hosts" => self.checked_hosts().into(),
            "cors_origins" if self.cors_origins.is_empty() => Value::Null,
            "cors_origins" => self.cors_origins.clone().into(),
            "api_key" => self.access.api_key.as_ref().map(ToString::to_string).into(),
            "api_keys_file" => self.access.api_keys_file.as_ref().map(|file| file.display().to_string()).into(),
            name if name.starts_with("jwt_") => self.shown_token(name),
            "rate_limit" => self.access.rate_limit.map(|limit| limit.to_string()).into(),
            "audit_log" => self.audit_log.as_ref().map(|folder| folder.display().to_string()).into(),
            name if name.starts_with("tls_") => self.shown_tls(name),
            "insecure_no_auth" => self.insecure_no_auth.into(),
            "log_format" => match self.log_format {
                LogFormat::Pretty => "pretty",
                LogFormat::Json => "json",
            }
            .into(),
            "log_level" => self.log_level.to_string().into(),
            "state_durability" => match self.state_durability {
                StateDurability::Interval => "interval",
                StateDurability::Always => "always",
            }
            .into(),
            "state_interval" => Interval(self.state_interval).to_string().into(),
            "scan_interval" => {
                self.scan_interval.map_or_else(|| "none".to_owned(), |interval| Interval(interval).to_string()).into()
            }
            "lease_duration" => Interval(self.lease_duration).to_string().into(),
            "read_only" => self.read_only.into(),
            "max_body_bytes" => ByteSize(self.max_body_bytes).to_string().into(),
            "fit_max_body_bytes" => ByteSize(self.fit_max_body_bytes).to_string().into(),
            "idempotency_max_keys" => self.idempotency_max_keys.into(),
            "idempotency_max_bytes" => ByteSize(self.idempotency_max_bytes).to_string().into(),
            "projects_memory" => ByteSizeOrNone(self.projects_memory.unwrap_or(0)).to_string().into(),
            "bodies_memory" => ByteSizeOrNone(self.bodies_memory.unwrap_or(0) as u64).to_string().into(),
            "predict_queue" => self.predict_queue.into(),
            "predict_wait" => self.predict_wait.map_or_else(|| "none".into(), |wait| Interval(wait).to_string().into()),
            "concurrent_fits" => self.concurrent_fits.into(),
            "fit_queue" => self.fit_queue.into(),
            "drain_delay" if self.drain_delay.is_zero() => "0s".into(),
            "drain_delay" => Interval(self.drain_delay).to_string().into(),
            "shutdown_timeout" => Interval(self.shutdown_timeout).to_string().into(),
            name => self.requests.shown(name),
        }
    }
}

#[cfg(test)]
#[expect(clippy::result_large_err, reason = "figment's jail wants its own error, which is large")]
mod tests {
    use figment::Jail;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_setting_is_told_with_its_source() {
        Jail::expect_with(|jail| {
            jail.clear_env();
            jail.create_file("drifting.yaml", "port: 1001\nhost: ::1\nstate_interval: 3s\n")?;
            jail.set_env("DRIFTING_PORT", "1002");
            jail.set_env("DRIFTING_DATABASE_URI", "postgres://drifting:geheim@db/metrics?password=geheim");
            let (_, settings) = Config::explain(None, &json!({"log_level": "debug"})).unwrap();
            let told = serde_json::to_value(&settings).unwrap();
            assert!(!told.to_string().contains("geheim"), "{told}");
            let of =
                |name: &str| told.as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap().clone();
            let file = json!({"kind": "file", "name": "drifting.yaml"});
            for (name, value, source) in [
                ("artifacts_path", json!(".drifting/"), json!({"kind": "default"})),
                ("host", json!("::1"), file.clone()),
                ("state_interval", json!("3s"), file),
                ("port", json!(1002), json!({"kind": "environment", "name": "DRIFTING_PORT"})),
                (
                    "database_uri",
                    json!("postgres://drifting:***@db/metrics"),
                    json!({"kind": "environment", "name": "DRIFTING_DATABASE_URI"}),
                ),
                ("log_level", json!("debug"), json!({"kind": "flag", "name": "--log-level"})),
                ("max_body_bytes", json!("32MiB"), json!({"kind": "default"})),
            ] {
                assert_eq!(of(name), json!({"name": name, "value": value, "source": source}));
            }
            Ok(())
        });
    }

    #[test]
    fn every_setting_of_the_list_has_a_value() {
        let config = Config::of_flags(&json!({"artifacts_path": "memory://"})).unwrap();
        let by_platform = [
            "artifacts_endpoint",
            "artifacts_region",
            "database_password_file",
            "event_sink",
            "event_sink_secret_file",
            "event_sinks",
            "event_projects",
            "cors_origins",
            "api_key",
            "api_keys_file",
            "jwt_issuer",
            "jwt_audience",
            "jwt_keys",
            "jwt_scopes_claim",
            "jwt_projects_claim",
            "rate_limit",
            "audit_log",
            "encoders_path",
            "tls_cert",
            "tls_key",
            "tls_client_ca",
        ];
        for (name, _) in SETTINGS {
            assert_eq!(config.shown(name).is_null(), by_platform.contains(&name), "{name}");
        }
        let said = json!({"artifacts_endpoint": "http://localhost:9000", "artifacts_region": "eu-central-1",
            "database_password_file": "password", "event_sink": "https://events.example/",
            "event_sink_secret_file": "secret", "event_sinks": "[{url: https://events.example}]", "event_projects": "prod/churn=churn",
            "cors_origins": "https://app.example", "api_key": "0123456789abcdef", "api_keys_file": "keys.yaml",
            "jwt_issuer": "https://issuer.example", "jwt_audience": "drifting", "jwt_keys": "keys.json",
            "jwt_projects_claim": "projects", "rate_limit": "100/s", "audit_log": "audit", "encoders_path": "encoders", "tls_cert": "cert.pem", "tls_key": "key.pem",
            "tls_client_ca": "ca.pem"});
        let told = Config::of_flags(&said).unwrap();
        assert!(by_platform.iter().all(|name| !told.shown(name).is_null()));
        assert_eq!(config.shown("database_uri"), "none");
        assert_eq!(told.shown("api_key"), "***");
    }
}
