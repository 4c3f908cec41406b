//! Connecting: an operator whose calls are counted, bounded in time, and tried again.

use std::sync::{Arc, Once};
use std::time::Duration;

use drifting_domain::ports::{PortError, PortErrorKind};
use opendal::layers::{RetryEvent, RetryLayer, TimeoutLayer};
use opendal::services::{Gcs, S3};
use opendal::{HttpTransporter, Operator};
use opendal_http_transport_reqwest::ReqwestTransport;
use tokio::sync::{OnceCell, Semaphore};

use super::calls::CountedTransport;
use super::failure::{Dialect, Right};
use super::google_tokens::GoogleTokens;
use super::location::{GcsLocation, RemoteLocation, RemoteSettings, S3Location};
use super::region::region_of;
use super::store::{Connection, RemoteStore};
use crate::calls::CallCounts;
use crate::error::refused;

const CONNECT: &str = "connect to the store";
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

impl RemoteStore {
    /// Connects to a place. Nothing is written, and nothing is read but, where nothing else tells it, the region of the
    /// bucket; credentials are looked for at the first call.
    ///
    /// # Errors
    /// When the place cannot be one, or the region of the bucket cannot be found out.
    pub async fn connect(location: &RemoteLocation, settings: RemoteSettings) -> Result<Self, PortError> {
        let client = client(&settings)?;
        let (dialect, operator) = match location {
            RemoteLocation::S3(location) => (Dialect::S3, s3(location, &client).await?),
            RemoteLocation::Gcs(location) => (Dialect::Gcs, gcs(location)?),
        };
        let counts = Arc::new(CallCounts::default());
        let transport = HttpTransporter::new(ReqwestTransport::new(client));
        let operator = operator
            .layer(CountedTransport::new(transport, Arc::clone(&counts)))
            // Each try has its time: the other way round, the first hanging try would use up all of it.
            .layer(TimeoutLayer::new().with_timeout(settings.try_timeout).with_io_timeout(settings.try_timeout))
            .layer(
                RetryLayer::new()
                    .with_jitter()
                    .with_min_delay(settings.first_pause)
                    .with_max_delay(settings.first_pause.saturating_mul(20))
                    .with_max_times(settings.n_tries.saturating_sub(1))
                    .with_notify(say_retry),
            );
        Ok(Self::new(Connection {
            place: location.to_string(),
            dialect,
            operator,
            permits: Semaphore::new(settings.n_calls_max.max(1)),
            settings,
            counts,
            abilities: OnceCell::new(),
        }))
    }
}

/// Names no address: that of an upload in parts lets whoever knows it write.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over so")]
fn say_retry(event: RetryEvent<'_>) {
    tracing::debug!(
        operation = event.op.into_static(),
        attempt = event.attempt,
        pause_ms = event.retry_after.as_millis(),
        kind = event.err.kind().into_static(),
        "a call to the store is tried again"
    );
}

/// A client of its own, whose connections end with the store.
fn client(settings: &RemoteSettings) -> Result<reqwest::Client, PortError> {
    // Taking on a role and its like go through the technology's own client, which must be there.
    static DEFAULT: Once = Once::new();
    DEFAULT.call_once(|| HttpTransporter::install_default(ReqwestTransport::default()));
    reqwest::Client::builder()
        .connect_timeout(settings.try_timeout.min(CONNECT_PATIENCE))
        .pool_max_idle_per_host(settings.n_calls_max)
        // A redirected request would need another signature.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| PortError::new(PortErrorKind::Other, CONNECT, error))
}

async fn s3(location: &S3Location, client: &reqwest::Client) -> Result<Operator, PortError> {
    let Some(region) = region_of(location, client).await else {
        let reason = "expected the region of the bucket: it is neither in AWS_REGION nor in the profile nor told by the \
                      store; the bucket may not exist";
        return Err(refused(CONNECT, reason));
    };
    let mut service = S3::default().bucket(&location.bucket).root(&location.prefix).region(&region);
    service = with(service, location.endpoint.as_ref(), S3::endpoint);
    service = with(service, location.profile.as_ref(), S3::profile);
    service = with(service, location.role_arn.as_ref(), S3::role_arn);
    if let Some(credentials) = &location.credentials {
        service = service.access_key_id(&credentials.access_key_id).secret_access_key(&credentials.secret_access_key);
        if let Some(token) = &credentials.session_token {
            service = service.session_token(token);
        }
    }
    if location.anonymous {
        service = service.skip_signature();
    }
    Operator::new(service).map_err(|error| Dialect::S3.failure(Right::Get, CONNECT, &error))
}

fn gcs(location: &GcsLocation) -> Result<Operator, PortError> {
    let mut service = Gcs::default().bucket(&location.bucket).root(&location.prefix);
    service = with(service, location.endpoint.as_ref(), Gcs::endpoint);
    service = if location.anonymous {
        service.skip_signature()
    } else {
        // Nothing but our own chain: where it fails, the other would keep the key of an account.
        service.disable_config_load().disable_vm_metadata().credential_provider(GoogleTokens::of(location))
    };
    Operator::new(service).map_err(|error| Dialect::Gcs.failure(Right::Get, CONNECT, &error))
}

/// A service with a setting, where there is one.
fn with<S>(service: S, value: Option<&String>, set: fn(S, &str) -> S) -> S {
    match value {
        Some(value) => set(service, value),
        None => service,
    }
}
