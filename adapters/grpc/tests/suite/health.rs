//! `grpc.health.v1.Health`.

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::TestServer;

const SERVICES: [&str; 2] = ["", "inference.GRPCInferenceService"];

fn ask(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn the_server_and_its_service_serve() {
    let server = TestServer::start().await;
    let mut client = HealthClient::new(server.channel().await);
    for service in SERVICES {
        let status = client.check(ask(service)).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    let status = client.check(ask("other")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn whoever_watches_is_told_that_the_server_stops_and_does_not_hold_it() {
    let server = TestServer::start().await;
    let mut client = HealthClient::new(server.channel().await);
    let mut watched = Vec::new();
    for service in SERVICES {
        let mut changes = client.watch(ask(service)).await.unwrap().into_inner();
        assert_eq!(changes.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
        watched.push(changes);
    }
    let stopped = server.stop();
    for mut changes in watched {
        assert_eq!(changes.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert!(changes.message().await.unwrap().is_none());
    }
    drop(client);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), stopped).await;
    ended.expect("the server waits for no watcher").unwrap().unwrap();
}
