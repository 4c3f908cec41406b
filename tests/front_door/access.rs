//! Keys and TLS, from the command that makes them to the request that shows them.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use crate::server::{Launch, Server, drifting};

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program runs")
}

/// Makes a key and adds it to the file.
fn create(directory: &Path, name: &str, options: &[&str]) -> String {
    let file = directory.join("keys.yaml");
    let made = run(drifting().args(["keys", "create", name, "--file"]).arg(file).args(options));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).expect("a text").trim().to_owned()
}

fn fit(directory: &Path, url: &str, key: &str, project: &str) -> Output {
    let rows = directory.join("rows.csv");
    let text = (0..200).fold("price\n".to_owned(), |text, i| format!("{text}{}\n", i % 17));
    fs::write(&rows, text).expect("the rows are written");
    let mut command = drifting();
    command.args(["fit", project]).arg(&rows).args(["--columns", "price", "--detector", "ks", "--url", url]);
    run(command.env("DRIFTING_API_KEY", key))
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn keys_are_made_used_and_taken_back() {
    let directory = tempfile::tempdir().expect("a folder");
    let training = create(directory.path(), "training", &["--scopes", "fit,read", "--projects", "churn-*"]);
    let file = directory.path().join("keys.yaml");
    let arguments = ["--host", "0.0.0.0", "--api-keys-file", file.to_str().expect("a path"), "--grpc-port", "none"];
    let server = Server::start(directory.path(), &arguments);
    let url = server.url.replace("0.0.0.0", "127.0.0.1");

    let done = fit(directory.path(), &url, &training, "churn-eu");
    assert!(done.status.success(), "{}", told(&done));
    for (key, project, word) in [
        ("", "churn-us", "asks for a key"),
        ("drk_that-nobody-made", "churn-us", "not known here"),
        (training.as_str(), "price", "not for this project"),
    ] {
        let refused = fit(directory.path(), &url, key, project);
        assert!(!refused.status.success() && told(&refused).contains(word), "{}", told(&refused));
        assert!(!told(&refused).contains("drk_"), "{}", told(&refused));
    }

    let listed = run(drifting().args(["keys", "list", "--file"]).arg(&file));
    assert!(told(&listed).contains("training") && told(&listed).contains("churn-*"), "{}", told(&listed));
    let text = fs::read_to_string(&file).expect("the file is read");
    assert!(!text.contains(&training) && text.contains("sha256:"), "only its digest is kept");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).expect("the file is there").permissions());
    assert_eq!(mode & 0o777, 0o600);

    // The next key is there within seconds, and the first is not once its entry is gone.
    let next = create(directory.path(), "next", &["--scopes", "admin", "--expires", "1d"]);
    let becomes = |key: &str, works: bool| {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let mut command = drifting();
            let listed = run(command.args(["projects", "list", "--url", &url]).env("DRIFTING_API_KEY", key));
            if listed.status.success() == works {
                return;
            }
            assert!(Instant::now() < deadline, "{}", told(&listed));
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    becomes(&next, true);
    let entries = fs::read_to_string(&file).expect("the file is read");
    let (_, second) = entries.rsplit_once("- name: ").expect("two entries");
    fs::write(&file, format!("- name: {second}")).expect("the file is written");
    becomes(&training, false);
    becomes(&next, true);
    fs::write(&file, "").expect("the file is written");
    becomes(&next, false);
    let deadline = Instant::now() + Duration::from_secs(10);
    let warning = loop {
        if let Some(line) = server.log().lines().find(|line| line.contains("no key is left in it")) {
            break line.to_owned();
        }
        assert!(Instant::now() < deadline, "it is not told that nobody gets in any more");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(warning.contains("WARN"), "{warning}");
    let log = server.log();
    assert!(!log.contains(&training) && !log.contains(&next), "no key is in the log");
}

#[test]
fn keys_that_are_made_at_once_are_all_in_the_file() {
    const N_KEYS: usize = 32;
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("keys.yaml");
    let make = |index: usize| {
        let mut command = drifting();
        command.args(["keys", "create", &format!("key-{index}"), "--file"]).arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs")
    };
    let at_once: Vec<_> = (0..N_KEYS).map(make).collect();
    for child in at_once {
        let made = child.wait_with_output().expect("it ends");
        assert!(made.status.success(), "{}", told(&made));
    }
    let listed = run(drifting().args(["keys", "list", "--json", "--file"]).arg(&file));
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(listed["keys"].as_array().expect("a list").len(), N_KEYS);
    assert_eq!(fs::read_dir(directory.path()).expect("a folder").count(), 1, "nothing is left beside it");
}

#[test]
fn changes_are_written_down_with_who_asked_for_them() {
    let directory = tempfile::tempdir().expect("a folder");
    let training = create(directory.path(), "training", &["--scopes", "fit,read"]);
    let (file, audit) = (directory.path().join("keys.yaml"), directory.path().join("audit"));
    let (file, folder) = (file.to_str().expect("a path"), audit.to_str().expect("a path"));
    let server =
        Server::start(directory.path(), &["--api-keys-file", file, "--audit-log", folder, "--grpc-port", "none"]);
    let url = server.url.clone();
    assert!(fit(directory.path(), &url, &training, "price").status.success());
    let with_key = |arguments: &[&str]| {
        let mut command = drifting();
        run(command.args(arguments).args(["--url", &url]).env("DRIFTING_API_KEY", &training))
    };
    assert!(with_key(&["projects", "list"]).status.success());
    assert!(!with_key(&["projects", "delete", "price"]).status.success(), "that needs another scope");
    assert_eq!(server.post("/api/v1/projects/price/reset", &serde_json::json!({})).status, 401);
    assert!(server.stop().success());

    let files: Vec<_> = fs::read_dir(audit).expect("a folder").map(|file| file.expect("a file").path()).collect();
    assert_eq!(files.len(), 1);
    let text = fs::read_to_string(&files[0]).expect("the log is read");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told = |line: &Value| ["method", "project", "status"].map(|name| line[name].as_str().map(str::to_owned));
    let told: Vec<_> = lines.iter().map(told).collect();
    let expected = |line: [&str; 3]| line.map(|text| Some(text.to_owned()));
    // The list changes nothing, and whoever shows no key is nobody. The command waits for the end of its fit.
    for line in [["POST", "price", "202"], ["operation", "price", "succeeded"], ["DELETE", "price", "403"]] {
        assert!(told.contains(&expected(line)), "{line:?} in {text}");
    }
    assert_eq!(told.len(), 3, "{text}");
    assert!(lines.iter().all(|line| line["caller"] == "training" && line["address"] == "127.0.0.1"), "{text}");
    assert!(!text.contains(&training), "no key is in the log");
}

#[test]
fn a_key_that_somebody_chose_is_hashed_from_standard_input() {
    let mut child =
        drifting().args(["keys", "hash"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("standard input").write_all(b"correct horse battery staple\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let expected = "sha256:c4bbcb1fbec99d65bf59d85c8cb62ee2db963f0fe106f483d9afa73bd4e39a8a\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn beyond_loopback_the_server_starts_with_a_key_alone() {
    let directory = tempfile::tempdir().expect("a folder");
    let Err((status, log)) = Server::try_start(directory.path(), &["--host", "0.0.0.0"]) else { panic!("it starts") };
    assert_eq!(status.code(), Some(2));
    let key = log.split_whitespace().find(|word| word.starts_with("drk_")).expect("a key to use");
    let launch = Launch {
        arguments: &["--host", "0.0.0.0", "--grpc-port", "none"],
        environment: &[("DRIFTING_API_KEY", key)],
        ..Launch::default()
    };
    // Another log than the one with the key that was made ready.
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    assert_eq!(server.get("/api/v1/projects").status, 401);
    assert_eq!(server.get("/livez").status, 200);
    assert!(!server.log().contains(key));
}

#[test]
fn a_file_without_keys_serves_on_loopback_alone() {
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("keys.yaml");
    fs::write(&file, "# none yet\n").expect("the file is written");
    let keys = ["--grpc-port", "none", "--api-keys-file", file.to_str().expect("a path")];
    let beyond = [&keys[..], &["--host", "0.0.0.0"]].concat();
    let Err((status, log)) = Server::try_start(directory.path(), &beyond) else { panic!("it starts") };
    assert_eq!(status.code(), Some(2));
    assert!(log.contains("keys.yaml has none") && log.contains(" drk_"), "{log}");
    let directory = tempfile::tempdir().expect("a folder");
    assert_eq!(Server::start(directory.path(), &keys).get("/api/v1/projects").status, 401);
}

#[test]
fn a_file_of_keys_that_cannot_be_used_keeps_the_server_from_starting() {
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("keys.yaml");
    fs::write(&file, "- drk_a-key-by-mistake\n").expect("the file is written");
    let arguments = ["--api-keys-file", file.to_str().expect("a path")];
    let Err((_, log)) = Server::try_start(directory.path(), &arguments) else { panic!("it starts") };
    assert!(log.contains("expected a list of keys") && !log.contains("mistake"), "{log}");
}

#[test]
fn with_a_certificate_the_server_speaks_tls_alone() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = |name: &str| directory.path().join(name).to_str().expect("a path").to_owned();
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    for (name, text) in [("ca.pem", authority.pem()), ("cert.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
    {
        fs::write(path(name), text).expect("the file is written");
    }
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let server = Server::start(directory.path(), &["--tls-cert", &cert, "--tls-key", &key, "--grpc-port", "none"]);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let url = server.url.replace("127.0.0.1", "localhost");
    let list = |url: &str, trusted: &str| {
        let mut command = drifting();
        run(command.args(["projects", "list", "--url", url]).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR"))
    };
    let listed = list(&url, &path("ca.pem"));
    assert!(listed.status.success(), "{}", told(&listed));
    let refused = |url: &str, trusted: &str, word: &str| {
        let listed = list(url, trusted);
        let told = told(&listed);
        assert!(!listed.status.success() && told.contains(word) && !told.contains("start one"), "{told}");
    };
    refused(&server.url, &path("ca.pem"), "that of another name");
    assert!(!list(&url.replace("https", "http"), &path("ca.pem")).status.success(), "nothing is said without TLS");
    let stranger = CertifiedIssuer::self_signed(
        CertificateParams::new(Vec::new()).expect("parameters"),
        KeyPair::generate().expect("a key"),
    );
    fs::write(path("other.pem"), stranger.expect("an authority").pem()).expect("the file is written");
    // A certificate of somebody else is not believed.
    refused(&url, &path("other.pem"), "in SSL_CERT_FILE");

    let directory = tempfile::tempdir().expect("a folder");
    let ca = path("ca.pem");
    let server = Server::start(
        directory.path(),
        &["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &ca, "--grpc-port", "none"],
    );
    refused(&server.url.replace("127.0.0.1", "localhost"), &ca, "asks its clients for a certificate");
}

#[test]
fn no_key_comes_out_at_the_most_talkative_level() {
    let directory = tempfile::tempdir().expect("a folder");
    let made = create(directory.path(), "made", &["--scopes", "fit,read"]);
    let chosen = "marked-key-that-somebody-chose";
    let wrong = "marked-key-that-nobody-knows";
    // Three parts with dots between, as a token has.
    let token = "bWFya2VkLWhlYWQ.bWFya2VkLWJvZHk.bWFya2VkLXNpZ25hdHVyZQ";
    let file = directory.path().join("keys.yaml");
    let arguments = [
        "--api-keys-file",
        file.to_str().expect("a path"),
        "--log-level",
        "trace",
        "--grpc-port",
        "none",
        "--jwt-issuer",
        "http://127.0.0.1:9/",
        "--jwt-audience",
        "drifting",
    ];
    let environment = [("DRIFTING_API_KEY", chosen)];
    let launch = Launch { arguments: &arguments, environment: &environment, ..Launch::default() };
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let url = server.url.clone();
    let mut texts = Vec::new();
    for key in [made.as_str(), chosen, wrong, token] {
        texts.push(told(&fit(directory.path(), &url, key, "price")));
        for arguments in [&["projects", "show", "price", "--json"][..], &["projects", "list"], &["operations", "list"]]
        {
            let mut command = drifting();
            texts.push(told(&run(command.args(arguments).args(["--url", &url]).env("DRIFTING_API_KEY", key))));
        }
    }
    let mut shown = drifting();
    shown.args(["config", "show", "--api-keys-file"]).arg(&file).env("DRIFTING_API_KEY", chosen);
    texts.push(told(&run(&mut shown)));
    texts.push(
        server
            .connect()
            .try_request_with(&format!("X-API-Key: {chosen}\r\n"), "GET", "/metrics", None)
            .map_or_else(|error| panic!("{error}"), |answer| answer.body.to_string()),
    );
    let line = fs::read(format!("/proc/{}/cmdline", server.child.id())).expect("the server runs");
    texts.push(String::from_utf8_lossy(&line).into_owned());
    std::thread::sleep(Duration::from_millis(500));
    texts.push(server.log());
    assert!(texts.iter().any(|text| text.contains("TRACE")), "the log is talkative");
    for secret in [made.as_str(), chosen, wrong, token] {
        let told = texts.iter().find(|text| text.contains(secret));
        assert!(told.is_none(), "{secret} in {}", told.map_or("", String::as_str));
    }
}
