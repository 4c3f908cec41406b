//! The keys that an issuer publishes.

use std::path::PathBuf;
use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header};
use reqwest::redirect;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::TokenKeys;
use crate::gate::GateError;

/// A set of keys has some kilobytes.
const BYTES_MAX: usize = 1 << 20;
/// An issuer that takes longer is asked again later.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Public keys, each with the algorithm that it is for.
#[derive(Debug, Default)]
pub(super) struct Published(Vec<PublicKey>);

#[derive(Debug)]
struct PublicKey {
    written: Jwk,
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

impl PartialEq for Published {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|key| &key.written).eq(other.0.iter().map(|key| &key.written))
    }
}

impl Published {
    /// Those of a set that signatures can be checked with. Keys that are shared secrets are none: whoever can check could sign.
    fn of(set: JwkSet) -> Self {
        let keys = set.keys.into_iter().filter_map(|written| {
            if written.common.public_key_use.as_ref().is_some_and(|for_what| *for_what != PublicKeyUse::Signature) {
                return None;
            }
            let key = DecodingKey::from_jwk(&written).ok().filter(|key| key.family() != AlgorithmFamily::Hmac)?;
            let algorithm = written.common.key_algorithm.map(|name| name.to_string().parse());
            // A key for an algorithm that is not known is for no other one.
            let algorithm = algorithm.transpose().ok()?;
            Some(PublicKey { written, algorithm, key })
        });
        Self(keys.collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys that a token with this header may have been signed with.
    pub(super) fn suiting(&self, header: &Header) -> impl Iterator<Item = &DecodingKey> {
        let (id, algorithm) = (header.kid.clone(), header.alg);
        let suits = move |key: &&PublicKey| {
            key.key.family() == algorithm.family()
                && key.algorithm.is_none_or(|only| only == algorithm)
                && id.as_ref().is_none_or(|id| key.written.common.key_id.as_ref() == Some(id))
        };
        self.0.iter().filter(suits).map(|key| &key.key)
    }

    /// Whether a header names a key that is not among these.
    pub(super) fn lacks(&self, header: &Header) -> bool {
        let has = |id: &String| self.0.iter().any(|key| key.written.common.key_id.as_ref() == Some(id));
        header.kid.as_ref().is_some_and(|id| !has(id))
    }
}

/// Where they come from.
#[derive(Debug)]
pub(super) enum Source {
    File(PathBuf),
    Network { client: reqwest::Client, place: Place, issuer: String },
}

/// Where they are in the network.
#[derive(Debug)]
pub(super) enum Place {
    /// Where the description at this address says.
    Described(Url),
    /// Here.
    Here(Url),
}

impl Source {
    pub(super) fn of(issuer: &str, keys: &TokenKeys) -> Result<Self, GateError> {
        let place = match keys {
            TokenKeys::File(file) => return Ok(Self::File(file.clone())),
            TokenKeys::At(url) => Place::Here(url.clone()),
            TokenKeys::Discovered => {
                let described = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                Place::Described(described.parse().map_err(|_| GateError::Issuer)?)
            }
        };
        let (Place::Here(url) | Place::Described(url)) = &place;
        check(url).map_err(|()| GateError::Issuer)?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("drifting/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| GateError::Client(error.to_string()))?;
        Ok(Self::Network { client, place, issuer: issuer.to_owned() })
    }

    /// How often they are asked for.
    pub(super) fn every(&self) -> Duration {
        match self {
            Self::File(_) => Duration::from_secs(1),
            Self::Network { .. } => Duration::from_mins(5),
        }
    }

    /// Reads them.
    pub(super) async fn read(&self) -> Result<Published, String> {
        let set = match self {
            Self::File(file) => {
                let text = tokio::fs::read(file).await.map_err(|error| format!("{}: {error}", file.display()))?;
                serde_json::from_slice(&text).map_err(|_| format!("{}: expected a JSON Web Key Set", file.display()))?
            }
            Self::Network { client, place: Place::Here(url), .. } => fetch(client, url).await?,
            Self::Network { client, place: Place::Described(url), issuer } => {
                let description: Description = fetch(client, url).await?;
                if description.issuer != *issuer {
                    return Err(format!("{url} describes another issuer"));
                }
                check(&description.jwks_uri).map_err(|()| format!("{url} names keys at an address without TLS"))?;
                fetch(client, &description.jwks_uri).await?
            }
        };
        Ok(Published::of(set))
    }
}

#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: Url,
}

/// Whether what comes from there can be believed: it comes by TLS, or does not leave this machine.
fn check(url: &Url) -> Result<(), ()> {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && is_loopback) { Ok(()) } else { Err(()) }
}

async fn fetch<T: DeserializeOwned>(client: &reqwest::Client, url: &Url) -> Result<T, String> {
    let told = |error: reqwest::Error| format!("{url}: {}", error.without_url());
    let mut answer = client.get(url.clone()).send().await.map_err(told)?.error_for_status().map_err(told)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(told)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > BYTES_MAX {
            return Err(format!("{url}: expected at most {BYTES_MAX} bytes, more came"));
        }
    }
    serde_json::from_slice(&bytes).map_err(|_| format!("{url}: expected JSON of OpenID Connect, something else came"))
}
