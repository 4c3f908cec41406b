//! Uploads of parts over the XML interface, which clients take for large objects without conditions.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use md5::{Digest, Md5};
use serde_json::{Map, Value};

use super::answers::{Answer, Refusal, empty, xml_answer};
use super::objects::{Buckets, Preconditions};
use super::question::Question;

/// Every part but the last has at least this many bytes.
const PART_MIN: usize = 5 * 1024 * 1024;

struct Upload {
    bucket: String,
    name: String,
    attributes: Map<String, Value>,
    parts: BTreeMap<u64, Bytes>,
}

/// All uploads that have begun.
#[derive(Default)]
pub(super) struct XmlUploads {
    uploads: HashMap<String, Upload>,
    n_begun: u64,
}

impl XmlUploads {
    /// `POST /BUCKET/NAME?uploads`.
    pub(super) fn begin(
        &mut self,
        buckets: &Buckets,
        (bucket, name): (&str, &str),
        question: &Question,
    ) -> Result<Answer, Refusal> {
        buckets.find(bucket, name)?;
        self.n_begun += 1;
        let id = format!("upload-{}", self.n_begun);
        let content_type = question.header("content-type").map(|kind| ("contentType".to_owned(), kind.into()));
        let attributes = content_type.into_iter().collect();
        let (bucket, name) = (bucket.to_owned(), name.to_owned());
        self.uploads.insert(id.clone(), Upload { bucket, name, attributes, parts: BTreeMap::new() });
        Ok(xml_answer(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><InitiateMultipartUploadResult><UploadId>{id}</UploadId>\
             </InitiateMultipartUploadResult>"
        )))
    }

    /// `PUT /BUCKET/NAME?partNumber=N&uploadId=ID`.
    pub(super) fn take(&mut self, question: &Question) -> Result<Answer, Refusal> {
        let number = question.number("partNumber")?.ok_or_else(|| Refusal::invalid("partNumber is missing"))?;
        let upload = self.uploads.get_mut(question.required("uploadId")?).ok_or_else(no_upload)?;
        upload.parts.insert(number, question.body.clone());
        Ok(with_etag(empty(StatusCode::OK), &etag(&question.body)))
    }

    /// `POST /BUCKET/NAME?uploadId=ID` with the list of the parts.
    pub(super) fn complete(&mut self, buckets: &mut Buckets, question: &Question) -> Result<Answer, Refusal> {
        let id = question.required("uploadId")?;
        let upload = self.uploads.get(id).ok_or_else(no_upload)?;
        let list = String::from_utf8_lossy(&question.body);
        let mut content = BytesMut::new();
        let listed: Vec<&str> = list.split("<Part>").skip(1).collect();
        for (n, part) in listed.iter().enumerate() {
            let number = element(part, "PartNumber").and_then(|number| number.parse::<u64>().ok());
            let bytes = number.and_then(|number| upload.parts.get(&number)).ok_or_else(|| {
                Refusal::new(StatusCode::BAD_REQUEST, "InvalidPart", "One of the parts could not be found.")
            })?;
            if element(part, "ETag").is_none_or(|named| named.replace("&quot;", "\"") != etag(bytes)) {
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidPart", "A part has another entity tag."));
            }
            if bytes.len() < PART_MIN && n + 1 < listed.len() {
                return Err(Refusal::new(StatusCode::BAD_REQUEST, "EntityTooSmall", "A part is too small."));
            }
            content.extend_from_slice(bytes);
        }
        let upload = self.uploads.remove(id).ok_or_else(no_upload)?;
        let place = (upload.bucket.as_str(), upload.name.as_str());
        let object = buckets.put(place, content.freeze(), upload.attributes, Preconditions::default())?;
        let answer = xml_answer("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>".to_owned());
        let mut answer = with_etag(answer, &format!("\"{}\"", object.etag()));
        answer.headers_mut().insert("x-goog-generation", object.generation.into());
        Ok(answer)
    }

    /// `DELETE /BUCKET/NAME?uploadId=ID`.
    pub(super) fn abort(&mut self, question: &Question) -> Result<Answer, Refusal> {
        self.uploads.remove(question.required("uploadId")?).ok_or_else(no_upload)?;
        Ok(empty(StatusCode::NO_CONTENT))
    }
}

fn no_upload() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "NoSuchUpload", "The requested upload was not found.")
}

fn etag(content: &[u8]) -> String {
    format!("\"{}\"", STANDARD.encode(Md5::digest(content)))
}

fn with_etag(mut answer: Answer, etag: &str) -> Answer {
    let etag = HeaderValue::from_str(etag).expect("an entity tag is plain text");
    answer.headers_mut().insert("etag", etag);
    answer
}

/// The text of the first element of a name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}
