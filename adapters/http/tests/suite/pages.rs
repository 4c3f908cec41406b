//! Pages for people, and probes.

use crate::support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn the_swagger_page_needs_nothing_from_elsewhere() {
    let server = TestServer::start().await;
    for path in ["/docs", "/docs/"] {
        let reply = server.get(path).await;
        assert_eq!(reply.status, 200);
        assert!(reply.header("content-type").unwrap().starts_with("text/html"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; connect-src 'self'") && !policy.contains("unsafe"), "{policy}");
        let page = reply.text();
        assert!(page.len() > 1_000_000 && page.contains("fitProject"));
        assert!(!page.contains("\"title\": \"placeholder\""));
        for outside in ["src=\"http", "src=\"//", "href=\"http", "rel=\"stylesheet", "@import", "url(http", "url(//"] {
            let head = page.split("<script").next().unwrap();
            assert!(!head.contains(outside), "{outside}");
        }
        let last = page.rsplit("<script>").next().unwrap();
        assert!(last.contains("SwaggerUIBundle({") && last.contains("\"openapi\": \"3.0.0\""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_as_json_and_yaml() {
    let server = TestServer::start().await;
    let json = server.get("/openapi.json").await;
    assert_eq!(json.text(), drifting_http::openapi_document());
    let yaml = server.get("/openapi.yaml").await;
    let yaml: serde_json::Value = serde_yaml::from_str(&yaml.text()).unwrap();
    assert_eq!(yaml, json.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_page_points_to_the_rest() {
    let server = TestServer::start().await;
    let page = server.get("/").await.text();
    assert!(page.contains("/docs") && page.contains("/api/v1/projects") && page.contains("textContent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_answer() {
    let server = TestServer::start().await;
    for path in ["/livez", "/readyz"] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, r#"{"status":"ok"}"#));
        let head = server.send("HEAD", path, &[], b"").await;
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
}
