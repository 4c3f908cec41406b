//! `/metrics` in the format that is asked for.

use std::sync::Arc;

use drifting_http::{HttpSettings, Measures};

use crate::support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn measures_are_told_in_the_format_that_is_asked_for() {
    let measures = Measures(Arc::new(|format| format!("{format:?}")));
    let server = TestServer::with(HttpSettings { measures, ..HttpSettings::default() }).await;
    let (open_metrics, text) = ("application/openmetrics-text; version=1.0.0", "text/plain; version=0.0.4");
    for (accept, media_type, body) in [
        (&[("Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")][..], open_metrics, "OpenMetrics"),
        (&[("Accept", "*/*"), ("Accept", "application/openmetrics-text")], open_metrics, "OpenMetrics"),
        (&[("Accept", "text/plain;version=0.0.4")], text, "PrometheusText"),
        (&[("Accept", "*/*")], text, "PrometheusText"),
        (&[], text, "PrometheusText"),
    ] {
        let reply = server.send("GET", "/metrics", accept, b"").await;
        let expected = format!("{media_type}; charset=utf-8");
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(expected.as_str())), "{accept:?}");
        assert_eq!(reply.text(), body, "{accept:?}");
    }
}
