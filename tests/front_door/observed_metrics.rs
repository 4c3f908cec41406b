//! `/metrics` after real requests: its names, its form, and that what clients send adds no series.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::delivery::wait_until;
use crate::metrics::fit_and_feed;
use crate::server::{Answer, Launch, Server};

/// What Prometheus asks for.
const ACCEPT: &str =
    "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n";

/// The text of `/metrics`, taken apart: each series with its value.
pub struct Exposition {
    pub text: String,
    pub series: BTreeMap<String, f64>,
}

impl Exposition {
    pub fn of(server: &Server) -> Self {
        Self::read(server.connect().try_request_with(ACCEPT, "GET", "/metrics", None).expect("an answer"))
    }

    /// That of an answer.
    fn read(answer: Answer) -> Self {
        let text = answer.expect(200).as_str().expect("a text").to_owned();
        let series = checked(&text);
        Self { text, series }
    }

    /// The value of a series that must be there.
    pub fn value(&self, series: &str) -> f64 {
        *self.series.get(series).unwrap_or_else(|| panic!("{series} in {}", self.text))
    }

    /// The sum over all series of a name with a part in their labels.
    fn sum(&self, name: &str, part: &str) -> f64 {
        let of_name = |series: &&String| series.split('{').next() == Some(name) && series.contains(part);
        self.series.iter().filter(|(series, _)| of_name(series)).map(|(_, value)| value).sum()
    }
}

/// The series of a text in the form of `OpenMetrics`, which must be one: each family once and in one piece, with its type before it,
/// names by their type, each series once, buckets that rise to the count.
fn checked(text: &str) -> BTreeMap<String, f64> {
    let mut series = BTreeMap::new();
    let mut types: BTreeMap<&str, &str> = BTreeMap::new();
    let mut family = "";
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "# EOF" {
            assert!(lines.peek().is_none(), "the end is at the end");
            return series;
        }
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(help.contains(' '), "{line}");
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a type");
            assert!(types.insert(name, kind).is_none(), "{name} stands once");
            family = name;
            continue;
        }
        if let Some(unit) = line.strip_prefix("# UNIT ") {
            let (name, unit) = unit.split_once(' ').expect("a name and a unit");
            assert!(name == family && name.ends_with(&format!("_{unit}")), "{line} within {family}");
            continue;
        }
        let (labelled, value) = line.rsplit_once(' ').expect("a value");
        let name = labelled.split('{').next().expect("a name");
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(is_word) && name.starts_with(family), "{line} within {family}");
        let suffix = &name[family.len()..];
        let expected: &[&str] = match types[family] {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => &[""],
        };
        assert!(expected.contains(&suffix), "{line} is no {}", types[family]);
        if let Some(labels) = labelled.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            assert!(labels.starts_with('{') && labels.ends_with("\"}"), "{line}");
        }
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
        assert!(series.insert(labelled.to_owned(), value).is_none(), "{labelled} stands once");
    }
    panic!("no end: {text}");
}

/// The name of a series, or of that of a line.
fn name_of(line: &str) -> &str {
    line.split(['{', ' ']).next().expect("a name")
}

fn check_histograms(series: &BTreeMap<String, f64>) {
    let ends: Vec<_> = series.iter().filter(|(name, _)| name.contains("le=\"+Inf\"")).collect();
    let n_histograms = series.keys().filter(|name| name.contains("_seconds_count{")).count();
    assert!(n_histograms > 0 && ends.len() == n_histograms, "each ends: {ends:?}");
    for (name, n) in ends {
        let count = name.replacen("_bucket{", "_count{", 1).replace("le=\"+Inf\",", "");
        assert_eq!(series.get(&count), Some(n), "{count}");
    }
}

