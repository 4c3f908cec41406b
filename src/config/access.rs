//! Who may use the server, and from which pages.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use drifting_access::{Claim, GateSettings, RateLimit, TokenKeys, TokenSettings, read_keys};
use url::Url;

use super::storage::Secret;

/// Who may use the server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AccessConfig {
    /// A key that may do everything.
    pub api_key: Option<Secret>,
    /// The file of keys.
    pub api_keys_file: Option<PathBuf>,
    /// Whose tokens are taken.
    pub tokens: Option<TokenSettings>,
    /// How often a key, or an address, may ask.
    pub rate_limit: Option<RateLimit>,
}

impl AccessConfig {
    /// Whether anybody is asked for a key.
    pub fn asks_for_keys(&self) -> bool {
        self.api_key.is_some() || self.api_keys_file.is_some() || self.tokens.is_some()
    }

    /// Whether anybody can get in by a key or a token. What is wrong with a file of keys is told where the gate is made of it.
    pub(super) fn lets_somebody_in(&self) -> bool {
        self.api_key.is_some()
            || self.tokens.is_some()
            || self.api_keys_file.as_deref().is_some_and(|file| !is_without_keys(file))
    }

    /// What a gate is made of.
    pub fn gate(&self) -> GateSettings {
        GateSettings {
            api_key: self.api_key.as_ref().map(|key| key.expose().to_owned()),
            keys_file: self.api_keys_file.clone(),
            tokens: self.tokens.clone(),
            rate_limit: self.rate_limit,
        }
    }
}

/// Whether a file of keys can be read, and none stands in it. One that has expired counts: somebody knows how to make another.
fn is_without_keys(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| read_keys(&text).is_ok_and(|keys| keys.is_empty()))
}

/// Where the keys of an issuer are: an address, or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JwtKeys(pub(super) TokenKeys);

impl FromStr for JwtKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            return Ok(Self(TokenKeys::File(text.into())));
        }
        let url = text.parse::<Url>().ok().filter(|url| ["https", "http"].contains(&url.scheme()));
        let url = url
            .ok_or_else(|| format!("expected an address such as https://issuer.example/keys, or a file, got `{text}`"));
        Ok(Self(TokenKeys::At(url?)))
    }
}

/// What the server is called in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Audiences(pub(super) Vec<String>);

impl FromStr for Audiences {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> =
            text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            Err("expected a name, or several with commas between".to_owned())
        } else {
            Ok(Self(names))
        }
    }
}

/// A claim of a token, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClaimName(pub(super) Claim);

impl FromStr for ClaimName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(claim) => Ok(Self(claim)),
        }
    }
}

/// Pages that may use the server, as browsers name where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CorsOrigins(pub(super) Vec<String>);

impl FromStr for CorsOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

fn origin(text: &str) -> Result<String, String> {
    let refused = || {
        format!(
            "expected origins such as https://app.example or http://localhost:3000, each whole, without `*` and without a path, \
             separated by commas, got `{text}`"
        )
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(refused)?;
    // Of a URL a browser names the scheme, the host and the port alone, and the whole of them is compared: what is more would match nothing.
    let host = rest.strip_suffix('/').unwrap_or(rest);
    let is_bare = !host.contains(|character: char| "*/\\?#@".contains(character) || character.is_whitespace());
    let is_http = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    match text.parse::<Url>() {
        Ok(url) if is_bare && is_http => Ok(url.origin().ascii_serialization()),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let origins: CorsOrigins = "HTTPS://App.Example:443/, http://localhost:3000".parse().unwrap();
        assert_eq!(origins.0, ["https://app.example", "http://localhost:3000"]);
        for refused in [
            "*",
            "https://*",
            "https://*.example",
            "https://app.example:*",
            "app.example",
            "https:app.example",
            "https://",
            "https://app.example/page",
            "https://app.example/..",
            "https://app.example?a",
            "https://app.example#a",
            "https://app.example\\",
            "null",
            "ftp://app.example",
            "https://a@app.example",
            "https://:a@app.example",
            "https://a https://b",
        ] {
            let told = refused.parse::<CorsOrigins>().unwrap_err();
            assert!(told.contains("expected origins") && told.contains("without `*`"), "{refused}: {told}");
        }
    }

    #[test]
    fn keys_of_an_issuer_are_at_an_address_or_in_a_file() {
        assert_eq!("keys.json".parse(), Ok(JwtKeys(TokenKeys::File("keys.json".into()))));
        assert!(matches!("https://issuer.example/keys".parse(), Ok(JwtKeys(TokenKeys::At(_)))));
        assert!("ftp://issuer.example".parse::<JwtKeys>().is_err());
    }
}
