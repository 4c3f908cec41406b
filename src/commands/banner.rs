//! What the server says of itself when it starts.

use super::output::key_values;
use crate::config::Config;

/// The facts that users need, each once; whether they are printed or logged, they are the same.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    url: String,
    grpc: String,
    store: String,
    database: String,
    configuration: String,
    authentication: &'static str,
}

impl Facts {
    /// What the configuration says.
    pub(super) fn of(config: &Config) -> Self {
        Self {
            url: String::new(),
            grpc: String::new(),
            store: config.artifacts_path.to_string(),
            database: config.database_uri.to_string(),
            configuration: config.file.as_ref().map_or("no file".to_owned(), |file| file.display().to_string()),
            authentication: match (config.access.asks_for_keys(), config.is_loopback()) {
                (true, _) => "on",
                (false, true) => "off (loopback only)",
                (false, false) => "off (--insecure-no-auth)",
            },
        }
    }

    /// With what is known once the server listens.
    pub(super) fn serving(self, url: &str, grpc: &str, database: &str) -> Self {
        Self { url: url.to_owned(), grpc: grpc.to_owned(), database: database.to_owned(), ..self }
    }

    /// For people.
    pub(super) fn banner(&self) -> String {
        let facts = [
            ("listening", self.url.clone()),
            ("gRPC", self.grpc.clone()),
            ("dashboard", format!("{}/", self.url)),
            ("documentation", format!("{}/docs", self.url)),
            ("store", self.store.clone()),
            ("metrics", self.database.clone()),
            ("configuration", self.configuration.clone()),
            ("authentication", self.authentication.to_owned()),
        ];
        let facts = key_values(&facts).lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
        format!("\n  drifting {}\n\n{facts}\n\n", env!("CARGO_PKG_VERSION"))
    }

    /// For machines.
    pub(super) fn log(&self) {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            url = self.url,
            grpc = self.grpc,
            dashboard = format!("{}/", self.url),
            documentation = format!("{}/docs", self.url),
            store = self.store,
            metrics = self.database,
            configuration = self.configuration,
            authentication = self.authentication,
            "serving"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_says_where_everything_is() {
        let flags = serde_json::json!({"artifacts_path": "store", "log_format": "json"});
        let config = Config::load(None, &flags).unwrap();
        let banner = Facts::of(&config)
            .serving("http://127.0.0.1:8080", "127.0.0.1:8081", "postgres://drifting:***@db/m")
            .banner();
        for fact in [
            env!("CARGO_PKG_VERSION"),
            "listening:       http://127.0.0.1:8080\n",
            "gRPC:            127.0.0.1:8081\n",
            "http://127.0.0.1:8080/docs",
            "store",
            "postgres://drifting:***@db/m",
            "no file",
            "off (loopback only)",
        ] {
            assert!(banner.contains(fact), "{fact} in {banner}");
        }
    }
}
