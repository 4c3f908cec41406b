//! Names that are none of a project, in the spellings of those who look for a way out of a folder.

use crate::row::{JSON, Row};

/// Spellings that no operation may take for a name.
const SPELLINGS: [&str; 52] = [
    ".",
    "..",
    "...",
    "%2e",
    "%2e%2e",
    "%2E%2E",
    "%252e%252e",
    "%25252e",
    "..%2f..%2fetc%2fpasswd",
    "..%2F",
    "..%5c..%5cwindows",
    "..\\..\\windows",
    "..%c0%af..%c0%afetc",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae",
    "%uff0e%uff0e",
    "price%2f..%2foff",
    "price%2fpredict",
    "%2fproc%2fself%2froot",
    "%2f%2fproc%2fself%2froot",
    "%5c%5cserver%5cshare",
    "C:%5cwindows",
    "file:%2f%2f%2fetc%2fpasswd",
    "http:%2f%2f169.254.169.254",
    "price%00",
    "%00",
    "price%00.yaml",
    "price%23",
    "price%3fpage_size=1",
    "price%20",
    "%20price",
    "price%09",
    "price%0d%0aX-Injected:%201",
    "%1b%5b31mred",
    "price%7f",
    // A Cyrillic letter, letters without a dot and full-width ones, a blank of no width, a ligature.
    "%D1%80rice",
    "pr%C4%B1ce",
    "%EF%BD%90rice",
    "%E2%80%8Bprice",
    "%EF%AC%81t",
    "pri\u{441}e",
    "%ff%fe",
    ".tmp",
    ".hidden",
    "-rf",
    "_private",
    "~root",
    "$HOME",
    "price;drop",
    "price*",
    "%",
];

pub fn rows() -> Vec<Row> {
    let long = ["x".repeat(129), "x".repeat(300), "%61".repeat(300), "x".repeat(8_000)];
    let names = SPELLINGS.iter().copied().chain(long.iter().map(String::as_str));
    let mut rows: Vec<Row> = names
        .map(|name| {
            let row = Row::bare("GET", &format!("/api/v1/projects/{name}"), 400, "invalid_name");
            if name.len() > 100 { row.about(&format!("a name of {} bytes", name.len())) } else { row }
        })
        .collect();
    // Words of the interface and files of the store are taken, in any case.
    for name in ["fit", "stats", "Stats", "store.db", "ACTIVE.DB"] {
        rows.push(Row::bare("GET", &format!("/api/v1/projects/{name}"), 400, "invalid_name"));
    }
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
