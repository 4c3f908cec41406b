//! The same data in every format give the same answers, to the last bit.

use drifting_domain::data::{Column, Values};
use drifting_formats::arrow_stream;
use drifting_http::HttpSettings;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::support::{ARROW, CSV, NDJSON, PARQUET, TestServer, numbers};

/// A number and a text a row, some of them missing.
pub struct Rows {
    pub prices: Vec<Option<f64>>,
    pub weekdays: Vec<Option<&'static str>>,
}

impl Rows {
    pub fn new(n: usize, shift: f64) -> Self {
        let prices = numbers(n).into_iter().enumerate();
        Self {
            prices: prices.map(|(i, price)| (i % 11 != 3).then_some(price / 3.0 + shift)).collect(),
            weekdays: (0..n).map(|i| (i % 13 != 5).then_some(["mon", "tue", "wed, or so"][i % 3])).collect(),
        }
    }

    pub fn json(&self) -> Value {
        json!({"nswprice": self.prices, "weekday": self.weekdays})
    }

    fn lines(&self, line: impl Fn(Option<f64>, Option<&str>) -> String) -> String {
        self.prices.iter().zip(&self.weekdays).map(|(price, weekday)| line(*price, *weekday) + "\n").collect()
    }

    pub fn ndjson(&self) -> Vec<u8> {
        self.lines(|price, weekday| json!({"weekday": weekday, "nswprice": price}).to_string()).into_bytes()
    }

    fn csv(&self) -> Vec<u8> {
        let quoted = |text: &str| format!("\"{text}\"");
        let line = |price: Option<f64>, weekday: Option<&str>| {
            format!(
                "{},{}",
                price.map_or_else(String::new, |n| n.to_string()),
                weekday.map_or_else(String::new, quoted)
            )
        };
        format!("nswprice,weekday\n{}", self.lines(line)).into_bytes()
    }

    pub fn arrow(&self) -> Vec<u8> {
        let prices = self.prices.iter().map(|price| price.unwrap_or(f64::NAN)).collect();
        let weekdays = self.weekdays.iter().copied().collect();
        let columns = vec![
            Column { name: "nswprice".to_owned(), values: Values::Numeric(prices) },
            Column { name: "weekday".to_owned(), values: Values::Text(weekdays) },
        ];
        arrow_stream(columns).unwrap()
    }

