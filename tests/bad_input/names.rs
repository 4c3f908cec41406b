//! Names that are none of a project, in the spellings of those who look for a way out of a folder.

use crate::hostile_names::hostile_names;
use crate::row::{JSON, Row};

pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = hostile_names()
        .iter()
        .map(|name| {
            let row = Row::bare("GET", &format!("/api/v1/projects/{name}"), 400, "invalid_name");
            if name.len() > 100 { row.about(&format!("a name of {} bytes", name.len())) } else { row }
        })
        .collect();
    // Every operation that takes a name.
    for name in ["..", "%2e%2e%2foff", "off%00", "stats"] {
        for (method, operation) in [
            ("DELETE", ""),
            ("POST", "/fit"),
            ("POST", "/predict"),
            ("POST", "/load"),
            ("POST", "/unload"),
            ("POST", "/reset"),
            ("GET", "/metrics"),
        ] {
            let path = format!("/api/v1/projects/{name}{operation}");
            let headers = if method == "POST" { &[("Content-Type", JSON)][..] } else { &[] };
            let body = if operation == "/fit" { r#"{"drift_type": "label", "data": [1, 2, 3]}"# } else { "" };
            rows.push(Row::with_headers(method, &path, headers, body, 400, "invalid_name"));
        }
    }
    // What leads to other parts of a path is a matter of routes, and a fragment is no part of it.
    for path in [
        "/api/v1/projects/../../etc/passwd",
        "/api/v1/projects/price/..",
        "/api/v1/projects/price/../off",
        "/api/v1/projects//proc/self/root",
        "/api/v1/projects/#/../off",
    ] {
        rows.push(Row::bare("GET", path, 404, "route_not_found"));
    }
    // Names that somebody could have.
    for name in ["price.", "price%2e", "PRICE", "price..off", "nul.txt", "con", "%70%72ices", "nobody#/../price"] {
        rows.push(Row::bare("GET", &format!("/api/v1/projects/{name}"), 404, "project_not_found"));
    }
    for (method, operation) in [("DELETE", ""), ("POST", "/load"), ("POST", "/reset"), ("GET", "/metrics")] {
        rows.push(Row::bare(method, &format!("/api/v1/projects/Price{operation}"), 404, "project_not_found"));
    }
    rows
}
