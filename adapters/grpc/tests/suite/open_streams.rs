//! Streams that are open while their key is taken back or changed, and what their messages take from its rate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use drifting_access::{Gate, GateSettings, KeyDigest, KeyEntry, Scope, Scopes, with_key};
use drifting_grpc::GrpcSettings;
use futures_util::stream;
use http::{HeaderMap, HeaderValue};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tonic::{Code, Request, Streaming};

use crate::support::protocol::{ModelInferRequest, ModelStreamInferResponse};
use crate::support::{Client, TestServer, label_request, output};

const OWN: &str = "the key that may do everything";
const KEY: &str = "the key of the stream";

fn entry() -> KeyEntry {
    KeyEntry {
        name: "stream".to_owned(),
        digest: KeyDigest::of(KEY),
        scopes: Scopes::from_iter([Scope::Predict]),
        projects: None,
        created_at: None,
        expires_at: None,
        rate_limit: None,
    }
}

/// A server whose file of keys is looked at.
struct Keyed {
    server: TestServer,
    folder: TempDir,
    gate: Arc<Gate>,
    _watching: JoinSet<()>,
}

impl Keyed {
    async fn start(key: &KeyEntry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys_file = Some(write(&folder, Some(key)));
        let settings = GateSettings { api_key: Some(OWN.to_owned()), keys_file, ..GateSettings::default() };
        let gate = Arc::new(Gate::new(settings).unwrap());
        let mut watching = JoinSet::new();
        watching.spawn({
            let gate = Arc::clone(&gate);
            async move { gate.keep_fresh().await }
        });
        let settings = GrpcSettings { gate: Arc::clone(&gate), ..GrpcSettings::default() };
        let server = TestServer::with(settings, Duration::from_secs(20)).await;
        server.fit_label("a").await;
        Self { server, folder, gate, _watching: watching }
    }

    /// Changes the key, or takes it back, and waits until that is known.
    async fn key_becomes(&self, key: Option<&KeyEntry>) {
        write(&self.folder, key);
        let head = HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_str(&shown(KEY)).unwrap())]);
        let is_known = || match self.gate.admit(&head, None) {
            Ok(caller) => {
                key.is_some_and(|key| caller.check(Scope::Predict).is_ok() == key.scopes.hold(Scope::Predict))
            }
            Err(_) => key.is_none(),
        };
        let known = async {
            while !is_known() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), known).await.expect("the file is read again");
    }

    /// How many rows have been fed, with one more.
    async fn n_rows(&self, client: &mut Client) -> i64 {
        let mut request = Request::new(label_request("a", &[0.5]));
        request.metadata_mut().insert("authorization", shown(OWN).parse().unwrap());
        let answer = client.model_infer(request).await.unwrap().into_inner();
        output(&answer, "time").contents.as_ref().unwrap().int64_contents[0]
    }
}

/// The file in one step, so that nobody reads a part of it.
fn write(folder: &TempDir, key: Option<&KeyEntry>) -> PathBuf {
    let (next, file) = (folder.path().join("next.yaml"), folder.path().join("keys.yaml"));
    std::fs::write(&next, key.map(|key| with_key("", key).unwrap()).unwrap_or_default()).unwrap();
    std::fs::rename(next, &file).unwrap();
    file
}

fn shown(key: &str) -> String {
    format!("Bearer {key}")
}

/// A stream that stays open for as long as its sender.
async fn open(client: &mut Client) -> (UnboundedSender<ModelInferRequest>, Streaming<ModelStreamInferResponse>) {
    let (sender, receiver) = unbounded_channel();
    let requests = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
    let mut request = Request::new(requests);
    request.metadata_mut().insert("authorization", shown(KEY).parse().unwrap());
    let answers = client.model_stream_infer(request).await.unwrap().into_inner();
    (sender, answers)
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_no_longer_good_for_it() {
    let reads = KeyEntry { scopes: Scopes::from_iter([Scope::Read]), ..entry() };
    for (becomes, code, word) in
        [(None, Code::Unauthenticated, "unauthenticated"), (Some(&reads), Code::PermissionDenied, "forbidden")]
    {
        let keyed = Keyed::start(&entry()).await;
        let mut client = keyed.server.client().await;
        let (sender, mut answers) = open(&mut client).await;
        for _ in 0..2 {
            sender.send(label_request("a", &[0.5])).unwrap();
            assert_eq!(answers.message().await.unwrap().unwrap().error_message, "");
        }
        keyed.key_becomes(becomes).await;
        sender.send(label_request("a", &[0.5])).unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(15), answers.message()).await.expect("an answer");
        let status = answer.expect_err("the stream ends");
        assert_eq!((status.code(), status.metadata().get("drifting-code").unwrap().to_str().unwrap()), (code, word));
        // The two from before, and the one that asks.
        assert_eq!(keyed.n_rows(&mut client).await, 3, "{word}");
    }
}

#[tokio::test]
async fn a_change_of_the_projects_holds_from_the_next_request_on() {
    let keyed = Keyed::start(&entry()).await;
    let mut client = keyed.server.client().await;
    let (sender, mut answers) = open(&mut client).await;
    sender.send(label_request("a", &[0.5])).unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().error_message, "");
    let narrowed = KeyEntry { projects: Some(vec!["other-*".to_owned()]), ..entry() };
    write(&keyed.folder, Some(&narrowed));
    // That a key is for other projects ends no stream: it may be for the project of the next request.
    let refused = async {
        loop {
            sender.send(label_request("a", &[0.5])).unwrap();
            let told = answers.message().await.unwrap().unwrap().error_message;
            if !told.is_empty() {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(15), refused).await.expect("the file is read again");
    assert!(told.contains("not for this project"), "{told}");
}

#[tokio::test]
async fn each_request_of_a_stream_takes_one_from_the_rate_of_the_key() {
    let keyed = Keyed::start(&KeyEntry { rate_limit: Some("2/h".parse().unwrap()), ..entry() }).await;
    let mut client = keyed.server.client().await;
    let requests = (0..5).map(|index| ModelInferRequest { id: format!("{index}"), ..label_request("a", &[0.5]) });
    let mut request = Request::new(stream::iter(requests));
    request.metadata_mut().insert("authorization", shown(KEY).parse().unwrap());
    let mut answers = client.model_stream_infer(request).await.unwrap().into_inner();
    for index in 0..5 {
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.infer_response.unwrap().id, format!("{index}"));
        // The call has paid for the first.
        let is_answered = answer.error_message.is_empty();
        assert_eq!(is_answered, index < 2, "{index}: {}", answer.error_message);
        assert!(is_answered || answer.error_message.contains("the limit is 2/h"), "{}", answer.error_message);
    }
    assert!(answers.message().await.unwrap().is_none());
    let mut request = Request::new(label_request("a", &[0.5]));
    request.metadata_mut().insert("authorization", shown(KEY).parse().unwrap());
    assert_eq!(client.model_infer(request).await.unwrap_err().code(), Code::ResourceExhausted, "it is the same rate");
    assert_eq!(keyed.n_rows(&mut client).await, 3);
}
