//! Projects that are not there, exist already, are inactive or failed; and requests that break two rules at once, which
//! get the code of the earlier one.

use crate::row::{CSV, JSON, PARQUET, PREDICT, Row};
use crate::table::Limits;
use crate::values::numbers;

const OFF: &str = "/api/v1/projects/off";
const BROKEN: &str = "/api/v1/projects/broken";
const NOBODY: &str = "/api/v1/projects/nobody";

pub fn rows(limits: Limits) -> Vec<Row> {
    [statuses(), fits(limits), order(limits)].concat()
}

fn statuses() -> Vec<Row> {
    let good = r#"{"data": [0.5]}"#;
    let mut rows = vec![
        Row::post(&format!("{OFF}/predict"), JSON, good, 409, "project_inactive"),
        Row::bare("POST", &format!("{OFF}/reset"), 409, "project_inactive"),
        Row::post(&format!("{BROKEN}/predict"), JSON, good, 503, "project_failed"),
        Row::bare("POST", &format!("{BROKEN}/load"), 503, "project_failed"),
        Row::bare("POST", &format!("{BROKEN}/reset"), 503, "project_failed"),
        Row::post(&format!("{NOBODY}/predict"), JSON, good, 404, "project_not_found"),
    ];
    for (method, operation) in
        [("GET", ""), ("DELETE", ""), ("POST", "/load"), ("POST", "/unload"), ("POST", "/reset"), ("GET", "/metrics")]
    {
        rows.push(Row::bare(method, &format!("{NOBODY}{operation}"), 404, "project_not_found"));
    }
    rows
}

