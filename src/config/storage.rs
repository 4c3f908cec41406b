//! Where projects and metrics are stored, and how durably.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    const REDACTED: &str = "***";

    /// The text itself, for the one who needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}

/// Where projects are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactsPath {
    /// In a folder of this machine.
    Local(PathBuf),
    /// In a bucket.
    Bucket(Bucket),
    /// In memory, until the server stops.
    Memory,
}

/// A prefix in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Whose.
    pub service: ObjectService,
    /// Its name.
    pub name: String,
    /// What the key of every object begins with, without slashes at its ends; may be empty.
    pub prefix: String,
}

/// Who keeps a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectService {
    /// Amazon S3 and its like.
    S3,
    /// Google Cloud Storage.
    Gcs,
}

impl Bucket {
    fn parse(service: ObjectService, place: &str) -> Result<Self, String> {
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
        if !(3..=222).contains(&name.len()) || !name.chars().all(is_name) {
            // The text may hold a password, so it is not repeated.
            return Err(format!(
                "expected {service}://bucket/prefix, with a bucket of three or more lower-case letters, digits, dots, hyphens \
                 and underscores"
            ));
        }
        let prefix = prefix.trim_matches('/');
        let is_plain = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
        let has_odd = prefix.contains(|c: char| c.is_control() || "?#\\*".contains(c));
        if has_odd || !(prefix.is_empty() || prefix.split('/').all(is_plain)) {
            return Err(format!(
                "expected a prefix of plain names between slashes, as in {service}://bucket/team/drifting"
            ));
        }
        Ok(Self { service, name: name.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for ObjectService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
        })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, name, prefix } = self;
        if prefix.is_empty() { write!(f, "{service}://{name}") } else { write!(f, "{service}://{name}/{prefix}") }
    }
}

/// The address of an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = String;

    // No error repeats the text, which may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected an address such as http://localhost:9000, without user and query".to_owned();
        let url = Url::parse(text).map_err(|_| expected())?;
        let is_bare =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() || !is_bare {
            return Err(expected());
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The region of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region(pub(super) String);

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.chars().all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected a region such as eu-central-1".to_owned())
        }
    }
}

/// What tells a server apart from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance(pub(super) String);

impl Instance {
    /// The name of this machine.
    pub(super) fn of_host() -> Self {
        Self(rustix::system::uname().nodename().to_string_lossy().into_owned())
    }
}

impl FromStr for Instance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() <= 255 && !text.contains(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected a name of at most 255 bytes, without control characters".to_owned())
        }
    }
}

/// A folder of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalPath(pub(super) PathBuf);

impl FromStr for LocalPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None => Ok(Self(text.into())),
            Some((scheme, _)) => Err(format!("expected a local path, got {scheme}://")),
        }
    }
}

impl FromStr for ArtifactsPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None => Ok(Self::Local(text.into())),
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("s3", place)) => Bucket::parse(ObjectService::S3, place).map(Self::Bucket),
            Some(("gs", place)) => Bucket::parse(ObjectService::Gcs, place).map(Self::Bucket),
            Some((scheme, _)) => Err(format!(
                "expected a local path, s3://bucket/prefix, gs://bucket/prefix or memory://, got {scheme}://"
            )),
        }
    }
}

impl fmt::Display for ArtifactsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Bucket(bucket) => bucket.fmt(f),
            Self::Memory => f.write_str("memory://"),
        }
    }
}

/// Where metrics are stored. Its texts leave passwords out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUri {
    /// The setting was not given: what suits where the projects are stored.
    NotGiven,
    /// A database of the server's own, beside the projects.
    Local,
    /// Nowhere.
    None,
    /// In this Postgres database.
    Postgres(Secret),
    /// In this SQLite file.
    Sqlite(Secret),
}

impl FromStr for DatabaseUri {
    type Err = String;

    // No error repeats the text, which may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None if text.eq_ignore_ascii_case("local") => Ok(Self::Local),
            None if ["none", "off"].iter().any(|none| text.eq_ignore_ascii_case(none)) => Ok(Self::None),
            Some(("postgres" | "postgresql", _)) => {
                if is_clear(text) {
                    Ok(Self::Postgres(text.to_owned().into()))
                } else {
                    Err("expected postgres://user:password@host:port/database, where special characters in the user \
                         and the password are percent-encoded"
                        .to_owned())
                }
            }
            Some(("sqlite", file)) if !file.is_empty() => Ok(Self::Sqlite(text.to_owned().into())),
            _ => Err("expected local, none, postgres://… or sqlite://…".to_owned()),
        }
    }
}

/// Whether it is certain which part of a URI is its password: a `/`, `?`, `#` or `@` that should have been
/// percent-encoded moves the rest of the password into another part.
fn is_clear(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| {
        let rest = format!("{}{}", url.path(), url.query().unwrap_or_default());
        url.fragment().is_none() && !rest.contains('@')
    })
}

