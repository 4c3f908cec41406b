//! A stub of the services of AWS that give keys to workloads, and a gate before `SeaweedFS` that lets in whoever signs
//! with such a key: with its session token, before its end, and as far as a policy permits.
//!
//! Requests are really signed twice: by the client with the key that it was given, which the gate verifies, and by the
//! gate with the one key that `SeaweedFS` knows.

mod gate;
mod issuing;
mod policy;
mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;
use tempfile::TempDir;

use crate::SeaweedFs;
use crate::serving::Serving;
use policy::Policy;

/// A running stub; stopped when dropped.
pub struct AwsIdentityStub {
    endpoint: String,
    s3_endpoint: String,
    state: Arc<Mutex<State>>,
    folder: TempDir,
    _issuing: Serving,
    _gate: Serving,
}

/// A key that holds for some time.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The key's name.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// What is sent along with it.
    pub token: String,
    end: DateTime<Utc>,
}

struct State {
    /// The key of the store itself, which is let in too.
    store_key: (String, String),
    lifetime: Duration,
    issued: BTreeMap<String, Keys>,
    /// Who was given keys: the name of the role, or of the service where there is none.
    holders: Vec<String>,
    /// What a workload must show to STS and to the service of its container.
    web_identity_token: String,
    container_token: String,
    policy: Policy,
    actions: BTreeSet<String>,
}

impl AwsIdentityStub {
    /// Starts one before a store, with keys that hold for an hour and may do everything.
    ///
    /// # Panics
    ///
    /// When there is no room for temporary files.
    pub fn before(store: &SeaweedFs) -> Self {
        let state = Arc::new(Mutex::new(State {
            store_key: (store.access_key().to_owned(), store.secret_key().to_owned()),
            lifetime: Duration::from_hours(1),
            issued: BTreeMap::new(),
            holders: Vec::new(),
            web_identity_token: String::new(),
            container_token: "worthless-container-token".to_owned(),
            policy: Policy::everything(),
            actions: BTreeSet::new(),
        }));
        let shared = Arc::clone(&state);
        let issuing = Serving::start(move |request| Box::pin(issuing::answer(Arc::clone(&shared), request)));
        let (shared, upstream) = (Arc::clone(&state), store.endpoint().trim_start_matches("http://").to_owned());
        let gate = Serving::start(move |request| Box::pin(gate::pass(Arc::clone(&shared), upstream.clone(), request)));
        let folder = tempfile::tempdir().expect("a temporary directory");
        let stub = Self {
            endpoint: issuing.endpoint(),
            s3_endpoint: gate.endpoint(),
            state,
            folder,
            _issuing: issuing,
            _gate: gate,
        };
        stub.rotate_tokens();
        stub
    }

    /// Where keys are given out: STS at `/`, the service of containers at `/container`, that of machines at `/latest`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where the store is.
    pub fn s3_endpoint(&self) -> &str {
        &self.s3_endpoint
    }

    /// A file with the token that a workload shows to STS, as `AWS_WEB_IDENTITY_TOKEN_FILE` names it.
    pub fn web_identity_token_file(&self) -> PathBuf {
        self.folder.path().join("web_identity_token")
    }

    /// A file with the token that a container shows, as `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` names it.
    pub fn container_token_file(&self) -> PathBuf {
        self.folder.path().join("container_token")
    }

    /// The token in that file.
    pub fn container_token(&self) -> String {
        lock(&self.state).container_token.clone()
    }

    /// Writes other tokens into the files; those before are worth nothing.
    ///
    /// # Panics
    ///
    /// When there is no room for temporary files.
    pub fn rotate_tokens(&self) {
        let (web, container) = (random_word(), random_word());
        std::fs::write(self.web_identity_token_file(), format!("{web}\n")).expect("a temporary file can be written");
        std::fs::write(self.container_token_file(), format!("{container}\n")).expect("a temporary file can be written");
        let mut state = lock(&self.state);
        (state.web_identity_token, state.container_token) = (web, container);
    }

    /// How long the keys hold that are given out from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        lock(&self.state).lifetime = lifetime;
    }

    /// Gives out keys to whoever holds this value.
    pub fn keys(&self) -> Keys {
        lock(&self.state).issue("test")
    }

    /// To whom keys have been given, in this order: to a role, by its name, or to a `container` or a `test`.
    pub fn holders(&self) -> Vec<String> {
        lock(&self.state).holders.clone()
    }

    /// Ends the time of all keys that have been given out.
    pub fn expire(&self) {
        for keys in lock(&self.state).issued.values_mut() {
            keys.end = Utc::now();
        }
    }

    /// From now on nothing is permitted but what this policy of IAM allows: actions, resources with wildcards, and
    /// `StringLike` conditions on `s3:prefix`.
    ///
    /// # Panics
    ///
    /// When it says something else.
    pub fn permit(&self, policy: &Value) {
        lock(&self.state).policy = Policy::parse(policy);
    }

    /// The actions that requests have asked for, in the words of policies, refused or not.
    pub fn actions(&self) -> BTreeSet<String> {
        lock(&self.state).actions.clone()
    }
}

impl State {
    fn issue(&mut self, holder: &str) -> Keys {
        self.holders.push(holder.to_owned());
        let keys = Keys {
            id: format!("ASIA{}", random_word().to_uppercase()),
            secret: random_word(),
            token: random_word(),
            end: Utc::now() + self.lifetime,
        };
        self.issued.insert(keys.id.clone(), keys.clone());
        keys
    }
}

fn random_word() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("the system has chance");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// A panic while answering has failed that request already.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
