//! What a collector of OpenTelemetry gets, and that nobody waits for one.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use serde_json::json;

use crate::delivery::wait_until;
use crate::observed_logs::lines;
use crate::server::{Launch, Server};
use crate::sink::Sink;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> String {
    text(attributes.iter().find(|attribute| attribute.key == key).and_then(|attribute| attribute.value.as_ref()))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The spans so far, each with the name of its service.
fn spans(collector: &Sink) -> Vec<(String, Span)> {
    let posts = collector.posts().into_iter();
    let requests = posts.map(|post| ExportTraceServiceRequest::decode(post.body).expect("a message of spans"));
    let mut spans = Vec::new();
    for of_resource in requests.flat_map(|request| request.resource_spans) {
        let service = attribute(&of_resource.resource.expect("a resource").attributes, "service.name");
        let of_scopes = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(of_scopes.map(|span| (service.clone(), span)));
    }
    spans
}

#[test]
fn a_collector_gets_the_trace_of_a_request_its_lines_and_numbers() {
    let (traces, metrics, logs) = (Sink::start(), Sink::start(), Sink::start());
    let folder = tempfile::tempdir().expect("a folder");
    let urls = [traces.url(), metrics.url(), logs.url()];
    let environment = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", urls[0].as_str()),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", urls[1].as_str()),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", urls[2].as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer geheim"),
        ("OTEL_SERVICE_NAME", "drift-of-prices"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let arguments = ["--log-level", "trace"];
    let launch = Launch { arguments: &arguments, environment: &environment, ..Launch::default() };
    let server = Server::launch(folder.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let headers = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01\r\ntracestate: rojo=1\r\n");
    let mut connection = server.connect();
    let path = "/api/v1/projects/nobody?secret=geheim";
    connection.try_request_with(&headers, "GET", path, None).expect("an answer").expect(404);
    for probe in ["/livez", "/v2/health/live", "/v2/health/ready"] {
        connection.request("GET", probe, None).expect(200);
    }
    connection.request("GET", "/api/v1/projects", None).expect(200);
    wait_until(&server, "spans come", || spans(&traces).len() >= 2);

    let of_requests = spans(&traces);
    assert_eq!(of_requests.len(), 2, "probes are left out: {of_requests:?}");
    assert!(of_requests.iter().all(|(service, span)| service == "drift-of-prices" && span.kind() == SpanKind::Server));
    let (_, span) = of_requests.iter().find(|(_, span)| hex(&span.trace_id) == TRACE).expect("the trace that came");
    assert_eq!(
        (span.name.as_str(), hex(&span.parent_span_id).as_str()),
        ("GET /api/v1/projects/{project}", "b7ad6b7169203331")
    );
    assert_eq!(span.trace_state, "rojo=1");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/api/v1/projects/{project}"),
        ("http.response.status_code", "404"),
        ("url.path", "/api/v1/projects/nobody"),
    ] {
        assert_eq!(attribute(&span.attributes, key), value, "{key}: {:?}", span.attributes);
    }
    let (_, own) = of_requests.iter().find(|(_, span)| hex(&span.trace_id) != TRACE).expect("a trace of its own");
    assert!(own.parent_span_id.is_empty(), "{own:?}");
    let has_its_line = || lines(&server).iter().any(|line| line["trace_id"] == hex(&own.trace_id));
    wait_until(&server, "the log names the trace that the server began", has_its_line);

    let log = server.log();
    assert!(server.stop().success());
    // The end sends what is left.
    let numbers = metrics.posts().into_iter().flat_map(|post| {
        let request = ExportMetricsServiceRequest::decode(post.body).expect("a message of metrics");
        let of_scopes = request.resource_metrics.into_iter().flat_map(|of_resource| of_resource.scope_metrics);
        of_scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name).collect::<Vec<_>>()
    });
    let numbers: Vec<String> = numbers.collect();
    for name in ["drifting_http_requests", "drifting_projects", "drifting_queue_depth"] {
        assert!(numbers.iter().any(|known| known == name), "{name} in {numbers:?}");
    }
    let mut of_trace = Vec::new();
    for post in logs.posts() {
        assert_eq!(post.header("authorization"), "Bearer geheim");
        let request = ExportLogsServiceRequest::decode(post.body).expect("a message of log lines");
        let of_scopes = request.resource_logs.into_iter().flat_map(|of_resource| of_resource.scope_logs);
        let records = of_scopes.flat_map(|scope| scope.log_records);
        of_trace.extend(records.filter(|record| hex(&record.trace_id) == TRACE).map(|line| text(line.body.as_ref())));
    }
    assert!(of_trace.contains(&"request".to_owned()), "{of_trace:?}");
    assert!(!log.contains("geheim"), "no secret is logged");
}

#[test]
fn nobody_waits_for_a_collector_that_is_gone_or_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = format!("http://{}", silent.local_addr().expect("an address"));
    for (endpoint, protocol) in
        [(silent.as_str(), "http/protobuf"), (silent.as_str(), "grpc"), ("http://127.0.0.1:1", "http/protobuf")]
    {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ];
        let launch = Launch { environment: &environment, ..Launch::default() };
        let server = Server::launch(folder.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
        let fit = json!({"drift_type": "tabular", "data": [[1.0], [2.0]], "detector": {"kind": "dummy"}});
        server.post("/api/v1/projects/alone/fit", &fit).expect(201);
        let mut connection = server.connect();
        let asked = Instant::now();
        for _ in 0..3_000 {
            connection.post("/api/v1/projects/alone/predict", &json!({"data": [[1.0]]})).expect(200);
        }
        assert!(asked.elapsed() < Duration::from_secs(10), "{endpoint} {protocol}: {:?}", asked.elapsed());
        let told = Instant::now();
        assert!(server.stop().success());
        assert!(told.elapsed() < Duration::from_secs(6), "{endpoint} {protocol}: {:?}", told.elapsed());
    }
}

#[test]
fn a_protocol_that_is_not_spoken_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];
    let launch = Launch { environment: &environment, ..Launch::default() };
    let Err((status, log)) = Server::launch(folder.path(), &launch) else { panic!("it starts") };
    assert!(!status.success() && log.contains("expected grpc or http/protobuf"), "{log}");
}
