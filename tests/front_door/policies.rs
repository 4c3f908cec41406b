//! The policies of docs/storage.md are enough, and not too much: stubs enforce them while the real program works in a bucket,
//! as a workload whose identity the platform gives.

use std::collections::BTreeSet;

use drifting_object_stores::{AwsIdentityStub, GcsStub, LedHosts, SeaweedFs};
use serde_json::{Value, json};

use crate::buckets::serve;
use crate::server::{Server, drifting};

const PREFIX: &str = "team/drifting/";

fn page() -> &'static str {
    include_str!("../../docs/storage.md")
}

/// The policy of the page.
fn policy() -> Value {
    let blocks = page().split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut policies = blocks.filter_map(|block| serde_json::from_str::<Value>(block).ok());
    policies.find(|policy| policy["Version"] == "2012-10-17").expect("a policy in docs/storage.md")
}

/// The permissions of the role of the page.
fn permissions() -> Vec<&'static str> {
    let (_, rest) = page().split_once("--permissions ").expect("a role in docs/storage.md");
    rest.split_whitespace().next().expect("permissions").split(',').collect()
}

fn label(n: usize) -> Value {
    let data: Vec<f64> = (0..n).map(|i| ((i * 7_919) % 10_007) as f64).collect();
    json!({"drift_type": "label", "data": data, "detector": {"kind": "ks"}})
}

/// Everything that a server does to its store.
fn work(server: &Server) {
    let path = |rest: &str| format!("/api/v1/projects/{rest}");
    server.post(&path("price/fit"), &label(300)).expect(201);
    // More than goes in one piece.
    server.post(&path("large/fit"), &label(800_000)).expect(201);
    let mut again = label(400);
    again["overwrite"] = json!(true);
    server.post(&path("price/fit"), &again).expect(201);
    let online = json!({"ert": 50, "window_size": 10, "n_bootstraps": 2000});
    let online = json!({"drift_type": "label", "data": label(300)["data"], "detector": online});
    server.post(&path("online/fit"), &online).expect(201);
    for _ in 0..3 {
        server.post(&path("online/predict"), &json!({"data": [1.0]})).expect(200);
    }
    for operation in ["unload", "load", "reset"] {
        server.post(&path(&format!("online/{operation}")), &Value::Null).expect(200);
    }
    let operation = server.begin("later", &label(300));
    while server.get(&operation).expect(200)["ended_at"].is_null() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.post(&path("refresh"), &Value::Null).expect(200);
    server.post(&path("large/predict"), &json!({"data": [1.0, 2.0, 3.0]})).expect(200);
    server.delete(&path("price")).expect(204);
    server.delete(&path("large")).expect(204);
}

/// What a server does that may only read.
fn read(server: &Server) {
    let shown = server.get("/api/v1/projects/kept").expect(200);
    assert_eq!(shown["status"], "active", "{shown}");
    server.post("/api/v1/projects/kept/predict", &json!({"data": [1.0, 2.0, 3.0]})).expect(200);
    server.post("/api/v1/projects/refresh", &Value::Null).expect(200);
}

