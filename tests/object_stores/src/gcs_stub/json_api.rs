//! The JSON interface to objects: read, list, write in one request, copy, delete.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde_json::{Map, Value, json};

use super::answers::{Answer, Refusal, empty, json_answer, with_body};
use super::multipart;
use super::objects::{Buckets, Listing, Object, Preconditions};
use super::question::Question;

/// How many names a page has at most.
const PAGE: u64 = 1_000;

/// `GET /storage/v1/b/BUCKET/o/NAME`: the resource, or with `alt=media` the content.
pub(super) fn read(buckets: &Buckets, bucket: &str, name: &str, question: &Question) -> Result<Answer, Refusal> {
    let object = buckets.get(bucket, name)?;
    Preconditions::of(question)?.check_read(object)?;
    check_etag(object, question)?;
    if question.parameter("alt") == Some("media") {
        return media(object, question.header("range"));
    }
    Ok(json_answer(StatusCode::OK, &object.resource(bucket, name)))
}

/// `GET /storage/v1/b/BUCKET/o`: a page of names.
pub(super) fn list(buckets: &Buckets, bucket: &str, question: &Question) -> Result<Answer, Refusal> {
    let token = question.parameter("pageToken").unwrap_or_default();
    let after = URL_SAFE_NO_PAD.decode(token).ok().and_then(|after| String::from_utf8(after).ok());
    let n_max = question.number("maxResults")?.unwrap_or(PAGE).clamp(1, PAGE);
    let page = buckets.list(
        bucket,
        &Listing {
            prefix: question.parameter("prefix").unwrap_or_default(),
            delimiter: question.parameter("delimiter").unwrap_or_default(),
            start: question.parameter("startOffset").unwrap_or_default(),
            after: &after.ok_or_else(|| Refusal::invalid("Invalid page token"))?,
            n_max: usize::try_from(n_max).unwrap_or(usize::MAX),
        },
    )?;
    let items: Vec<Value> = page.objects.iter().map(|(name, object)| object.resource(bucket, name)).collect();
    let mut body = json!({"kind": "storage#objects", "items": items, "prefixes": page.prefixes});
    if let Some(next) = page.next {
        body["nextPageToken"] = URL_SAFE_NO_PAD.encode(next).into();
    }
    Ok(json_answer(StatusCode::OK, &body))
}

/// `POST /upload/storage/v1/b/BUCKET/o` with `uploadType=media`: the body is the content.
pub(super) fn write_media(buckets: &mut Buckets, bucket: &str, question: &Question) -> Result<Answer, Refusal> {
    let content_type = question.header("content-type").map(|kind| ("contentType".to_owned(), kind.into()));
    write(buckets, bucket, question, question.body.clone(), content_type.into_iter().collect())
}

/// The same with `uploadType=multipart`: the first part is the resource, the second the content.
pub(super) fn write_multipart(buckets: &mut Buckets, bucket: &str, question: &Question) -> Result<Answer, Refusal> {
    let parts = multipart::parts(question)?;
    let [resource, media] = parts.as_slice() else { return Err(Refusal::invalid("Two parts are expected")) };
    write(buckets, bucket, question, media.content.clone(), attributes(&resource.content)?)
}

/// The resource that a writer sends along.
pub(super) fn attributes(resource: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if resource.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(resource).map_err(|error| Refusal::invalid(format!("Parse Error: {error}")))
}

fn write(
    buckets: &mut Buckets,
    bucket: &str,
    question: &Question,
    content: Bytes,
    attributes: Map<String, Value>,
) -> Result<Answer, Refusal> {
    let named = attributes.get("name").and_then(Value::as_str);
    let name = question.parameter("name").or(named).ok_or_else(|| Refusal::invalid("Required"))?.to_owned();
    let object = buckets.put((bucket, &name), content, attributes, Preconditions::of(question)?)?;
    Ok(json_answer(StatusCode::OK, &object.resource(bucket, &name)))
}

/// `POST /storage/v1/b/BUCKET/o/NAME/rewriteTo/b/BUCKET/o/NAME`: a copy, in one step whatever its size.
pub(super) fn copy(
    buckets: &mut Buckets,
    (bucket, name): (&str, &str),
    to: (&str, &str),
    question: &Question,
) -> Result<Answer, Refusal> {
    let source = buckets.get(bucket, name)?.clone();
    if question.number("sourceGeneration")?.is_some_and(|wanted| wanted != source.generation) {
        return Err(Refusal::not_found(&format!("{bucket}/{name}")));
    }
    let (content, attributes) = (source.content.clone(), source.attributes().clone());
    let size = content.len().to_string();
    let copy = buckets.put(to, content, attributes, Preconditions::of(question)?)?;
    let resource = copy.resource(to.0, to.1);
    let body = json!({"done": true, "totalBytesRewritten": size, "objectSize": size, "resource": resource});
    Ok(json_answer(StatusCode::OK, &body))
}

/// `DELETE /storage/v1/b/BUCKET/o/NAME`.
pub(super) fn delete(buckets: &mut Buckets, bucket: &str, name: &str, question: &Question) -> Result<Answer, Refusal> {
    let current = buckets.get(bucket, name)?.generation;
    if question.number("generation")?.is_some_and(|wanted| wanted != current) {
        return Err(Refusal::not_found(&format!("{bucket}/{name}")));
    }
    buckets.delete(bucket, name, Preconditions::of(question)?)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn check_etag(object: &Object, question: &Question) -> Result<(), Refusal> {
    let etag = object.etag();
    let is_named =
        |header: &str| header == "*" || header.split(',').any(|named| named.trim().trim_matches('"') == etag);
    if question.header("if-match").is_some_and(|header| !is_named(header)) {
        return Err(Refusal::condition_not_met());
    }
    if question.header("if-none-match").is_some_and(is_named) {
        return Err(Refusal::not_modified());
    }
    Ok(())
}

/// The content, or the range of it that is asked for.
fn media(object: &Object, range: Option<&str>) -> Result<Answer, Refusal> {
    let size = object.content.len();
    let (status, content, place) = match range {
        None => (StatusCode::OK, object.content.clone(), None),
        Some(range) => {
            let (start, end) = bounds(range, size).ok_or_else(|| {
                let message = "The requested range cannot be satisfied.";
                Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "requestedRangeNotSatisfiable", message)
            })?;
            let place = format!("bytes {start}-{}/{size}", end - 1);
            (StatusCode::PARTIAL_CONTENT, object.content.slice(start..end), Some(place))
        }
    };
    let mut answer = with_body(status, object.content_type(), content);
    let headers = [
        ("etag", Some(format!("\"{}\"", object.etag()))),
        ("x-goog-generation", Some(object.generation.to_string())),
        ("x-goog-metageneration", Some("1".to_owned())),
        ("x-goog-stored-content-length", Some(size.to_string())),
        ("last-modified", Some(object.updated.format("%a, %d %b %Y %H:%M:%S GMT").to_string())),
        ("content-range", place),
    ];
    for (name, value) in headers {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            answer.headers_mut().insert(name, value);
        }
    }
    Ok(answer)
}

/// Start and end (exclusive) of `bytes=START-[LAST]` or `bytes=-COUNT`, where some of it exists.
fn bounds(range: &str, size: usize) -> Option<(usize, usize)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (start, last) {
        ("", count) => (size.saturating_sub(count.parse().ok()?), size),
        (start, "") => (start.parse().ok()?, size),
        (start, last) => (start.parse().ok()?, size.min(last.parse::<usize>().ok()?.checked_add(1)?)),
    };
    (start < end).then_some((start, end))
}
