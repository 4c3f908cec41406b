//! What tells who sends a request: heads with keys and tokens, claims that an issuer has signed, the keys that it publishes, and files of
//! keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use drifting_access::{
    Caller, Gate, GateSettings, KeyDigest, KeyEntry, Scope, TokenKeys, TokenSettings, read_keys, with_key,
};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use crate::server::folder;

const ISSUER: &str = "https://issuer.example/";
const AUDIENCE: &str = "drifting";
const KEY_ID: &str = "one";

/// An issuer, whose keys stand in a file, and a gate that believes it.
struct Issuer {
    gate: Gate,
    key: EncodingKey,
    runtime: Runtime,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

static ISSUER_HERE: LazyLock<Issuer> = LazyLock::new(|| {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    let key = EncodingKey::from_ec_der(pair.serialized_der());
    let mut published = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("its public part");
    published.common.key_id = Some(KEY_ID.to_owned());
    let folder = folder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let keys = folder.path().join("keys.json");
    fs::write(&keys, serde_json::to_vec(&JwkSet { keys: vec![published] }).expect("JSON")).expect("a file");
    let gate = gate(&keys);
    runtime.block_on(gate.prepare());
    Issuer { gate, key, runtime, file: folder.path().join("others.json"), _folder: folder }
});

/// A gate that believes who has signed with these keys.
fn gate(keys: &Path) -> Gate {
    let tokens = TokenSettings {
        issuer: ISSUER.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        keys: TokenKeys::File(keys.to_owned()),
        scopes_claim: "scope".parse().expect("a claim"),
        projects_claim: Some("projects".parse().expect("a claim")),
    };
    let api_key = Some("an-api-key-that-nobody-guesses".to_owned());
    Gate::new(GateSettings { api_key, tokens: Some(tokens), ..GateSettings::default() }).expect("a gate")
}

impl Issuer {
    fn token(&self, claims: &Map<String, Value>) -> String {
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).expect("a token")
    }
}

/// Asks everything of who is let in with these claims.
fn ask(caller: &Caller, claims: &Map<String, Value>) {
    assert!(caller.name().is_some_and(|name| !name.chars().any(char::is_control)), "it is written to logs");
    let _ = (caller.key_id(), caller.sees_all());
    assert!(claims.contains_key("projects") || !caller.sees("price"), "nobody said for which projects");
    let scopes = [Scope::Read, Scope::Predict, Scope::Fit, Scope::Admin];
    let may_do_something = scopes.iter().any(|scope| caller.check(*scope).is_ok());
    assert!(claims.contains_key("scope") || !may_do_something, "nobody said for what");
}

/// A head, a header a line. None of these shows a key that is known.
pub fn credential(data: &[u8]) {
    let mut head = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            head.append(name, value);
        }
    }
    let admitted = ISSUER_HERE.gate.admit(&head, None);
    assert!(admitted.is_err(), "it shows nothing that is known");
}

/// The claims of a token that the issuer has signed for us, and that has not expired: a JSON object, of which the rest may be anything.
pub fn claims(data: &[u8]) {
    let Ok(mut claims) = serde_json::from_slice::<Map<String, Value>>(data) else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    for (name, value) in [("iss", Value::from(ISSUER)), ("aud", AUDIENCE.into()), ("exp", (now + 600).into())] {
        claims.entry(name).or_insert(value);
    }
    let issuer = &*ISSUER_HERE;
    let shown = HeaderValue::from_str(&format!("Bearer {}", issuer.token(&claims))).expect("a token is a value");
    if let Ok(caller) = issuer.gate.admit(&HeaderMap::from_iter([(AUTHORIZATION, shown)]), None) {
        ask(&caller, &claims);
    }
}

/// What an issuer publishes.
pub fn published(data: &[u8]) {
    let issuer = &*ISSUER_HERE;
    fs::write(&issuer.file, data).expect("a file");
    let gate = gate(&issuer.file);
    issuer.runtime.block_on(gate.prepare());
    let claims = serde_json::json!({"iss": ISSUER, "aud": AUDIENCE, "exp": 4_102_444_800_u32});
    let token = issuer.token(claims.as_object().expect("an object"));
    let shown = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is a value");
    let admitted = gate.admit(&HeaderMap::from_iter([(AUTHORIZATION, shown)]), None);
    assert!(admitted.is_err(), "it was signed with a key that is not among them");
}

/// A file of keys. What is read is written again as it was.
pub fn keys_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(keys) = read_keys(text) else { return };
    if let Some(key) = keys.first() {
        let another = KeyEntry { name: "another".to_owned(), digest: KeyDigest::of("another"), ..key.clone() };
        if let Ok(more) = with_key(text, &another) {
            let read = read_keys(&more).expect("what was written is read");
            assert_eq!(read.len(), keys.len() + 1);
        }
    }
}
