//! Parameters of lists and of operations that take none, and ids of operations.

use crate::row::{JSON, PREDICT, Row};

/// Paths with a query, and the parameter at fault.
const LISTS: [(&str, &str); 46] = [
    ("projects?page_size=0", "page_size"),
    ("projects?page_size=-1", "page_size"),
    ("projects?page_size=1001", "page_size"),
    ("projects?page_size=18446744073709551616", "page_size"),
    ("projects?page_size=ten", "page_size"),
    ("projects?page_size=1e2", "page_size"),
    ("projects?page_size=10.0", "page_size"),
    ("projects?page_size=%20", "page_size"),
    ("projects?page_size=%ff", "page_size"),
    ("projects?page_size=%EF%BC%91", "page_size"),
    ("projects?page_size=5&page_size=6", "page_size"),
    ("projects?pagesize=5", "pagesize"),
    ("projects?page-size=5", "page-size"),
    ("projects?page_token=zzz", "page_token"),
    ("projects?page_token=n2e2e", "page_token"),
    ("projects?page_token=n7", "page_token"),
    ("projects?page_token=r0000000000000001", "page_token"),
    ("projects?status=asleep", "status"),
    ("projects?status=ACTIVE", "status"),
    ("projects?status=active'%20OR%20'1'='1", "status"),
    ("projects?drift_type=lable", "drift_type"),
    ("projects?=1", ""),
    ("projects/price/metrics?from=yesterday", "from"),
    ("projects/price/metrics?from=2026-13-01T00:00:00Z", "from"),
    ("projects/price/metrics?from=1700000000", "from"),
    ("projects/price/metrics?to=2026-01-01", "to"),
    ("projects/price/metrics?to=2026-01-01T00:00:00", "to"),
    ("projects/price/metrics?to=999999999999-01-01T00:00:00Z", "to"),
    ("projects/price/metrics?page_size=0", "page_size"),
    ("projects/price/metrics?page_token=r1", "page_token"),
    ("projects/price/metrics?page_token=n7072", "page_token"),
    ("projects/price/metrics?resolution=hour", "resolution"),
    ("projects/price/metrics?resolution=0", "resolution"),
    ("projects/price/metrics?resolution=1001", "resolution"),
    ("projects/price/metrics?resolution=1s", "resolution"),
    ("projects/price/metrics?resolution=-1h", "resolution"),
    ("projects/price/metrics?resolution=99999999999999999999d", "resolution"),
    ("projects/price/metrics?resolution=1h&page_token=r1", "page_token"),
    ("projects/price/metrics?format=xml", "format"),
    ("projects/price/metrics?format=csv&page_size=5", "page_size"),
    ("projects/price/metrics?features=1", "features"),
    ("projects/price/metrics?fom=2026-01-01T00:00:00Z", "fom"),
    ("projects/price/metrics?page_token=r00000000000000010000000000000001", "page_token"),
    ("operations?page_size=0", "page_size"),
    ("operations?page_token=o1", "page_token"),
    ("operations?status=running", "status"),
];

pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = LISTS
        .iter()
        .map(|(path, name)| {
            Row::bare("GET", &format!("/api/v1/{path}"), 422, "invalid_settings").at(&format!("/{name}"))
        })
        .collect();
    for (method, path, name) in [
        ("GET", "projects/price?verbose=1", "verbose"),
        ("DELETE", "projects/price?force", "force"),
        ("DELETE", "projects/price?purge_metrics=perhaps", "purge_metrics"),
        ("DELETE", "projects/price?purge_metrics=true&purge_metrics=true", "purge_metrics"),
        ("POST", "projects/off/load?now=1", "now"),
        ("POST", "projects/price/unload?now=1", "now"),
        ("POST", "projects/price/reset?time=5", "time"),
    ] {
        rows.push(Row::bare(method, &format!("/api/v1/{path}"), 422, "invalid_settings").at(&format!("/{name}")));
    }
    let good = r#"{"data": [[0.5, "mon"]]}"#;
    let name = "x".repeat(5_000);
    rows.extend([
        Row::post(&format!("{PREDICT}?ert=5"), JSON, good, 422, "invalid_settings").at("/ert"),
        Row::post(&format!("{PREDICT}?explain=maybe"), JSON, good, 422, "invalid_settings").at("/explain"),
        Row::post(&format!("{PREDICT}?explain=true&explain=true"), JSON, good, 422, "invalid_settings").at("/explain"),
        Row::bare("GET", &format!("/api/v1/projects?{name}=1"), 422, "invalid_settings")
            .at("")
            .about("a parameter of 5,000 letters"),
    ]);
    let ids = ["0", "x", "%00", "..", "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffffff", "-1"];
    for id in ids {
        for (method, operation) in [("GET", ""), ("GET", "/events"), ("POST", "/cancel")] {
            let path = format!("/api/v1/operations/{id}{operation}");
            rows.push(Row::bare(method, &path, 404, "operation_not_found"));
        }
    }
    rows.push(Row::bare("GET", "/api/v1/operations/0?x=1", 404, "operation_not_found"));
    rows
}
