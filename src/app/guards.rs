//! Who is let in, and by what the server is known.

use std::sync::Arc;

use anyhow::Context;
use drifting_access::{AuditLog, Gate};
use drifting_listening::{Tls, TlsFiles};
use tokio::task::JoinSet;

use crate::config::{Config, TlsConfig};

/// Who is let in, and by what the server is known, over HTTP and over gRPC.
pub struct Guards {
    pub gate: Arc<Gate>,
    pub http_tls: Option<Arc<Tls>>,
    pub grpc_tls: Option<Arc<Tls>>,
    pub audit: Option<AuditLog>,
}

impl Guards {
    /// Reads the files that the configuration names, and asks the issuer of tokens for its keys.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let gate = Gate::new(config.access.gate()).context("nobody could be let in")?;
        gate.prepare().await;
        let tls = |protocols: &[&str]| config.tls.as_ref().map(|tls| open_tls(tls, protocols)).transpose();
        let audit = config.audit_log.as_deref().map(AuditLog::open).transpose().context("there can be no audit log")?;
        Ok(Self { audit, gate: Arc::new(gate), http_tls: tls(&["h2", "http/1.1"])?, grpc_tls: tls(&["h2"])? })
    }

    /// Reads files and keys again when they change, until what is returned is dropped.
    pub fn keep_fresh(&self) -> JoinSet<()> {
        let mut keeping = JoinSet::new();
        let gate = Arc::clone(&self.gate);
        keeping.spawn(async move { gate.keep_fresh().await });
        for tls in self.http_tls.iter().chain(&self.grpc_tls).map(Arc::clone) {
            keeping.spawn(async move { tls.keep_fresh().await });
        }
        keeping
    }
}

fn open_tls(tls: &TlsConfig, protocols: &[&str]) -> anyhow::Result<Arc<Tls>> {
    let TlsConfig { cert, key, client_ca } = tls.clone();
    let tls = Tls::open(TlsFiles { cert, key, client_ca }, protocols).context("TLS cannot be spoken")?;
    Ok(Arc::new(tls))
}
