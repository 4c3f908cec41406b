//! Log lines as JSON, one object a line: when, how grave, what, the event's own fields, and which request it belongs to.

use std::borrow::Cow;
use std::fmt::{self, Write};

use chrono::{SecondsFormat, Utc};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// What every line within a span says of it.
const OF_SPANS: [&str; 3] = ["request_id", "trace_id", "operation_id"];

/// Longer texts are cut off: clients choose some of them.
const TEXT_BYTES_MAX: usize = 4_096;

/// The form of lines.
pub(super) struct JsonLines;

/// The form of what spans add to lines: written once a span, as it stands in each of its lines.
pub(super) struct SpanMembers;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let of_event = event.metadata();
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        write!(writer, "{{\"ts\":\"{at}\",\"level\":\"{}\"", of_event.level())?;
        let mut members = Members { writer: writer.by_ref(), only: None, outcome: Ok(()) };
        event.record(&mut members);
        members.outcome?;
        if let Some(spans) = context.event_scope() {
            for span in spans.from_root() {
                if let Some(members) = span.extensions().get::<FormattedFields<N>>() {
                    writer.write_str(&members.fields)?;
                }
            }
        }
        writer.write_str(",\"target\":")?;
        write_quoted(&mut writer, of_event.target())?;
        writer.write_str("}\n")
    }
}

impl<'writer> FormatFields<'writer> for SpanMembers {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut members = Members { writer, only: Some(&OF_SPANS), outcome: Ok(()) };
        fields.record(&mut members);
        members.outcome
    }
}

/// Writes fields as members, each after a comma.
struct Members<'w> {
    writer: Writer<'w>,
    /// The names that are written, if not all.
    only: Option<&'static [&'static str]>,
    outcome: fmt::Result,
}

impl Members<'_> {
    /// Writes a field, if it is one that is written; its value into the line itself.
    fn put(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        let name = match field.name() {
            "message" => "msg",
            // What the bridge from the `log` crate notes of a line's origin.
            name if name.starts_with("log.") => return,
            name => name.strip_prefix("r#").unwrap_or(name),
        };
        if self.outcome.is_ok() && self.only.is_none_or(|only| only.contains(&name)) {
            self.outcome = write!(self.writer, ",\"{name}\":").and_then(|()| value(&mut self.writer));
        }
    }
}

impl Visit for Members<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |line| if value.is_finite() { write!(line, "{value}") } else { line.write_str("null") });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |line| write!(line, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |line| write!(line, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |line| line.write_str(if value { "true" } else { "false" }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |line| write_quoted(line, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, |line| {
            let mut text = Shortened(String::new());
            // Where it is too long, the beginning is kept.
            let _ = write!(text, "{value:?}");
            write_quoted(line, &text.0)
        });
    }
}

/// A text that takes no more than can be used of it.
struct Shortened(String);

impl Write for Shortened {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        if self.0.len() > TEXT_BYTES_MAX { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Writes a text in quotes.
fn write_quoted(line: &mut Writer<'_>, text: &str) -> fmt::Result {
    // Most stand in JSON as they are.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if text.len() > TEXT_BYTES_MAX || !text.bytes().all(is_plain) {
        return line.write_str(&quoted(text));
    }
    line.write_char('"')?;
    line.write_str(text)?;
    line.write_char('"')
}

/// A text in quotes, all control characters escaped, of a bounded length.
fn quoted(text: &str) -> String {
    let text = match text.len() {
        n if n > TEXT_BYTES_MAX => Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(TEXT_BYTES_MAX)])),
        _ => Cow::Borrowed(text),
    };
    // A text is JSON.
    let json = serde_json::to_string(&text).unwrap_or_default();
    // JSON leaves these as they are; terminals and readers of lines may not.
    let is_risky = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}');
    if json.is_ascii() && !json.contains('\u{7f}') || !json.contains(is_risky) {
        return json;
    }
    let escaped = |c: char| if is_risky(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_it_is_is_json() {
        for text in ["", "plain text", "a \"b\"", "a\\b", "\r\n", "ä", "\u{7f}", "~ !"] {
            let mut line = String::new();
            write_quoted(&mut Writer::new(&mut line), text).unwrap();
            assert_eq!(line, quoted(text));
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }

    #[test]
    fn texts_are_whole_short_and_of_one_line() {
        assert_eq!(quoted("a \"b\""), r#""a \"b\"""#);
        assert_eq!(quoted("\r\n\u{1b}[2J\u{9b}\u{7f}\u{2028}ä"), r#""\r\n\u001b[2J\u009b\u007f\u2028ä""#);
        let long = quoted(&"ä".repeat(1 << 20));
        assert!(long.len() < TEXT_BYTES_MAX + 10 && long.ends_with("ä…\""), "{}", long.len());
    }
}
