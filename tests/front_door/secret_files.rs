//! Secrets that are read from files and from the surroundings: the key of a certificate, the password of a database, API keys, the
//! account at a cloud and its tokens. None of them stands in an answer, be it in its head or over gRPC, in a log, in the audit log or in
//! what a command prints.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use drifting_object_stores::{GcsStub, LedHosts};
use drifting_postgres_servers::PostgresServer;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::secrets::Texts;
use crate::server::{Launch, Server, drifting};

const PASSWORD: &str = "marked-password-of-the-database";
const CHOSEN: &str = "marked-key-that-somebody-chose";
const UNKNOWN: &str = "marked-key-that-nobody-knows";

/// The lines of a key that tell of it.
fn lines_of_key(pem: &str) -> Vec<String> {
    let lines = pem.lines().filter(|line| !line.is_empty() && !line.starts_with('-'));
    lines.map(str::to_owned).collect()
}

fn file(directory: &Path, name: &str) -> String {
    directory.join(name).to_str().expect("a path").to_owned()
}

/// What the commands print that look at the settings.
fn look_at_settings(texts: &mut Texts, directory: &Path, launch: &Launch) {
    for command in [&["check"][..], &["check", "--json"], &["config", "show"], &["config", "show", "--json"]] {
        let mut program = drifting();
        program.args(command).args(launch.arguments).envs(launch.environment.iter().copied()).current_dir(directory);
        let succeeds = texts.run(&command.join(" "), &mut program);
        assert!(succeeds, "the password is the right one, and the place is there");
    }
}

