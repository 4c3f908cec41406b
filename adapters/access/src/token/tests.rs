use std::fs;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use serde_json::json;

use super::*;
use crate::{Gate, GateSettings, Scope};

const ISSUER: &str = "https://issuer.example/";

/// A key of an issuer.
struct Signer {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let key = match algorithm {
            Algorithm::ES256 => {
                let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
                EncodingKey::from_ec_der(pair.serialized_der())
            }
            Algorithm::ES384 => {
                let pair = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
                EncodingKey::from_ec_der(pair.serialized_der())
            }
            other => panic!("no keys for {other:?} here"),
        };
        Self { id, algorithm, key }
    }

    fn published(&self) -> Jwk {
        let mut key = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        key.common.key_id = Some(self.id.to_owned());
        key
    }

    fn token(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).unwrap()
    }
}

fn claims(changed: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": ["drifting", "other"], "sub": "ada", "exp": Utc::now().timestamp() + 600,
        "scope": "openid drifting:predict",
    });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// An issuer whose keys stand in a file, and a gate that believes it.
struct Issuer {
    file: tempfile::NamedTempFile,
}

impl Issuer {
    fn new(signers: &[&Signer]) -> Self {
        let issuer = Self { file: tempfile::NamedTempFile::new().unwrap() };
        issuer.publish(signers.iter().map(|signer| signer.published()).collect());
        issuer
    }

    fn publish(&self, keys: Vec<Jwk>) {
        fs::write(&self.file, serde_json::to_vec(&JwkSet { keys }).unwrap()).unwrap();
    }

    fn settings(&self) -> TokenSettings {
        TokenSettings {
            issuer: ISSUER.to_owned(),
            audiences: vec!["drifting".to_owned()],
            keys: TokenKeys::File(self.file.path().to_owned()),
            scopes_claim: "scope".parse().unwrap(),
            projects_claim: Some("projects".parse().unwrap()),
        }
    }

    async fn tokens(&self) -> Tokens {
        let tokens = Tokens::new(self.settings()).unwrap();
        tokens.refresh().await.unwrap();
        tokens
    }
}

#[tokio::test]
async fn a_token_is_good_for_what_it_says() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384] {
        let signer = Signer::new("one", algorithm);
        let tokens = Issuer::new(&[&signer]).tokens().await;
        let token = signer.token(&claims(&json!({"projects": ["churn-*"]})));
        for _ in 0..2 {
            let grant = tokens.check(&token).unwrap();
            assert_eq!((grant.name.as_str(), grant.scopes.to_string().as_str()), ("ada", "predict"));
            assert!(grant.projects.cover("churn-eu") && !grant.projects.cover("price"));
        }
        let without_projects = tokens.check(&signer.token(&claims(&json!({})))).unwrap();
        assert!(!without_projects.projects.cover("churn-eu"));
    }
}

