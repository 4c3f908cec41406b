//! The ways to a token of the stub.

use drifting_object_stores::GcsStub;
use hyper::{Request, Response};

use opendal::{Buffer, HttpBody, HttpTransport, HttpTransporter, OperationContext, Operator, services};

use crate::client;
use crate::gcs::{BUCKET, open_client, service};

fn start() -> GcsStub {
    let stub = GcsStub::start();
    stub.create_bucket(BUCKET);
    stub
}

/// Asks the stub for tokens where the client asks Google or the machine, whatever the file of an account says.
struct TokensFromStub(String);

impl HttpTransport for TokensFromStub {
    async fn fetch(&self, mut request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        if matches!(request.uri().host(), Some("oauth2.googleapis.com" | "metadata.google.internal")) {
            let path = request.uri().path_and_query().expect("a path").clone();
            *request.uri_mut() = format!("{}{path}", self.0).parse().expect("an address");
        }
        HttpTransporter::default().fetch(request).await
    }
}

fn client_led_to(stub: &GcsStub, service: services::Gcs) -> Operator {
    let transport = HttpTransporter::new(TokensFromStub(stub.endpoint().to_owned()));
    let context = OperationContext::new().with_http_transport(transport);
    client(service).with_context(context)
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_given() {
    let stub = start();
    let valid = service(stub.endpoint()).disable_vm_metadata().token(stub.token());
    let valid = client(valid);
    valid.write("one", "content").await.expect("written");
    let wrong = service(stub.endpoint()).disable_vm_metadata().token("wrong".to_owned());
    let wrong = client(wrong);
    for store in [wrong, open_client(stub.endpoint())] {
        let error = store.read("one").await.expect_err("there is no token");
        assert!(error.to_string().contains("401"), "{error}");
    }
    stub.revoke_tokens();
    let error = valid.read("one").await.expect_err("the token is worthless");
    assert!(error.to_string().contains("401"), "{error}");
}

#[tokio::test]
async fn a_service_account_signs_for_a_token() {
    let stub = start();
    let file = stub.service_account_file();
    let account = service(stub.endpoint()).disable_vm_metadata().credential_path(file.to_str().expect("plain text"));
    let store = client_led_to(&stub, account);
    store.write("one", "content").await.expect("written");
    assert_eq!(stub.n_tokens(), 1);
}

#[tokio::test]
async fn a_token_of_another_provider_is_exchanged() {
    let stub = start();
    let file = stub.external_account_file();
    let account = service(stub.endpoint()).disable_vm_metadata().credential_path(file.to_str().expect("plain text"));
    let store = client(account);
    store.write("one", "content").await.expect("written");
    store.delete_iter(["one", "two"]).await.expect("deleted");
    assert_eq!(stub.n_tokens(), 1, "it is kept");
}

#[tokio::test]
async fn a_machine_has_a_token() {
    let stub = start();
    let store = client_led_to(&stub, service(stub.endpoint()));
    store.write("one", "content").await.expect("written");
    assert_eq!(stub.n_tokens(), 1);
}
