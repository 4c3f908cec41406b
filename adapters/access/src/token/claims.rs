//! Where scopes and projects stand in a token.

use std::convert::Infallible;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::{ProjectPatterns, Scope, Scopes};

/// Scopes may have this in front, so that they are not taken for those of others: `drifting:read`.
const PREFIXES: [&str; 3] = ["drifting:", "drifting.", "drifting/"];

/// The name of a claim, or the way to one with dots between: `scope`, `realm_access.roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim(String);

impl FromStr for Claim {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Claim {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its value. A claim that has the whole name goes first: names may be addresses, with dots of their own.
    pub(super) fn value<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        claims.get(&self.0).or_else(|| {
            let mut parts = self.0.split('.');
            let first = claims.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        })
    }
}

/// The scopes among the words of a claim; other words are for others.
pub(super) fn scopes_of(value: Option<&Value>) -> Scopes {
    let bare = |word: &str| {
        let rest = PREFIXES.iter().find_map(|prefix| word.strip_prefix(prefix));
        rest.unwrap_or(word).parse::<Scope>().ok()
    };
    words(value).filter_map(bare).collect()
}

/// The projects whose patterns stand in a claim.
pub(super) fn projects_of(value: Option<&Value>) -> ProjectPatterns {
    ProjectPatterns::of(words(value))
}

/// The words of a text, or the texts of a list.
fn words(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let text = value.and_then(Value::as_str).into_iter().flat_map(str::split_whitespace);
    let list = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    text.chain(list)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_found_by_name_and_by_way() {
        let claims = json!({"scope": "a", "realm_access": {"roles": ["b"]}, "https://x.example/scopes": "c"});
        let claims = claims.as_object().unwrap();
        let value = |name: &str| name.parse::<Claim>().unwrap().value(claims).cloned();
        assert_eq!(value("scope"), Some("a".into()));
        assert_eq!(value("realm_access.roles"), Some(json!(["b"])));
        assert_eq!(value("https://x.example/scopes"), Some("c".into()));
        assert_eq!((value("roles"), value("scope.x"), value("")), (None, None, None));
    }

    #[test]
    fn scopes_are_words_or_texts_of_a_list() {
        for (value, scopes) in [
            (json!("read predict openid"), "read, predict"),
            (json!(["drifting:fit", "drifting.read", "other:admin"]), "read, fit"),
            (json!("drifting/admin"), "admin"),
            (json!({"read": true}), ""),
            (json!(null), ""),
        ] {
            assert_eq!(scopes_of(Some(&value)).to_string(), scopes, "{value}");
        }
        assert!(scopes_of(None).is_empty());
    }

    #[test]
    fn a_token_without_the_claim_is_for_no_project() {
        assert!(!projects_of(None).cover("price"));
        assert!(projects_of(Some(&json!("price churn-*"))).cover("churn-eu"));
    }
}
