//! Who may do what: each method with each kind of key.

use std::sync::Arc;
use std::time::Duration;

use drifting_access::{AuditLog, Gate, GateSettings, KeyDigest, KeyEntry, Scope, Scopes, with_key};
use drifting_grpc::GrpcSettings;
use tonic::metadata::{Ascii, MetadataKey};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::protocol as proto;
use crate::support::{Client, TestServer, label_request};

const OWN: &str = "the key that may do everything";

fn key(scope: Scope, place: &str) -> String {
    format!("a key for {scope} {place}")
}

/// A gate that knows for each scope a key for all models, one for `a`, and one for others.
fn gate() -> Arc<Gate> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut text = String::new();
    for scope in Scope::ALL {
        for (place, projects) in [("everywhere", None), ("here", Some("a*")), ("elsewhere", Some("other"))] {
            let entry = KeyEntry {
                name: scope.to_string(),
                digest: KeyDigest::of(&key(scope, place)),
                scopes: Scopes::from_iter([scope]),
                projects: projects.map(|pattern| vec![pattern.to_owned()]),
                created_at: None,
                expires_at: None,
                rate_limit: None,
            };
            text = with_key(&text, &entry).unwrap();
        }
    }
    std::fs::write(&file, text).unwrap();
    let keys_file = Some(file.path().to_owned());
    let settings = GateSettings { api_key: Some(OWN.to_owned()), keys_file, ..GateSettings::default() };
    Arc::new(Gate::new(settings).unwrap())
}

async fn server() -> TestServer {
    let settings = GrpcSettings { gate: gate(), ..GrpcSettings::default() };
    let server = TestServer::with(settings, Duration::from_secs(20)).await;
    server.fit_label("a").await;
    server
}

fn with<T>(message: T, key: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(key) = key {
        request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    }
    request
}

/// What is thought of the key, whatever else is thought of the call.
fn verdict<T>(answer: Result<Response<T>, Status>) -> &'static str {
    let Err(status) = answer else { return "served" };
    let word = status.metadata().get("drifting-code").map(|word| word.to_str().unwrap().to_owned());
    match (status.code(), word.as_deref()) {
        (Code::Unauthenticated, Some("unauthenticated")) => "who",
        (Code::PermissionDenied, Some("forbidden")) => "not this",
        _ => "served",
    }
}

