//! Who is let in, with how much, and by what the server is known.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use drifting_access::{AuditLog, Gate};
use drifting_listening::{BodyMemory, Tls, TlsFiles};
use tokio::task::JoinSet;

use crate::config::Config;

/// Who is let in, with how much, and by what the server is known, over HTTP and over gRPC.
pub struct Guards {
    pub gate: Arc<Gate>,
    pub tls: Option<Arc<Tls>>,
    pub audit: Option<AuditLog>,
    /// What bodies and messages may take together.
    pub bodies: BodyMemory,
    /// What those of fits and backtests may.
    pub fit_bodies: BodyMemory,
}

impl Guards {
    /// Reads the files that the configuration names, and asks the issuer of tokens for its keys.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let gate = Gate::new(config.access.gate()).context("nobody could be let in")?;
        gate.prepare().await;
        let tls = config.tls.as_ref().map(open_tls).transpose()?;
        let audit = config.audit_log.as_deref().map(open_audit).transpose()?;
        let bodies = || BodyMemory::new(config.bodies_memory);
        Ok(Self { audit, bodies: bodies(), fit_bodies: bodies(), gate: Arc::new(gate), tls })
    }

    /// Reads files and keys again when they change, until what is returned is dropped.
    pub fn keep_fresh(&self) -> JoinSet<()> {
        let mut keeping = JoinSet::new();
        let gate = Arc::clone(&self.gate);
        keeping.spawn(async move { gate.keep_fresh().await });
        if let Some(tls) = self.tls.clone() {
            keeping.spawn(async move { tls.keep_fresh().await });
        }
        keeping
    }
}

fn open_audit(folder: &Path) -> anyhow::Result<AuditLog> {
    AuditLog::open(folder).with_context(|| format!("there can be no audit log in {}", folder.display()))
}

fn open_tls(files: &TlsFiles) -> anyhow::Result<Arc<Tls>> {
    Ok(Arc::new(Tls::open(files.clone()).context("TLS cannot be spoken")?))
}
