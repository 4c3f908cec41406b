//! From the failures of a remote store to those of the port, in words that say what to do.
//!
//! The errors of the technology carry addresses, the headers of answers and, for uploads in parts, names that let their
//! holder write. So none is kept: only what the service itself said is quoted.

use std::error::Error;

use drifting_domain::ports::{PortError, PortErrorKind};

/// As many characters of what a service says are quoted.
const QUOTED_MAX: usize = 300;

/// Which language a store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// That of S3.
    S3,
    /// That of Google Cloud Storage.
    Gcs,
}

/// What a call does, and so which right it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Reading an object, or asking whether there is one.
    Get,
    /// Writing an object.
    Put,
    /// Removing an object.
    Delete,
    /// Listing names.
    List,
}

impl Dialect {
    /// The right in the words of the store's policies.
    pub fn permission(self, right: Right) -> &'static str {
        match (self, right) {
            // Without the right to list, S3 says of an absent object that it is forbidden.
            (Self::S3, Right::Get) => "s3:GetObject on the objects and s3:ListBucket on the bucket",
            (Self::S3, Right::Put) => "s3:PutObject",
            (Self::S3, Right::Delete) => "s3:DeleteObject",
            (Self::S3, Right::List) => "s3:ListBucket on the bucket",
            (Self::Gcs, Right::Get) => "storage.objects.get",
            // Replacing an object removes the former one.
            (Self::Gcs, Right::Put) => "storage.objects.create and storage.objects.delete",
            (Self::Gcs, Right::Delete) => "storage.objects.delete",
            (Self::Gcs, Right::List) => "storage.objects.list",
        }
    }

    /// A failure of a call that needs a right.
    pub fn failure(self, right: Right, operation: &'static str, error: &opendal::Error) -> PortError {
        let said = Said::by(error);
        let (kind, text) = self.explain(right, error, &said);
        PortError::new(kind, operation, format!("{text}{}", said.quoted()))
    }

    fn explain(self, right: Right, error: &opendal::Error, said: &Said) -> (PortErrorKind, String) {
        use opendal::ErrorKind;
        let denied = |text: &str| (PortErrorKind::Permission, text.to_owned());
        match said.code.as_deref() {
            Some("NoSuchBucket") => return (PortErrorKind::Other, NO_BUCKET.to_owned()),
            Some("InvalidAccessKeyId") => return denied("the store does not know the access key that was found"),
            Some("SignatureDoesNotMatch") => {
                return denied("the secret key that was found does not fit its access key");
            }
            Some("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired") => {
                return denied("the credentials that were found have expired");
            }
            Some("InvalidToken") => return denied("the store does not accept the session token that was found"),
            Some("RequestTimeTooSkewed") => {
                return denied("the clock of this machine is too far from that of the store; set it right");
            }
            Some("QuotaExceeded" | "XMinioStorageFull") => {
                return (PortErrorKind::Full, "the store has no room left".to_owned());
            }
            _ => {}
        }
        match (error.kind(), said.status) {
            (_, Some(507)) => (PortErrorKind::Full, "the store has no room left".to_owned()),
            (_, Some(401)) => denied("the store does not accept the credentials that were found"),
            (ErrorKind::PermissionDenied, _) | (_, Some(403)) => {
                denied(&format!("the permission is missing: {}", self.permission(right)))
            }
            (ErrorKind::NotFound, _) => (PortErrorKind::Other, NO_BUCKET.to_owned()),
            (ErrorKind::ConfigInvalid, _) => {
                (PortErrorKind::Other, "the settings of the store are not valid".to_owned())
            }
            (ErrorKind::ConditionNotMatch, _) => (PortErrorKind::InUse, CONFLICT.to_owned()),
            (ErrorKind::RateLimited, _) => {
                (PortErrorKind::Unavailable, "the store asks for fewer calls, and went on asking".to_owned())
            }
            _ if error.message() == "signing http request" => (
                PortErrorKind::Permission,
                format!("expected credentials for the store, none could be had; {}", self.sources_of_credentials()),
            ),
            (ErrorKind::Conflict, _) => {
                (PortErrorKind::Unavailable, "the store was at work on the same object".to_owned())
            }
            (_, Some(status @ 400..500)) if ![408, 429].contains(&status) => {
                (PortErrorKind::Other, "the store refuses what was asked of it".to_owned())
            }
            _ if error.is_temporary() || error.is_persistent() => {
                (PortErrorKind::Unavailable, "the store could not be reached, or failed, at every try".to_owned())
            }
            _ => (PortErrorKind::Other, "the store did not do what was asked of it".to_owned()),
        }
    }

    fn sources_of_credentials(self) -> &'static str {
        match self {
            Self::S3 => {
                "give them by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the platform's identity"
            }
            Self::Gcs => "give them by GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth`, or the platform's identity",
        }
    }
}

const NO_BUCKET: &str = "expected a bucket that exists, the store knows none of that name";
const CONFLICT: &str = "another server has written here; its version stands";

/// Another writer's version stands where ours was to be.
pub fn conflict(operation: &'static str) -> PortError {
    PortError::new(PortErrorKind::InUse, operation, CONFLICT)
}

