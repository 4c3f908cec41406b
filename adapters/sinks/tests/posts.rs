//! Posts to a real server on loopback: what arrives, and what follows from each answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drifting_domain::contract::sample_record;
use drifting_domain::ports::{DriftRecord, Verdicts};
use drifting_sinks::{Common, DriftEvent, EventFormat, EventIds, Posted, Secrets, Sink, SinkError, SinkSettings};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What has arrived: the head of each request, and its body.
type Arrived = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A server that answers every request with a status and a header.
async fn server(status: u16, header: (&'static str, &'static str)) -> (SocketAddr, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let arrived = Arrived::default();
    let kept = Arc::clone(&arrived);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            let answer = service_fn(move |request: Request<Incoming>| {
                let kept = Arc::clone(&kept);
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    kept.lock().expect("nobody panics").push((head.headers, body));
                    let response = Response::builder().status(status).header(header.0, header.1);
                    Ok::<_, hyper::Error>(response.body(Full::new(Bytes::from("an answer"))).expect("a response"))
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    (address, arrived)
}

fn settings(url: &str) -> SinkSettings {
    let url = url.parse().expect("a URL");
    SinkSettings { url, format: EventFormat::Structured, secrets: None, allow_private: true }
}

fn events(n: u64) -> Vec<DriftEvent> {
    let ids = EventIds::of_start(7);
    let records: Vec<_> = (0..n).map(|time| DriftRecord { time, ..sample_record("churn", 1) }).collect();
    let verdicts = Verdicts { records: &records, window_sizes: &[40, 80], request_id: Some("order-918"), trace: None };
    let common = Common::of(&verdicts).expect("there are verdicts");
    records.iter().map(|record| DriftEvent::of(record, &common, ids.next())).collect()
}

#[tokio::test]
async fn a_post_is_signed_over_what_arrives() {
    let (address, arrived) = server(204, ("x", "y")).await;
    let secrets = Secrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    let settings = SinkSettings { secrets: Some(secrets), ..settings(&format!("http://{address}/hook?token=1")) };
    let sink = Sink::new(settings).expect("a sink");
    let events = events(1);
    assert_eq!(sink.post(&events).await, Posted::Taken);
    let arrived = arrived.lock().expect("nobody panics");
    let (headers, body) = &arrived[0];
    let header = |name: &str| headers[name].to_str().expect("a text").to_owned();
    assert!(header("content-type").starts_with("application/cloudevents+json"));
    assert_eq!(header("webhook-id"), *events[0].id);
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    assert_eq!(header("webhook-signature"), signature(&signed));
    let told: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    assert_eq!((told["id"].as_str(), told["subject"].as_str()), (Some(&*events[0].id), Some("order-918")));
}

/// By another way than the sink's: the secret is that of the test above.
fn signature(signed: &[u8]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};
    let mut key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
    key.resize(64, 0);
    let pad = |byte: u8| key.iter().map(|key| key ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::digest([pad(0x36).as_slice(), signed].concat());
    let outer = Sha256::digest([pad(0x5c).as_slice(), inner.as_slice()].concat());
    format!("v1,{}", STANDARD.encode(outer))
}

#[tokio::test]
async fn a_batch_is_one_post() {
    let (address, arrived) = server(202, ("x", "y")).await;
    let sink = Sink::new(SinkSettings { format: EventFormat::Batch, ..settings(&format!("http://{address}")) });
    let sink = sink.expect("a sink");
    assert_eq!((sink.events_max(), sink.post(&events(3)).await), (100, Posted::Taken));
    let arrived = arrived.lock().expect("nobody panics");
    let told: serde_json::Value = serde_json::from_slice(&arrived[0].1).expect("JSON");
    assert_eq!((arrived.len(), told.as_array().map(Vec::len)), (1, Some(3)));
}

#[tokio::test]
async fn each_answer_has_its_consequence() {
    let again = |after, status| Posted::Again { after, is_late: false, reason: format!("it answers {status}") };
    let (elsewhere, nothing) = server(200, ("x", "y")).await;
    let location: &'static str = format!("http://{elsewhere}/").leak();
    for (status, header, expected) in [
        (200, ("x", "y"), Posted::Taken),
        (202, ("x", "y"), Posted::Taken),
        (400, ("x", "y"), Posted::Refused { status: 400 }),
        (413, ("x", "y"), Posted::Refused { status: 413 }),
        (422, ("retry-after", "1"), Posted::Refused { status: 422 }),
        (401, ("x", "y"), again(None, 401)),
        (403, ("x", "y"), again(None, 403)),
        (404, ("retry-after", "1"), again(Some(Duration::from_secs(1)), 404)),
        (407, ("x", "y"), again(None, 407)),
        (410, ("x", "y"), again(None, 410)),
        (408, ("x", "y"), again(None, 408)),
        (429, ("retry-after", "7"), again(Some(Duration::from_secs(7)), 429)),
        (500, ("x", "y"), again(None, 500)),
        (503, ("retry-after", "99999"), again(Some(Duration::from_hours(1)), 503)),
        (302, ("location", location), again(None, 302)),
        (307, ("location", location), again(None, 307)),
    ] {
        let (address, arrived) = server(status, header).await;
        let sink = Sink::new(settings(&format!("http://{address}/a"))).expect("a sink");
        assert_eq!(sink.post(&events(1)).await, expected, "{status}");
        assert_eq!(arrived.lock().expect("nobody panics").len(), 1, "{status}");
    }
    assert!(nothing.lock().expect("nobody panics").is_empty(), "redirects are not followed");
}

#[tokio::test]
async fn a_sink_that_is_gone_is_tried_again_without_telling_its_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    drop(listener);
    let sink = Sink::new(settings(&format!("http://{address}/geheim?token=geheim"))).expect("a sink");
    let posted = sink.post(&events(1)).await;
    let Posted::Again { after: None, is_late: false, reason } = posted else { panic!("{posted:?}") };
    assert!(reason.contains("refused") && !reason.contains("geheim"), "{reason}");
}

#[tokio::test]
async fn nobody_is_connected_to_whose_address_is_not_allowed() {
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
    ] {
        let url = format!("http://{host}:{port}/");
        let made = Sink::new(SinkSettings { allow_private: false, ..settings(&url) });
        assert!(matches!(made, Err(SinkError::Forbidden(_))), "{host}");
    }
    for host in ["0.0.0.0", "0", "169.254.169.254", "2852039166", "[fe80::1]", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]"]
    {
        let made = Sink::new(settings(&format!("http://{host}:{port}/")));
        assert!(matches!(made, Err(SinkError::Forbidden(_))), "{host}");
    }
    // A name is looked up for each connection, so one that points elsewhere the second time gains nothing.
    let sink = Sink::new(SinkSettings { allow_private: false, ..settings(&format!("http://localhost:{port}/")) });
    let posted = sink.expect("names are not known before").post(&events(1)).await;
    let Posted::Again { reason, .. } = posted else { panic!("{posted:?}") };
    assert!(reason.contains("no address that is allowed"), "{reason}");
    let nobody = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

#[test]
fn an_event_takes_its_texts_and_shares_them_with_those_beside_it() {
    let records = [sample_record("churn", 1), sample_record("churn", 2)];
    let of = |request_id| {
        let verdicts = Verdicts { records: &records, window_sizes: &[10], request_id, trace: None };
        let common = Common::of(&verdicts).expect("there are verdicts");
        records.each_ref().map(|record| DriftEvent::of(record, &common, "1".into()))
    };
    let (without, with) = (of(None), of(Some(&*"x".repeat(1_000).leak())));
    assert_eq!(with[0].n_bytes(), without[0].n_bytes() + 1_000);
    let subject = |event: &DriftEvent| event.subject.as_ref().map(|subject| subject.as_ptr());
    assert_eq!(subject(&with[0]), subject(&with[1]));
    assert_eq!(with[0].project.as_ptr(), with[1].project.as_ptr());
    assert!(Common::of(&Verdicts { records: &[], window_sizes: &[], request_id: None, trace: None }).is_none());
}
