//! The decision about a request, by its head alone.

use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use governor::DefaultKeyedRateLimiter;
use governor::clock::{Clock, DefaultClock};
use http::HeaderMap;
use subtle::{Choice, ConditionallySelectable};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};

use crate::credential::credential;
use crate::grant::{Grant, Rate};
use crate::keys_file::{KeyEntry, read_keys};
use crate::token::Tokens;
use crate::{
    Caller, Denied, KEY_LENGTH_MIN, KeyDigest, KeysFileError, ProjectPatterns, RateLimit, Scope, Scopes, TokenSettings,
};

/// How often the file of keys is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often rates of those who no longer come are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// Whom to let in.
#[derive(Default)]
pub struct GateSettings {
    /// A key that may do everything.
    pub api_key: Option<String>,
    /// The file of keys.
    pub keys_file: Option<PathBuf>,
    /// Whose tokens are taken.
    pub tokens: Option<TokenSettings>,
    /// How often each key without a rate of its own, each subject of tokens and, where nobody is asked for a key, each address
    /// may ask.
    pub rate_limit: Option<RateLimit>,
}

/// Why there can be no gate.
#[derive(Debug, Error)]
pub enum GateError {
    /// The one key is too short to be safe.
    #[error(
        "expected a key of at least {KEY_LENGTH_MIN} characters, such as `drifting keys create` makes, a shorter one came"
    )]
    ShortKey,
    /// The file of keys is not there.
    #[error("the file of keys {file} cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The file of keys cannot be understood.
    #[error("the file of keys {file}: {reason}")]
    Keys {
        /// Which file.
        file: String,
        /// What is wrong.
        reason: KeysFileError,
    },
    /// The keys of the issuer cannot be had in a safe way.
    #[error("expected an issuer, and keys of it, at an `https://` address, or at an `http://` one of this machine")]
    Issuer,
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client for keys of the issuer: {0}")]
    Client(String),
}

/// Decides who may come in.
pub struct Gate {
    own: Option<Known>,
    file: Option<PathBuf>,
    keys: ArcSwap<Keys>,
    tokens: Option<Tokens>,
    rate_limit: Option<RateLimit>,
    /// For each subject of tokens, and for each address.
    subjects: Option<DefaultKeyedRateLimiter<String>>,
    addresses: Option<DefaultKeyedRateLimiter<IpAddr>>,
}

/// A key that is known by its digest.
#[derive(Clone)]
struct Known {
    digest: KeyDigest,
    grant: Arc<Grant>,
}

/// The keys of the file, and its bytes.
#[derive(Default)]
struct Keys {
    text: String,
    known: Vec<Known>,
}

impl Gate {
    /// A gate that lets everybody in, as often as they like.
    pub fn open() -> Self {
        Self {
            own: None,
            file: None,
            keys: ArcSwap::default(),
            tokens: None,
            rate_limit: None,
            subjects: None,
            addresses: None,
        }
    }

    /// A gate by these settings. The file of keys is read; the issuer is not asked yet.
    ///
    /// # Errors
    /// When a setting cannot be used, or the file cannot be read.
    pub fn new(settings: GateSettings) -> Result<Self, GateError> {
        let GateSettings { api_key, keys_file, tokens, rate_limit } = settings;
        let own = api_key.map(|key| own_key(&key, rate_limit)).transpose()?;
        let gate = Self {
            own,
            file: keys_file,
            keys: ArcSwap::default(),
            tokens: tokens.map(Tokens::new).transpose()?,
            rate_limit,
            subjects: rate_limit.map(|limit| DefaultKeyedRateLimiter::keyed(limit.quota())),
            addresses: rate_limit.map(|limit| DefaultKeyedRateLimiter::keyed(limit.quota())),
        };
        if let Some(file) = &gate.file {
            let text = std::fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
            gate.take(file, text)?;
        }
        Ok(gate)
    }

    /// Whether anybody is asked for a key at all. With a file of no keys everybody is, and nobody gets in.
    pub fn asks_for_keys(&self) -> bool {
        self.own.is_some() || self.file.is_some() || self.tokens.is_some()
    }

    /// Who sends a request with this head from this address. Looks at no body, no disk and no network. O(number of keys).
    ///
    /// # Errors
    /// When the head shows nothing that is known here, or too much came already.
    pub fn admit(&self, head: &HeaderMap, address: Option<IpAddr>) -> Result<Caller, Denied> {
        if !self.asks_for_keys() {
            if let (Some(limiter), Some(address)) = (&self.addresses, address) {
                self.in_time(limiter.check_key(&network(address)))?;
            }
            return Ok(Caller::ANYBODY);
        }
        let shown = credential(head)?;
        // A key that somebody chose may look like a token.
        let grant = match (self.known(shown), &self.tokens) {
            (Some(grant), _) => grant,
            (None, Some(tokens)) if Tokens::looks_like_one(shown) => {
                let grant = tokens.check(shown)?;
                if let Some(limiter) = &self.subjects {
                    self.in_time(limiter.check_key(&grant.id))?;
                }
                grant
            }
            (None, _) => return Err(Denied::UnknownKey),
        };
        if grant.has_expired() {
            return Err(Denied::Expired);
        }
        if let Some(rate) = &grant.rate {
            rate.take().map_err(|retry_after| Denied::TooMany { limit: rate.limit.to_string(), retry_after })?;
        }
        Ok(Caller(Some(grant)))
    }

