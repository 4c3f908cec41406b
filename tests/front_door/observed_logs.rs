//! Log lines: each one JSON, with the id of the request that it belongs to, whatever clients send.

use serde_json::{Value, json};

use crate::delivery::wait_until;
use crate::metrics::fit_and_feed;
use crate::observed_metrics::{call, with_grpc};
use crate::server::{Launch, Server};
use crate::sink::Sink;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The lines so far, each of them JSON with the members that all have.
pub fn lines(server: &Server) -> Vec<Value> {
    let log = server.log();
    let whole = &log[..log.rfind('\n').map_or(0, |end| end + 1)];
    let lines = whole.lines().map(|line| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let has_all = ["ts", "level", "target"].iter().all(|member| value[*member].is_string());
        assert!(has_all, "{line}");
        value
    });
    lines.collect()
}

fn of_request(server: &Server, id: &str) -> Vec<Value> {
    lines(server).into_iter().filter(|line| line["request_id"] == id).collect()
}

fn is_answered(lines: &[Value]) -> bool {
    lines.iter().any(|line| line["msg"] == "request")
}

#[test]
fn every_line_of_a_request_has_its_id_and_that_of_its_trace() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--log-level", "debug"]);
    let parent = format!("X-Request-Id: order-7\r\ntraceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n");
    let mut connection = server.connect();
    let refused = connection.try_request_with(&parent, "GET", "/api/v1/projects/nobody", None);
    refused.expect("an answer").expect(404);
    let malformed = format!("X-Request-Id: order-8\r\ntraceparent: 00-{TRACE}-0000000000000000-01\r\n");
    connection.try_request_with(&malformed, "GET", "/livez", None).expect("an answer").expect(200);
    connection.try_request_with(&malformed, "GET", "/api/v1/projects", None).expect("an answer").expect(200);
    wait_until(&server, "both are logged", || is_answered(&of_request(&server, "order-8")));
    let of_first = of_request(&server, "order-7");
    assert!(of_first.iter().any(|line| line["msg"] == "a request was refused"), "{of_first:?}");
    assert!(of_first.iter().all(|line| line["trace_id"] == TRACE), "{of_first:?}");
    let access = of_first.iter().find(|line| line["msg"] == "request").expect("the line of the request");
    assert_eq!((&access["status"], &access["level"]), (&json!(404), &json!("INFO")));
    assert!(access["duration_ms"].is_f64() && access["path"] == "/api/v1/projects/nobody", "{access}");
    assert!(of_request(&server, "order-8").iter().all(|line| line.get("trace_id").is_none()));
}

#[test]
fn probes_are_logged_where_traces_are_and_nowhere_else() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--log-level", "trace"]);
    let fit = json!({"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": {"kind": "dummy"}});
    server.post("/api/v1/projects/asked/fit", &fit).expect(201);
    let probes = ["/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/v2/models/asked/ready"];
    let mut connection = server.connect();
    for path in probes.into_iter().chain(["/v2/models/asked"]) {
        let headers = format!("X-Request-Id: {}\r\n", path.replace('/', "-"));
        connection.try_request_with(&headers, "GET", path, None).expect("an answer").expect(200);
    }
    wait_until(&server, "the last is logged", || is_answered(&of_request(&server, "-v2-models-asked")));
    let levels = |path: &str| {
        let of_path = lines(&server).into_iter().filter(|line| line["msg"] == "request" && line["path"] == path);
        of_path.map(|line| line["level"].clone()).collect::<Vec<_>>()
    };
    for probe in probes {
        let levels = levels(probe);
        assert!(!levels.is_empty() && levels.iter().all(|level| level == "TRACE"), "{probe}: {levels:?}");
    }
    assert_eq!(levels("/v2/models/asked"), ["INFO"]);
}

#[test]
fn calls_of_grpc_have_their_line_and_probes_theirs_where_traces_are() {
    let directory = tempfile::tempdir().expect("a folder");
    let (server, grpc) = with_grpc(directory.path(), &["--log-level", "trace"]);
    let probes = ["ServerLive", "ServerReady", "ModelReady"];
    for (method, level) in probes.map(|probe| (probe, "TRACE")).into_iter().chain([("ServerMetadata", "INFO")]) {
        let path = format!("/inference.GRPCInferenceService/{method}");
        call(grpc, &path);
        let of_call = || lines(&server).into_iter().find(|line| line["msg"] == "gRPC call" && line["method"] == path);
        wait_until(&server, "the call is logged", || of_call().is_some());
        let line = of_call().expect("a line");
        assert_eq!((&line["level"], &line["client"]), (&json!(level), &json!("127.0.0.1")), "{line}");
        assert!(line.get("key_id").is_none(), "{line}");
    }
}