/// Each method that needs a scope, with the answer's verdict.
async fn call(client: &mut Client, method: &str, key: Option<&str>) -> &'static str {
    let name = || "a".to_owned();
    match method {
        "ServerMetadata" => verdict(client.server_metadata(with(proto::ServerMetadataRequest {}, key)).await),
        "ModelReady" => {
            let asked = proto::ModelReadyRequest { name: name(), version: String::new() };
            verdict(client.model_ready(with(asked, key)).await)
        }
        "ModelMetadata" => {
            let asked = proto::ModelMetadataRequest { name: name(), version: String::new() };
            verdict(client.model_metadata(with(asked, key)).await)
        }
        "RepositoryIndex" => {
            verdict(client.repository_index(with(proto::RepositoryIndexRequest::default(), key)).await)
        }
        "ModelInfer" => verdict(client.model_infer(with(label_request("a", &[0.5]), key)).await),
        "RepositoryModelLoad" => {
            let asked = proto::RepositoryModelLoadRequest { model_name: name(), ..Default::default() };
            verdict(client.repository_model_load(with(asked, key)).await)
        }
        "RepositoryModelUnload" => {
            // Of a model that is not there, so that the others stay served.
            let asked = proto::RepositoryModelUnloadRequest { model_name: "absent".to_owned(), ..Default::default() };
            verdict(client.repository_model_unload(with(asked, key)).await)
        }
        "ModelConfig" => verdict(client.model_config(with(proto::ModelConfigRequest::default(), key)).await),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_method_asks_every_key_for_its_scope_and_its_model() {
    let server = server().await;
    let mut client = server.client().await;
    for (method, needed, is_of_one) in [
        ("ServerMetadata", Scope::Read, false),
        ("ModelReady", Scope::Read, true),
        ("ModelMetadata", Scope::Read, true),
        ("RepositoryIndex", Scope::Read, false),
        ("ModelInfer", Scope::Predict, true),
        ("RepositoryModelLoad", Scope::Fit, true),
        ("RepositoryModelUnload", Scope::Fit, true),
        ("ModelConfig", Scope::Admin, false),
    ] {
        assert_eq!(call(&mut client, method, None).await, "who", "{method}");
        assert_eq!(call(&mut client, method, Some("an unknown key")).await, "who", "{method}");
        assert_eq!(call(&mut client, method, Some(OWN)).await, "served", "{method}");
        for scope in Scope::ALL {
            let holds = Scopes::from_iter([scope]).hold(needed);
            for place in ["everywhere", "here", "elsewhere"] {
                let is_for_it = place != "elsewhere" || !is_of_one;
                let expected = if holds && is_for_it { "served" } else { "not this" };
                assert_eq!(
                    call(&mut client, method, Some(&key(scope, place))).await,
                    expected,
                    "{method}: {scope} {place}"
                );
            }
        }
    }
}

#[tokio::test]
async fn probes_ask_for_no_key() {
    let server = server().await;
    let mut client = server.client().await;
    assert!(client.server_live(proto::ServerLiveRequest {}).await.unwrap().into_inner().live);
    assert!(client.server_ready(proto::ServerReadyRequest {}).await.unwrap().into_inner().ready);
    let mut health = HealthClient::new(server.channel().await);
    assert!(health.check(HealthCheckRequest { service: String::new() }).await.is_ok());
}

#[tokio::test]
async fn a_key_may_stand_alone_in_its_own_metadata() {
    let server = server().await;
    let mut client = server.client().await;
    let mut request = Request::new(proto::ServerMetadataRequest {});
    let name: MetadataKey<Ascii> = "x-api-key".parse().unwrap();
    request.metadata_mut().insert(name, OWN.parse().unwrap());
    assert!(client.server_metadata(request).await.is_ok());
}

#[tokio::test]
async fn each_request_of_a_stream_is_for_a_model_of_the_key() {
    let server = server().await;
    server.fit_label("other").await;
    let mut client = server.client().await;
    let asked = futures_util::stream::iter([label_request("a", &[0.5]), label_request("other", &[0.5])]);
    let request = with(asked, Some(&key(Scope::Predict, "here")));
    let mut answers = client.model_stream_infer(request).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    assert_eq!(first.error_message, "");
    let second = answers.message().await.unwrap().unwrap();
    assert!(second.error_message.contains("not for this project"), "{}", second.error_message);
}

#[tokio::test]
async fn changes_are_written_down_with_their_models_also_those_that_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Some(AuditLog::open(folder.path()).unwrap());
    let settings = GrpcSettings { gate: gate(), audit, ..GrpcSettings::default() };
    let server = TestServer::with(settings, Duration::from_secs(20)).await;
    server.fit_label("a").await;
    let mut client = server.client().await;
    let (fit, elsewhere) = (key(Scope::Fit, "everywhere"), key(Scope::Fit, "elsewhere"));
    let predict = key(Scope::Predict, "everywhere");
    let mut expected = Vec::new();
    for (method, key, verdict, told) in [
        ("RepositoryModelLoad", &fit, "served", Some((r#""a""#, "Ok"))),
        ("RepositoryModelUnload", &fit, "served", Some((r#""absent""#, "NotFound"))),
        // The message is not read, so nobody knows of which model it is.
        ("RepositoryModelLoad", &predict, "not this", Some(("null", "PermissionDenied"))),
        ("RepositoryModelUnload", &elsewhere, "not this", Some((r#""absent""#, "PermissionDenied"))),
        // Nobody that is known, and nothing that changes something.
        ("RepositoryModelLoad", &"an unknown key".to_owned(), "who", None),
        ("ModelInfer", &predict, "served", None),
        ("ModelInfer", &fit, "not this", None),
    ] {
        assert_eq!(call(&mut client, method, Some(key)).await, verdict, "{method} with {key}");
        if let Some((model, status)) = told {
            let scope = if key == &predict { "predict" } else { "fit" };
            let (id, path) = (KeyDigest::of(key).fingerprint(), format!("/inference.GRPCInferenceService/{method}"));
            expected.push(format!(
                r#""caller":"{scope}","key_id":"{id}","method":"gRPC","path":"{path}","project":{model},"operation":null,"status":"{status}"}}"#
            ));
        }
        // Each stands there by the time of its answer.
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(text.lines().count(), expected.len(), "{text}");
        for (line, end) in text.lines().zip(&expected) {
            assert!(line.ends_with(end), "{line} does not end with {end}");
        }
    }
}
