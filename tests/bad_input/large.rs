//! Bodies of up to the usual limit of 32 MiB.

use crate::files::test_file;
use crate::row::{ARROW, CSV, JSON, NDJSON, PARQUET, PREDICT, Row};
use crate::table::Limits;

const LABEL: &str = "/api/v1/projects/label/predict";

pub fn rows(limits: Limits) -> Vec<Row> {
    let n_bytes = limits.predict - 1_000;
    let full = |start: &str, item: &str, end: &str| {
        format!("{start}{}{end}", item.repeat((n_bytes - start.len() - end.len()) / item.len()))
    };
    let numbered = |n: usize, suffix: &str| {
        let names: Vec<String> = (0..n).map(|i| format!("\"{i}\":{suffix}")).collect();
        names.join(",")
    };
    let too_large = |what: &str, path: &str, media_type: &str, body: String| {
        Row::post(path, media_type, body, 413, "body_too_large").about(what)
    };
    let ten_million = |start: &str, item: &str, end: &str| format!("{start}{}{end}", item.repeat(10_000_000));
    let mut rows = vec![
        too_large("ten million values", LABEL, JSON, ten_million(r#"{"data":["#, "1,", "1]}")),
        too_large("ten million values in a column", LABEL, JSON, ten_million(r#"{"data":{"value":["#, "1,", "1]}}")),
        too_large("ten million values in a row", PREDICT, JSON, ten_million(r#"{"data":[["#, "1,", "1]]}")),
        too_large("ten million rows of nothing", PREDICT, JSON, ten_million(r#"{"data":["#, "[],", "[]]}")),
        too_large("ten million rows of a value", PREDICT, JSON, full(r#"{"data":["#, "[1],", "[1]]}")),
        too_large("records of nothing", PREDICT, JSON, full(r#"{"data":["#, "{},", "{}]}")),
        too_large("texts", LABEL, JSON, full(r#"{"data":["#, r#""a","#, r#""a"]}"#)),
        too_large("two million columns", PREDICT, JSON, format!(r#"{{"data":{{{}}}}}"#, numbered(2_000_000, "[1]"))),
        too_large(
            "two million members of a record",
            PREDICT,
            JSON,
            format!(r#"{{"data":[{{{}}}]}}"#, numbered(2_000_000, "1")),
        ),
        too_large("two million unknown members", PREDICT, JSON, format!("{{{}}}", numbered(2_000_000, "1"))),
        too_large("a name five million times", PREDICT, JSON, full(r#"{"data":{"#, r#""a":1,"#, r#""a":1}}"#)),
        too_large("16 million lines", LABEL, NDJSON, full("", "1\n", "")),
        too_large("a header of 33 million fields", PREDICT, CSV, full("", ",", "")),
        too_large("a line of 33 million fields", PREDICT, CSV, full("nswprice,weekday\n", ",", "")),
        too_large("16 million lines of CSV", PREDICT, CSV, full("value\n", "1\n", "")),
        Row::post(PREDICT, JSON, format!(r#"{{"data":{}"#, "[".repeat(100_000)), 400, "malformed")
            .about("100,000 arrays within one another"),
        Row::post(PREDICT, JSON, full(r#"{"data":"#, "[", ""), 400, "malformed")
            .about("33 million arrays within one another"),
        Row::post(PREDICT, JSON, full(r#"{"data":"#, r#"{"a":"#, ""), 400, "malformed")
            .about("7 million objects within one another"),
        Row::post(PREDICT, JSON, " ".repeat(limits.predict + 1), 413, "body_too_large")
            .about("a body above the limit, by one"),
        chunked(limits.predict),
    ];
    for (name, media_type) in [("bomb.dictionary.parquet", PARQUET), ("bomb.dictionary.arrows", ARROW)] {
        rows.push(Row::post(PREDICT, media_type, test_file(name), 413, "body_too_large").about(name));
    }
    rows
}

/// More than the limit, without a length.
fn chunked(limit: usize) -> Row {
    const SIZE: usize = 1 << 16;
    let chunk = [format!("{SIZE:x}\r\n").as_bytes(), &vec![b' '; SIZE], b"\r\n"].concat();
    let head = format!(
        "POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let request = [head.into_bytes(), chunk.repeat(limit / SIZE + 1), b"0\r\n\r\n".to_vec()].concat();
    Row::raw("chunks above the limit", request, 413, "body_too_large")
}
