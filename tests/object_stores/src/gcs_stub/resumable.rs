//! Uploads in steps, `uploadType=resumable`: a session is begun with the conditions, takes the content in pieces, and
//! writes the object when the last has come.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde_json::{Map, Value};

use super::answers::{Answer, Refusal, empty, json_answer};
use super::json_api;
use super::objects::{Buckets, Preconditions};
use super::question::Question;

/// Every piece but the last is a multiple of it.
const GRAIN: u64 = 256 * 1024;

struct Session {
    bucket: String,
    name: String,
    attributes: Map<String, Value>,
    preconditions: Preconditions,
    received: BytesMut,
    /// The answer to the last piece, for a client that has lost it.
    written: Option<Value>,
}

/// All uploads that have begun. The name of a session is all that it takes to continue it, as it is at Google's.
#[derive(Default)]
pub(super) struct Sessions {
    sessions: HashMap<String, Session>,
    n_begun: u64,
}

impl Sessions {
    /// `POST`: begins one, and says where it continues.
    pub(super) fn begin(&mut self, buckets: &Buckets, bucket: &str, question: &Question) -> Result<Answer, Refusal> {
        let name = question.required("name")?.to_owned();
        let preconditions = Preconditions::of(question)?;
        preconditions.check_change(buckets.find(bucket, &name)?)?;
        self.n_begun += 1;
        let id = format!("session-{}", self.n_begun);
        // Under the name that the client calls the stub by, so that a proxy in between stays there.
        let host = question.header("host").unwrap_or_default();
        let location = format!("http://{host}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}");
        let session = Session {
            bucket: bucket.to_owned(),
            name,
            attributes: json_api::attributes(&question.body)?,
            preconditions,
            received: BytesMut::new(),
            written: None,
        };
        self.sessions.insert(id, session);
        let mut answer = empty(StatusCode::OK);
        let location = HeaderValue::try_from(location).map_err(|_| Refusal::invalid("That host has no name"))?;
        answer.headers_mut().insert("location", location);
        Ok(answer)
    }

    /// `PUT`: takes a piece, or tells how much has come.
    pub(super) fn take(&mut self, buckets: &mut Buckets, id: &str, question: &Question) -> Result<Answer, Refusal> {
        let session = self.sessions.get_mut(id).ok_or_else(gone)?;
        if let Some(written) = &session.written {
            return Ok(json_answer(StatusCode::OK, written));
        }
        let piece = Piece::of(question)?;
        let n_received = session.received.len() as u64;
        if let Some(start) = piece.start {
            if start > n_received {
                return Ok(session.incomplete());
            }
            // What was stored already is passed over, so that a piece may come again.
            let n_known = usize::try_from(n_received - start).unwrap_or(usize::MAX).min(question.body.len());
            let mut fresh = question.body.slice(n_known..);
            if piece.total.is_none() {
                let n_kept = (n_received + fresh.len() as u64) / GRAIN * GRAIN;
                fresh.truncate(usize::try_from(n_kept.saturating_sub(n_received)).unwrap_or(usize::MAX));
            }
            session.received.extend_from_slice(&fresh);
        }
        if piece.total != Some(session.received.len() as u64) {
            return Ok(session.incomplete());
        }
        let content: Bytes = std::mem::take(&mut session.received).freeze();
        let (bucket, name) = (session.bucket.clone(), session.name.clone());
        let written = buckets.put((&bucket, &name), content, session.attributes.clone(), session.preconditions);
        match written {
            Ok(object) => {
                let resource = object.resource(&bucket, &name);
                session.written = Some(resource.clone());
                Ok(json_answer(StatusCode::OK, &resource))
            }
            Err(refusal) => {
                self.sessions.remove(id);
                Err(refusal)
            }
        }
    }

    /// `DELETE`: gives one up.
    pub(super) fn cancel(&mut self, id: &str) -> Result<Answer, Refusal> {
        self.sessions.remove(id).ok_or_else(gone)?;
        // Google's own status for it: the client has closed the request.
        Ok(empty(StatusCode::from_u16(499).expect("a number of three digits is a status")))
    }
}

impl Session {
    fn incomplete(&self) -> Answer {
        let mut answer = empty(StatusCode::PERMANENT_REDIRECT);
        if let Some(last) = self.received.len().checked_sub(1) {
            let range = HeaderValue::try_from(format!("bytes=0-{last}")).expect("digits are a value");
            answer.headers_mut().insert("range", range);
        }
        answer
    }
}

fn gone() -> Refusal {
    Refusal::new(StatusCode::GONE, "uploadGone", "The upload session is not known.")
}

/// What `Content-Range` says: `bytes START-LAST/TOTAL`, with `*` for what is not known or not there.
struct Piece {
    start: Option<u64>,
    total: Option<u64>,
}

impl Piece {
    fn of(question: &Question) -> Result<Self, Refusal> {
        let Some(header) = question.header("content-range") else {
            return Ok(Self { start: Some(0), total: Some(question.body.len() as u64) });
        };
        Self::parse(header).ok_or_else(|| Refusal::invalid(format!("Failed to parse Content-Range: {header}")))
    }

    fn parse(header: &str) -> Option<Self> {
        let (range, total) = header.strip_prefix("bytes ")?.split_once('/')?;
        let number = |text: &str| text.parse::<u64>().ok();
        let total = if total == "*" { None } else { Some(number(total)?) };
        let start = if range == "*" { None } else { Some(number(range.split_once('-')?.0)?) };
        Some(Self { start, total })
    }
}