/// A call took longer than all its tries may take.
pub fn too_late(operation: &'static str, seconds: u64) -> PortError {
    let text = format!("the store did not answer within {seconds} s");
    PortError::new(PortErrorKind::Unavailable, operation, text)
}

/// What a service said in its answer.
#[derive(Debug, Default)]
struct Said {
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
}

impl Said {
    fn by(error: &opendal::Error) -> Self {
        // The status stands in the context of the error, which only its text shows.
        let status = error
            .to_string()
            .split_once("status: ")
            .and_then(|(_, rest)| rest.get(..3)?.parse().ok())
            .filter(|status| (100..600).contains(status));
        let text = error.message();
        let code = field(text, "code").filter(|code| !code.is_empty());
        let message = if status.is_some() {
            // A body that is no error document may be a page of a proxy.
            field(text, "message").or_else(|| (!text.contains(['<', '{'])).then(|| text.to_owned()))
        } else {
            Some(deepest(error).unwrap_or_else(|| text.to_owned()))
        };
        Self { status, code, message }
    }

    fn quoted(&self) -> String {
        let parts = [self.status.map(|status| status.to_string()), self.code.clone(), self.message.clone()];
        let said = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        let said = said.chars().filter(|c| !c.is_control()).take(QUOTED_MAX).collect::<String>();
        if said.is_empty() || said.contains("://") { String::new() } else { format!(" (it said: {said})") }
    }
}

/// A text in the debug form of an error document.
fn field(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("{name}: \""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.trim_end_matches('\\').to_owned())
}

/// The text of the last of the causes: the nearest to the operating system, without addresses.
fn deepest(error: &opendal::Error) -> Option<String> {
    let mut cause = error.source()?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}

#[cfg(test)]
mod tests {
    use opendal::ErrorKind;

    use super::*;

    fn s3(kind: ErrorKind, status: u16, code: &str) -> opendal::Error {
        let message = format!(
            "S3Error {{ code: \"{code}\", message: \"said so\", resource: \"/bucket/key\", request_id: \"\" }}"
        );
        opendal::Error::new(kind, message)
            .with_context("uri", "https://host/bucket/key?upload_id=secret")
            .with_context("response", format!("Parts {{ status: {status}, version: HTTP/1.1 }}"))
    }

    #[test]
    fn a_missing_right_is_named_in_the_words_of_the_store() {
        for (dialect, right, expected) in [
            (Dialect::S3, Right::Put, "s3:PutObject"),
            (Dialect::S3, Right::Get, "s3:GetObject"),
            (Dialect::S3, Right::List, "s3:ListBucket"),
            (Dialect::Gcs, Right::Put, "storage.objects.create"),
            (Dialect::Gcs, Right::Delete, "storage.objects.delete"),
        ] {
            let error = dialect.failure(right, "try", &s3(ErrorKind::PermissionDenied, 403, "AccessDenied"));
            assert_eq!(error.kind(), PortErrorKind::Permission);
            let text = error.source_text();
            assert!(text.contains(expected) && text.contains("AccessDenied said so"), "{text}");
            assert!(!text.contains("secret") && !text.contains("host"), "{text}");
        }
    }

    #[test]
    fn each_failure_says_what_to_do() {
        for (kind, status, code, expected, part) in [
            (ErrorKind::ConfigInvalid, 404, "NoSuchBucket", PortErrorKind::Other, "a bucket that exists"),
            (ErrorKind::PermissionDenied, 403, "SignatureDoesNotMatch", PortErrorKind::Permission, "secret key"),
            (ErrorKind::PermissionDenied, 403, "RequestTimeTooSkewed", PortErrorKind::Permission, "clock"),
            (ErrorKind::Unexpected, 400, "ExpiredToken", PortErrorKind::Permission, "expired"),
            (ErrorKind::Unexpected, 401, "", PortErrorKind::Permission, "credentials"),
            (ErrorKind::Unexpected, 507, "", PortErrorKind::Full, "room"),
            (ErrorKind::ConditionNotMatch, 412, "PreconditionFailed", PortErrorKind::InUse, "another server"),
            (ErrorKind::RateLimited, 503, "SlowDown", PortErrorKind::Unavailable, "fewer calls"),
            (ErrorKind::Unexpected, 418, "", PortErrorKind::Other, "refuses"),
            (ErrorKind::Unexpected, 400, "InvalidBucketName", PortErrorKind::Other, "refuses"),
            (ErrorKind::Unexpected, 200, "", PortErrorKind::Other, "did not do"),
        ] {
            let error = Dialect::S3.failure(Right::Put, "try", &s3(kind, status, code));
            assert_eq!(error.kind(), expected, "{code}");
            assert!(error.source_text().contains(part), "{}", error.source_text());
        }
        let lost = opendal::Error::new(ErrorKind::Unexpected, "send http request").set_persistent();
        assert_eq!(Dialect::Gcs.failure(Right::Get, "try", &lost).kind(), PortErrorKind::Unavailable);
        let unsigned = opendal::Error::new(ErrorKind::Unexpected, "signing http request");
        let error = Dialect::Gcs.failure(Right::Get, "try", &unsigned);
        assert!(error.source_text().contains("GOOGLE_APPLICATION_CREDENTIALS"), "{}", error.source_text());
    }
}
