//! Tokens of an issuer of `OpenID` Connect: JSON Web Tokens (RFC 7519) that it signed for this server, checked with the keys that it publishes
//! (RFC 7517). The keys are there before a token comes: none waits for the network.

mod claims;
mod published;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};
use tokio::sync::Notify;
use url::Url;

pub use self::claims::Claim;
use self::claims::{projects_of, scopes_of};
use self::published::{Published, Source};
use crate::gate::GateError;
use crate::grant::Grant;
use crate::{Denied, KeyDigest, ProjectPatterns};

/// Whom to believe.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSettings {
    /// The issuer, as it calls itself in `iss`.
    pub issuer: String,
    /// What this server is called in `aud`; one of them must be there.
    pub audiences: Vec<String>,
    /// Where its keys are.
    pub keys: TokenKeys,
    /// Where the scopes stand.
    pub scopes_claim: Claim,
    /// Where the patterns of projects stand; without it a token is for all projects.
    pub projects_claim: Option<Claim>,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKeys {
    /// Where its own description says (`OpenID` Connect Discovery 1.0).
    Discovered,
    /// At this address.
    At(Url),
    /// In this file.
    File(PathBuf),
}

/// Clocks may differ by so much.
const LEEWAY: Duration = Duration::from_mins(1);
/// So many tokens that have been checked are remembered, so that a signature is checked once.
const REMEMBERED_MAX: usize = 4096;
/// Names in logs have so many letters at most.
const NAME_LENGTH_MAX: usize = 128;

/// The tokens of one issuer.
#[derive(Debug)]
pub(crate) struct Tokens {
    settings: TokenSettings,
    source: Source,
    published: ArcSwap<Published>,
    remembered: RwLock<HashMap<KeyDigest, Arc<Grant>>>,
    /// A token came that was signed with a key that is not known yet.
    is_asked_for_more: Notify,
}

impl Tokens {
    /// Nothing is fetched yet.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub(crate) fn new(settings: TokenSettings) -> Result<Self, GateError> {
        let source = Source::of(&settings.issuer, &settings.keys)?;
        Ok(Self {
            settings,
            source,
            published: ArcSwap::default(),
            remembered: RwLock::default(),
            is_asked_for_more: Notify::new(),
        })
    }

    /// Whether something is a token rather than a key: three parts with dots between.
    pub(crate) fn looks_like_one(credential: &str) -> bool {
        credential.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// What a token is good for. A token that has been seen costs a digest; a new one the check of its signature.
    ///
    /// # Errors
    /// When it is not one of the issuer for this server, or not now.
    pub(crate) fn check(&self, token: &str) -> Result<Arc<Grant>, Denied> {
        let digest = KeyDigest::of(token);
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        if let Some(grant) = remembered {
            return if grant.has_expired() { Err(Denied::Expired) } else { Ok(grant) };
        }
        let grant = Arc::new(self.grant(&self.claims(token)?)?);
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(digest, Arc::clone(&grant));
        Ok(grant)
    }

    fn claims(&self, token: &str) -> Result<Map<String, Value>, Denied> {
        let header = decode_header(token).map_err(|_| Denied::BadToken("it is not a JSON Web Token"))?;
        let published = self.published.load();
        let mut why = Denied::BadToken("it was signed with a key that the issuer does not publish");
        for key in published.suiting(&header) {
            let mut validation = Validation::new(header.alg);
            validation.leeway = LEEWAY.as_secs();
            validation.validate_nbf = true;
            validation.set_audience(&self.settings.audiences);
            validation.set_issuer(&[&self.settings.issuer]);
            validation.set_required_spec_claims(&["exp", "iss", "aud"]);
            match decode(token, key, &validation) {
                Ok(token) => return Ok(token.claims),
                Err(error) => why = denied(error.kind()),
            }
        }
        if published.lacks(&header) {
            self.is_asked_for_more.notify_one();
        }
        Err(why)
    }

    fn grant(&self, claims: &Map<String, Value>) -> Result<Grant, Denied> {
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or("(no subject)");
        let name: String = subject.chars().filter(|letter| !letter.is_control()).take(NAME_LENGTH_MAX).collect();
        let expires_at = claims.get("exp").and_then(Value::as_f64).and_then(at).map(|at| at + LEEWAY);
        let expires_at = expires_at.ok_or(Denied::BadToken("its `exp` is no time"))?;
        let projects = match &self.settings.projects_claim {
            None => ProjectPatterns::ALL,
            Some(claim) => projects_of(claim.value(claims)),
        };
        Ok(Grant {
            id: KeyDigest::of(&format!("{} {subject}", self.settings.issuer)).fingerprint(),
            name,
            scopes: scopes_of(self.settings.scopes_claim.value(claims)),
            projects,
            expires_at: Some(expires_at),
            rate: None,
        })
    }

    /// Asks for the issuer's keys now.
    ///
    /// # Errors
    /// Why they cannot be had, for the log.
    pub(crate) async fn refresh(&self) -> Result<(), String> {
        let published = self.source.read().await?;
        if **self.published.load() != published {
            tracing::info!(issuer = %self.settings.issuer, count = published.len(), "keys of the issuer of tokens were read");
            self.published.store(Arc::new(published));
            self.remembered.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
        Ok(())
    }

    /// Asks for the issuer's keys again and again, for ever: sooner where they could not be had or one was missing.
    pub(crate) async fn keep_fresh(&self) {
        const AFTER_FAILURE: Duration = Duration::from_secs(10);
        const BETWEEN: Duration = Duration::from_secs(10);
        let every = self.source.every();
        let mut is_failing = self.published.load().is_empty();
        loop {
            tokio::time::sleep(BETWEEN.min(every)).await;
            let wait = if is_failing { AFTER_FAILURE } else { every }.saturating_sub(BETWEEN);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.is_asked_for_more.notified() => {}
            }
            match self.refresh().await {
                Ok(()) => is_failing = false,
                Err(reason) => {
                    // Once a run of failures.
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(issuer = %self.settings.issuer, reason, "the keys of the issuer of tokens cannot be read; those from before hold");
                    }
                }
            }
        }
    }
}

fn denied(kind: &ErrorKind) -> Denied {
    match kind {
        ErrorKind::ExpiredSignature => Denied::Expired,
        ErrorKind::ImmatureSignature => Denied::BadToken("it is not valid yet"),
        ErrorKind::InvalidAudience => Denied::BadToken("it is meant for another server (`aud`)"),
        ErrorKind::InvalidIssuer => Denied::BadToken("it is from another issuer (`iss`)"),
        ErrorKind::MissingRequiredClaim(_) => Denied::BadToken("it lacks one of `exp`, `iss` and `aud`"),
        ErrorKind::InvalidSignature => Denied::BadToken("its signature is not that of the issuer"),
        _ => Denied::BadToken("it is not a JSON Web Token that the issuer signed"),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "times beyond the range saturate and are refused")]
fn at(seconds: f64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds as i64, 0)
}

#[cfg(test)]
mod tests;