    /// The grant of a key. Every digest is looked at, each to its end.
    fn known(&self, key: &str) -> Option<Arc<Grant>> {
        let digest = KeyDigest::of(key);
        let keys = self.keys.load();
        let all = || keys.known.iter().chain(&self.own);
        let (mut place, mut is_known) = (0_u64, Choice::from(0));
        for (index, known) in (0_u64..).zip(all()) {
            let is_this = known.digest.is(&digest);
            place.conditional_assign(&index, is_this);
            is_known |= is_this;
        }
        let found = usize::try_from(place).ok().and_then(|place| all().nth(place));
        found.filter(|_| is_known.into()).map(|known| Arc::clone(&known.grant))
    }

    fn in_time<T>(&self, checked: Result<T, governor::NotUntil<governor::clock::QuantaInstant>>) -> Result<(), Denied> {
        checked.map(drop).map_err(|early| Denied::TooMany {
            limit: self.rate_limit.map(|limit| limit.to_string()).unwrap_or_default(),
            retry_after: early.wait_time_from(DefaultClock::default().now()),
        })
    }

    /// Takes the keys of a text; rates of keys that stay go on.
    fn take(&self, file: &Path, text: String) -> Result<(), GateError> {
        let entries =
            read_keys(&text).map_err(|reason| GateError::Keys { file: file.display().to_string(), reason })?;
        let before = self.keys.load();
        let known = entries.into_iter().map(|entry| {
            let limit = entry.rate_limit.or(self.rate_limit);
            let same = before.known.iter().find(|known| known.digest == entry.digest);
            let rate = same.and_then(|known| known.grant.rate.clone()).filter(|rate| Some(rate.limit) == limit);
            let rate = rate.or_else(|| limit.map(|limit| Arc::new(Rate::new(limit))));
            Known { digest: entry.digest, grant: Arc::new(granted(entry, rate)) }
        });
        self.keys.store(Arc::new(Keys { known: known.collect(), text }));
        Ok(())
    }

    /// Asks the issuer for its keys, if there is one, so that tokens are known from the first request on.
    pub async fn prepare(&self) {
        let Some(tokens) = &self.tokens else { return };
        if let Err(reason) = tokens.refresh().await {
            tracing::warn!(
                reason,
                "the keys of the issuer of tokens cannot be read yet: tokens are refused until they can"
            );
        }
    }

    /// Reads the file of keys and the keys of the issuer again when they have changed, for ever. A file that cannot be used changes
    /// nothing.
    pub async fn keep_fresh(&self) {
        let tokens = async {
            match &self.tokens {
                Some(tokens) => tokens.keep_fresh().await,
                None => std::future::pending().await,
            }
        };
        let forget = async {
            let mut ticks = interval(FORGET_EVERY);
            loop {
                ticks.tick().await;
                self.subjects.iter().for_each(DefaultKeyedRateLimiter::retain_recent);
                self.addresses.iter().for_each(DefaultKeyedRateLimiter::retain_recent);
            }
        };
        tokio::join!(self.watch_file(), tokens, forget);
    }

    async fn watch_file(&self) {
        let Some(file) = &self.file else { return };
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complaint = None;
        loop {
            ticks.tick().await;
            let taken = match tokio::fs::read_to_string(file).await {
                Ok(text) if text == self.keys.load().text => {
                    complaint = None;
                    continue;
                }
                Ok(text) => self.take(file, text),
                Err(error) => Err(unreadable(file, &error)),
            };
            match taken {
                Ok(()) => {
                    tracing::info!(
                        count = self.keys.load().known.len(),
                        "the file of keys has changed and was read again"
                    );
                    complaint = None;
                }
                // Once, not every second.
                Err(error) => {
                    let told = error.to_string();
                    if complaint.as_ref() != Some(&told) {
                        tracing::error!(error = %told, "the keys from before hold");
                        complaint = Some(told);
                    }
                }
            }
        }
    }
}

fn own_key(key: &str, rate_limit: Option<RateLimit>) -> Result<Known, GateError> {
    if key.chars().count() < KEY_LENGTH_MIN {
        return Err(GateError::ShortKey);
    }
    let digest = KeyDigest::of(key);
    let grant = Grant {
        name: "api_key".to_owned(),
        id: digest.fingerprint(),
        scopes: Scopes::from_iter([Scope::Admin]),
        projects: ProjectPatterns::ALL,
        expires_at: None,
        rate: rate_limit.map(|limit| Arc::new(Rate::new(limit))),
    };
    Ok(Known { digest, grant: Arc::new(grant) })
}

fn granted(entry: KeyEntry, rate: Option<Arc<Rate>>) -> Grant {
    Grant {
        id: entry.digest.fingerprint(),
        projects: entry.patterns(),
        name: entry.name,
        scopes: entry.scopes,
        expires_at: entry.expires_at,
        rate,
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> GateError {
    GateError::Unreadable { file: file.display().to_string(), reason: error.to_string() }
}

/// Whoever has one address of version 6 mostly has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests;
