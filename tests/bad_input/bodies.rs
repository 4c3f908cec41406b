//! Media types that are not taken, and bodies that are not JSON.

use crate::row::{CSV, FIT, JSON, PREDICT, Row};
use crate::table::Limits;
use crate::tensors::gzip;

pub fn rows(limits: Limits) -> Vec<Row> {
    [media_types(), syntax(), large(limits), vec![bomb(limits)]].concat()
}

/// Little that becomes much.
fn bomb(limits: Limits) -> Row {
    let body = gzip(&vec![b' '; 16 * limits.predict]);
    let headers = [("Content-Type", JSON), ("Content-Encoding", "gzip")];
    Row::with_headers("POST", PREDICT, &headers, body, 413, "body_too_large").about("a bomb in gzip")
}

fn media_types() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        "application/xml",
        "text/plain",
        "text/html",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "json",
        "*/*",
        "",
        "application/json; charset=utf-16",
        "text/csv; charset=latin1",
        "application/json, text/csv",
        "multipart/mixed; boundary=x",
        "multipart/form-data",
        "application/x-python-pickle",
    ]
    .map(|media_type| {
        Row::post(PREDICT, media_type, "{}", 415, "unsupported_media_type")
            .about(&format!("Content-Type: {media_type}"))
    })
    .into();
    for (coding, status, code) in [
        ("gzip", 400, "malformed"),
        ("deflate", 400, "malformed"),
        ("zstd", 400, "malformed"),
        ("br", 415, "unsupported_media_type"),
        ("gzip, gzip", 415, "unsupported_media_type"),
        ("x", 415, "unsupported_media_type"),
    ] {
        let headers = [("Content-Type", JSON), ("Content-Encoding", coding)];
        let row = Row::with_headers("POST", PREDICT, &headers, b"\x1f\x8b\x08\x00", status, code);
        rows.push(row.about(&format!("Content-Encoding: {coding}")));
    }
    rows
}

