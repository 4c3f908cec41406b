//! The decision about a request, by its head alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderMap;
use subtle::{Choice, ConditionallySelectable};
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};

use crate::caller::Shown;
use crate::credential::credential;
use crate::grant::{Grant, Standing};
use crate::keys_file::{KeyEntry, read_keys};
use crate::limiter::{Failures, Rate, Rates, network};
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
    /// may ask; and how often each address may show nothing that is known, 60 times a minute where there is no rate.
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
    /// For each subject of tokens.
    subjects: Option<Arc<Rates<String>>>,
    /// For each address, where nobody is asked for a key.
    addresses: Option<Rates<IpAddr>>,
    /// For each address, where keys are asked for.
    failures: Option<Failures>,
}

/// A key that is known by its digest.
#[derive(Clone)]
struct Known {
    digest: KeyDigest,
    standing: Arc<Standing>,
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
            failures: None,
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
            subjects: rate_limit.map(|limit| Arc::new(Rates::new(limit))),
            addresses: rate_limit.map(Rates::new),
            failures: Some(Failures::new(rate_limit.unwrap_or(RateLimit::FAILURES))),
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

    /// Who sends a request with this head from this address. Looks at no body, no disk and no network. O(number of keys). Whoever shows
    /// a good key is let in however many others of its address show none: they may have one proxy.
    ///
    /// # Errors
    /// When the head shows nothing that is known here, or too much came already.
    pub fn admit(&self, head: &HeaderMap, address: Option<IpAddr>) -> Result<Caller, Denied> {
        if !self.asks_for_keys() {
            if let (Some(addresses), Some(address)) = (&self.addresses, address) {
                addresses.take(&network(address))?;
            }
            return Ok(Caller::ANYBODY);
        }
        self.identify(head).map_err(|denied| match (&self.failures, address) {
            (Some(failures), Some(address)) if denied.is_unauthenticated() => failures.take(address, denied),
            _ => denied,
        })
    }

    /// Who shows what is in this head, and one taken from its rate.
    fn identify(&self, head: &HeaderMap) -> Result<Caller, Denied> {
        let shown = credential(head)?;
        // A key that somebody chose may look like a token.
        let caller = Caller::of(match (self.known(shown), &self.tokens) {
            (Some(standing), _) => Shown::Key(standing),
            (None, Some(tokens)) if Tokens::looks_like_one(shown) => {
                Shown::Token { grant: tokens.check(shown)?, rates: self.subjects.clone() }
            }
            (None, _) => return Err(Denied::UnknownKey),
        })?;
        caller.take()?;
        Ok(caller)
    }

    /// How a key stands. Every digest is looked at, each to its end.
    fn known(&self, key: &str) -> Option<Arc<Standing>> {
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
        found.filter(|_| is_known.into()).map(|known| Arc::clone(&known.standing))
    }

    /// Takes the keys of a text; rates of keys that stay go on, and whoever was let in with a key learns what has become of it.
    fn take(&self, file: &Path, text: String) -> Result<(), GateError> {
        let entries =
            read_keys(&text).map_err(|reason| GateError::Keys { file: file.display().to_string(), reason })?;
        let before = self.keys.load();
        let mut before: HashMap<KeyDigest, Arc<Standing>> =
            before.known.iter().map(|known| (known.digest, Arc::clone(&known.standing))).collect();
        let mut known = Vec::with_capacity(entries.len());
        for entry in entries {
            let (digest, limit) = (entry.digest, entry.rate_limit.or(self.rate_limit));
            let same = before.remove(&digest);
            let rate = same.as_ref().and_then(|standing| standing.grant()?.rate.clone());
            let rate = rate.filter(|rate| Some(rate.limit) == limit);
            let grant = granted(entry, rate.or_else(|| limit.map(|limit| Arc::new(Rate::new(limit)))));
            let standing = match same {
                Some(standing) => {
                    standing.change(grant);
                    standing
                }
                None => Arc::new(Standing::new(grant)),
            };
            known.push(Known { digest, standing });
        }
        self.keys.store(Arc::new(Keys { text, known }));
        for gone in before.values() {
            gone.end();
        }
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
                self.subjects.iter().for_each(|subjects| subjects.forget());
                self.addresses.iter().for_each(Rates::forget);
                self.failures.iter().for_each(Failures::forget);
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
                    tell_of_keys(self.keys.load().known.len());
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
    Ok(Known { digest, standing: Arc::new(Standing::new(grant)) })
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

/// A file that was emptied by mistake shuts everybody out who has a key of it.
fn tell_of_keys(count: usize) {
    if count == 0 {
        tracing::warn!("the file of keys has changed and was read again: no key is left in it");
    } else {
        tracing::info!(count, "the file of keys has changed and was read again");
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> GateError {
    GateError::Unreadable { file: file.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
