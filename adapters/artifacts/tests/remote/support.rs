//! What the tests share.

use std::time::Duration;

use drifting_artifacts::{
    CallOutcome, GcsLocation, Lease, LeaseSettings, OpendalArtifacts, RemoteLocation, RemoteSettings, RemoteStore,
    S3Location, StaticCredentials,
};
use drifting_domain::data::Tensors;
use drifting_domain::ports::{ArtifactStore, PortError, PortErrorKind, StoredProject};
use drifting_object_stores::{FakeGcs, GcsStub, Moto, SeaweedFs};

/// The bucket of every test.
pub const BUCKET: &str = "bucket";

/// A server of objects, with an empty bucket.
pub enum Server {
    /// S3 with conditions.
    Seaweed(SeaweedFs),
    /// S3 with conditions of writes, with the errors of Amazon.
    Moto(Moto),
    /// Google's API with preconditions.
    Stub(GcsStub),
    /// Google's API, preconditions ignored.
    Fake(FakeGcs),
}

impl Server {
    /// S3 with conditions.
    pub fn s3() -> Self {
        let server = SeaweedFs::start();
        server.create_bucket(BUCKET);
        Self::Seaweed(server)
    }

    /// S3 with conditions of writes, with the errors of Amazon.
    pub fn moto() -> Self {
        let server = Moto::start();
        server.create_bucket(BUCKET);
        Self::Moto(server)
    }

    /// Google's API with preconditions.
    pub fn gcs() -> Self {
        let server = GcsStub::start_without_auth();
        server.create_bucket(BUCKET);
        Self::Stub(server)
    }

    /// Google's API, preconditions ignored.
    pub fn plain_gcs() -> Self {
        let server = FakeGcs::start();
        server.create_bucket(BUCKET);
        Self::Fake(server)
    }

    /// Both servers that honour conditions.
    pub fn both() -> [Self; 2] {
        [Self::s3(), Self::gcs()]
    }

    /// Where it is.
    pub fn endpoint(&self) -> &str {
        match self {
            Self::Seaweed(server) => server.endpoint(),
            Self::Moto(server) => server.endpoint(),
            Self::Stub(server) => server.endpoint(),
            Self::Fake(server) => server.endpoint(),
        }
    }

    /// A place in the bucket, reached by another address if one is given.
    pub fn location(&self, prefix: &str, endpoint: Option<&str>) -> RemoteLocation {
        let (bucket, prefix) = (BUCKET.to_owned(), prefix.to_owned());
        let endpoint = Some(endpoint.unwrap_or(self.endpoint()).to_owned());
        let s3 = |bucket, prefix, endpoint, id: &str, secret: &str| {
            let (access_key_id, secret_access_key) = (id.to_owned(), secret.to_owned());
            let credentials = Some(StaticCredentials { access_key_id, secret_access_key, session_token: None });
            RemoteLocation::S3(S3Location { bucket, prefix, endpoint, credentials, ..S3Location::default() })
        };
        match self {
            Self::Seaweed(server) => s3(bucket, prefix, endpoint, server.access_key(), server.secret_key()),
            Self::Moto(server) => s3(bucket, prefix, endpoint, server.access_key(), server.secret_key()),
            Self::Stub(_) | Self::Fake(_) => {
                RemoteLocation::Gcs(GcsLocation { bucket, prefix, endpoint, anonymous: true, ..GcsLocation::default() })
            }
        }
    }

    /// A store at a prefix.
    pub async fn store(&self, prefix: &str) -> RemoteStore {
        RemoteStore::connect(&self.location(prefix, None), settings()).await.unwrap()
    }

    /// A store at a prefix, through a proxy.
    pub async fn store_through(&self, prefix: &str, proxy: &str) -> RemoteStore {
        RemoteStore::connect(&self.location(prefix, Some(proxy)), settings()).await.unwrap()
    }

    /// Projects at a prefix, with the lease of it.
    pub async fn projects(&self, prefix: &str) -> OpendalArtifacts {
        let store = self.store(prefix).await;
        OpendalArtifacts::open_remote(&store, &lease(&store).await)
    }

    /// A lease that another server's does not stand in the way of: that of another prefix.
    pub async fn other_lease(&self, prefix: &str) -> Lease {
        lease(&self.store(prefix).await).await
    }
}

/// Short pauses, so that tests are.
pub fn settings() -> RemoteSettings {
    RemoteSettings { first_pause: Duration::from_millis(5), ..RemoteSettings::default() }
}

/// The lease of a store.
pub async fn lease(store: &RemoteStore) -> Lease {
    Lease::acquire(store, LeaseSettings::default()).await.unwrap()
}

/// How many calls there were, for everything but keeping the lease.
pub fn n_calls(store: &RemoteStore, operation: &str) -> u64 {
    store.calls().iter().filter(|count| count.operation == operation).map(|count| count.n).sum()
}

/// How many calls came to nothing.
pub fn n_failed(store: &RemoteStore) -> u64 {
    let outcomes = [CallOutcome::Failed, CallOutcome::Throttled, CallOutcome::Unanswered];
    store.calls().iter().filter(|count| outcomes.contains(&count.outcome)).map(|count| count.n).sum()
}

/// A state with a value that tells it from others.
pub fn state(time: u64) -> Tensors {
    let mut state = Tensors::new();
    state.insert_u64("time", vec![time]);
    state.insert_rows("window", 1, vec![f64::NAN, -0.0]);
    state
}

/// Equality that holds `NaN` equal to itself.
pub fn same(left: &Tensors, right: &Tensors) -> bool {
    format!("{left:?}") == format!("{right:?}")
}

/// The project as it was stored, whole.
pub async fn assert_holds(store: &dyn ArtifactStore, expected: &StoredProject) {
    let name = &expected.configuration.project;
    let read = store.project(name).await.unwrap().unwrap();
    assert_eq!(read.configuration, expected.configuration);
    assert!(same(&read.parameters, &expected.parameters));
}

/// The kind of an error that is expected.
pub fn kind_of<T: std::fmt::Debug>(result: Result<T, PortError>) -> PortErrorKind {
    result.unwrap_err().kind()
}