/// What `check` finds, by the names of the checks.
fn check(arguments: &[&str], environment: &[(&'static str, String)]) -> (bool, Value) {
    let directory = tempfile::tempdir().expect("a folder");
    let done = drifting()
        .args(["check", "--json", "--port", "0", "--database-uri", "none"])
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
        .current_dir(directory.path())
        .output()
        .expect("the program runs");
    let found: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    (done.status.success(), found)
}

/// Two servers after each other do everything, and a third one is asked what it would find.
fn everything_works(place: &[&str], environment: &[(&'static str, String)]) {
    let durable = [place, &["--state-durability", "always"]].concat();
    for _ in 0..2 {
        let directory = tempfile::tempdir().expect("a folder");
        let server = serve(directory.path(), &durable, environment);
        work(&server);
        server.delete("/api/v1/projects/later").expect(204);
        server.delete("/api/v1/projects/online").expect(204);
        assert!(server.stop().success());
    }
    let (ok, found) = check(place, environment);
    assert!(ok, "{found}");
}

#[test]
fn the_policy_for_s3_is_enough_and_each_of_its_actions_is_needed() {
    let seaweed = SeaweedFs::start();
    seaweed.create_bucket("projects");
    let identity = AwsIdentityStub::before(&seaweed);
    let hosts = LedHosts::start(&[("sts.eu-central-1.amazonaws.com", identity.endpoint())]);
    let mut environment = hosts.environment();
    environment.extend([
        ("AWS_ENDPOINT_URL", identity.s3_endpoint().to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_STS_REGIONAL_ENDPOINTS", "regional".to_owned()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/drifting".to_owned()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", identity.web_identity_token_file().display().to_string()),
    ]);
    let place = ["--artifacts-path", "s3://projects/team/drifting"];
    let policy = policy();
    identity.permit(&policy);
    everything_works(&place, &environment);
    assert!(identity.holders().iter().all(|holder| holder == "drifting"), "{:?}", identity.holders());
    assert_eq!(identity.holders().len(), 3, "one for each process");

    // Beside what was asked for, the policy has the right to give up parts of an upload that has failed.
    let statements = policy["Statement"].as_array().expect("statements");
    let of = |statement: &Value| match &statement["Action"] {
        Value::String(action) => vec![action.clone()],
        actions => serde_json::from_value(actions.clone()).expect("texts"),
    };
    let mut permitted: BTreeSet<String> = statements.iter().flat_map(of).collect();
    assert!(permitted.remove("s3:AbortMultipartUpload"));
    assert_eq!(identity.actions(), permitted);

    for missing in &permitted {
        let mut less = policy.clone();
        for statement in less["Statement"].as_array_mut().expect("statements") {
            statement["Action"] = of(statement).into_iter().filter(|action| action != missing).collect();
        }
        identity.permit(&less);
        let (ok, found) = check(&place, &environment);
        assert!(!ok && found.to_string().contains(missing), "without {missing}: {found}");
    }
    // Whoever only reads needs two of them.
    identity.permit(&policy);
    let directory = tempfile::tempdir().expect("a folder");
    let server = serve(directory.path(), &place, &environment);
    server.post("/api/v1/projects/kept/fit", &label(300)).expect(201);
    assert!(server.stop().success());
    let mut reading = policy.clone();
    for statement in reading["Statement"].as_array_mut().expect("statements") {
        let kept =
            of(statement).into_iter().filter(|action| ["s3:GetObject", "s3:ListBucket"].contains(&action.as_str()));
        statement["Action"] = kept.collect();
    }
    identity.permit(&reading);
    read(&serve(directory.path(), &[&place[..], &["--read-only"]].concat(), &environment));
    // Another prefix is not permitted.
    identity.permit(&policy);
    let (ok, found) = check(&["--artifacts-path", "s3://projects/team/drifting-other"], &environment);
    assert!(!ok && found.to_string().contains("the permission is missing: s3:PutObject"), "{found}");
}

#[test]
fn the_role_for_google_is_enough_and_each_of_its_permissions_is_needed() {
    let gcs = GcsStub::start();
    gcs.create_bucket("projects");
    let hosts = LedHosts::start(&[("oauth2.googleapis.com", gcs.endpoint())]);
    let mut environment = hosts.environment();
    environment.push(("GOOGLE_APPLICATION_CREDENTIALS", gcs.service_account_file().display().to_string()));
    let place = ["--artifacts-path", "gs://projects/team/drifting", "--artifacts-endpoint", gcs.endpoint()];
    let permissions = permissions();
    gcs.permit(&permissions, PREFIX);
    everything_works(&place, &environment);
    assert_eq!(gcs.n_tokens(), 3, "one for each process");
    let permitted: BTreeSet<String> = permissions.iter().map(|permission| (*permission).to_owned()).collect();
    assert_eq!(gcs.permissions(), permitted);

    for missing in &permissions {
        let less: Vec<&str> = permissions.iter().copied().filter(|permission| permission != missing).collect();
        gcs.permit(&less, PREFIX);
        let (ok, found) = check(&place, &environment);
        assert!(!ok && found.to_string().contains(missing), "without {missing}: {found}");
    }
    // Whoever only reads needs two of them.
    gcs.permit(&permissions, PREFIX);
    let directory = tempfile::tempdir().expect("a folder");
    let server = serve(directory.path(), &place, &environment);
    server.post("/api/v1/projects/kept/fit", &label(300)).expect(201);
    assert!(server.stop().success());
    gcs.permit(&["storage.objects.get", "storage.objects.list"], PREFIX);
    read(&serve(directory.path(), &[&place[..], &["--read-only"]].concat(), &environment));
}
