//! Where a remote store is, and how its calls are bounded.

use std::fmt;
use std::time::Duration;

/// A bucket, or a prefix in one. Credentials come from the platform's own chain, unless they are given here.
#[derive(Clone, PartialEq, Eq)]
pub enum RemoteLocation {
    /// A service that speaks the S3 API.
    S3(S3Location),
    /// Google Cloud Storage.
    Gcs(GcsLocation),
}

/// A place in an S3 store.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct S3Location {
    /// The bucket.
    pub bucket: String,
    /// The prefix of every key, with or without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// The address of the service; that of Amazon where it is absent.
    pub endpoint: Option<String>,
    /// The region; the one of the environment or the profile where it is absent, else it is asked for.
    pub region: Option<String>,
    /// Credentials to take instead of those of the platform's chain.
    pub credentials: Option<StaticCredentials>,
    /// The profile whose credentials are taken.
    pub profile: Option<String>,
    /// A role that is assumed with the credentials of the chain.
    pub role_arn: Option<String>,
    /// Whether calls are not signed, for public buckets.
    pub anonymous: bool,
}

/// An access key with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    /// The key's name.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// What goes with a key that holds for some time only.
    pub session_token: Option<String>,
}

/// A place in Google Cloud Storage.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct GcsLocation {
    /// The bucket.
    pub bucket: String,
    /// The prefix of every name, with or without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
    /// The address of the service; that of Google where it is absent.
    pub endpoint: Option<String>,
    /// A file of credentials: a service account, an authorised user, an external account.
    pub credential_path: Option<String>,
    /// Whether calls are not signed, for public buckets and emulators.
    pub anonymous: bool,
}

impl fmt::Display for RemoteLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, bucket, prefix) = match self {
            Self::S3(S3Location { bucket, prefix, .. }) => ("s3", bucket, prefix),
            Self::Gcs(GcsLocation { bucket, prefix, .. }) => ("gs", bucket, prefix),
        };
        match prefix.trim_matches('/') {
            "" => write!(f, "{scheme}://{bucket}"),
            prefix => write!(f, "{scheme}://{bucket}/{prefix}"),
        }
    }
}

/// An endpoint may hold a user's name and password, so the options are not shown.
impl fmt::Debug for RemoteLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteLocation({self})")
    }
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticCredentials")
    }
}

impl fmt::Debug for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Location({})", RemoteLocation::S3(self.clone()))
    }
}

impl fmt::Debug for GcsLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GcsLocation({})", RemoteLocation::Gcs(self.clone()))
    }
}

/// How calls are bounded in time and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSettings {
    /// How long one try of a call may take, or of a part of one.
    pub try_timeout: Duration,
    /// How often a call is tried before its failure counts.
    pub n_tries: usize,
    /// How long the first pause between tries is; each next one is twice as long, and all are lengthened at random.
    pub first_pause: Duration,
    /// How long a call may take with all its tries; a large file gets a second more for each MiB.
    pub deadline: Duration,
    /// How many calls may be under way.
    pub n_calls_max: usize,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            try_timeout: Duration::from_secs(10),
            n_tries: 6,
            first_pause: Duration::from_millis(200),
            deadline: Duration::from_secs(45),
            n_calls_max: 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_shows_its_place_and_nothing_else() {
        let location = RemoteLocation::S3(S3Location {
            bucket: "bucket".to_owned(),
            prefix: "/a/b/".to_owned(),
            endpoint: Some("http://user:secret@host".to_owned()),
            role_arn: Some("secret".to_owned()),
            ..S3Location::default()
        });
        assert_eq!(location.to_string(), "s3://bucket/a/b");
        assert!(!format!("{location:?}").contains("secret"));
        let location = GcsLocation { bucket: "b".to_owned(), ..GcsLocation::default() };
        assert_eq!(format!("{location:?}"), "GcsLocation(gs://b)");
    }
}
