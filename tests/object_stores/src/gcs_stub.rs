//! A stub of Google Cloud Storage in this process: the JSON interface to objects, as far as clients of it go, with the
//! generations, preconditions and tokens that emulators leave out.

mod answers;
mod batch;
mod copies;
mod json_api;
mod multipart;
mod objects;
mod permissions;
mod question;
mod resumable;
mod tokens;
mod xml_uploads;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use crate::serving::{self, Reset, Serving};
use answers::{Answer, Refusal};
use objects::Buckets;
use permissions::Permissions;
use question::Question;
use resumable::Sessions;
use tokens::{CredentialFiles, Tokens};
use xml_uploads::XmlUploads;

/// A running stub, with its objects in memory.
pub struct GcsStub {
    endpoint: String,
    store: Arc<Mutex<Store>>,
    credentials: CredentialFiles,
    _serving: Serving,
}

/// Whether requests to objects must bear a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Tokens,
    Everybody,
}

impl GcsStub {
    /// Starts one, empty, which asks for tokens.
    pub fn start() -> Self {
        Self::start_for(Access::Tokens)
    }

    /// Starts one, empty, which lets everybody in, as emulators do.
    pub fn start_without_auth() -> Self {
        Self::start_for(Access::Everybody)
    }

    fn start_for(access: Access) -> Self {
        let store = Arc::new(Mutex::new(Store::new(access)));
        let shared = store.clone();
        let serving = Serving::start(move |request| Box::pin(answer(shared.clone(), request)));
        let endpoint = serving.endpoint();
        Self { store, credentials: CredentialFiles::write(&endpoint), endpoint, _serving: serving }
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes a bucket.
    pub fn create_bucket(&self, name: &str) {
        lock(&self.store).buckets.create(name);
    }

    /// The generations of all objects of a bucket, by their names.
    pub fn generations(&self, bucket: &str) -> BTreeMap<String, u64> {
        lock(&self.store).buckets.generations(bucket)
    }

    /// A file with the credentials of a service account, whose `token_uri` is at the stub. Clients that ask
    /// `https://oauth2.googleapis.com/token` whatever it says must be led to `/token` here.
    pub fn service_account_file(&self) -> PathBuf {
        self.credentials.service_account()
    }

    /// A file for workload identity federation, whose `token_url` is at the stub.
    pub fn external_account_file(&self) -> PathBuf {
        self.credentials.external_account()
    }

    /// A file as `gcloud auth application-default login` leaves it. Clients ask `https://oauth2.googleapis.com/token` for its
    /// token, and must be led to `/token` here.
    pub fn user_file(&self) -> PathBuf {
        self.credentials.user()
    }

    /// What a client takes as `GCE_METADATA_HOST` to be given tokens as on a virtual machine: `127.0.0.1:PORT`.
    pub fn metadata_host(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// A valid token.
    pub fn token(&self) -> String {
        lock(&self.store).tokens.issue()
    }

    /// Makes all tokens worthless, as if their time were over.
    pub fn revoke_tokens(&self) {
        lock(&self.store).tokens.revoke();
    }

    /// How long it is said of tokens that they hold, in seconds; an hour at first.
    pub fn set_token_lifetime(&self, seconds: u64) {
        lock(&self.store).tokens.set_lifetime(seconds);
    }

    /// How many tokens have been given out.
    pub fn n_tokens(&self) -> u64 {
        lock(&self.store).tokens.n_issued()
    }

    /// From now on nothing is permitted but this, on objects and listings of this prefix.
    pub fn permit(&self, permissions: &[&str], prefix: &str) {
        lock(&self.store).permissions.permit(permissions, prefix);
    }

    /// The permissions that requests have needed, in the words of roles, refused or not.
    pub fn permissions(&self) -> BTreeSet<String> {
        lock(&self.store).permissions.asked()
    }

    /// How many requests have come, by method, those for tokens included.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        lock(&self.store).n_requests.clone()
    }
}

/// Everything that the stub knows.
struct Store {
    access: Access,
    buckets: Buckets,
    sessions: Sessions,
    xml_uploads: XmlUploads,
    tokens: Tokens,
    permissions: Permissions,
    n_requests: BTreeMap<String, u64>,
}

impl Store {
    fn new(access: Access) -> Self {
        Self {
            access,
            buckets: Buckets::default(),
            sessions: Sessions::default(),
            xml_uploads: XmlUploads::default(),
            tokens: Tokens::new(),
            permissions: Permissions::default(),
            n_requests: BTreeMap::new(),
        }
    }

