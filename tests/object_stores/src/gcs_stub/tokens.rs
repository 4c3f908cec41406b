//! Access tokens, and the four ways to them: a signed assertion of a service account, the consent of a user, a token of
//! another identity provider, and the metadata server of a virtual machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use hyper::StatusCode;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::answers::{Answer, Refusal, json_answer};
use super::question::Question;

const ACCOUNT: &str = "drifting-test@stub.iam.gserviceaccount.com";
const KEY: &str = include_str!("worthless_test_key.pem");
/// What a workload shows of itself.
const SUBJECT_TOKEN: &str = "worthless-subject-token";
/// What stands for the consent of a user.
const REFRESH_TOKEN: &str = "worthless-refresh-token";
/// Where clients think that they are, when they sign assertions.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

/// The tokens that are valid.
pub(super) struct Tokens {
    valid: BTreeSet<String>,
    n_issued: u64,
    lifetime_seconds: u64,
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self { valid: BTreeSet::new(), n_issued: 0, lifetime_seconds: 3600 }
    }

    /// How long it is said that tokens hold.
    pub(super) fn set_lifetime(&mut self, seconds: u64) {
        self.lifetime_seconds = seconds;
    }

    /// A new one.
    pub(super) fn issue(&mut self) -> String {
        self.n_issued += 1;
        let token = format!("stub-token-{}", self.n_issued);
        self.valid.insert(token.clone());
        token
    }

    /// How many there have been.
    pub(super) fn n_issued(&self) -> u64 {
        self.n_issued
    }

    /// Makes all of them worthless.
    pub(super) fn revoke(&mut self) {
        self.valid.clear();
    }

    /// Whether a request bears a valid one.
    pub(super) fn check(&self, question: &Question) -> Result<(), Refusal> {
        let token = question.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
        if token.is_some_and(|token| self.valid.contains(token)) { Ok(()) } else { Err(Refusal::unauthorized()) }
    }

    /// `POST /token`: for an assertion that the service account has signed, or for the consent of a user.
    pub(super) fn for_grant(&mut self, question: &Question) -> Result<Answer, Refusal> {
        match serde_json::from_slice::<Value>(&question.body) {
            Ok(fields) if fields["grant_type"] == "refresh_token" && fields["refresh_token"] == REFRESH_TOKEN => {
                Ok(self.answer())
            }
            Ok(_) => Err(refused("the refresh token is not known")),
            Err(_) => self.for_assertion(question),
        }
    }

    fn for_assertion(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let form = question.form();
        let is_grant = form.get("grant_type").is_some_and(|kind| kind == "urn:ietf:params:oauth:grant-type:jwt-bearer");
        let claims = form.get("assertion").filter(|_| is_grant).and_then(|assertion| claims(assertion));
        let claims = claims.ok_or_else(|| refused("the assertion is not signed by the account"))?;
        let is_for_us = claims["aud"].as_str().is_some_and(|aud| aud == GOOGLE || aud.ends_with("/token"));
        let is_in_time = claims["exp"].as_i64().is_some_and(|end| end > Utc::now().timestamp());
        if claims["iss"] != ACCOUNT || !is_for_us || !is_in_time {
            return Err(refused("the assertion is of another account, for another audience, or too old"));
        }
        Ok(self.answer())
    }

    /// `POST /sts`: for a token of another identity provider.
    pub(super) fn for_subject(&mut self, question: &Question) -> Result<Answer, Refusal> {
        if question.form().get("subject_token").is_none_or(|token| token != SUBJECT_TOKEN) {
            return Err(refused("the subject token is not known"));
        }
        Ok(self.answer())
    }

    /// `GET /computeMetadata/v1/instance/service-accounts/ACCOUNT/token`: for whoever is on the machine.
    pub(super) fn for_machine(&mut self, question: &Question) -> Result<Answer, Refusal> {
        // The header shows that no page in a browser asks.
        if question.header("metadata-flavor") != Some("Google") {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", "Metadata-Flavor is missing"));
        }
        Ok(self.answer())
    }

    fn answer(&mut self) -> Answer {
        let body = json!({"access_token": self.issue(), "expires_in": self.lifetime_seconds, "token_type": "Bearer"});
        json_answer(StatusCode::OK, &body)
    }
}

/// Files with credentials for a stub.
pub(super) struct CredentialFiles {
    directory: TempDir,
}

impl CredentialFiles {
    pub(super) fn write(endpoint: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let files = Self { directory };
        let subject_token = files.path("subject_token");
        write(&subject_token, SUBJECT_TOKEN);
        let service_account = json!({
            "type": "service_account",
            "project_id": "stub",
            "private_key_id": "worthless",
            "private_key": key(),
            "client_email": ACCOUNT,
            "client_id": "1",
            "token_uri": format!("{endpoint}/token"),
        });
        write(&files.service_account(), &service_account.to_string());
        let external_account = json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/stub/providers/stub",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("{endpoint}/sts"),
            "credential_source": {"file": subject_token, "format": {"type": "text"}},
        });
        write(&files.external_account(), &external_account.to_string());
        let user = json!({
            "type": "authorized_user",
            "client_id": "1",
            "client_secret": "worthless",
            "refresh_token": REFRESH_TOKEN,
        });
        write(&files.user(), &user.to_string());
        files
    }

    pub(super) fn service_account(&self) -> PathBuf {
        self.path("service_account.json")
    }

    pub(super) fn external_account(&self) -> PathBuf {
        self.path("external_account.json")
    }

    pub(super) fn user(&self) -> PathBuf {
        self.path("application_default_credentials.json")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a temporary file can be written");
}

fn refused(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "invalid_grant", message)
}

/// The key without the words before it.
fn key() -> &'static str {
    KEY.find("-----BEGIN").map_or(KEY, |start| &KEY[start..])
}

/// What an assertion claims, when our key has signed it.
fn claims(assertion: &str) -> Option<Value> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let der: String = key().lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).ok()?).ok()?;
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let (_, claims) = signed.split_once('.')?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}