#[test]
fn a_line_names_who_asked_and_for_which_project_but_no_key() {
    const KEY: &str = "a-key-that-is-long-enough-to-be-one";
    let directory = tempfile::tempdir().expect("a folder");
    let environment = [("DRIFTING_API_KEY", KEY)];
    let launch = Launch { arguments: &["--log-level", "trace"], environment: &environment, ..Launch::default() };
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let mut connection = server.connect();
    let mut line_of = |id: &str, key: &str, path: &str, status: u16| {
        let headers = format!("X-Request-Id: {id}\r\n{key}");
        connection.try_request_with(&headers, "GET", path, None).expect("an answer").expect(status);
        wait_until(&server, "it is logged", || is_answered(&of_request(&server, id)));
        of_request(&server, id).into_iter().find(|line| line["msg"] == "request").expect("a line")
    };
    let keyed = format!("X-API-Key: {KEY}\r\n");
    let known = line_of("known", &keyed, "/api/v1/projects/nobody", 404);
    assert_eq!((&known["client"], &known["project"]), (&json!("127.0.0.1"), &json!("nobody")), "{known}");
    let id = known["key_id"].as_str().expect("an id");
    assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{known}");
    let list = line_of("list", &keyed, "/api/v1/projects", 200);
    assert_eq!((&list["key_id"], list.get("project")), (&known["key_id"], None), "{list}");
    for key in ["", "X-API-Key: some-other-key-of-somebody\r\n"] {
        let unknown = line_of(if key.is_empty() { "none" } else { "other" }, key, "/v2/models/nobody", 401);
        assert_eq!((&unknown["client"], &unknown["project"]), (&json!("127.0.0.1"), &json!("nobody")), "{unknown}");
        assert!(unknown.get("key_id").is_none(), "{unknown}");
    }
    let log = server.log();
    assert!(!log.contains(KEY) && !log.contains("some-other-key-of-somebody"), "no key is logged");
}

#[test]
fn lines_of_an_operation_have_its_id_and_that_of_the_request_that_began_it() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let body = json!({"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": {"kind": "dummy"}});
    let path = server.begin("background", &body);
    let id = path.rsplit('/').next().expect("an id");
    let of_operation = || lines(&server).into_iter().find(|line| line["operation_id"] == id);
    wait_until(&server, "its end is logged", || of_operation().is_some());
    let line = of_operation().expect("a line");
    assert!(line["request_id"].is_string() && line["project"] == "background", "{line}");
}

#[test]
fn warnings_have_the_id_too_where_only_they_are_logged() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--log-level", "error"]);
    fit_and_feed(&server, 30);
    let parameters = |entry: &std::fs::DirEntry| entry.path().extension().is_some_and(|ending| ending == "safetensors");
    let folder = directory.path().join("store/price");
    server.post("/api/v1/projects/price/unload", &json!({})).expect(200);
    for entry in std::fs::read_dir(folder).expect("the project").filter_map(Result::ok).filter(parameters) {
        std::fs::write(entry.path(), b"damaged").expect("it is written");
    }
    let headers = "X-Request-Id: order-9\r\n";
    let path = "/api/v1/projects/price/load";
    server.connect().try_request_with(headers, "POST", path, None).expect("an answer").expect(503);
    wait_until(&server, "the damage is logged", || !of_request(&server, "order-9").is_empty());
}

#[test]
fn what_clients_send_forges_no_line_and_makes_none_long() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--log-level", "trace"]);
    let long = "x".repeat(6_000);
    let headers = format!(
        "X-Request-Id: a\u{9b}31mb\r\nUser-Agent: \u{1b}[31m\"}}{{\r\ntraceparent: \"}}\r\ntracestate: {long}\r\n"
    );
    for path in ["/%0d%0a%1b[31m\"}", "/\u{9b}31m", &format!("/{long}")] {
        let mut connection = server.connect();
        // Bytes that no path can have close the connection.
        let _ = connection.try_request_with(&headers, "GET", path, None);
    }
    let last = "X-Request-Id: last\r\n";
    server.connect().try_request_with(last, "GET", "/api/v1/projects", None).expect("an answer").expect(200);
    wait_until(&server, "the last is logged", || is_answered(&of_request(&server, "last")));
    lines(&server);
    let log = server.log();
    assert!(!log.contains(['\u{1b}', '\u{9b}', '\r']), "{log:?}");
    assert!(log.lines().all(|line| line.len() < 6_000), "{}", log.lines().map(str::len).max().unwrap_or(0));
}

#[test]
fn a_trace_goes_on_to_event_sinks() {
    let sink = Sink::start();
    let directory = tempfile::tempdir().expect("a folder");
    let sinks = format!("event_sinks: [{{url: \"{}\", events: all, allow_private: true}}]\n", sink.url());
    std::fs::write(directory.path().join("drifting.yaml"), sinks).expect("a configuration");
    let server = Server::start(directory.path(), &[]);
    let fit = json!({"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": {"kind": "dummy"}});
    server.post("/api/v1/projects/traced/fit", &fit).expect(201);
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let headers = format!("traceparent: {parent}\r\ntracestate: rojo=1\r\ntracestate: congo=2\r\n");
    let native = ("/api/v1/projects/traced/predict", json!({"data": [[1.0]]}));
    let input = json!({"name": "value", "datatype": "FP64", "shape": [1, 1], "data": [1.0]});
    let inference = ("/v2/models/traced/infer", json!({"inputs": [input]}));
    for (path, body) in [native, inference] {
        let body = body.to_string();
        let answer = server.connect().try_request_with(&headers, "POST", path, Some(("application/json", &body)));
        answer.expect("an answer").expect(200);
    }
    wait_until(&server, "the sink is told", || sink.posts().len() == 2);
    for post in sink.posts() {
        assert_eq!((post.header("traceparent"), post.header("tracestate")), (parent.as_str(), "rojo=1,congo=2"));
        assert_eq!(post.event()["traceparent"], parent);
    }
}
