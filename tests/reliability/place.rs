//! Where a store under test is: a folder, or a bucket of a server that the test starts.

use drifting_object_stores::{FaultyProxy, GcsStub, SeaweedFs};

/// A place for projects.
pub enum Place {
    Local,
    S3(SeaweedFs),
    Gcs(GcsStub),
}

const BUCKET: &str = "projects";

impl Place {
    pub fn s3() -> Self {
        let seaweed = SeaweedFs::start();
        seaweed.create_bucket(BUCKET);
        Self::S3(seaweed)
    }

    pub fn gcs() -> Self {
        let stub = GcsStub::start_without_auth();
        stub.create_bucket(BUCKET);
        Self::Gcs(stub)
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Local => "local disk",
            Self::S3(_) => "S3",
            Self::Gcs(_) => "GCS",
        }
    }

    pub fn is_bucket(&self) -> bool {
        !matches!(self, Self::Local)
    }

    /// The arguments that lead a server there; none for the folder that every server has.
    pub fn arguments(&self) -> &'static [&'static str] {
        match self {
            Self::Local => &[],
            Self::S3(_) => &["--artifacts-path", "s3://projects/some/prefix", "--cache-path", "cache"],
            Self::Gcs(_) => &["--artifacts-path", "gs://projects/some/prefix", "--cache-path", "cache"],
        }
    }

    /// A proxy before the server of the bucket.
    pub fn proxy(&self) -> FaultyProxy {
        match self {
            Self::Local => panic!("a folder has no server"),
            Self::S3(seaweed) => FaultyProxy::start(seaweed.endpoint()),
            Self::Gcs(stub) => FaultyProxy::start(stub.endpoint()),
        }
    }

    /// What a server needs to reach it, by way of a proxy where there is one.
    pub fn environment(&self, proxy: Option<&FaultyProxy>) -> Vec<(&'static str, String)> {
        let through = |endpoint: &str| proxy.map_or(endpoint, FaultyProxy::endpoint).to_owned();
        match self {
            Self::Local => Vec::new(),
            Self::S3(seaweed) => vec![
                ("AWS_ACCESS_KEY_ID", seaweed.access_key().to_owned()),
                ("AWS_SECRET_ACCESS_KEY", seaweed.secret_key().to_owned()),
                ("AWS_REGION", seaweed.region().to_owned()),
                ("AWS_ENDPOINT_URL", through(seaweed.endpoint())),
                ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ],
            Self::Gcs(stub) => vec![("STORAGE_EMULATOR_HOST", through(stub.endpoint()))],
        }
    }
}
