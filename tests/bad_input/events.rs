//! Events: what is none, what has no rows, and batches that are too much, in every mode.

use crate::row::{JSON, Row};
use crate::table::Limits;
use crate::tensors::gzip;

const LABEL: &str = "/v1/events/label";
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
/// So many events may come at once.
const BATCH_MAX: usize = 1_000;
/// So many members stand in a large object.
const N_MEMBERS: usize = 1_500_000;

pub fn rows() -> Vec<Row> {
    [binary(), structured(), batches(), data(), places()].concat()
}

/// The members of an event, with more of them behind.
fn event(more: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"1","source":"a","type":"b"{more}}}"#)
}

/// An event in headers.
fn in_headers(changed: &[(&str, &str)], body: impl AsRef<[u8]>, status: u16, code: &'static str) -> Row {
    let mut headers = vec![("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "a"), ("ce-type", "b")];
    headers.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
    headers.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
    if !changed.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("Content-Type", JSON));
    }
    Row::with_headers("POST", LABEL, &headers, body, status, code)
}

fn binary() -> Vec<Row> {
    let good = r#"{"data":[0.5]}"#;
    let long = "x".repeat(1_025);
    let malformed = |what: &str, changed: &[(&str, &str)]| {
        in_headers(changed, good, 400, "malformed").about(&format!("an event in headers: {what}"))
    };
    vec![
        Row::post(LABEL, JSON, good, 400, "malformed").about("no headers of an event"),
        malformed("no id", &[("ce-id", "")]),
        malformed("no source", &[("ce-source", "")]),
        malformed("no type", &[("ce-type", "")]),
        malformed("an id that is empty in quotation marks", &[("ce-id", "\"\"")]),
        malformed("another version", &[("ce-specversion", "2.0")]),
        malformed("a long id", &[("ce-id", &long)]),
        malformed("a long source", &[("ce-source", &long)]),
        malformed("a long type", &[("ce-type", &long)]),
        malformed("a long name of a service", &[("ce-inferenceservicename", &long)]),
        malformed("a long namespace", &[("ce-namespace", &long)]),
        malformed("JSON longer than the body", &[("Inference-Header-Content-Length", "99")]),
        malformed("rows with bytes behind them", &[("Inference-Header-Content-Length", "14")]),
        in_headers(&[("Content-Type", "text/csv")], "1\n", 415, "unsupported_media_type").about("an event in CSV"),
        in_headers(&[("Content-Encoding", "br")], good, 415, "unsupported_media_type").about("an event in brotli"),
        in_headers(&[("Content-Encoding", "gzip")], good, 400, "malformed").about("an event that is not gzip"),
    ]
}

