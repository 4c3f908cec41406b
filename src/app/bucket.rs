//! A bucket as the store: connected, held by a lease, or read beside the server that holds it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use drifting_artifacts::{
    GcsLocation, Lease, LeaseSettings, OpendalArtifacts, RemoteLocation, RemoteSettings, RemoteStore, S3Location,
};
use drifting_domain::ports::PortErrorKind;
use drifting_memory::MemoryOperations;

use super::explained;
use super::mirrored_index::MirroredIndex;
use super::read_only_index::ReadOnlyIndex;
use super::stores::Stores;
use crate::config::{Bucket, Config, ObjectService};

/// How long a server that stops waits for the bucket.
const RELEASE_WITHIN: Duration = Duration::from_secs(10);

/// What a server holds of the bucket that it writes to.
pub struct Hold {
    lease: Lease,
    index: Arc<MirroredIndex>,
}

impl Hold {
    /// The lease.
    pub fn lease(&self) -> Lease {
        self.lease.clone()
    }

    /// Writes what the bucket lacks of the index and gives the lease back.
    pub async fn release(&self) {
        let released = tokio::time::timeout(RELEASE_WITHIN, async {
            let flushed = self.index.flush().await;
            self.lease.release().await?;
            flushed
        });
        match released.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    cause = error.source_text(),
                    "the bucket was not given back; the next server waits for the lease to end"
                );
            }
            Err(_) => tracing::warn!("the bucket does not answer; the next server waits for the lease to end"),
        }
    }
}

/// Opens a bucket.
pub async fn open(place: &Bucket, config: &Config) -> anyhow::Result<Stores> {
    let store = connect(place, config).await?;
    if config.read_only {
        let artifacts = OpendalArtifacts::open_remote_read_only(&store);
        return Ok(Stores {
            calls: Some(artifacts.calls()),
            artifacts: Arc::new(artifacts),
            index: Arc::new(ReadOnlyIndex::of_bucket(&store, &config.cache_path)?),
            operations: Arc::new(MemoryOperations::new()),
            hold: None,
        });
    }
    let settings = LeaseSettings { duration: config.lease_duration };
    let lease = Lease::acquire(&store, settings).await.map_err(|error| {
        if error.kind() == PortErrorKind::InUse {
            anyhow!("another server uses {place}; stop it, give --artifacts-path, or serve beside it with --read-only")
        } else {
            explained(error).context(format!("cannot use {place}"))
        }
    })?;
    if !store.conditional_writes().await.map_err(explained).with_context(|| format!("cannot use {place}"))? {
        tracing::warn!(
            "this object store ignores conditions on writes: see to it that no second server writes to {place}"
        );
    }
    let index = MirroredIndex::open(&store, &lease, &config.cache_path).await;
    let index = match index {
        Ok(index) => Arc::new(index),
        Err(error) => {
            // The next start need not wait.
            drop(lease.release().await);
            return Err(error);
        }
    };
    let artifacts = Arc::new(OpendalArtifacts::open_remote(&store, &lease));
    Ok(Stores {
        operations: Arc::clone(&artifacts) as _,
        calls: Some(artifacts.calls()),
        artifacts,
        index: Arc::clone(&index) as _,
        hold: Some(Hold { lease, index }),
    })
}

/// Connects to a bucket; nothing is read or written but the region where nobody says it.
pub async fn connect(place: &Bucket, config: &Config) -> anyhow::Result<RemoteStore> {
    let location = location(place, config, |name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    RemoteStore::connect(&location, RemoteSettings::default())
        .await
        .map_err(explained)
        .with_context(|| format!("cannot use {place}"))
}

fn location(place: &Bucket, config: &Config, variable: impl Fn(&str) -> Option<String>) -> RemoteLocation {
    let given = config.artifacts_endpoint.as_ref().map(|endpoint| endpoint.as_str().to_owned());
    let (bucket, prefix) = (place.name.clone(), place.prefix.clone());
    match place.service {
        ObjectService::S3 => {
            let endpoint = given.or_else(|| variable("AWS_ENDPOINT_URL_S3")).or_else(|| variable("AWS_ENDPOINT_URL"));
            let (region, profile) = (config.artifacts_region.clone(), variable("AWS_PROFILE"));
            RemoteLocation::S3(S3Location { bucket, prefix, endpoint, region, profile, ..S3Location::default() })
        }
        ObjectService::Gcs => {
            // As other clients of Google's service take it: without a scheme too, and without credentials.
            let emulator = variable("STORAGE_EMULATOR_HOST");
            let emulator = emulator.map(|host| if host.contains("://") { host } else { format!("http://{host}") });
            let anonymous = given.is_none() && emulator.is_some();
            RemoteLocation::Gcs(GcsLocation {
                bucket,
                prefix,
                endpoint: given.or(emulator),
                anonymous,
                ..GcsLocation::default()
            })
        }
    }
}
