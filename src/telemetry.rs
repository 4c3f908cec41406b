//! The log: one subscriber for the process, to standard error, and to a collector of OpenTelemetry where there is one.

mod json_lines;
mod otlp;
mod otlp_client;
mod request_tracer;

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use drifting_listening::Tracing;
use tracing::Subscriber;
use tracing::field::Field;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use self::json_lines::{JsonLines, SpanMembers};
use self::otlp::Otlp;
use self::request_tracer::SpansOfRequests;
use crate::commands::output::printable;
use crate::config::{LogFormat, LogLevel};

/// Lines that may wait for whoever reads standard error; more are dropped.
const LINES_MAX: usize = 100_000;

/// What is written and sent, until it is finished.
pub struct Telemetry {
    last_lines: WorkerGuard,
    otlp: Otlp,
}

/// Whether the requests of this process are traced.
static IS_TRACED: AtomicBool = AtomicBool::new(false);

/// Where requests are traced, if they are.
pub fn tracing_of_requests() -> Tracing {
    if IS_TRACED.load(Ordering::Relaxed) { Tracing::by(Arc::new(SpansOfRequests)) } else { Tracing::default() }
}

impl Telemetry {
    /// Sends what is left, for a while. Must be called while the runtime is there, and not on one of its threads. What is returned
    /// writes the last lines when it is dropped.
    pub fn finish(self) -> WorkerGuard {
        self.otlp.finish();
        self.last_lines
    }
}

/// Starts the log, and whatever else the environment asks for. The log is written by a thread of its own, because no answer waits for
/// a slow reader of the log. Must be called within a runtime of tokio.
///
/// # Errors
///
/// When the process has a log already, or the environment asks for what there is not.
pub fn init(format: LogFormat, level: &LogLevel) -> anyhow::Result<Telemetry> {
    let colours = std::io::stderr().is_terminal();
    let otlp = Otlp::of_environment()?;
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES_MAX)
        .thread_name("log")
        .finish(std::io::stderr());
    if otlp.is_off() {
        match format {
            LogFormat::Pretty => pretty(level, colours, writer).try_init(),
            LogFormat::Json => json(level, writer).try_init(),
        }
    } else {
        IS_TRACED.store(otlp.has_traces(), Ordering::Relaxed);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
            LogFormat::Pretty => {
                let layer = tracing_subscriber::fmt::layer().fmt_fields(debug_fn(write_field).delimited(" "));
                let layer = layer.with_writer(writer);
                // Where there is a terminal, the layer itself looks at NO_COLOR.
                if colours { layer.boxed() } else { layer.with_ansi(false).boxed() }
            }
            LogFormat::Json => json_layer(writer).boxed(),
        };
        // Each has a filter of its own: a request is traced whatever is logged of it.
        tracing_subscriber::registry()
            .with(lines.with_filter(level.filter()))
            .with(otlp.trace_layer())
            .with(otlp.log_layer(level.filter_of_exports()))
            .try_init()
    }
    .context("cannot start the log")?;
    Ok(Telemetry { last_lines: guard, otlp })
}

/// Lines for people.
fn pretty<W>(level: &LogLevel, colours: bool, writer: W) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .fmt_fields(debug_fn(write_field).delimited(" "))
        .with_env_filter(level.filter())
        .with_writer(writer);
    // Where there is a terminal, the layer itself looks at NO_COLOR.
    if colours { builder.finish() } else { builder.with_ansi(false).finish() }
}

/// Writes a field so that a hostile value can neither steer the reader's terminal nor fake a line: the formatter of the
/// library escapes messages and errors, but no value that is logged by its `Display`.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let value = printable(&format!("{value:?}"));
    match field.name() {
        "message" => writer.write_str(&value),
        // What the bridge from the `log` crate notes of a line's origin.
        name if name.starts_with("log.") => Ok(()),
        // What spans hold for tracing systems alone, in their words.
        name if name.contains('.') => Ok(()),
        name => write!(writer, "{name}={value}"),
    }
}

/// One JSON object a line.
fn json<W>(level: &LogLevel, writer: W) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter: Box<dyn Layer<Registry> + Send + Sync> = match level.filter_by_target() {
        Some(filter) => filter.boxed(),
        None => level.filter().boxed(),
    };
    tracing_subscriber::registry().with(filter).with(json_layer(writer))
}

fn json_layer<S, W>(writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer().event_format(JsonLines).fmt_fields(SpanMembers).with_writer(writer)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Captured {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    const HOSTILE: &str = "\u{1b}[2J\u{7}\u{9b}2J\nfake";

    fn log_hostile_values() {
        let error = std::io::Error::other(HOSTILE);
        let error: &(dyn std::error::Error + 'static) = &error;
        let trace_id = tracing::field::Empty;
        let span = tracing::error_span!("request", request_id = "order-7", trace_id, path = %HOSTILE);
        span.record("trace_id", "0af7");
        span.in_scope(|| {
            tracing::info!(display = %HOSTILE, debug = ?HOSTILE, text = HOSTILE, error, number = 0.5, "message {HOSTILE}");
        });
        tracing::debug!("below the level");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        for colours in [false, true] {
            let captured = Captured::default();
            let writer = captured.clone();
            let subscriber = pretty(&"info".parse().unwrap(), colours, move || writer.clone());
            tracing::subscriber::with_default(subscriber, log_hostile_values);
            let text = captured.text();
            assert!(text.contains("message") && !text.contains("below the level"), "{text:?}");
            for raw in ["\u{1b}[2J", "\u{7}", "\u{9b}", "\nfake"] {
                assert!(!text.contains(raw), "{raw:?} in {text:?}");
            }
        }
    }

    #[test]
    fn json_lines_are_json() {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = json(&"info".parse().unwrap(), move || writer.clone());
        tracing::subscriber::with_default(subscriber, log_hostile_values);
        let text = captured.text();
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["text"], HOSTILE);
        assert_eq!(line["msg"], format!("message {HOSTILE}"));
        assert!(line["ts"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().is_ok());
        assert_eq!(line["request_id"], "order-7");
        assert_eq!(line["trace_id"], "0af7", "what is recorded later stands there too");
        assert_eq!(text.trim_end().lines().count(), 1);
        for raw in ["\u{1b}", "\u{9b}"] {
            assert!(!text.contains(raw), "{raw:?} in {text:?}");
        }
        assert!(line.get("path").is_none() && line.get("span").is_none(), "{line}");
    }
}
