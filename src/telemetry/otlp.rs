//! Traces, metrics and logs for a collector of OpenTelemetry, where the standard variables of the environment ask for them. What
//! cannot be delivered is dropped: nothing here is ever waited for.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{KeyValue, global};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use super::otlp_client::OtlpClient;
use drifting_listening::TRACED;

/// The last of what was gathered may take so long at the end.
const FLUSHED_WITHIN: Duration = Duration::from_secs(2);

/// What OpenTelemetry calls the three kinds of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Http,
}

impl Signal {
    fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        }
    }

    /// How this is sent, if the environment asks for it: by an endpoint, for all or for this alone.
    ///
    /// # Errors
    /// When it asks for a protocol that is not spoken.
    pub(super) fn wanted(self, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Protocol>> {
        // As the specification has it, an empty variable is one that is not set.
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let name = self.as_str();
        let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || variable(&format!("OTEL_{name}_EXPORTER")).is_some_and(|value| value.eq_ignore_ascii_case("none"));
        let has_endpoint = variable(&format!("OTEL_EXPORTER_OTLP_{name}_ENDPOINT")).is_some()
            || variable("OTEL_EXPORTER_OTLP_ENDPOINT").is_some();
        if is_off || !has_endpoint {
            return Ok(None);
        }
        let protocol = variable(&format!("OTEL_EXPORTER_OTLP_{name}_PROTOCOL"));
        match protocol.or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL")).as_deref() {
            None | Some("http/protobuf") => Ok(Some(Protocol::Http)),
            Some("grpc") => Ok(Some(Protocol::Grpc)),
            Some(other) => {
                bail!("`OTEL_EXPORTER_OTLP_PROTOCOL`: expected grpc or http/protobuf, got `{other}`")
            }
        }
    }
}

/// What is sent. Threads of its own send it, in batches.
#[derive(Default)]
pub struct Otlp {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
}

impl Otlp {
    /// What the environment asks for; nothing by default. Must be called within a runtime of tokio, which connections need.
    ///
    /// # Errors
    /// When a variable has a value that it cannot have.
    pub fn of_environment() -> anyhow::Result<Self> {
        let wanted = |signal: Signal| signal.wanted(|name| std::env::var(name).ok());
        let mut otlp = Self::default();
        let client = OtlpClient::default();
        if let Some(protocol) = wanted(Signal::Traces)? {
            let exporter = match protocol {
                Protocol::Grpc => SpanExporter::builder().with_tonic().build(),
                Protocol::Http => SpanExporter::builder().with_http().with_http_client(client.clone()).build(),
            };
            let exporter = exporter.context("traces cannot be sent")?;
            let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
            otlp.traces = Some(provider.build());
        }
        if let Some(protocol) = wanted(Signal::Metrics)? {
            let exporter = match protocol {
                Protocol::Grpc => MetricExporter::builder().with_tonic().build(),
                Protocol::Http => MetricExporter::builder().with_http().with_http_client(client.clone()).build(),
            };
            let exporter = exporter.context("metrics cannot be sent")?;
            let provider =
                SdkMeterProvider::builder().with_periodic_exporter(exporter).with_resource(resource()).build();
            global::set_meter_provider(provider.clone());
            otlp.metrics = Some(provider);
        }
        if let Some(protocol) = wanted(Signal::Logs)? {
            let exporter = match protocol {
                Protocol::Grpc => LogExporter::builder().with_tonic().build(),
                Protocol::Http => LogExporter::builder().with_http().with_http_client(client).build(),
            };
            let exporter = exporter.context("log lines cannot be sent")?;
            let provider = SdkLoggerProvider::builder().with_batch_exporter(exporter).with_resource(resource());
            otlp.logs = Some(provider.build());
        }
        Ok(otlp)
    }

    /// Whether nothing is sent.
    pub fn is_off(&self) -> bool {
        self.traces.is_none() && self.metrics.is_none() && self.logs.is_none()
    }

    /// Whether requests are traced.
    pub fn has_traces(&self) -> bool {
        self.traces.is_some()
    }

    /// Takes the spans of requests.
    pub(super) fn trace_layer<S>(&self) -> Option<impl Layer<S> + Send + Sync + use<S>>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let tracer: SdkTracer = self.traces.as_ref()?.tracer("drifting");
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(filter_fn(|of| of.is_span() && of.target() == TRACED)))
    }

    /// Takes log lines.
    pub(super) fn log_layer<S>(&self, filter: EnvFilter) -> Option<impl Layer<S> + Send + Sync + use<S>>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        Some(OpenTelemetryTracingBridge::new(self.logs.as_ref()?).with_filter(filter))
    }

    /// Sends what is left, for a while. Must be called while the runtime is there, and not on one of its threads.
    pub fn finish(self) {
        let Self { traces, metrics, logs } = self;
        let (sender, ended) = mpsc::channel();
        let mut n_begun = 0;
        let mut begin = |work: Box<dyn FnOnce() + Send>| {
            let sender = sender.clone();
            n_begun += 1;
            // A thread that does not end is left behind: the process ends.
            std::thread::spawn(move || {
                work();
                // Nobody may wait any more.
                let _ = sender.send(());
            });
        };
        // What cannot be sent has been told, and the process ends anyway.
        if let Some(traces) = traces {
            begin(Box::new(move || drop(traces.shutdown_with_timeout(FLUSHED_WITHIN))));
        }
        if let Some(metrics) = metrics {
            begin(Box::new(move || drop(metrics.shutdown_with_timeout(FLUSHED_WITHIN))));
        }
        if let Some(logs) = logs {
            begin(Box::new(move || drop(logs.shutdown_with_timeout(FLUSHED_WITHIN))));
        }
        let deadline = Instant::now() + FLUSHED_WITHIN;
        for _ in 0..n_begun {
            if ended.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_err() {
                tracing::warn!("the collector of OpenTelemetry did not take the last data in time");
                return;
            }
        }
    }
}

/// What this server is, unless the environment says so.
fn resource() -> Resource {
    let is_named = std::env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|told| told.contains("service.name="));
    let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if is_named { resource.build() } else { resource.with_service_name("drifting").build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(signal: Signal, environment: &[(&str, &str)]) -> Option<Protocol> {
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        signal.wanted(variable).unwrap()
    }

    #[test]
    fn an_endpoint_asks_for_data() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            assert_eq!(wanted(signal, &[]), None);
            assert_eq!(wanted(signal, &[(all.0, "")]), None);
            assert_eq!(wanted(signal, &[all]), Some(Protocol::Http));
            assert_eq!(wanted(signal, &[all, ("OTEL_SDK_DISABLED", "TRUE")]), None);
            assert_eq!(wanted(signal, &[all, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]), Some(Protocol::Grpc));
        }
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:4318/v1/traces");
        assert_eq!(wanted(Signal::Traces, &[traces]), Some(Protocol::Http));
        assert_eq!(wanted(Signal::Logs, &[traces]), None);
        assert_eq!(wanted(Signal::Logs, &[all, ("OTEL_LOGS_EXPORTER", "none")]), None);
    }

    #[test]
    fn an_unknown_protocol_is_told() {
        let environment =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let error = Signal::Traces.wanted(variable).unwrap_err().to_string();
        assert!(error.contains("expected grpc or http/protobuf, got `http/json`"), "{error}");
    }
}
