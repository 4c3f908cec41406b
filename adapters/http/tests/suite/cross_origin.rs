//! Pages of other servers: those that are named may use this one, others not.

use drifting_http::{AllowedHosts, HttpSettings};

use crate::support::TestServer;

const APP: &str = "https://app.example";

async fn server() -> TestServer {
    let allowed_hosts = AllowedHosts::Loopback(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]);
    TestServer::with(HttpSettings { allowed_hosts, cors_origins: vec![APP.to_owned()], ..HttpSettings::default() })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_named_may_ask_change_and_read() {
    let server = server().await;
    let asks =
        [("origin", APP), ("access-control-request-method", "POST"), ("access-control-request-headers", "x-api-key")];
    let preflight = server.send("OPTIONS", "/api/v1/projects/price/predict", &asks, b"").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some(APP));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("x-api-key"));
    let sends = [("origin", APP), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")];
    let changed = server.send("POST", "/api/v1/projects/absent/reset", &sends, b"").await;
    assert_eq!(changed.status, 404, "{}", changed.text());
    assert_eq!(changed.header("access-control-allow-origin"), Some(APP));
    assert!(changed.header("access-control-expose-headers").unwrap().contains("x-request-id"));
    assert_eq!(changed.header("access-control-allow-credentials"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_pages_are_refused_and_no_answer_lets_them_read() {
    let server = server().await;
    for origin in ["https://evil.example", "http://app.example", "https://app.example.evil.example", "null"] {
        let asks = [("origin", origin), ("access-control-request-method", "POST")];
        for (method, headers) in [("OPTIONS", &asks[..]), ("POST", &asks[..1]), ("GET", &asks[..1])] {
            let reply = server.send(method, "/api/v1/projects", headers, b"").await;
            assert_eq!(reply.status, 403, "{method} from {origin}");
            assert_eq!(reply.header("access-control-allow-origin"), None);
            assert_eq!(reply.header("vary"), Some("origin"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_loads_for_a_page_of_another_site_is_refused() {
    let server = server().await;
    let reply = async |method: &str, path: &str, site: &str, mode: &str| {
        server.send(method, path, &[("sec-fetch-site", site), ("sec-fetch-mode", mode)], b"").await.status
    };
    // An image, a script, a form without an origin, an event stream.
    assert_eq!(reply("GET", "/api/v1/projects", "cross-site", "no-cors").await, 403);
    assert_eq!(reply("GET", "/livez", "cross-site", "cors").await, 403);
    assert_eq!(reply("POST", "/api/v1/projects/price/reset", "cross-site", "navigate").await, 403);
    // A link that somebody follows here, and what its own pages load.
    assert_eq!(reply("GET", "/docs", "cross-site", "navigate").await, 200);
    assert_eq!(reply("GET", "/api/v1/projects", "same-origin", "cors").await, 200);
    assert_eq!(reply("GET", "/api/v1/projects", "none", "navigate").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_browsers_to_keep_it_to_themselves() {
    let server = TestServer::start().await;
    for path in ["/livez", "/api/v1/projects", "/nothing", "/docs", "/v2/health/live"] {
        let reply = server.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        let kept = reply.header("cache-control").unwrap();
        assert!(kept == "no-store" || (path == "/docs" && kept == "no-cache"), "{path}: {kept}");
    }
    assert_eq!(server.get("/docs").await.header("x-frame-options"), Some("DENY"));
}
