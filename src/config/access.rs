//! Who may use the server, and from which pages.

use std::path::PathBuf;
use std::str::FromStr;

use drifting_access::{Claim, GateSettings, RateLimit, TokenKeys, TokenSettings};
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
            "expected origins such as https://app.example or http://localhost:3000, separated by commas, got `{text}`"
        )
    };
    let url: Url = text.parse().map_err(|_| refused())?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if is_bare && ["http", "https"].contains(&url.scheme()) {
        Ok(url.origin().ascii_serialization())
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        let origins: CorsOrigins = "HTTPS://App.Example:443/, http://localhost:3000".parse().unwrap();
        assert_eq!(origins.0, ["https://app.example", "http://localhost:3000"]);
        for refused in
            ["*", "app.example", "https://app.example/page", "null", "ftp://app.example", "https://a@app.example"]
        {
            assert!(refused.parse::<CorsOrigins>().unwrap_err().contains("expected origins"), "{refused}");
        }
    }

    #[test]
    fn keys_of_an_issuer_are_at_an_address_or_in_a_file() {
        assert_eq!("keys.json".parse(), Ok(JwtKeys(TokenKeys::File("keys.json".into()))));
        assert!(matches!("https://issuer.example/keys".parse(), Ok(JwtKeys(TokenKeys::At(_)))));
        assert!("ftp://issuer.example".parse::<JwtKeys>().is_err());
    }
}