impl fmt::Display for DatabaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGiven => f.write_str("not given"),
            Self::Local => f.write_str("local"),
            Self::None => f.write_str("none"),
            Self::Postgres(uri) => f.write_str(&without_password(uri.expose())),
            Self::Sqlite(uri) => f.write_str(uri.expose().split('?').next().unwrap_or_default()),
        }
    }
}

/// A database without its password and its parameters, which may hold another.
fn without_password(uri: &str) -> String {
    let Ok(url) = Url::parse(uri) else { return Secret::REDACTED.to_owned() };
    let user = match (url.username(), url.password()) {
        ("", None) => String::new(),
        (user, None) => format!("{user}@"),
        (user, Some(_)) => format!("{user}:{}@", Secret::REDACTED),
    };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{user}{host}{port}{}", url.scheme(), url.path())
}

/// When online state is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateDurability {
    /// Behind the answers, at an interval.
    Interval,
    /// Before each answer.
    Always,
}

impl FromStr for StateDurability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "interval" => Ok(Self::Interval),
            "always" => Ok(Self::Always),
            _ => Err(format!("expected interval or always, got `{text}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_paths_buckets_and_memory_are_stores() {
        assert_eq!("a/b".parse(), Ok(ArtifactsPath::Local("a/b".into())));
        assert_eq!("memory://".parse(), Ok(ArtifactsPath::Memory));
        for (text, service, name, prefix) in [
            ("s3://bucket/a/b/", ObjectService::S3, "bucket", "a/b"),
            ("gs://my-bucket.example_1", ObjectService::Gcs, "my-bucket.example_1", ""),
        ] {
            let bucket = Bucket { service, name: name.to_owned(), prefix: prefix.to_owned() };
            assert_eq!(bucket.to_string(), text.trim_end_matches('/'));
            assert_eq!(text.parse(), Ok(ArtifactsPath::Bucket(bucket)));
        }
        for text in [
            "ftp://x",
            "s3://",
            "s3:///a",
            "s3://Bucket",
            "s3://key:geheim@bucket/a",
            "s3://ab",
            "gs://bucket/a/../c",
            "s3://bucket/a//c",
            "s3://bucket/a?x=geheim",
        ] {
            let error = text.parse::<ArtifactsPath>().unwrap_err();
            assert!(error.starts_with("expected ") && !error.contains("geheim"), "{text}: {error}");
        }
    }

    #[test]
    fn an_endpoint_is_an_address_and_nothing_else() {
        assert_eq!("http://localhost:9000/".parse::<Endpoint>().unwrap().as_str(), "http://localhost:9000");
        for text in ["localhost:9000", "s3://x", "http://key:geheim@host", "http://host?key=geheim", "http://"] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.starts_with("expected ") && !error.contains("geheim"), "{text}: {error}");
        }
    }

    #[test]
    fn no_text_of_a_database_has_its_password() {
        let uris = [
            "postgres://drifting:geheim@db:5432/metrics",
            "postgresql://drifting:ge%40geheim@db/metrics?sslmode=require",
            "postgres://db/metrics?user=drifting&password=geheim",
            "postgres:///metrics?host=/run&password=geheim",
        ];
        for uri in uris {
            let database: DatabaseUri = uri.parse().unwrap();
            let texts = format!("{database} {database:?} {database:#?}");
            assert!(!texts.contains("geheim"), "{texts}");
        }
        let database: DatabaseUri = uris[0].parse().unwrap();
        assert_eq!(database.to_string(), "postgres://drifting:***@db:5432/metrics");
    }

    #[test]
    fn a_password_that_is_not_encoded_is_refused_without_being_repeated() {
        for uri in [
            "postgres://drifting:ge/heim@db/metrics",
            "postgres://drifting:12/geheim@db/metrics",
            "postgres://drifting:12#geheim@db/metrics",
            "postgres://drifting:12?geheim@db/metrics",
            "postgres://drifting:a@b/geheim@db/metrics",
            "mysql://drifting:geheim@db/metrics",
            "geheim",
        ] {
            let error = uri.parse::<DatabaseUri>().unwrap_err();
            assert!(error.contains("expected") && !error.contains("heim"), "{error}");
        }
    }

    #[test]
    fn every_kind_of_database_is_recognised() {
        assert_eq!("local".parse(), Ok(DatabaseUri::Local));
        assert_eq!("none".parse(), Ok(DatabaseUri::None));
        assert_eq!("off".parse(), Ok(DatabaseUri::None));
        assert!(matches!("sqlite://m.sqlite?mode=rwc".parse(), Ok(DatabaseUri::Sqlite(_))));
        assert!("sqlite://".parse::<DatabaseUri>().is_err());
    }
}