/// Calls a method without a message's content by the frames of HTTP/2, and waits for the end of the answer.
pub fn call(address: SocketAddr, path: &str) {
    let literal = |name: &str, value: &str| {
        let length = |text: &str| u8::try_from(text.len()).expect("a short text");
        assert!(name.len() < 127 && value.len() < 127);
        [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
    };
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    let headers: Vec<u8> = headers.iter().flat_map(|(name, value)| literal(name, value)).collect();
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(4, 0, 0, &[]));
    sent.extend(frame(1, 4, 1, &headers));
    sent.extend(frame(0, 1, 1, &[0; 5]));
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit is set");
    stream.write_all(&sent).expect("it reads");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("it answers");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).expect("it answers");
        let is_of_stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) == 1;
        if is_of_stream && (head[4] & 1 == 1 || head[3] == 3) {
            return;
        }
    }
}

#[test]
fn requests_and_projects_are_measured_under_the_names_that_are_told() {
    let directory = tempfile::tempdir().expect("a folder");
    let (server, grpc) = with_grpc(directory.path(), &["--mlserver-metrics", "--max-connections", "50"]);
    fit_and_feed(&server, 30);
    server.post("/api/v1/projects/price/predict", &json!({"data": [[1.0], [null]]})).expect(422);
    server.get("/api/v1/projects/nobody").expect(404);
    call(grpc, "/inference.GRPCInferenceService/ServerLive");
    call(grpc, "/nobody.Knows/This");
    let method = "method=\"inference.GRPCInferenceService/ServerLive\",status=\"OK\"";
    wait_until(&server, "calls are counted", || {
        Exposition::of(&server).series.contains_key(&format!("drifting_grpc_requests_total{{{method}}}"))
    });
    let told = Exposition::of(&server);
    check_histograms(&told.series);
    let predicted = "method=\"POST\",route=\"/api/v1/projects/{project}/predict\"";
    assert!(told.value(&format!("drifting_http_requests_total{{{predicted},status=\"200\"}}")) >= 1.0);
    assert_eq!(told.value(&format!("drifting_http_requests_total{{{predicted},status=\"422\"}}")), 1.0);
    let nobody = "method=\"GET\",route=\"/api/v1/projects/{project}\",status=\"404\"";
    assert_eq!(told.value(&format!("drifting_http_requests_total{{{nobody}}}")), 1.0);
    assert_eq!(told.value(&format!("drifting_grpc_request_duration_seconds_count{{{method}}}")), 1.0);
    assert_eq!(told.sum("drifting_grpc_requests_total", "method=\"unmatched\",status=\"UNIMPLEMENTED\""), 1.0);
    assert_eq!(told.value("drifting_detect_rows_total{project=\"price\"}"), 30.0);
    for check in ["new_category", "type_change", "missing_burst", "out_of_range", "constant_column"] {
        let found = told.value(&format!("drifting_quality_findings_total{{project=\"price\",check=\"{check}\"}}"));
        assert_eq!(found, 0.0, "{check}");
    }
    assert_eq!(told.value("drifting_projects{state=\"active\"}"), 1.0);
    assert!(told.value("drifting_drift_statistic{project=\"price\",window=\"10\"}").is_finite());
    assert!(told.value("drifting_drift_threshold{project=\"price\",window=\"10\"}").is_finite());
    assert_eq!(told.value("drifting_window_fill_ratio{project=\"price\"}"), 1.0);
    assert_eq!(told.sum("drifting_fit_duration_seconds_count", ""), 1.0);
    for (result, n) in [("succeeded", 1.0), ("failed", 0.0), ("cancelled", 0.0), ("interrupted", 0.0)] {
        assert_eq!(told.value(&format!("drifting_fits_total{{result=\"{result}\"}}")), n, "{result}");
    }
    assert!(told.sum("drifting_detect_duration_seconds_count", "") >= 1.0);
    for queue in ["fits", "predictions", "large_predictions", "events"] {
        assert_eq!(told.value(&format!("drifting_queue_depth{{queue=\"{queue}\"}}")), 0.0);
    }
    assert!(told.value("drifting_state_checkpoint_age_seconds") < 60.0);
    for positive in [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_threads",
        "process_start_time_seconds",
        "drifting_runtime_workers",
        "drifting_http_requests_in_progress",
    ] {
        assert!(told.value(positive) > 0.0, "{positive}");
    }
    assert!((1.0..=50.0).contains(&told.value("drifting_connections{interface=\"http\"}")));
    assert!((0.0..=50.0).contains(&told.value("drifting_connections{interface=\"grpc\"}")));
    for interface in ["http", "grpc"] {
        assert_eq!(told.value(&format!("drifting_connections_max{{interface=\"{interface}\"}}")), 50.0);
    }
    // Of a first fit, the parameters and the configuration.
    let written = "{backend=\"local\",op=\"write\",result=\"done\"}";
    assert!(told.value(&format!("drifting_store_operations_total{written}")) >= 2.0);
    assert!(told.value(&format!("drifting_store_operations_seconds_total{written}")) > 0.0);
    let model = "{model=\"price\",version=\"None\"}";
    assert!(told.value(&format!("model_infer_request_success_total{model}")) >= 1.0);
    assert!(told.value(&format!("model_infer_request_failure_total{model}")) >= 1.0);
    assert!(told.value(&format!("model_infer_request_duration_sum{model}")) > 0.0);
    let rest = "app_name=\"mlserver\",method=\"GET\",path=\"/api/v1/projects/{project}\",status_code=\"404\"";
    assert_eq!(told.value(&format!("rest_server_requests_total{{{rest}}}")), 1.0);
    assert!(!told.text.contains("path=\"/metrics\""), "{}", told.text);
    // This question is under way, and left out.
    for method in ["GET", "POST"] {
        let labels = format!("app_name=\"mlserver\",method=\"{method}\"");
        assert_eq!(told.value(&format!("rest_server_requests_in_progress{{{labels}}}")), 0.0, "{method}");
    }
    let live = "grpc_type=\"UNARY\",grpc_service=\"inference.GRPCInferenceService\",grpc_method=\"ServerLive\"";
    for name in ["started", "msg_received", "msg_sent"] {
        assert_eq!(told.value(&format!("grpc_server_{name}_total{{{live}}}")), 1.0, "{name}");
    }
    assert_eq!(told.value(&format!("grpc_server_handled_total{{{live},grpc_code=\"OK\"}}")), 1.0);
    assert_eq!(told.value(&format!("grpc_server_handling_seconds_count{{{live},grpc_code=\"OK\"}}")), 1.0);
    for (name, n) in [("started", 1.0), ("handled", 1.0), ("msg_sent", 0.0)] {
        assert_eq!(told.sum(&format!("grpc_server_{name}_total"), "grpc_method=\"unmatched\""), n, "{name}");
    }
    for kind in ["rest_server_requests_in_progress gauge", "grpc_server_started counter"] {
        assert!(told.text.contains(&format!("# TYPE {kind}\n")), "{}", told.text);
    }
}