/// The whole answer, with its head.
fn whole_answer(server: &Server, key: &str, request: &str, body: &str) -> String {
    let host = server.url.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(host).expect("it accepts");
    let head = format!("{request} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n");
    let length = body.len();
    write!(stream, "{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head, the messages and the trailers of an answer over gRPC to a call with an empty message.
#[tokio::main(flavor = "current_thread")]
async fn call(address: &str, key: &str, method: &str) -> String {
    let stream = tokio::net::TcpStream::connect(address).await.expect("it accepts");
    let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("it is HTTP/2");
    tokio::spawn(connection);
    let request = hyper::Request::post(format!("http://{address}/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {key}"))
        .body(Full::new(bytes::Bytes::from_static(&[0; 5])))
        .expect("a request");
    let answer = sender.send_request(request).await.expect("it answers");
    let head = format!("{:?}", answer.headers());
    let body = answer.into_body().collect().await.expect("the answer ends");
    let trailers = format!("{:?}", body.trailers());
    format!("{head}\n{}\n{trailers}", String::from_utf8_lossy(&body.to_bytes()))
}

#[test]
fn the_key_of_a_certificate_and_a_file_of_passwords_stay_where_they_are() {
    let database = PostgresServer::setup().password("drifting", PASSWORD).start();
    let directory = tempfile::tempdir().expect("a folder");
    let path = |name: &str| file(directory.path(), name);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.self_signed(&key).expect("a certificate");
    let passwords = format!("127.0.0.1:{}:drifting:drifting:{PASSWORD}\n", database.port());
    for (name, text) in [("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem()), ("passwords", passwords)] {
        fs::write(path(name), text).expect("the file is written");
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path("passwords"), mode).expect("the mode is set");
    let uri = format!("postgres://drifting@127.0.0.1:{}/drifting", database.port());
    let (cert, key_file, passwords) = (path("cert.pem"), path("key.pem"), path("passwords"));
    let launch = Launch {
        arguments: &["--tls-cert", &cert, "--tls-key", &key_file, "--log-level", "trace", "--database-uri", &uri],
        environment: &[("PGPASSFILE", &passwords)],
        ..Launch::default()
    };
    let mut texts = Texts::default();
    look_at_settings(&mut texts, directory.path(), &launch);
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let url = server.url.replace("127.0.0.1", "localhost");
    let rows = path("rows.csv");
    fs::write(&rows, (0..200).fold("price\n".to_owned(), |text, i| format!("{text}{}\n", i % 17))).expect("rows");
    let mut run = |arguments: &[&str]| {
        let mut command = drifting();
        command.args(arguments).args(["--url", &url]).env("SSL_CERT_FILE", &cert).env_remove("SSL_CERT_DIR");
        texts.run(&arguments.join(" "), &mut command);
    };
    run(&["fit", "price", &rows, "--columns", "price", "--detector", "ks"]);
    run(&["projects", "show", "price", "--json"]);
    run(&["projects", "list"]);
    assert!(texts.contain("\"price\""), "the commands are answered");
    texts.add("the process list", crate::secrets::process_list(&server));
    let log = server.log();
    assert!(log.contains("\"TRACE\""), "the log is talkative");
    assert!(server.stop().success());
    texts.add("the log", fs::read_to_string(path("server.log")).expect("a log"));
    let secrets = [vec![PASSWORD.to_owned()], lines_of_key(&key.serialize_pem())].concat();
    assert!(secrets.len() > 2, "the key has lines");
    texts.assert_without(&secrets);
}

#[test]
fn keys_and_an_account_stand_in_no_head_no_call_and_no_audit_log() {
    let database = PostgresServer::setup().password("drifting", PASSWORD).start();
    let gcs = GcsStub::start();
    gcs.create_bucket("projects");
    let hosts = LedHosts::start(&[("oauth2.googleapis.com", gcs.endpoint())]);
    let account = gcs.service_account_file();
    let uri = format!("postgres://drifting@127.0.0.1:{}/drifting", database.port());
    let mut environment = hosts.environment();
    environment.extend([
        ("GOOGLE_APPLICATION_CREDENTIALS", account.display().to_string()),
        ("PGPASSWORD", PASSWORD.to_owned()),
        ("DRIFTING_API_KEY", CHOSEN.to_owned()),
    ]);
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let directory = tempfile::tempdir().expect("a folder");
    let keys = file(directory.path(), "keys.yaml");
    let made = drifting().args(["keys", "create", "made", "--scopes", "fit,read", "--file", &keys]).output();
    let made = String::from_utf8(made.expect("it runs").stdout).expect("a key").trim().to_owned();
    let audit = file(directory.path(), "audit");
    let grpc = format!("127.0.0.1:{}", crate::grpc::free_port());
    let launch = Launch {
        arguments: &[
            "--artifacts-path",
            "gs://projects/drifting",
            "--artifacts-endpoint",
            gcs.endpoint(),
            "--database-uri",
            &uri,
            "--api-keys-file",
            &keys,
            "--audit-log",
            &audit,
            "--log-level",
            "trace",
            "--grpc-port",
            grpc.rsplit(':').next().expect("a port"),
        ],
        environment: &environment,
        ..Launch::default()
    };
    let mut texts = Texts::default();
    look_at_settings(&mut texts, directory.path(), &launch);
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let values: Vec<f64> = (0..200).map(|n| f64::from((n * 37) % 101)).collect();
    let detector = json!({"ert": 30, "window_size": 10, "n_bootstraps": 1000});
    let fit = json!({"drift_type": "label", "data": values, "detector": detector, "overwrite": true}).to_string();
    let rows = json!({"data": values}).to_string();
    let mut n_served = 0;
    for key in [CHOSEN, &made, UNKNOWN] {
        for (request, body) in [
            ("POST /api/v1/projects/price/fit", fit.as_str()),
            ("POST /api/v1/projects/price/predict", &rows),
            ("POST /v2/models/price/infer", "{}"),
            ("GET /api/v1/projects/price", ""),
            ("GET /metrics", ""),
            ("GET /nothing", ""),
            ("DELETE /api/v1/projects/price", ""),
        ] {
            let answer = whole_answer(&server, key, request, body);
            n_served += usize::from(answer.starts_with("HTTP/1.1 20"));
            texts.add(request, answer);
        }
        for method in ["ServerLive", "ModelMetadata", "ModelInfer", "RepositoryIndex"] {
            texts.add(method, call(&grpc, key, &format!("inference.GRPCInferenceService/{method}")));
        }
    }
    // All of the key that may do everything but what nobody has or has sent, and of the other one what it may.
    assert_eq!(n_served, 8, "requests are served");
    assert!(texts.contain("drifting_metrics_database_up 1"), "its password has been taken");
    assert!(gcs.n_tokens() > 0, "the account has been asked for");
    texts.add("the process list", crate::secrets::process_list(&server));
    assert!(server.stop().success());
    texts.add("the log", fs::read_to_string(file(directory.path(), "server.log")).expect("a log"));
    for entry in fs::read_dir(&audit).expect("an audit log") {
        let written = fs::read_to_string(entry.expect("a file").path()).expect("text");
        assert!(written.contains("\"made\""), "{written}");
        texts.add("the audit log", written);
    }
    let account: Value = serde_json::from_slice(&fs::read(account).expect("a file")).expect("JSON");
    let own = lines_of_key(account["private_key"].as_str().expect("a key"));
    assert!(own.len() > 2, "the account's key has lines");
    // Every token of the stub begins like this.
    let others = [PASSWORD, CHOSEN, UNKNOWN, &made, "stub-token-"].map(str::to_owned);
    texts.assert_without(&[own, others.to_vec()].concat());
}