    fn answer(&mut self, question: &Question) -> Result<Answer, Refusal> {
        *self.n_requests.entry(question.method.to_string()).or_default() += 1;
        let path: Vec<&str> = question.path.iter().map(String::as_str).collect();
        match (question.method.as_str(), path.as_slice()) {
            ("POST", ["token"]) => self.tokens.for_grant(question),
            ("POST", ["sts"]) => self.tokens.for_subject(question),
            ("GET", ["computeMetadata", "v1", "instance", "service-accounts", _, "token"]) => {
                self.tokens.for_machine(question)
            }
            (_, ["upload", "storage", "v1", "b", bucket, "o"]) => self.answer_upload(bucket, question),
            ("POST", ["batch", "storage", "v1"]) => {
                self.check_access(question)?;
                batch::each(question, |inner| self.answer_object(inner))
            }
            _ => {
                self.check_access(question)?;
                self.answer_object(question)
            }
        }
    }

    fn answer_upload(&mut self, bucket: &str, question: &Question) -> Result<Answer, Refusal> {
        let id = question.parameter("upload_id");
        match (question.method.as_str(), id) {
            ("PUT", Some(id)) => return self.sessions.take(&mut self.buckets, id, question),
            ("DELETE", Some(id)) => return self.sessions.cancel(id),
            _ => self.check_access(question)?,
        }
        self.check_permissions(question)?;
        match (question.method.as_str(), question.required("uploadType")?) {
            ("POST", "media") => json_api::write_media(&mut self.buckets, bucket, question),
            ("POST", "multipart") => json_api::write_multipart(&mut self.buckets, bucket, question),
            ("POST", "resumable") => self.sessions.begin(&self.buckets, bucket, question),
            _ => Err(unknown(question)),
        }
    }

    fn answer_object(&mut self, question: &Question) -> Result<Answer, Refusal> {
        self.check_permissions(question)?;
        let path: Vec<&str> = question.path.iter().map(String::as_str).collect();
        let buckets = &mut self.buckets;
        match (question.method.as_str(), path.as_slice()) {
            ("GET", ["storage", "v1", "b", bucket, "o"]) => json_api::list(buckets, bucket, question),
            ("GET", ["storage", "v1", "b", bucket, "o", name]) => json_api::read(buckets, bucket, name, question),
            ("DELETE", ["storage", "v1", "b", bucket, "o", name]) => json_api::delete(buckets, bucket, name, question),
            ("POST", ["storage", "v1", "b", bucket, "o", name, "rewriteTo", "b", to_bucket, "o", to_name]) => {
                json_api::copy(buckets, (bucket, name), (to_bucket, to_name), question)
            }
            ("POST", [bucket, name]) if question.parameter("uploads").is_some() => {
                self.xml_uploads.begin(buckets, (bucket, name), question)
            }
            ("PUT", [_, _]) => self.xml_uploads.take(question),
            ("POST", [_, _]) => self.xml_uploads.complete(buckets, question),
            ("DELETE", [_, _]) => self.xml_uploads.abort(question),
            _ => Err(unknown(question)),
        }
    }

    fn check_access(&self, question: &Question) -> Result<(), Refusal> {
        match self.access {
            Access::Tokens => self.tokens.check(question),
            Access::Everybody => Ok(()),
        }
    }

    fn check_permissions(&mut self, question: &Question) -> Result<(), Refusal> {
        self.permissions.check(&self.buckets, question)
    }
}

fn unknown(question: &Question) -> Refusal {
    let message = format!("the stub does not know {} /{}", question.method, question.path.join("/"));
    Refusal::new(StatusCode::NOT_IMPLEMENTED, "notImplemented", message)
}

/// One request is carried out at a time, so that of racing writers one wins.
async fn answer(store: Arc<Mutex<Store>>, request: Request<Incoming>) -> Result<serving::Answer, Reset> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Reset)?.to_bytes();
    let question = Question::new(head.method, &head.uri, head.headers, body);
    let answer = lock(&store).answer(&question);
    Ok(answer.unwrap_or_else(|refusal| refusal.answer()).map(Full::new))
}

/// A panic while answering has failed that request already.
fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}