fn structured() -> Vec<Row> {
    let malformed = |body: String| Row::post(LABEL, STRUCTURED, body, 400, "malformed");
    let long = |member: &str| {
        let short = event(&format!(r#","{member}":"x""#)).replace(r#""id":"1","#, "");
        malformed(short.replace(r#""x""#, &format!("\"{}\"", "x".repeat(1_025))))
            .at(&format!("/{member}"))
            .about(&format!("a structured event of a long {member}"))
    };
    vec![
        malformed(String::new()),
        malformed("{".to_owned()),
        malformed("[]".to_owned()),
        malformed("1".to_owned()),
        malformed("\u{feff}{}".to_owned()),
        malformed("{}".to_owned()),
        malformed(event("").replace("1.0", "1.1")),
        malformed(event("").replace(r#""id":"1""#, r#""id":1"#)),
        malformed(event("").replace(r#""id":"1""#, r#""id":"""#)).at("/id"),
        malformed(event(r#","id":"2""#)),
        malformed(event(r#","data":1,"data_base64":"MQ==""#)),
        malformed(event(r#","data_base64":"*""#)).at("/data_base64"),
        malformed(event(r#","data_base64":1"#)),
        malformed(event(r#","datacontentencoding":"base64","data":{}"#)).at("/data"),
        malformed(event("")),
        Row::post(LABEL, STRUCTURED, [0xff, 0xfe], 400, "malformed").about("a structured event that is no UTF-8"),
        long("id"),
    ]
}

fn batches() -> Vec<Row> {
    let batch = |body: String, code| Row::post(LABEL, BATCH, body, if code == "malformed" { 400 } else { 413 }, code);
    let good = event(r#","data":{"data":[0.5]}"#);
    let many = format!("[{}]", vec![good.as_str(); BATCH_MAX + 1].join(","));
    vec![
        batch("{}".to_owned(), "malformed"),
        batch("[".to_owned(), "malformed"),
        batch("[1]".to_owned(), "malformed").at("/0"),
        batch(format!("[{good},{{}}]"), "malformed").at("/1"),
        batch(format!("[{good}] 1"), "malformed"),
        batch(format!("[{good},{}]", event(r#","data":{"data":["#) + "}"), "malformed")
            .about("a batch that ends early"),
        batch(many, "body_too_large").about("a batch of 1,001 events"),
        batch(format!("[{}1]", "1,".repeat(BATCH_MAX)), "body_too_large").about("a batch of 1,001 numbers"),
    ]
}

fn data() -> Vec<Row> {
    let with = |data: &str| Row::post(LABEL, STRUCTURED, event(&format!(r#","data":{data}"#)), 400, "malformed");
    vec![
        with("1"),
        with("[1]"),
        with("{}"),
        with(r#"{"inputs":[],"instances":[]}"#),
        with(r#"{"inputs":[{"name":"x","shape":[2],"datatype":"FP64","data":[1]}]}"#).at("/data/inputs/0/data"),
        with(r#"{"data":{"names":[1],"ndarray":[1]}}"#).at("/data/data/names"),
        with(r#"{"data":{"tensor":{"shape":[1000000000000],"values":[1]}}}"#).at("/data/data/tensor/values"),
        with(r#"{"data":{"tensor":{"shape":[1]}}}"#).at("/data/data/tensor"),
    ]
}

fn places() -> Vec<Row> {
    let good = event(r#","data":{"data":[0.5]}"#);
    let to = |path: &str, status, code| Row::post(path, STRUCTURED, &good, status, code);
    vec![
        to("/v1/events/nobody", 404, "project_not_found"),
        to("/v1/events/..%2fx", 400, "invalid_name"),
        to("/v1/events/off", 409, "project_inactive"),
        to("/v1/events/broken", 503, "project_failed"),
        // Nobody said which project belongs to which inference service.
        to("/", 405, "method_not_allowed"),
        Row::bare("GET", LABEL, 405, "method_not_allowed"),
    ]
}

/// Bodies of up to the usual limit.
pub fn large(limits: Limits) -> Vec<Row> {
    let n_bytes = limits.predict - 1_000;
    let full = |start: &str, item: &str, end: &str| {
        format!("{start}{}{end}", item.repeat((n_bytes - start.len() - end.len()) / item.len()))
    };
    let members = |start: &str, end: &str| {
        let members: Vec<String> = (0..N_MEMBERS).map(|n| format!("\"{n}\":1")).collect();
        format!("{start}{}{end}", members.join(","))
    };
    let head = event(r#","data":"#);
    let head = head.trim_end_matches('}');
    let bomb = gzip(&vec![b' '; 16 * limits.predict]);
    let coded = |kind: &str| {
        let headers = [("Content-Type", kind), ("Content-Encoding", "gzip")];
        Row::with_headers("POST", LABEL, &headers, &bomb, 413, "body_too_large").about(&format!("a bomb as {kind}"))
    };
    let structured =
        |what: &str, body: String, status, code| Row::post(LABEL, STRUCTURED, body, status, code).about(what);
    vec![
        coded(STRUCTURED),
        coded(BATCH),
        in_headers(&[("Content-Encoding", "gzip")], &bomb, 413, "body_too_large").about("a bomb in binary mode"),
        Row::post(LABEL, BATCH, full("[", "1,", "1]"), 413, "body_too_large").about("a batch of 16 million numbers"),
        structured("1.5 million members as data", members(&format!("{head}{{"), "}}"), 400, "malformed"),
        structured(
            "1.5 million members as rows",
            members(&format!(r#"{head}{{"data":{{"#), "}}}"),
            413,
            "body_too_large",
        ),
        structured(
            "1.5 million members beside an array of Seldon",
            members(&format!(r#"{head}{{"data":{{"ndarray":[1],"#), "}}}"),
            413,
            "body_too_large",
        ),
    ]
}
