//! Hosts and origins that are not the server's. Every one of these requests would be served, or break a later rule, if
//! it came from elsewhere.

use crate::row::{JSON, PREDICT, Row};

pub fn rows() -> Vec<Row> {
    let list = "/api/v1/projects";
    let mut rows: Vec<Row> = [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost:x",
        "localhost/",
        "[::2]",
        "[::1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "",
        "localhost, evil.example",
        "localhost\tevil.example",
    ]
    .map(|host| {
        Row::with_headers("GET", list, &[("Host", host)], "", 403, "host_not_allowed").about(&format!("Host: {host}"))
    })
    .into();
    let get = "GET /api/v1/projects HTTP/1.1\r\nConnection: close\r\n";
    let two_hosts = format!("{get}Host: localhost\r\nHost: localhost\r\n\r\n");
    let elsewhere = "GET http://evil.example/api/v1/projects HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    rows.extend([
        Row::raw("no Host", format!("{get}\r\n"), 403, "host_not_allowed"),
        Row::raw("no Host in HTTP/1.0", "GET /api/v1/projects HTTP/1.0\r\n\r\n", 403, "host_not_allowed"),
        Row::raw("two Hosts", two_hosts, 403, "host_not_allowed"),
        Row::raw("another host in the target", elsewhere, 403, "host_not_allowed"),
    ]);
    for origin in [
        "http://evil.example",
        "https://localhost.evil.example",
        "null",
        "",
        "localhost",
        "file://",
        "http://localhost@evil.example",
        "chrome-extension://abcdef",
    ] {
        let row = Row::with_headers("GET", list, &[("Origin", origin)], "", 403, "origin_not_allowed");
        rows.push(row.about(&format!("Origin: {origin}")));
    }
    // Pages of other servers on this machine may read, and change nothing.
    for (method, path) in [
        ("DELETE", "/api/v1/projects/price"),
        ("POST", "/api/v1/projects/price/reset"),
        ("POST", "/api/v1/projects/off/load"),
        ("POST", "/api/v1/operations/0/cancel"),
    ] {
        let headers = [("Host", "localhost:8080"), ("Origin", "http://localhost:3000")];
        rows.push(Row::with_headers(method, path, &headers, "", 403, "origin_not_allowed"));
    }
    let form = [("Origin", "https://evil.example"), ("Content-Type", "text/plain")];
    rows.extend([
        Row::with_headers("POST", PREDICT, &form, r#"{"data": [[0.5, "mon"]]}"#, 403, "origin_not_allowed"),
        // Before routes, methods, names and bodies.
        Row::with_headers("GET", "/nothing", &[("Host", "evil.example")], "", 403, "host_not_allowed"),
        Row::with_headers("PUT", list, &[("Host", "evil.example")], "", 403, "host_not_allowed"),
        Row::with_headers("GET", "/api/v1/projects/..", &[("Host", "evil.example")], "", 403, "host_not_allowed"),
        Row::with_headers(
            "POST",
            PREDICT,
            &[("Host", "evil.example"), ("Content-Type", JSON), ("Content-Length", "99999999999")],
            "",
            403,
            "host_not_allowed",
        ),
        // The host before the origin.
        Row::with_headers("GET", list, &[("Host", "evil.example"), ("Origin", "null")], "", 403, "host_not_allowed"),
        Row::with_headers("PUT", "/nothing", &[("Origin", "null")], "", 403, "origin_not_allowed"),
    ]);
    rows
}