#[test]
fn without_a_database_its_counters_are_there_and_stay_at_zero() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--database-uri", "none"]);
    fit_and_feed(&server, 30);
    let told = Exposition::of(&server);
    for name in ["recorded_total", "delivered_total", "spilled_bytes"] {
        assert_eq!(told.value(&format!("drifting_metrics_{name}")), 0.0, "{name}");
    }
    for reason in ["queue_full", "spill_full", "spill_failed", "refused", "no_database", "shutdown"] {
        assert_eq!(told.value(&format!("drifting_metrics_dropped_total{{reason=\"{reason}\"}}")), 0.0, "{reason}");
    }
    assert_eq!(told.value("drifting_queue_depth{queue=\"metrics\"}"), 0.0);
    // Alerts are made of this one: a database that nobody asked for is not down.
    assert!(!told.text.contains("drifting_metrics_database_up"), "{}", told.text);
}

#[test]
fn requests_that_are_refused_or_come_again_are_counted() {
    const KEY: &str = "a-key-that-is-long-enough-to-be-one";
    let directory = tempfile::tempdir().expect("a folder");
    let keyed = format!("Authorization: Bearer {KEY}\r\n");
    let again = format!("{keyed}Idempotency-Key: row-1\r\n");
    let environment = [("DRIFTING_API_KEY", KEY)];
    let arguments = ["--predict-queue", "1", "--mlserver-metrics"];
    let launch = Launch { arguments: &arguments, environment: &environment, ..Launch::default() };
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let ask = |headers: &str, method: &str, path: &str, body: Option<&str>| {
        let body = body.map(|body| ("application/json", body));
        server.connect().try_request_with(headers, method, path, body).expect("an answer")
    };
    let fit = r#"{"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": {"kind": "dummy"}}"#;
    ask("", "POST", "/api/v1/projects/price/fit", Some(fit)).expect(401);
    ask(&keyed, "POST", "/api/v1/projects/price/fit", Some(fit)).expect(201);
    let path = "/api/v1/projects/price/predict";
    for _ in 0..3 {
        ask(&again, "POST", path, Some("{\"data\": [[1.0]]}")).expect(200);
    }
    // A thousand rows are judged for seconds: they hold the only place.
    let rows = |factor: u32| (0..1_500).map(|i| f64::from((i * factor) % 101)).collect::<Vec<f64>>();
    let detector = json!({"kind": "mmd", "n_permutations": 10_000});
    let slow = json!({"drift_type": "label", "data": rows(37), "detector": detector});
    ask(&keyed, "POST", "/api/v1/projects/slow/fit", Some(&slow.to_string())).expect(201);
    let host = server.url.strip_prefix("http://").expect("a plain address");
    let mut under_way = TcpStream::connect(host).expect("it listens");
    let body = json!({"data": rows(41)}).to_string();
    let kind = format!("Content-Type: application/json\r\nContent-Length: {}", body.len());
    let head = format!("POST /api/v1/projects/slow/predict HTTP/1.1\r\nHost: {host}\r\n{keyed}{kind}\r\n\r\n");
    under_way.write_all(format!("{head}{body}").as_bytes()).expect("it reads");
    let told = || Exposition::read(ask(&format!("{keyed}{ACCEPT}"), "GET", "/metrics", None));
    let deadline = Instant::now() + Duration::from_secs(20);
    let meanwhile = loop {
        let told = told();
        if told.value("drifting_queue_depth{queue=\"predictions\"}") >= 1.0 {
            break told;
        }
        assert!(Instant::now() < deadline, "it never takes its place");
    };
    let in_progress = "rest_server_requests_in_progress{app_name=\"mlserver\",method=\"POST\"}";
    assert_eq!(meanwhile.value(in_progress), 1.0);
    ask(&keyed, "POST", path, Some("{\"data\": [[1.0]]}")).expect(503);
    let told = told();
    let fits = "method=\"POST\",route=\"/api/v1/projects/{project}/fit\"";
    let predictions = "method=\"POST\",route=\"/api/v1/projects/{project}/predict\"";
    for (request, status, n) in [(fits, 401, 1.0), (fits, 201, 2.0), (predictions, 200, 3.0), (predictions, 503, 1.0)] {
        assert_eq!(told.value(&format!("drifting_http_requests_total{{{request},status=\"{status}\"}}")), n);
    }
    assert_eq!(told.value("drifting_idempotent_replays_total{interface=\"http\"}"), 2.0);
    assert_eq!(told.value("drifting_idempotent_replays_total{interface=\"grpc\"}"), 0.0);
    assert_eq!(told.value("drifting_detect_rows_total{project=\"price\"}"), 1.0, "its rows were fed once");
    assert_eq!(told.value("drifting_projects_loaded"), 2.0);
}

