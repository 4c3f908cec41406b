//! Server-sent events that somebody follows while the key for them is taken back, and addresses that fail to show a key.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use drifting_access::{Gate, GateSettings, KeyDigest, KeyEntry, Scope, with_key};
use drifting_http::HttpSettings;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{TestServer, label_fit, request};

const OWN: &str = "the key that may do everything";
const FIRST: &str = "a key that is taken back";
const SECOND: &str = "a key that stays";
const THIRD: &str = "a key that is changed";

fn entry(key: &str) -> KeyEntry {
    KeyEntry {
        name: "reader".to_owned(),
        digest: KeyDigest::of(key),
        scopes: [Scope::Read].into_iter().collect(),
        projects: None,
        created_at: None,
        expires_at: None,
        rate_limit: None,
    }
}

/// A file of keys that is looked at.
struct Keys {
    folder: TempDir,
    gate: Arc<Gate>,
    _watching: JoinSet<()>,
}

impl Keys {
    fn of(keys: &[KeyEntry]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = write(&folder, keys);
        let settings = GateSettings { api_key: Some(OWN.to_owned()), keys_file: Some(file), ..GateSettings::default() };
        let gate = Arc::new(Gate::new(settings).unwrap());
        let mut watching = JoinSet::new();
        watching.spawn({
            let gate = Arc::clone(&gate);
            async move { gate.keep_fresh().await }
        });
        Self { folder, gate, _watching: watching }
    }

    fn become_these(&self, keys: &[KeyEntry]) {
        write(&self.folder, keys);
    }

    async fn server(&self) -> TestServer {
        TestServer::with(HttpSettings { gate: Arc::clone(&self.gate), ..HttpSettings::default() }).await
    }
}

/// The file in one step, so that nobody reads a part of it.
fn write(folder: &TempDir, keys: &[KeyEntry]) -> PathBuf {
    let (next, file) = (folder.path().join("next.yaml"), folder.path().join("keys.yaml"));
    std::fs::write(&next, keys.iter().fold(String::new(), |text, key| with_key(&text, key).unwrap())).unwrap();
    std::fs::rename(next, &file).unwrap();
    file
}

fn shown(key: &str) -> String {
    format!("Bearer {key}")
}

/// A stream of events that has begun.
struct Followed(TcpStream);

impl Followed {
    async fn begin(server: &TestServer, path: &str, key: &str, first: &str) -> Self {
        let mut stream = server.connect().await;
        stream.write_all(&request("GET", path, &[("authorization", &shown(key))], b"")).await.unwrap();
        let mut followed = Self(stream);
        followed.until(first).await;
        followed
    }

    /// Reads until this is told.
    async fn until(&mut self, text: &str) {
        let mut told = Vec::new();
        let reading = async {
            while !String::from_utf8_lossy(&told).contains(text) {
                let n_read = self.0.read_buf(&mut told).await.unwrap();
                assert!(n_read > 0, "the stream ends: {}", String::from_utf8_lossy(&told));
            }
        };
        let is_told = tokio::time::timeout(Duration::from_secs(15), reading).await.is_ok();
        assert!(is_told, "{text} is not told: {}", String::from_utf8_lossy(&told));
    }

    /// Reads to the end, and returns what was told meanwhile.
    async fn ended(mut self) -> String {
        let mut told = Vec::new();
        let reading = self.0.read_to_end(&mut told);
        tokio::time::timeout(Duration::from_secs(15), reading).await.expect("the stream ends").unwrap();
        String::from_utf8(told).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_is_told_nothing_more_once_its_key_is_taken_back() {
    let keys = Keys::of(&[entry(FIRST), entry(SECOND)]);
    let server = keys.server().await;
    let first = Followed::begin(&server, "/dashboard/events", FIRST, "event: moved").await;
    let mut second = Followed::begin(&server, "/dashboard/events", SECOND, "event: moved").await;
    keys.become_these(&[entry(SECOND)]);
    let told = first.ended().await;
    assert!(!told.contains("price"), "{told}");
    let again = server.send("GET", "/dashboard/events", &[("authorization", &shown(FIRST))], b"").await;
    assert_eq!((again.status, again.json()["code"].as_str()), (401, Some("unauthenticated")));
    // Whoever still has a key goes on.
    let own = shown(OWN);
    let headers = [("content-type", "application/json"), ("authorization", own.as_str())];
    let fitted = server.send("POST", "/api/v1/projects/price/fit", &headers, label_fit().to_string().as_bytes()).await;
    assert_eq!(fitted.status, 201, "{}", fitted.text());
    second.until("\"projects\":[\"price\"]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_followed_for_as_long_as_the_key_is_good_for_it() {
    let keys = Keys::of(&[entry(FIRST), entry(THIRD)]);
    let server = keys.server().await;
    // It goes on for longer than the test.
    server.fits.delay(Duration::from_mins(1));
    let own = shown(OWN);
    let headers = [("content-type", "application/json"), ("prefer", "respond-async"), ("authorization", own.as_str())];
    let begun = server.send("POST", "/api/v1/projects/price/fit", &headers, label_fit().to_string().as_bytes()).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let path = format!("{}/events", begun.header("location").unwrap());
    let first = Followed::begin(&server, &path, FIRST, "\"project\":\"price\"").await;
    let third = Followed::begin(&server, &path, THIRD, "\"project\":\"price\"").await;
    keys.become_these(&[KeyEntry { projects: Some(vec!["other-*".to_owned()]), ..entry(THIRD) }]);
    for followed in [first, third] {
        let told = followed.ended().await;
        assert!(!told.contains("event: end"), "{told}");
    }
    let shows = async |key: &str| server.send("GET", &path, &[("authorization", &shown(key))], b"").await.status;
    assert_eq!((shows(FIRST).await, shows(THIRD).await), (401, 404));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_keys_is_told_to_wait_and_good_keys_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let good = KeyEntry { rate_limit: Some("1000000/s".parse().unwrap()), ..entry(SECOND) };
    let settings = GateSettings {
        keys_file: Some(write(&folder, &[good])),
        rate_limit: Some("2/h".parse().unwrap()),
        ..GateSettings::default()
    };
    let gate = Arc::new(Gate::new(settings).unwrap());
    let server = TestServer::with(HttpSettings { gate, ..HttpSettings::default() }).await;
    let asked = async |key: &str| server.send("GET", "/api/v1/projects", &[("authorization", &shown(key))], b"").await;
    assert_eq!(server.get("/api/v1/projects").await.status, 401);
    assert_eq!(asked("a guess").await.status, 401);
    for guess in ["another guess", "guess.that.looks-like-a-token"] {
        let early = asked(guess).await;
        assert_eq!((early.status, early.json()["code"].as_str()), (429, Some("rate_limited")), "{}", early.text());
        let wait: u64 = early.header("retry-after").unwrap().parse().unwrap();
        assert!((1_700..=1_800).contains(&wait), "{wait}");
        assert_eq!(asked(SECOND).await.status, 200, "the address is the same");
    }
    assert_eq!(server.get("/livez").await.status, 200);
}
