//! Why a request is not served, for people.

use std::time::Duration;

use thiserror::Error;

use crate::Scope;

/// Why a request is not served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Denied {
    /// It shows nothing.
    #[error("this server asks for a key: expected `Authorization: Bearer …` or `X-API-Key: …`, none came")]
    NoKey,
    /// It shows more than one.
    #[error("expected one key, different ones came; send it as `Authorization: Bearer …` or as `X-API-Key: …`")]
    SeveralKeys,
    /// It shows a header that holds no key.
    #[error("expected {expected} with a key, {came} came")]
    NotAKey {
        /// The header, as it should be.
        expected: &'static str,
        /// What it was.
        came: &'static str,
    },
    /// It shows a key that nobody knows.
    #[error("the key that came is not known here, or no longer")]
    UnknownKey,
    /// It shows a key or a token whose time is over.
    #[error("the key that came has expired; ask for a new one")]
    Expired,
    /// It shows a token that the issuer did not sign, or that is not meant for this server.
    #[error("the token that came cannot be accepted: {0}")]
    BadToken(&'static str),
    /// What it shows is not good for this.
    #[error("this needs the scope `{0}`, which the key that came does not have")]
    Scope(Scope),
    /// What it shows is for other projects.
    #[error("the key that came is not for this project")]
    Project,
    /// What it shows is for single projects, and this concerns all.
    #[error("this concerns all projects, and the key that came is for some")]
    AllProjects,
    /// It comes too early after others.
    #[error("too many requests came: the limit is {limit}; try again in {}", seconds(*.retry_after))]
    TooMany {
        /// The rate that is allowed.
        limit: String,
        /// When the next one will be served.
        retry_after: Duration,
    },
    /// It shows nothing that is known here, after too many others of its address that did not either.
    #[error(
        "{reason}; too many requests without a good key came from this address: the limit is {limit}; try again in {}",
        seconds(*.retry_after)
    )]
    TooManyFailures {
        /// Why it is refused in any case.
        reason: Box<Denied>,
        /// The rate at which an address may fail.
        limit: String,
        /// When the next one will be answered with the reason alone.
        retry_after: Duration,
    },
}

impl Denied {
    /// Whether another key might be known, rather than this one not good enough.
    pub fn is_unauthenticated(&self) -> bool {
        !matches!(self, Self::Scope(_) | Self::Project | Self::AllProjects) && self.retry_after_s().is_none()
    }

    /// Seconds after which trying again may help, rounded up, where too many requests came.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after, .. } | Self::TooManyFailures { retry_after, .. } => {
                Some(whole_seconds(*retry_after))
            }
            _ => None,
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn seconds(duration: Duration) -> String {
    match whole_seconds(duration) {
        1 => "1 second".to_owned(),
        n => format!("{n} seconds"),
    }
}
