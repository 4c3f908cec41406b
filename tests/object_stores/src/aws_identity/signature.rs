//! The fourth version of Amazon's signatures, for requests that carry them in their headers.

use hyper::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use ring::{digest, hmac};

const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a request says of its signature.
pub(super) struct Claim {
    pub(super) key_id: String,
    pub(super) service: String,
    date: String,
    region: String,
    signed_headers: Vec<String>,
    signature: String,
}

impl Claim {
    /// The claim of a request that has one.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("authorization")?.to_str().ok()?.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let part = |name: &str| {
            text.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        let credential = part("Credential")?;
        let [key_id, date, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Self {
            key_id: key_id.to_owned(),
            service: service.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            signed_headers: part("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: part("Signature")?,
        })
    }

    /// Whether the holder of a secret has signed this.
    pub(super) fn is_by(&self, secret: &str, method: &str, target: &str, headers: &HeaderMap, body: &[u8]) -> bool {
        let scope = [self.date.as_str(), &self.region, &self.service];
        let signed: Vec<&str> = self.signed_headers.iter().map(String::as_str).collect();
        sign(secret, scope, method, target, headers, &signed, body) == self.signature
    }
}

/// Signs a request to S3 anew, with the key that the store knows.
pub(super) fn sign_again(
    (id, secret): (&str, &str),
    claim: &Claim,
    method: &str,
    target: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> String {
    const SIGNED: [&str; 3] = ["host", "x-amz-content-sha256", "x-amz-date"];
    let scope = [claim.date.as_str(), &claim.region, &claim.service];
    let signature = sign(secret, scope, method, target, headers, &SIGNED, body);
    let (scope, signed) = (scope.join("/"), SIGNED.join(";"));
    format!("AWS4-HMAC-SHA256 Credential={id}/{scope}/aws4_request, SignedHeaders={signed}, Signature={signature}")
}

fn sign(
    secret: &str,
    scope: [&str; 3],
    method: &str,
    target: &str,
    headers: &HeaderMap,
    signed: &[&str],
    body: &[u8],
) -> String {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(canonical_pair).collect();
    pairs.sort();
    let header_lines = signed.iter().fold(String::new(), |lines, name| lines + &format!("{name}:{}\n", value(name)));
    let hash = match value("x-amz-content-sha256") {
        "" => hex(digest::digest(&digest::SHA256, body).as_ref()),
        hash => hash.to_owned(),
    };
    let canonical = [method, path, &pairs.join("&"), &header_lines, &signed.join(";"), &hash].join("\n");
    let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{}\n{}/aws4_request\n{canonical}", value("x-amz-date"), scope.join("/"));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.into_iter().chain(["aws4_request"]) {
        key = keyed(&key, part.as_bytes());
    }
    hex(&keyed(&key, text.as_bytes()))
}

/// A part of a query as it is signed: everything is encoded that may be.
fn canonical_pair(pair: &str) -> String {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let encoded = |text: &str| percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), &ENCODED).to_string();
    format!("{}={}", encoded(name), encoded(value))
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