#[test]
fn whoever_asks_for_nothing_else_is_told_the_same_in_the_text_format_of_prometheus() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--mlserver-metrics"]);
    fit_and_feed(&server, 30);
    // From the second time on there is a series of those who asked.
    Exposition::of(&server);
    let expected = Exposition::of(&server).series;
    let expected: BTreeSet<&str> = expected.keys().map(|series| name_of(series)).collect();
    let told = server.get("/metrics").expect(200).as_str().expect("a text").to_owned();
    let mut family = ("", "");
    let mut samples = Vec::new();
    for line in told.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            family = kind.split_once(' ').expect("a name and a type");
        } else if !line.starts_with("# HELP ") {
            assert!(!line.starts_with('#'), "{line}");
            let name = name_of(line);
            let is_of_family = match family.1 {
                "histogram" => ["_bucket", "_sum", "_count"].iter().any(|part| name == format!("{}{part}", family.0)),
                _ => name == family.0,
            };
            assert!(is_of_family, "{line} within {family:?}");
            samples.push(line);
        }
    }
    assert_eq!(samples.iter().map(|line| name_of(line)).collect::<BTreeSet<_>>(), expected);
    for line in ["# TYPE drifting_http_requests_total counter", "# TYPE drifting_build_info gauge"] {
        assert!(told.lines().any(|told| told == line), "{line} in {told}");
    }
    assert!(samples.iter().any(|line| line.contains("le=\"+Inf\"")), "{told}");
}

