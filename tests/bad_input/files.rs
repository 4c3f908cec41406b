//! Bodies that are no files of their format, damaged ones, ones that become large, and parts that do not fit together.

use std::path::Path;

use crate::row::{ARROW, FIT, JSON, PARQUET, PREDICT, Row};
use crate::table::Limits;
use crate::values::{days, numbers, table};

/// A file that the readers of formats are tested with.
pub fn test_file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/formats/testdata").join(name);
    std::fs::read(path).expect("a file of the tests")
}

pub fn rows(limits: Limits) -> Vec<Row> {
    [damaged(), unusable(), bombs(), parts(limits)].concat()
}

fn damaged() -> Vec<Row> {
    let (arrow, parquet) = table(&[("nswprice", &numbers(40)), ("weekday", &days(40))]);
    let cut = |file: &[u8]| file[..file.len() / 2].to_vec();
    let changed = |file: &[u8], at: usize| {
        let mut file = file.to_vec();
        file[at] ^= 0xff;
        file
    };
    let with_footer = |length: u32| [&b"PAR1"[..], &[0; 64], &length.to_le_bytes(), b"PAR1"].concat();
    let feather = test_file("frame.zstd.feather");
    [
        ("nothing", PARQUET, Vec::new()),
        ("the magic word alone", PARQUET, b"PAR1".to_vec()),
        ("the magic word twice", PARQUET, b"PAR1PAR1".to_vec()),
        ("another format", PARQUET, arrow.clone()),
        ("JSON", PARQUET, b"{\"data\": [[0.5, \"mon\"]]}".to_vec()),
        ("noise", PARQUET, [b"PAR1".to_vec(), noise(5_000), b"PAR1".to_vec()].concat()),
        ("a footer of 4 GB", PARQUET, with_footer(u32::MAX)),
        ("a footer of nothing", PARQUET, with_footer(0)),
        ("a footer of zeros", PARQUET, with_footer(64)),
        ("the first half", PARQUET, cut(&parquet)),
        ("the second half", PARQUET, parquet[parquet.len() / 2..].to_vec()),
        ("a changed footer", PARQUET, changed(&parquet, parquet.len() - 20)),
        ("a changed page", PARQUET, changed(&parquet, 8)),
        ("nothing", ARROW, Vec::new()),
        ("the magic word alone", ARROW, b"ARROW1".to_vec()),
        ("another format", ARROW, parquet.clone()),
        ("CSV", ARROW, b"nswprice,weekday\n0.5,mon\n".to_vec()),
        ("noise", ARROW, noise(5_000)),
        ("a message of 2 GB", ARROW, [&[0xff; 4][..], &i32::MAX.to_le_bytes(), &[0; 64]].concat()),
        ("a message below 0 bytes", ARROW, [&[0xff; 4][..], &[0xff; 4], &[0; 64]].concat()),
        ("the first half", ARROW, cut(&arrow)),
        ("the first half of a file", ARROW, cut(&feather)),
        ("a changed schema", ARROW, changed(&arrow, 40)),
    ]
    .map(|(what, media_type, body)| {
        Row::post(PREDICT, media_type, body, 400, "malformed").about(&format!("{what} as {media_type}"))
    })
    .into()
}

fn unusable() -> Vec<Row> {
    let (wrong_type, _) = table(&[("nswprice", &days(4)), ("weekday", &days(4))]);
    let (_, twice) = table(&[("weekday", &days(4)), ("weekday", &days(4))]);
    let (infinite, _) = table(&[("nswprice", &vec![f64::INFINITY]), ("weekday", &days(1))]);
    let (_, missing) = table(&[("nswprice", &vec![0.5, f64::NAN]), ("weekday", &days(2))]);
    let (without, _) = table(&[("nswprice", &numbers(4))]);
    let (_, no_rows) = table(&[("nswprice", &numbers(0)), ("weekday", &days(0))]);
    let nested = test_file("nested.parquet");
    [
        ("texts for numbers", ARROW, wrong_type, "/data/nswprice/0"),
        ("a column twice", PARQUET, twice, "/data/weekday"),
        ("an infinite number", ARROW, infinite, "/data/nswprice/0"),
        ("a missing value", PARQUET, missing, "/data/nswprice/1"),
        ("a missing column", ARROW, without, "/data/weekday"),
        ("no rows", PARQUET, no_rows, "/data"),
        ("lists and structures", PARQUET, nested, "/data/tags"),
    ]
    .map(|(what, media_type, body, pointer)| {
        let row = Row::post(PREDICT, media_type, body, 422, "invalid_data");
        row.at(pointer).about(&format!("{what} as {media_type}"))
    })
    .into()
}

fn bombs() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        ("bomb.runs.parquet", PARQUET),
        ("bomb.dictionary.parquet", PARQUET),
        ("bomb.gzip.parquet", PARQUET),
        ("bomb.brotli.parquet", PARQUET),
        ("bomb.zstd.arrows", ARROW),
        ("bomb.lz4.arrows", ARROW),
        ("bomb.dictionary.arrows", ARROW),
    ]
    .map(|(name, media_type)| Row::post(PREDICT, media_type, test_file(name), 413, "body_too_large").about(name))
    .into();
    rows.push(
        Row::post(&format!("{FIT}?drift_type=tabular"), PARQUET, test_file("bomb.runs.parquet"), 413, "body_too_large")
            .about("bomb.runs.parquet for a fit"),
    );
    rows
}