    pub fn parquet(&self) -> Vec<u8> {
        let stream = self.arrow();
        let batch = arrow_ipc::reader::StreamReader::try_new(stream.as_slice(), None).unwrap().next().unwrap().unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    /// In every format but JSON.
    pub fn formats(&self) -> [(&'static str, Vec<u8>); 4] {
        [(CSV, self.csv()), (NDJSON, self.ndjson()), (PARQUET, self.parquet()), (ARROW, self.arrow())]
    }
}

/// The settings of `fit` as the query string has them.
pub const QUERY: &str = "drift_type=tabular&missing_values=impute&ert=20&window_size=4&n_bootstraps=2000";

pub fn fit() -> Value {
    json!({
        "drift_type": "tabular",
        "missing_values": "impute",
        "detector": {"ert": 20, "window_size": 4, "n_bootstraps": 2_000},
        "data": Rows::new(60, 0.0).json(),
    })
}

fn nameless(mut answer: Value) -> Value {
    answer["project"] = Value::Null;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_gives_the_same_project_and_the_same_verdicts() {
    let server = TestServer::start().await;
    let reference = Rows::new(60, 0.0);
    let later = Rows::new(25, 0.4);
    let fitted = nameless(server.fit("json", &fit()).await);
    let judged = server.post_json("/api/v1/projects/json/predict", &json!({"data": later.json()})).await;
    let judged = nameless(judged.json());
    assert_eq!(judged["results"].as_array().unwrap().len(), 25);
    for ((media_type, reference), (_, later)) in reference.formats().into_iter().zip(later.formats()) {
        let name = media_type.rsplit(['/', '.']).next().unwrap();
        let headers = [("Content-Type", media_type)];
        let reply = server.send("POST", &format!("/api/v1/projects/{name}/fit?{QUERY}"), &headers, &reference).await;
        assert_eq!(reply.status, 201, "{media_type}: {}", reply.text());
        assert_eq!(nameless(reply.json()), fitted, "{media_type}");
        let reply = server.send("POST", &format!("/api/v1/projects/{name}/predict"), &headers, &later).await;
        assert_eq!(reply.status, 200, "{media_type}: {}", reply.text());
        assert_eq!(nameless(reply.json()), judged, "{media_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ndjson_has_the_forms_of_json() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    server.fit_price().await;
    for (project, body, n_rows) in [
        ("label", "0.5\n0.25\n\n0.75", 3),
        ("label", "[0.5]\r\n[0.25]\r\n", 2),
        ("price", "\u{feff}[0.5, \"mon\"]\n", 1),
        ("price", "{\"nswprice\": 1, \"weekday\": \"mon\"}\n{\"weekday\": \"tue\", \"nswprice\": 2}", 2),
    ] {
        let path = format!("/api/v1/projects/{project}/predict");
        let reply = server.send("POST", &path, &[("Content-Type", NDJSON)], body.as_bytes()).await;
        assert_eq!((reply.status, &reply.json()["rows"]), (200, &n_rows.into()), "{body}: {}", reply.text());
    }
    let price = "/api/v1/projects/price/predict";
    for (body, status, detail) in [
        ("", 422, "/data: expected at least one row, none came"),
        (
            "{\"nswprice\": 1, \"weekday\": \"mon\"}\n\n5",
            422,
            "/data/1: expected an object of values, as the items before",
        ),
        (
            "{\"nswprice\": 1, \"weekday\": \"mon\"}\n{\"nswprice\": \"x\", \"weekday\": \"mon\"}",
            422,
            "/data/1/nswprice: ",
        ),
        ("{\"nswprice\": 1, \"weekday\": \"mon\"}\n{\"nswprice\": 1}", 422, "/data/1/weekday: "),
        ("[1, \"mon\"]\n[1]", 422, "/data/1: expected 2 values"),
        (
            "[1, \"mon\"]\n[1e999, \"mon\"]",
            422,
            "/data/1/0: expected a number within the range of a double (line 2, column ",
        ),
        ("[1, \"mon\"]\n\n[1, \"mon\"", 400, "the body is not NDJSON: EOF while parsing a list at line 3 column 9"),
        ("[1, \"mon\"] [2, \"tue\"]", 400, "the body is not NDJSON: trailing characters at line 1 column 12"),
        (
            "[1, \"mon\"]\n[NaN, \"tue\"]",
            400,
            "the body is not NDJSON: JSON has no NaN; send null for a missing value (line 2, column 2)",
        ),
        ("{\"weekday\": \"mon\", \"weekday\": \"mon\"}", 400, "/data/0/weekday: expected each name once"),
    ] {
        let reply = server.send("POST", price, &[("Content-Type", NDJSON)], body.as_bytes()).await;
        let told = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(reply.status == status && told.starts_with(detail), "{body}: {} {told}", reply.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_files_have_their_place() {
    let server = TestServer::start().await;
    server.fit_price().await;
    let stream = |column: &str, values| {
        let weekday = Values::Text(["mon", "tue"].into_iter().map(Some).collect());
        let columns = [(column, values), ("weekday", weekday)];
        arrow_stream(columns.map(|(name, values)| Column { name: name.to_owned(), values }).into()).unwrap()
    };
    let price = "/api/v1/projects/price/predict";
    let text = || Values::Text(["1", "dear"].into_iter().map(Some).collect());
    for (body, status, detail) in [
        (stream("nswprice", Values::Numeric(vec![1.0, f64::NAN])), 422, "/data/nswprice/1: "),
        (stream("nswprice", Values::Numeric(vec![f64::INFINITY, 1.0])), 422, "/data/nswprice/0: "),
        (stream("nswprice", text()), 422, "/data/nswprice/0: expected a number, the text \"1\" came"),
        (stream("prize", text()), 422, "/data/nswprice: expected this column, it did not come"),
        (stream("weekday", text()), 422, "/data/weekday: expected each column once, this name came twice"),
        (b"PAR1".to_vec(), 400, "the body is not Arrow: expected a schema first, none came"),
        (Vec::new(), 400, "the body is not Arrow: expected a schema first, none came"),
    ] {
        let reply = server.send("POST", price, &[("Content-Type", ARROW)], &body).await;
        let told = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(reply.status == status && told.starts_with(detail), "{detail}: {} {told}", reply.status);
    }
    assert_eq!(server.get("/api/v1/projects/price").await.json()["rows_seen"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_become_too_large_are_refused() {
    let server = TestServer::with(HttpSettings { max_body_bytes: 20_000, ..HttpSettings::default() }).await;
    server.fit_label("label").await;
    // A column of one value has few bytes in a dictionary.
    let columns = vec![Column { name: "value".to_owned(), values: Values::Numeric(vec![0.5; 10_000]) }];
    let stream = arrow_stream(columns).unwrap();
    let batch = arrow_ipc::reader::StreamReader::try_new(stream.as_slice(), None).unwrap().next().unwrap().unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let file = writer.into_inner().unwrap();
    assert!(file.len() < 20_000);
    let reply = server.send("POST", "/api/v1/projects/label/predict", &[("Content-Type", PARQUET)], &file).await;
    let expected = "expected data of at most 20000 bytes when they are decoded, more came; \
                    send fewer rows or columns at a time";
    assert_eq!((reply.status, reply.json()["code"].as_str()), (413, Some("body_too_large")), "{}", reply.text());
    assert_eq!(reply.json()["detail"], expected);
}