#[test]
fn what_clients_send_adds_no_series() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--log-level", "error"]);
    let mut connection = server.connect();
    let mut ask = |number: usize| {
        connection.request("GET", &format!("/unknown-{number}"), None);
        connection.request("GET", &format!("/api/v1/projects/unknown-{number}"), None);
        connection.request(&format!("M{number}"), "/api/v1/projects", None);
    };
    ask(0);
    Exposition::of(&server);
    let names = |told: Exposition| told.series.into_keys().collect::<BTreeSet<String>>();
    let before = names(Exposition::of(&server));
    (1..=3_400).for_each(&mut ask);
    let told = Exposition::of(&server);
    assert_eq!(told.sum("drifting_http_requests_total", "route=\"unmatched\""), 3_401.0);
    assert_eq!(told.sum("drifting_http_requests_total", "method=\"other\""), 3_401.0);
    let added: Vec<String> = names(told).difference(&before).cloned().collect();
    assert!(added.is_empty(), "{added:?}");
}

#[test]
fn projects_beyond_the_limit_are_counted_together() {
    let directory = tempfile::tempdir().expect("a folder");
    let arguments = ["--metrics-max-projects", "2"];
    let launch = Launch { arguments: &arguments, ..Launch::default() };
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    // A project may have the name that the others have together.
    for project in ["a", "other", "b", "c"] {
        let path = format!("/api/v1/projects/{project}");
        let fit = json!({"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": {"kind": "dummy"}});
        server.post(&format!("{path}/fit"), &fit).expect(201);
        server.post(&format!("{path}/predict"), &json!({"data": [[1.0]]})).expect(200);
    }
    let told = Exposition::of(&server);
    for (project, n_rows) in [("a", 1.0), ("b", 1.0), ("other", 2.0)] {
        assert_eq!(told.value(&format!("drifting_detect_rows_total{{project=\"{project}\"}}")), n_rows);
    }
    server.delete("/api/v1/projects/a").expect(204);
    server.delete("/api/v1/projects/c").expect(204);
    let told = Exposition::of(&server);
    assert_eq!(told.value("drifting_detect_rows_total{project=\"other\"}"), 2.0, "no count falls");
    assert!(!told.text.contains("project=\"a\"") && !told.text.contains("project=\"c\""));
}

/// A server that takes gRPC, too.
pub fn with_grpc(directory: &std::path::Path, arguments: &[&str]) -> (Server, SocketAddr) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let port = address.port().to_string();
    let arguments = [arguments, &["--grpc-port", &port]].concat();
    (Server::start(directory, &arguments), address)
}
