//! Paths that lead nowhere, and methods that a path does not take.

use crate::row::{PREDICT, Row};

pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        "/nothing",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/projects/",
        "/api/v1/projects/price/",
        "/api/v1/projects/price/predict/",
        "/api/v1/projects/price/explode",
        "/api/v1//projects",
        "//api/v1/projects",
        "/api/v2/projects",
        "/API/v1/projects",
        "/api/v1/projects/price/fit/now",
        "/api/v1/operations/",
        "/docs/../api/v1/projects",
        "/.git/config",
        "/livez%00",
        "*",
    ]
    .map(|path| Row::bare("GET", path, 404, "route_not_found"))
    .into();
    let methods = [
        ("PUT", "/api/v1/projects"),
        ("POST", "/api/v1/projects"),
        ("GET", PREDICT),
        ("DELETE", PREDICT),
        ("PATCH", "/api/v1/projects/price"),
        ("POST", "/api/v1/projects/price"),
        ("GET", "/api/v1/projects/price/load"),
        ("POST", "/api/v1/projects/price/metrics"),
        ("DELETE", "/api/v1/operations"),
        ("GET", "/api/v1/operations/0/cancel"),
        ("DELETE", "/livez"),
        ("TRACE", "/livez"),
        ("OPTIONS", "/api/v1/projects"),
        ("get", "/livez"),
        ("PROPFIND", "/"),
    ];
    rows.extend(methods.map(|(method, path)| Row::bare(method, path, 405, "method_not_allowed")));
    let overriding = [("X-HTTP-Method-Override", "DELETE")];
    rows.extend([
        Row::with_headers("POST", "/api/v1/projects/price", &overriding, "", 405, "method_not_allowed")
            .about("a method in the place of another"),
        Row::bare(&"G".repeat(5_000), "/livez", 405, "method_not_allowed").about("a method of 5,000 letters"),
        Row::bare("CONNECT", "localhost:80", 404, "route_not_found"),
        Row::bare("GET", &format!("/{}", "a/".repeat(4_000)), 404, "route_not_found").about("a path of 4,000 parts"),
    ]);
    rows
}
