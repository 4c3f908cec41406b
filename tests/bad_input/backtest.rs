//! Backtests that cannot be carried out.

use crate::row::{CSV, JSON, Row};
use crate::values::numbers;

const BACKTEST: &str = "/api/v1/backtest";

/// What stands in the body beside a drift type and data, and the place at fault.
const BODIES: [(&str, &str); 26] = [
    (r#""reference": 0"#, "/reference"),
    (r#""reference": -1"#, "/reference"),
    (r#""reference": 1.5"#, "/reference"),
    (r#""reference": 1e400"#, "/reference"),
    (r#""reference": 9007199254740993"#, "/reference"),
    (r#""reference": "30%""#, "/reference"),
    (r#""changes": 5"#, "/changes"),
    (r#""changes": [0]"#, "/changes"),
    (r#""changes": [25, 24]"#, "/changes"),
    (r#""changes": [25, 25]"#, "/changes"),
    (r#""changes": [18446744073709551616]"#, "/changes"),
    (r#""changes": [null]"#, "/changes"),
    (r#""margin": 0"#, "/margin"),
    (r#""margin": -1"#, "/margin"),
    (r#""ert": 1"#, "/ert"),
    (r#""ert": -1e400"#, "/ert"),
    (r#""seed": -1"#, "/seed"),
    (r#""windows": [0.5]"#, "/windows"),
    (r#""windows": {}"#, "/windows"),
    (r#""missing_values": "keep""#, "/missing_values"),
    (r#""candidates": "ks""#, "/candidates"),
    (r#""candidates": [["ks"]]"#, "/candidates/0"),
    (r#""candidates": [{"kind": "kss"}]"#, "/candidates/0/kind"),
    (r#""candidates": [{}, {"ert": 1e400}]"#, "/candidates/1/ert"),
    (r#""candidates": [{"overwrite": true}]"#, "/candidates/0/overwrite"),
    (r#""overwrite": true"#, "/overwrite"),
];

pub fn rows() -> Vec<Row> {
    let data = numbers(40);
    let body = |beside: &str| format!(r#"{{"drift_type": "label", "data": {data:?}, {beside}}}"#);
    let mut rows: Vec<Row> = BODIES
        .map(|(beside, pointer)| {
            Row::post(BACKTEST, JSON, body(beside), 422, "invalid_settings").at(pointer).about(beside)
        })
        .into();
    let many = format!(r#""candidates": [{}{{}}]"#, "{},".repeat(40_000));
    let many_changes = format!(r#""changes": [{}30]"#, "30,".repeat(100_000));
    rows.extend([
        Row::post(BACKTEST, JSON, body(&many), 422, "invalid_settings").at("/candidates").about("40,001 candidates"),
        Row::post(BACKTEST, JSON, body(&many_changes), 422, "invalid_settings").at("/changes").about("100,001 changes"),
        Row::post(BACKTEST, JSON, r#"{"drift_type": "label"}"#, 422, "invalid_data").at("/data"),
        Row::post(BACKTEST, JSON, r#"{"drift_type": "label", "data": [1]}"#, 422, "invalid_settings").at("/reference"),
        Row::post(BACKTEST, JSON, "[]", 422, "invalid_settings").at(""),
        Row::post(BACKTEST, JSON, "{", 400, "malformed"),
        Row::post(BACKTEST, JSON, r#"{"seed": 1, "seed": 2}"#, 400, "malformed").at("/seed"),
        Row::post(BACKTEST, "image/png", "x", 415, "unsupported_media_type"),
        Row::post(BACKTEST, CSV, "a\n1\n2\n", 422, "invalid_settings").at("/drift_type"),
        Row::post(&format!("{BACKTEST}?drift_type=label&kind=ks"), CSV, "a\n1\n2\n", 422, "invalid_settings")
            .at("/kind"),
        Row::post(&format!("{BACKTEST}?drift_type=label&kinds=k"), CSV, "a\n1\n2\n", 422, "invalid_settings")
            .at("/kinds"),
        Row::bare("GET", BACKTEST, 405, "method_not_allowed"),
    ]);
    rows
}