/// A body of parts: the rest of the head of each, and its bytes.
fn in_parts(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (head, bytes) in parts {
        body.extend(format!("--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    body
}

fn parts(limits: Limits) -> Vec<Row> {
    const TYPE: &str = "multipart/form-data; boundary=edge";
    let csv: (&str, &[u8]) = ("name=\"data\"\r\nContent-Type: text/csv", b"nswprice,weekday\n0.5,mon\n");
    let settings = |json: &'static [u8]| ("name=\"settings\"", json);
    let tabular = settings(br#"{"drift_type": "tabular"}"#);
    let fit = |what: &str, parts: &[(&str, &[u8])], status, code| {
        Row::post(FIT, TYPE, in_parts(parts), status, code).about(what)
    };
    let predict = |what: &str, body: Vec<u8>, status, code| Row::post(PREDICT, TYPE, body, status, code).about(what);
    let whole = in_parts(&[csv]);
    let huge_head = format!("name=\"data\"; x=\"{}\"", "x".repeat(limits.predict / 2));
    let many = in_parts(&vec![("name=\"x\"", &b""[..]); 10_000]);
    let parquet = ("name=\"data\"; filename=\"../../train.parquet\"", &b"PAR1"[..]);
    let bomb = test_file("bomb.runs.parquet");
    vec![
        predict("no parts", Vec::new(), 400, "malformed"),
        predict("bytes that are no parts", noise(2_000), 400, "malformed"),
        predict("parts that end early", whole[..whole.len() - 20].to_vec(), 400, "malformed"),
        predict(
            "a part without an end of its head",
            b"--edge\r\nContent-Disposition: form-data; name=\"data\"".to_vec(),
            400,
            "malformed",
        ),
        predict("a part without a name", in_parts(&[("x=1", b"")]), 400, "malformed"),
        predict("a head of a part of half a megabyte", in_parts(&[(&huge_head, b"")]), 415, "unsupported_media_type"),
        predict("10,000 parts", many, 400, "malformed"),
        predict("settings for a prediction", in_parts(&[tabular, csv]), 400, "malformed"),
        predict("a part that is no Parquet", in_parts(&[parquet]), 400, "malformed"),
        predict(
            "a bomb in a part",
            in_parts(&[("name=\"data\"; filename=\"a.parquet\"", &bomb)]),
            413,
            "body_too_large",
        ),
        predict("a part above the limit", in_parts(&[(csv.0, &vec![b' '; limits.predict])]), 413, "body_too_large"),
        predict("a column that is not the project's in a part", in_parts(&[(csv.0, b"a\n1\n")]), 422, "invalid_data")
            .at("/data/nswprice"),
        fit("no part of data", &[tabular], 422, "invalid_data").at("/data"),
        fit("two parts of data", &[tabular, csv, csv], 400, "malformed"),
        fit("two parts of settings", &[tabular, tabular, csv], 400, "malformed"),
        fit("a part of another name", &[("name=\"date\"", b""), csv], 400, "malformed"),
        fit(
            "a part of another type",
            &[tabular, ("name=\"data\"\r\nContent-Type: text/html", b"")],
            415,
            "unsupported_media_type",
        ),
        fit(
            "a part of another ending",
            &[tabular, ("name=\"data\"; filename=\"a.pickle\"", b"")],
            415,
            "unsupported_media_type",
        ),
        fit("settings that are no JSON", &[csv, settings(b"{")], 400, "malformed"),
        fit(
            "settings and data that are no JSON",
            &[settings(b"{"), ("name=\"data\"\r\nContent-Type: application/json", b"[")],
            400,
            "malformed",
        ),
        fit("settings twice", &[csv, settings(br#"{"drift_type": "label", "drift_type": "label"}"#)], 400, "malformed")
            .at("/drift_type"),
        fit("settings of the wrong shape", &[csv, settings(b"[]")], 422, "invalid_settings").at(""),
        fit(
            "data in the settings",
            &[csv, settings(br#"{"drift_type": "tabular", "data": [1]}"#)],
            422,
            "invalid_settings",
        )
        .at("/data"),
        Row::post(&format!("{FIT}?ert=5"), TYPE, in_parts(&[tabular, csv]), 422, "invalid_settings")
            .at("/ert")
            .about("a query beside a part of settings"),
        Row::post(FIT, "multipart/form-data; boundary=other", in_parts(&[tabular, csv]), 400, "malformed")
            .about("another boundary"),
        Row::post(FIT, JSON, in_parts(&[tabular, csv]), 400, "malformed").about("parts as JSON"),
    ]
}

/// Bytes without an order, the same each time.
fn noise(n: usize) -> Vec<u8> {
    let mut state: u32 = 2_463_534_242;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(n).collect()
}
