//! Bodies of several parts, as writers and batches send them.

use bytes::Bytes;
use memchr::memmem;

use super::answers::Refusal;
use super::question::Question;

/// A part: its headers as text, and what follows them.
pub(super) struct Part {
    headers: String,
    pub(super) content: Bytes,
}

impl Part {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.headers.lines().filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// The parts of a body.
pub(super) fn parts(question: &Question) -> Result<Vec<Part>, Refusal> {
    let content_type = question.header("content-type").unwrap_or_default();
    let boundary = content_type.split(';').find_map(|field| field.trim().strip_prefix("boundary="));
    let boundary = boundary.ok_or_else(|| Refusal::invalid("A multipart body needs a boundary"))?;
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let body = &question.body;
    let places: Vec<usize> = memmem::find_iter(body, delimiter.as_bytes()).collect();
    let between = places.windows(2).map(|places| {
        let start = places[0] + delimiter.len() + "\r\n".len();
        let end = places[1].saturating_sub("\r\n".len());
        let part = body.slice(start.min(end)..end);
        let (headers, content) = split_head(&part).ok_or_else(|| Refusal::invalid("A part has no headers"))?;
        Ok(Part { headers: String::from_utf8_lossy(&headers).into_owned(), content })
    });
    between.collect()
}

/// What stands before the first empty line, and what after it.
pub(super) fn split_head(message: &Bytes) -> Option<(Bytes, Bytes)> {
    let end = memmem::find(message, b"\r\n\r\n")?;
    Some((message.slice(..end), message.slice(end + 4..)))
}