fn syntax() -> Vec<Row> {
    let malformed = |body: &[u8]| Row::post(PREDICT, JSON, body, 400, "malformed");
    let mut rows: Vec<Row> = [
        &b""[..],
        b" ",
        b"\0",
        b"{",
        b"{\"data\"",
        b"{\"data\":",
        b"{\"data\": [[0.5, \"mon\"]",
        b"{\"data\": [[0.5, \"mon\"]]",
        b"{\"data\": [[0.5, \"mo",
        b"{\"data\": [[0.5, \"mon\"]]}}",
        b"{\"data\": [[0.5, \"mon\"]]} {\"data\": []}",
        b"{\"data\": [[0.5, \"mon\"]]} x",
        b"{\"data\": [[0.5, \"mon\"],]}",
        b"{\"data\": [[0.5 \"mon\"]]}",
        b"{data: [[0.5, \"mon\"]]}",
        b"{'data': [[0.5, 'mon']]}",
        b"{\"data\": [[NaN, \"mon\"]]}",
        b"{\"data\": [[Infinity, \"mon\"]]}",
        b"{\"data\": [[-Infinity, \"mon\"]]}",
        b"{\"data\": [[nan, \"mon\"]]}",
        b"{\"data\": [[None, \"mon\"]]}",
        b"{\"data\": [[True, \"mon\"]]}",
        b"{\"data\": [[undefined, \"mon\"]]}",
        b"{\"data\": [[+1, \"mon\"]]}",
        b"{\"data\": [[01, \"mon\"]]}",
        b"{\"data\": [[.5, \"mon\"]]}",
        b"{\"data\": [[5., \"mon\"]]}",
        b"{\"data\": [[0x10, \"mon\"]]}",
        b"{\"data\": [[1e, \"mon\"]]}",
        b"{\"data\": [[1_000, \"mon\"]]}",
        b"{\"data\": [[0.5, \"mon\"]]} // rows",
        b"/* rows */ {\"data\": [[0.5, \"mon\"]]}",
        // A mark of the byte order, which JSON has not (RFC 8259), and UTF-16.
        b"\xef\xbb\xbf{\"data\": [[0.5, \"mon\"]]}",
        b"\xff\xfe{\0\"\0d\0",
        // Texts: other bytes than UTF-8, too long forms, halves of characters, control characters, wrong escapes.
        b"{\"data\": [[0.5, \"\xff\"]]}",
        b"{\"data\": [[0.5, \"\xc0\xae\"]]}",
        b"{\"data\": [[0.5, \"\xed\xa0\x80\"]]}",
        b"{\"data\": [[0.5, \"\\ud800\"]]}",
        b"{\"data\": [[0.5, \"\\udc00\\ud800\"]]}",
        b"{\"data\": [[0.5, \"\\ud83d x\"]]}",
        b"{\"data\": [[0.5, \"\x01\"]]}",
        b"{\"data\": [[0.5, \"\n\"]]}",
        b"{\"data\": [[0.5, \"\\x41\"]]}",
        b"{\"data\": [[0.5, \"\\u12\"]]}",
        b"{\"\xff\": 1}",
    ]
    .map(malformed)
    .into();
    rows.extend([
        // Names that stand twice, at every level.
        malformed(br#"{"data": [[0.5, "mon"]], "data": [[0.5, "mon"]]}"#).at("/data"),
        malformed(br#"{"data": {"nswprice": [1], "nswprice": [2], "weekday": ["mon"]}}"#).at("/data/nswprice"),
        malformed(br#"{"data": [{"nswprice": 1, "weekday": "mon", "\u006eswprice": 2}]}"#).at("/data/0/nswprice"),
        Row::post(FIT, JSON, r#"{"overwrite": false, "overwrite": true}"#, 400, "malformed").at("/overwrite"),
        Row::post(FIT, JSON, r#"{"detector": {"ert": 5, "ert": 6}}"#, 400, "malformed").at("/detector/ert"),
        Row::post(FIT, JSON, r#"{"detector": {}, "detector": {}}"#, 400, "malformed").at("/detector"),
        Row::post(FIT, JSON, b"{\"drift_type\": \"label\", \"data\": [1, 2", 400, "malformed"),
        Row::post(FIT, JSON, b"drift_type=label&data=1", 400, "malformed"),
        Row::post(FIT, CSV, "", 400, "malformed"),
    ]);
    rows
}

/// Bodies of about the limit.
fn large(limits: Limits) -> Vec<Row> {
    let n = limits.predict - 100;
    let deep = "[".repeat(100_000);
    let closed = format!(r#"{{"data": {deep}{}}}"#, "]".repeat(100_000));
    let objects = format!(r#"{{"data": {}"#, r#"{"a":"#.repeat(100_000));
    let keys = |n: usize| (0..n).map(|i| format!("\"{i}\":1")).collect::<Vec<_>>().join(",");
    let row = |what: &str, body: String, status, code| Row::post(PREDICT, JSON, body, status, code).about(what);
    let label = |what: &str, body: String, status, code| {
        Row::post("/api/v1/projects/label/predict", JSON, body, status, code).about(what)
    };
    let repeated = |start: &str, item: &str, end: &str| {
        format!("{start}{}{end}", item.repeat((n - start.len() - end.len()) / item.len()))
    };
    vec![
        row("100,000 arrays within one another", format!(r#"{{"data": {deep}"#), 400, "malformed"),
        row("100,000 arrays within one another, closed", closed, 400, "malformed"),
        row("100,000 objects within one another", objects, 400, "malformed"),
        row("100,000 arrays of an unknown member", format!(r#"{{"x": {deep}"#), 400, "malformed"),
        row("128 arrays within one another", format!(r#"{{"data": {}"#, "[".repeat(128)), 400, "malformed"),
        row("blanks", " ".repeat(n), 400, "malformed"),
        row("a text of a megabyte", repeated(r#"{"data":""#, "x", r#""}"#), 422, "invalid_data").at("/data"),
        row("a text of escapes", repeated(r#"{"data":""#, "\\u00e4", r#""}"#), 422, "invalid_data").at("/data"),
        row("a name of a megabyte", repeated(r#"{""#, "x", r#"":1}"#), 422, "invalid_settings").at(""),
        row("a column's name of a megabyte", repeated(r#"{"data":{""#, "x", r#"":[1]}}"#), 422, "invalid_data")
            .at("/data"),
        row("a number of a million digits", repeated(r#"{"data":[["#, "1", r#","mon"]]}"#), 422, "invalid_data")
            .at("/data/0/0"),
        row("a fraction of a million digits", repeated(r#"{"data":[[0."#, "1", "]]}"), 422, "invalid_data")
            .at("/data/0"),
        row("a row of half a million values", repeated(r#"{"data":[["#, "1,", "1]]}"), 413, "body_too_large"),
        row("350,000 rows of nothing", repeated(r#"{"data":["#, "[],", "[]]}"), 413, "body_too_large"),
        row("350,000 records of nothing", repeated(r#"{"data":["#, "{},", "{}]}"), 413, "body_too_large"),
        row("100,000 columns", format!(r#"{{"data":{{{}}}}}"#, keys(90_000)), 413, "body_too_large"),
        row("100,000 members of a record", format!(r#"{{"data":[{{{}}}]}}"#, keys(90_000)), 413, "body_too_large"),
        row("100,000 unknown members", format!("{{{}}}", keys(90_000)), 413, "body_too_large"),
        row("a name 150,000 times", repeated(r#"{"data":{"#, r#""a":1,"#, r#""a":1}}"#), 413, "body_too_large"),
        label("half a million values", repeated(r#"{"data":["#, "1,", "1]}"), 413, "body_too_large"),
        label("a quarter of a million texts", repeated(r#"{"data":["#, r#""a","#, r#""a"]}"#), 413, "body_too_large"),
        label("200,000 missing values", repeated(r#"{"data":["#, "null,", "null]}"), 413, "body_too_large"),
        label("values of two types", format!(r#"{{"data":["a",{}1]}}"#, "1,".repeat(50_000)), 422, "invalid_data")
            .at("/data/1"),
        Row::post(
            FIT,
            JSON,
            repeated(r#"{"drift_type":"label","detector":{"window_sizes":["#, "4,", "4]}}"),
            422,
            "invalid_settings",
        )
        .at("/detector/window_sizes")
        .about("half a million windows"),
        Row::post(FIT, JSON, repeated(r#"{"drift_type":""#, "x", r#"","data":[1]}"#), 422, "invalid_settings")
            .at("/drift_type")
            .about("a drift type of a megabyte"),
    ]
}