#[tokio::test]
async fn other_tokens_are_refused() {
    let signer = Signer::new("one", Algorithm::ES256);
    let issuer = Issuer::new(&[&signer]);
    let tokens = issuer.tokens().await;
    let now = Utc::now().timestamp();
    for (changed, word) in [
        (json!({"exp": now - 3600}), "expired"),
        (json!({"nbf": now + 3600}), "not valid yet"),
        (json!({"aud": "other"}), "aud"),
        (json!({"aud": null}), "cannot be accepted"),
        (json!({"iss": "https://evil.example/"}), "iss"),
        (json!({"exp": null}), "cannot be accepted"),
        (json!({"exp": "soon"}), "cannot be accepted"),
    ] {
        let told = tokens.check(&signer.token(&claims(&changed))).unwrap_err().to_string();
        assert!(told.contains(word), "{changed}: {told}");
    }
    let stranger = Signer::new("one", Algorithm::ES256);
    assert!(tokens.check(&stranger.token(&claims(&json!({})))).unwrap_err().to_string().contains("signature"));
    let unknown = Signer::new("two", Algorithm::ES256);
    assert!(tokens.check(&unknown.token(&claims(&json!({})))).unwrap_err().to_string().contains("does not publish"));
    for token in ["..", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."] {
        assert!(tokens.check(token).unwrap_err().is_unauthenticated(), "{token}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() {
    let signer = Signer::new("one", Algorithm::ES256);
    let issuer = Issuer::new(&[&signer]);
    let public = fs::read(&issuer.file).unwrap();
    let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
    let token = encode(&header, &claims(&json!({})), &EncodingKey::from_secret(&public).unwrap()).unwrap();
    assert!(issuer.tokens().await.check(&token).is_err());
    // Nor is a secret that is published one to check with.
    let mut shared: Jwk = serde_json::from_value(json!({"kty": "oct", "k": "c2VjcmV0"})).unwrap();
    shared.common.key_id = Some("one".to_owned());
    issuer.publish(vec![shared]);
    let token = encode(&header, &claims(&json!({})), &EncodingKey::from_secret(b"secret").unwrap()).unwrap();
    assert!(issuer.tokens().await.check(&token).is_err());
}

#[tokio::test]
async fn a_key_that_looks_like_a_token_is_a_key() {
    let issuer = Issuer::new(&[&Signer::new("one", Algorithm::ES256)]);
    let key = "correct.horse.battery-staple";
    let settings =
        GateSettings { api_key: Some(key.to_owned()), tokens: Some(issuer.settings()), ..GateSettings::default() };
    let gate = Gate::new(settings).unwrap();
    let admitted = |key: &str| {
        let head = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}")).unwrap())]);
        gate.admit(&head, None)
    };
    assert!(admitted(key).unwrap().check(Scope::Admin).is_ok());
    assert!(matches!(admitted("wrong.horse.battery-staple"), Err(Denied::BadToken(_))));
}

#[tokio::test]
async fn keys_of_the_issuer_change_while_tokens_come() {
    let (first, second) = (Signer::new("one", Algorithm::ES256), Signer::new("two", Algorithm::ES256));
    let issuer = Issuer::new(&[&first]);
    let gate = Gate::new(GateSettings { tokens: Some(issuer.settings()), ..GateSettings::default() }).unwrap();
    gate.prepare().await;
    let admitted = |signer: &Signer| {
        let token = format!("Bearer {}", signer.token(&claims(&json!({}))));
        let head = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&token).unwrap())]);
        gate.admit(&head, None)
    };
    let caller = admitted(&first).unwrap();
    assert!(caller.check(Scope::Predict).is_ok() && caller.check(Scope::Fit).is_err());
    assert!(admitted(&second).is_err());
    issuer.publish(vec![second.published()]);
    tokio::select! {
        () = gate.keep_fresh() => {}
        () = async {
            for _ in 0..200 {
                if admitted(&second).is_ok() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("the keys are not read again");
        } => {}
    }
    assert!(admitted(&first).is_err(), "a key that was taken back signs no more");
}

#[tokio::test]
async fn whoever_is_served_for_long_takes_from_the_rate_of_its_subject() {
    let signer = Signer::new("one", Algorithm::ES256);
    let issuer = Issuer::new(&[&signer]);
    let rate_limit = Some("3/h".parse().unwrap());
    let gate = Gate::new(GateSettings { tokens: Some(issuer.settings()), rate_limit, ..GateSettings::default() });
    let gate = gate.unwrap();
    gate.prepare().await;
    let admitted = |changed: &Value| {
        let token = format!("Bearer {}", signer.token(&claims(changed)));
        gate.admit(&HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&token).unwrap())]), None)
    };
    let caller = admitted(&json!({})).unwrap();
    assert!(caller.take().is_ok());
    // Another token of the same subject has the same rate, another subject its own.
    let again = admitted(&json!({"jti": "2"})).unwrap();
    assert!(matches!(again.again(Scope::Predict).unwrap().take(), Err(Denied::TooMany { .. })));
    assert!(admitted(&json!({"sub": "bob"})).unwrap().take().is_ok());
    assert!(caller.again(Scope::Predict).is_ok() && caller.again(Scope::Fit).is_err());
}

#[test]
fn keys_of_an_issuer_come_by_tls_or_from_this_machine() {
    let at = |issuer: &str, url: Option<&str>| {
        let keys = url.map_or(TokenKeys::Discovered, |url| TokenKeys::At(url.parse().unwrap()));
        Source::of(issuer, &keys).is_ok()
    };
    assert!(at(ISSUER, None) && at("http://127.0.0.1:1/realm", None) && at("http://localhost:1", None));
    assert!(!at("http://issuer.example", None) && !at("no address", None));
    assert!(at("anything", Some("https://issuer.example/keys")) && !at("anything", Some("http://issuer.example/keys")));
}
