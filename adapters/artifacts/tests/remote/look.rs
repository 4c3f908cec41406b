//! A look at a store changes nothing and says what is missing.

use drifting_artifacts::{RemoteLocation, RemoteStore, S3Location, StaticCredentials, look_at_remote};
use drifting_domain::ports::PortErrorKind;
use drifting_object_stores::{Calls, Fault, FaultyProxy};

use crate::raw::{objects, raw};
use crate::support::{Server, lease, settings};

#[tokio::test]
async fn a_store_that_works_is_left_as_it_was() {
    for (server, is_conditional) in
        [(Server::s3(), true), (Server::moto(), true), (Server::gcs(), true), (Server::plain_gcs(), false)]
    {
        let store = server.store("p").await;
        let raw = raw(&server.location("p", None));
        for holds in [false, true] {
            let lease = if holds { Some(lease(&store).await) } else { None };
            let look = look_at_remote(&store).await;
            assert!(look.put.is_ok() && look.get.is_ok() && look.list.is_ok() && look.delete.is_ok(), "{look:?}");
            assert_eq!(look.conditional_put.unwrap(), is_conditional);
            assert_eq!(look.lease_held_by.unwrap().is_some(), holds);
            assert!(lease.is_none_or(|lease| lease.check("write").is_ok()));
            assert!(objects(&raw).await.is_empty());
        }
    }
}

#[tokio::test]
async fn each_missing_permission_is_named() {
    for server in Server::both() {
        let proxy = FaultyProxy::start(server.endpoint());
        let store = server.store_through("p", proxy.endpoint()).await;
        proxy.inject(1, &[(Calls::All, Fault::Status(403))]);
        let look = look_at_remote(&store).await;
        let (put, list) = match server {
            Server::Seaweed(_) | Server::Moto(_) => ("s3:PutObject", "s3:ListBucket"),
            Server::Stub(_) | Server::Fake(_) => ("storage.objects.create", "storage.objects.list"),
        };
        for (result, permission) in [(look.put, put), (look.list, list)] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), PortErrorKind::Permission, "{}", error.source_text());
            assert!(error.source_text().contains(permission), "{}", error.source_text());
        }
    }
}

fn with_key(location: RemoteLocation, id: &str, secret: &str) -> RemoteLocation {
    let RemoteLocation::S3(location) = location else { panic!("a place on S3") };
    let credentials =
        StaticCredentials { access_key_id: id.to_owned(), secret_access_key: secret.to_owned(), session_token: None };
    RemoteLocation::S3(S3Location { credentials: Some(credentials), ..location })
}

#[tokio::test]
async fn wrong_keys_absent_buckets_and_dead_servers_are_told_without_secrets() {
    let server = Server::s3();
    let here = server.location("p", None);
    let Server::Seaweed(seaweed) = &server else { panic!("it is one") };
    let absent = match here.clone() {
        RemoteLocation::S3(location) => RemoteLocation::S3(S3Location { bucket: "absent".to_owned(), ..location }),
        gcs @ RemoteLocation::Gcs(_) => gcs,
    };
    for (location, kind, part) in [
        (with_key(here.clone(), "AKIASTRANGER", "topsecret"), PortErrorKind::Permission, "access key"),
        (with_key(here.clone(), seaweed.access_key(), "topsecret"), PortErrorKind::Permission, "secret key"),
        (absent, PortErrorKind::Other, "bucket"),
        (server.location("p", Some("http://127.0.0.1:9")), PortErrorKind::Unavailable, "refused"),
    ] {
        let store = RemoteStore::connect(&location, settings()).await.unwrap();
        let error = look_at_remote(&store).await.put.unwrap_err();
        let text = format!("{error:?} {}", error.source_text());
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains(part), "{text}");
        for secret in ["topsecret", "Signature=", "://", seaweed.secret_key()] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn an_absent_bucket_is_told() {
    for server in [Server::moto(), Server::gcs()] {
        let mut location = server.location("p", None);
        match &mut location {
            RemoteLocation::S3(location) => location.bucket = "absent".to_owned(),
            RemoteLocation::Gcs(location) => location.bucket = "absent".to_owned(),
        }
        let store = RemoteStore::connect(&location, settings()).await.unwrap();
        let look = look_at_remote(&store).await;
        for result in [look.put, look.list] {
            let text = result.unwrap_err().source_text();
            assert!(text.contains("expected a bucket that exists"), "{text}");
        }
    }
}
