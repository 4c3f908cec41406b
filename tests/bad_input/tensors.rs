//! Tensors of the Open Inference Protocol: shapes that lie, sizes that disagree, types that mix, bombs.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::row::{JSON, Row};
use crate::table::Limits;

const LABEL: &str = "/v2/models/label/infer";
const PRICE: &str = "/v2/models/price/infer";
const FIT: &str = "/v2/models/fit/?detector_name=new&drift_type=label";

pub fn rows() -> Vec<Row> {
    [shapes(), elements(), bytes(), codings(), requests()].concat()
}

fn malformed(path: &str, body: impl AsRef<[u8]>) -> Row {
    Row::post(path, JSON, body, 400, "malformed")
}

fn tensor(shape: &str, datatype: &str, data: &str) -> String {
    format!(r#"{{"inputs":[{{"name":"x","shape":{shape},"datatype":"{datatype}","data":{data}}}]}}"#)
}

fn shapes() -> Vec<Row> {
    let with = |shape: &str, data: &str| malformed(LABEL, tensor(shape, "FP64", data));
    vec![
        with("[2]", "[1]").at("/inputs/0/data"),
        with("[1]", "[1,2]").at("/inputs/0/data/1"),
        with("[1000000000000]", "[1]").at("/inputs/0/data"),
        with("[1000000000000,1]", "[[1]]").at("/inputs/0/data"),
        with("[9223372036854775807]", "[1]").at("/inputs/0/data"),
        with("[9223372036854775808]", "[1]").at("/inputs/0/shape/0"),
        with("[99999999999,99999999999,99999999999]", "[1]").at("/inputs/0/shape"),
        with("[0,9223372036854775807,9223372036854775807]", "[]").at("/inputs/0/shape"),
        with("[-1,1]", "[1]").at("/inputs/0/shape"),
        with("[1.5]", "[1]").at("/inputs/0/shape/0"),
        with("[1e12]", "[1]").at("/inputs/0/shape/0"),
        with("[1,1,1,1,1,1,1,1,1]", "[1]").at("/inputs/0/shape/8"),
        with("[0,1000000000000]", "[]").at("/inputs/0/shape"),
        with("[0,20000000]", "[]").at("/inputs/0/shape"),
        with("[5,0]", "[]").at("/inputs/0/shape"),
        with("[\"1\"]", "[1]"),
        with("1", "[1]"),
        with("{}", "[1]"),
        with("null", "[1]"),
        Row::post(LABEL, JSON, tensor("[0]", "FP64", "[]"), 422, "invalid_data").at("/inputs/0"),
        Row::post(LABEL, JSON, tensor("[1,2]", "FP64", "[1,2]"), 422, "invalid_data").at("/inputs/0"),
    ]
}

fn elements() -> Vec<Row> {
    let one = |datatype: &str, element: &str| {
        malformed(LABEL, tensor("[1]", datatype, &format!("[{element}]"))).at("/inputs/0/data/0")
    };
    vec![
        one("INT8", "128"),
        one("INT8", "1e12"),
        one("UINT64", "-1"),
        one("INT64", "9223372036854775808"),
        one("INT32", "null"),
        one("BOOL", "2"),
        one("BOOL", "\"true\""),
        one("FP64", "\"1\""),
        one("FP64", "true"),
        one("FP64", "{}"),
        one("FP32", "1e39"),
        one("BYTES", "1"),
        one("BYTES", "[1]"),
        malformed(LABEL, tensor("[2]", "FP64", "[1,\"x\"]")).at("/inputs/0/data/1"),
        malformed(LABEL, tensor("[2,2]", "FP64", "[[1,2],[3]]")).at("/inputs/0/data"),
        malformed(LABEL, tensor("[2,2]", "FP64", "[1,2,[3,4]]")).at("/inputs/0/data/2"),
        malformed(LABEL, tensor("[1]", "FP64", "[NaN]")),
        malformed(LABEL, tensor("[1]", "FP64", "[Infinity]")),
        malformed(LABEL, tensor("[1]", "FP64", "[1e400]")),
        malformed(LABEL, tensor("[1]", "BF16", "[1]")).at("/inputs/0/datatype"),
        malformed(LABEL, tensor("[1]", "FOO", "[1]")).at("/inputs/0/datatype"),
        malformed(LABEL, tensor("[1]", "FP64", "null")).at("/inputs/0/data/0"),
        Row::post(LABEL, JSON, tensor("[1]", "FP64", "[null]"), 422, "invalid_data").at("/inputs/0/data/0"),
        Row::post(LABEL, JSON, tensor("[1]", "BYTES", "[\"x\"]"), 422, "invalid_data").at("/inputs/0/data/0"),
    ]
}

/// JSON that says what stands behind it.
fn behind(json: &str, bytes: &[u8]) -> Row {
    let length = json.len().to_string();
    let headers = [("Inference-Header-Content-Length", length.as_str())];
    Row::with_headers("POST", LABEL, &headers, [json.as_bytes(), bytes].concat(), 400, "malformed")
}

fn bytes() -> Vec<Row> {
    let sized = |shape: &str, datatype: &str, size: &str| {
        format!(
            r#"{{"inputs":[{{"name":"x","shape":{shape},"datatype":"{datatype}","parameters":{{"binary_data_size":{size}}}}}]}}"#
        )
    };
    let length = |length: &str| {
        let headers = [("Inference-Header-Content-Length", length)];
        Row::with_headers("POST", LABEL, &headers, b"{}", 400, "malformed").about(&format!("a JSON of {length} bytes"))
    };
    vec![
        behind(&sized("[1]", "FP64", "8"), &[]).at("/inputs/0/parameters/binary_data_size"),
        behind(&sized("[1]", "FP64", "8"), &[0; 9]).about("a byte too many"),
        behind(&sized("[2]", "FP64", "8"), &[0; 8]).at("/inputs/0"),
        behind(&sized("[1000000000000]", "FP64", "8"), &[0; 8]).at("/inputs/0"),
        behind(&sized("[1000000000000]", "BYTES", "8"), &[0; 8]).at("/inputs/0"),
        behind(&sized("[1]", "BYTES", "5"), &[255, 255, 255, 255, 65]).at("/inputs/0"),
        behind(&sized("[1]", "BYTES", "5"), &[1, 0, 0, 0, 255]).at("/inputs/0"),
        behind(&sized("[1]", "BOOL", "1"), &[7]).at("/inputs/0"),
        behind(&sized("[1]", "FP64", "-8"), &[0; 8]).at("/inputs/0/parameters/binary_data_size"),
        behind(&sized("[1]", "FP64", "1e30"), &[0; 8]).at("/inputs/0/parameters/binary_data_size"),
        behind(&sized("[1]", "FP64", "18446744073709551615"), &[0; 8]).at("/inputs/0/parameters/binary_data_size"),
        behind(&sized("[1]", "FP64", "[8]"), &[0; 8]).at("/inputs/0/parameters/binary_data_size"),
        length("99"),
        length("-2"),
        length("two"),
        length("18446744073709551616"),
        Row::with_headers("POST", PRICE, &[("Inference-Header-Content-Length", "0")], [0; 8], 400, "malformed")
            .about("bytes alone for two columns"),
        Row::with_headers("POST", LABEL, &[("Inference-Header-Content-Length", "0")], [0; 9], 400, "malformed")
            .about("nine bytes alone"),
    ]
}

fn codings() -> Vec<Row> {
    let coded = |coding: &str, body: &[u8], status, code| {
        Row::with_headers("POST", LABEL, &[("Content-Encoding", coding)], body, status, code)
            .about(&format!("Content-Encoding: {coding}"))
    };
    let mut cut = gzip(tensor("[1]", "FP64", "[1]").as_bytes());
    cut.truncate(cut.len() - 12);
    vec![
        coded("br", b"x", 415, "unsupported_media_type"),
        coded("gzip, gzip", b"x", 415, "unsupported_media_type"),
        coded("gzip", b"{}", 400, "malformed"),
        coded("deflate", b"{}", 400, "malformed"),
        coded("zstd", b"{}", 400, "malformed"),
        coded("gzip", &cut, 400, "malformed").about("a stream that ends early"),
        Row::post(LABEL, "text/csv", "1\n", 415, "unsupported_media_type").about("tensors in CSV"),
    ]
}

fn requests() -> Vec<Row> {
    let input = r#"{"name":"x","shape":[1],"datatype":"FP64","data":[1]}"#;
    vec![
        malformed(LABEL, ""),
        malformed(LABEL, "[]"),
        malformed(LABEL, "{}").at("/inputs"),
        malformed(LABEL, r#"{"inputs":[]}"#).at("/inputs"),
        malformed(LABEL, r#"{"inputs":[1]}"#),
        malformed(LABEL, format!(r#"{{"inputs":[{input}],"inputs":[{input}]}}"#)).at("/inputs"),
        malformed(LABEL, format!(r#"{{"inputs":[{input},{input}]}}"#)).at("/inputs"),
        malformed(LABEL, format!(r#"{{"inputs":[{input}],"outputs":[{{"name":"y"}}]}}"#)).at("/outputs/0/name"),
        malformed(LABEL, format!(r#"{{"inputs":[{input}],"model_name":"price"}}"#)).at("/model_name"),
        malformed(LABEL, format!(r#"{{"x":1,"x":2,"inputs":[{input}]}}"#)).at("/x"),
        malformed(LABEL, format!(r#"{{"id":"{}","inputs":[{input}]}}"#, "x".repeat(70_000))).about("an id of 70,000 bytes"),
        malformed(LABEL, format!(r#"{{"inputs":[{input}],"outputs":[{{"name":"time","parameters":{{}},"parameters":{{}}}}]}}"#))
            .at("/outputs/0/parameters"),
        malformed(LABEL, r#"{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"content_type":"hg_json"},"data":["{\"a\":1,\"a\":2}"]}]}"#)
            .at("/inputs/0/data/0"),
        malformed(LABEL, format!(r#"{{"inputs":[{input}],"parameters":{{"content_type":"csv"}}}}"#))
            .at("/parameters/content_type"),
        malformed(PRICE, r#"{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"content_type":"hg_json"},"data":["[1]"]}]}"#)
            .at("/inputs/0/data/0"),
        Row::post("/v2/models/nobody/infer", JSON, "{}", 404, "project_not_found"),
        Row::post("/v2/models/label/versions/7/infer", JSON, "{}", 404, "version_not_found"),
        Row::post("/v2/models/off/infer", JSON, "{}", 409, "project_inactive"),
        Row::post("/v2/models/..%2fx/infer", JSON, "{}", 400, "invalid_name"),
        Row::post("/v2/repository/index", JSON, r#"{"ready":1}"#, 400, "malformed"),
        Row::post("/v2/repository/index", JSON, "[]", 400, "malformed"),
        Row::bare("GET", "/v2/models/label/infer", 405, "method_not_allowed"),
        Row::bare("GET", "/v2/nothing", 404, "route_not_found"),
        Row::post("/v2/models/fit", JSON, "{}", 422, "invalid_settings").at("/detector_name"),
        Row::post("/v2/models/fit?detector_name=new", JSON, "{}", 422, "invalid_settings").at("/drift_type"),
        Row::post("/v2/models/fit?detector_name=new&drift_type=x", JSON, "{}", 422, "invalid_settings").at("/drift_type"),
        Row::post("/v2/models/fit?detector_name=..%2fnew&drift_type=label", JSON, "{}", 400, "invalid_name"),
        Row::post("/v2/models/fit?detector_name=label&drift_type=label", JSON, "{}", 409, "project_exists"),
        malformed(FIT, "{}").at("/inputs"),
        malformed(FIT, tensor("[0,1000000000000]", "FP64", "[]")).at("/inputs/0/shape"),
        malformed(FIT, format!(r#"{{"inputs":[{input}],"model_name":"price"}}"#)).at("/model_name"),
        Row::post(FIT, JSON, tensor("[2]", "FP64", "[1,2]"), 422, "invalid_data"),
    ]
}

/// Bodies of up to the usual limit.
pub fn large(limits: Limits) -> Vec<Row> {
    let n_bytes = limits.predict - 1_000;
    let full = |start: &str, item: &str, end: &str| {
        format!("{start}{}{end}", item.repeat((n_bytes - start.len() - end.len()) / item.len()))
    };
    let too_large = |what: &str, body: String| Row::post(LABEL, JSON, body, 413, "body_too_large").about(what);
    let ones = |n: usize, datatype: &str, item: &str| {
        tensor(&format!("[{n}]"), datatype, &format!("[{}{item}]", format!("{item},").repeat(n - 1)))
    };
    let behind = |what: &str, n: usize, datatype: &str, byte: u8| {
        let json = format!(
            r#"{{"inputs":[{{"name":"x","shape":[{n}],"datatype":"{datatype}","parameters":{{"binary_data_size":{n_bytes}}}}}]}}"#
        );
        let length = json.len().to_string();
        let body = [json.as_bytes(), &vec![byte; n_bytes]].concat();
        let headers = [("Inference-Header-Content-Length", length.as_str())];
        Row::with_headers("POST", LABEL, &headers, body, 413, "body_too_large").about(what)
    };
    let bomb = |coding: &str, body: Vec<u8>| {
        Row::with_headers("POST", LABEL, &[("Content-Encoding", coding)], body, 413, "body_too_large")
            .about(&format!("a bomb in {coding}"))
    };
    let zeros = vec![b' '; 16 * limits.predict];
    vec![
        // The largest first: from then on the allocator keeps what it gets back for the next one.
        bomb("gzip", gzip(&zeros)),
        bomb("deflate", deflate(&zeros)),
        bomb("zstd", zstd::bulk::compress(&zeros, 19).unwrap_or_default()),
        too_large("ten million numbers", ones(10_000_000, "FP64", "1")),
        too_large("ten million integers", ones(10_000_000, "INT8", "1")),
        too_large("ten million truth values", ones(10_000_000, "BOOL", "1")),
        too_large("five million texts", ones(5_000_000, "BYTES", "\"a\"")),
        malformed(LABEL, full(r#"{"inputs":["#, r#"{"name":"a","shape":[0],"datatype":"BYTES","data":[]},"#, "1]}"))
            .at("/inputs")
            .about("half a million tensors"),
        behind("33 million bytes for integers", n_bytes, "INT8", 0),
        wide(4_190_000),
        records(130_000),
        behind("33 million bytes for truth values", n_bytes, "BOOL", 1),
        behind("eight million texts in bytes", n_bytes / 4, "BYTES", 0),
        malformed(LABEL, full(r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":"#, "[", ""))
            .at("/inputs/0/data/0")
            .about("33 million arrays within one another, as data"),
        malformed(LABEL, full(r#"{"x":"#, "[", "")).about("33 million arrays within one another, beside them"),
        malformed(LABEL, format!(r#"{{"inputs":{}"#, "[".repeat(100_000))).about("100,000 arrays, as inputs"),
        malformed(LABEL, full(r#"{"inputs":[],"parameters":{"x":"#, r#"{"a":"#, ""))
            .about("objects within one another, as parameters"),
        malformed(
            LABEL,
            full(&tensor("[1]", "FP64", "[1]").replace("]}]}", "]}],\"outputs\":["), r#"{"name":"time"},"#, "1]}"),
        )
        .at("/outputs")
        .about("two million outputs"),
    ]
}

/// A row of as many columns as bytes.
fn wide(n: usize) -> Row {
    let json = format!(
        r#"{{"inputs":[{{"name":"x","shape":[1,{n}],"datatype":"UINT8","parameters":{{"binary_data_size":{n}}}}}]}}"#
    );
    let length = json.len().to_string();
    let headers = [("Inference-Header-Content-Length", length.as_str())];
    let body = [json.as_bytes(), &vec![0; n]].concat();
    Row::with_headers("POST", LABEL, &headers, body, 400, "malformed")
        .at("/inputs/0/shape")
        .about("four million columns")
}

/// Many small objects in one text, of which the last is none.
fn records(n: usize) -> Row {
    let text = format!("[{}1]", r#"{\"a\":0},"#.repeat(n));
    let input = format!(
        r#"{{"name":"x","shape":[1],"datatype":"BYTES","parameters":{{"content_type":"hg_jsonlist"}},"data":["{text}"]}}"#
    );
    malformed(LABEL, format!(r#"{{"inputs":[{input}]}}"#)).at("/inputs/0/data/0").about("130,000 objects in a text")
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("it is coded")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("it is coded")
}