fn fits(limits: Limits) -> Vec<Row> {
    let fit = format!(r#"{{"drift_type": "label", "data": {:?}}}"#, numbers(60));
    let replacing = fit.replace("{\"drift", "{\"overwrite\": true, \"drift");
    let exists = |path: &str, media_type: &str, body: &str| Row::post(path, media_type, body, 409, "project_exists");
    let price = "/api/v1/projects/price/fit";
    let too_large = (limits.fit + 1).to_string();
    let async_fit = [("Content-Type", JSON), ("Prefer", "respond-async")];
    vec![
        exists(price, JSON, &fit),
        exists("/api/v1/projects/off/fit", JSON, &fit),
        exists("/api/v1/projects/broken/fit", JSON, &fit),
        Row::with_headers("POST", price, &async_fit, &fit, 409, "project_exists"),
        // Names differ in more than case, even where a project is to be replaced.
        exists("/api/v1/projects/PRICE/fit", JSON, &fit),
        exists("/api/v1/projects/Price/fit", JSON, &replacing),
        exists("/api/v1/projects/OFF/fit?drift_type=label&overwrite=true", CSV, "value\n1\n"),
        // Existence comes before the body, the data and the settings …
        exists(price, JSON, ""),
        exists(price, JSON, "not json"),
        exists(price, JSON, r#"{"overwrite": false}"#),
        exists(price, JSON, r#"{"overwrite": "true"}"#),
        exists(price, JSON, r#"{"overwrite": true"#),
        exists(price, "application/xml", "<a/>"),
        exists(price, PARQUET, "PAR1"),
        exists(price, CSV, "a\n1\n"),
        exists(&format!("{price}?drift_type=label&ert=nan"), CSV, ""),
        Row::with_headers(
            "POST",
            price,
            &[("Content-Type", JSON), ("Content-Length", &too_large)],
            "",
            409,
            "project_exists",
        )
        .about("a body above the limit for a project that exists"),
        // … unless the body says that the project is to be replaced.
        Row::post(price, JSON, r#"{"overwrite": true}"#, 422, "invalid_settings").at("/drift_type"),
        Row::post(price, JSON, r#"{"overwrite": true, "drift_type": "label", "data": [1]}"#, 422, "invalid_data")
            .at("/data"),
        Row::post(price, JSON, r#"{"overwrite": true, "overwrite": true}"#, 400, "malformed").at("/overwrite"),
        Row::post(&format!("{price}?drift_type=label&overwrite=true"), CSV, "", 400, "malformed"),
        Row::post(
            &format!("{price}?drift_type=label&overwrite=true&ert=0.5"),
            CSV,
            "v\n1\n2\n",
            422,
            "invalid_settings",
        )
        .at("/ert"),
    ]
}

/// Two rules at once.
fn order(limits: Limits) -> Vec<Row> {
    let over = (limits.predict + 1).to_string();
    let too_large = [("Content-Type", JSON), ("Content-Length", over.as_str())];
    let too_large_and_other = [("Content-Type", "text/html"), ("Content-Length", over.as_str())];
    let post = |path: &str, body: &str, status, code| Row::post(path, JSON, body, status, code);
    vec![
        // Route before method, method before name, name before everything about the body.
        Row::bare("PUT", "/api/v1/projects/../nothing", 404, "route_not_found"),
        Row::bare("PUT", "/api/v1/projects/..", 405, "method_not_allowed"),
        Row::bare("GET", "/api/v1/projects/../predict", 405, "method_not_allowed"),
        post("/api/v1/projects/price/explode", "not json", 404, "route_not_found"),
        Row::post("/api/v1/projects/-x/predict", "text/html", "", 400, "invalid_name"),
        Row::with_headers("POST", "/api/v1/projects/-x/predict", &too_large, "", 400, "invalid_name"),
        Row::bare("DELETE", "/api/v1/projects/-x?force=1", 400, "invalid_name"),
        post("/api/v1/projects/stats/fit", r#"{"drift_type": 5}"#, 400, "invalid_name"),
        // Existence before the body and parameters.
        post(&format!("{NOBODY}/predict"), "not json", 404, "project_not_found"),
        post(&format!("{NOBODY}/predict?x=1"), "{}", 404, "project_not_found"),
        Row::with_headers("POST", &format!("{NOBODY}/predict"), &too_large, "", 404, "project_not_found"),
        Row::post(&format!("{NOBODY}/predict"), "text/html", "", 404, "project_not_found"),
        Row::bare("GET", &format!("{NOBODY}?verbose=1"), 404, "project_not_found"),
        Row::bare("GET", &format!("{NOBODY}/metrics?page_size=0"), 404, "project_not_found"),
        post(&format!("{OFF}/predict"), "not json", 409, "project_inactive"),
        Row::post(&format!("{OFF}/predict"), "text/html", "", 409, "project_inactive"),
        Row::with_headers("POST", &format!("{OFF}/predict"), &too_large, "", 409, "project_inactive"),
        post(&format!("{BROKEN}/predict"), "not json", 503, "project_failed"),
        post(&format!("{BROKEN}/predict"), r#"{"data": ["x"]}"#, 503, "project_failed"),
        // The body before its data and before settings.
        Row::with_headers("POST", PREDICT, &too_large_and_other, "", 415, "unsupported_media_type"),
        Row::with_headers("POST", &format!("{PREDICT}?ert=5"), &too_large, "", 413, "body_too_large")
            .about("a parameter, and a body above the limit"),
        post(&format!("{PREDICT}?ert=5"), "not json", 400, "malformed"),
        post(PREDICT, r#"{"data": [["x", 1]]"#, 400, "malformed"),
        post(PREDICT, r#"{"data": [["x", 1]], "data": 5}"#, 400, "malformed").at("/data"),
        post(PREDICT, r#"{"rows": [], "data": [["x", 1]"#, 400, "malformed"),
        post("/api/v1/projects/new/fit", r#"{"drift_type": "x", "data": [1, "a"]"#, 400, "malformed"),
        post("/api/v1/projects/new/fit?ert=5", "{", 400, "malformed"),
        // Settings and data are of one rank; settings are told first.
        post(PREDICT, r#"{"rows": [], "data": [["x", 1], [1]]}"#, 422, "invalid_settings").at("/rows"),
        post("/api/v1/projects/new/fit", r#"{"drift_type": "x", "data": [1, "a"]}"#, 422, "invalid_settings")
            .at("/drift_type"),
    ]
}
