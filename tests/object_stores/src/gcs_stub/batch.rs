//! Several requests in one, `POST /batch/storage/v1`: each is carried out by itself.

use std::fmt::Write;

use bytes::Bytes;
use hyper::{HeaderMap, Method, StatusCode, Uri};

use super::answers::{Answer, Refusal, with_body};
use super::multipart;
use super::question::Question;

const BOUNDARY: &str = "batch_of_the_stub";
const N_MAX: usize = 100;

/// Answers each request of a batch with `answer`.
pub(super) fn each(
    question: &Question,
    mut answer: impl FnMut(&Question) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let parts = multipart::parts(question)?;
    if parts.len() > N_MAX {
        return Err(Refusal::invalid(format!("A batch has at most {N_MAX} requests")));
    }
    let mut body = String::new();
    for part in parts {
        let inner = request(&part.content).ok_or_else(|| Refusal::invalid("A part is no request"))?;
        let answer = answer(&inner).unwrap_or_else(|refusal| refusal.answer());
        let id = part.header("content-id").unwrap_or_default().trim_matches(['<', '>']);
        let (head, content) = answer.into_parts();
        let content = String::from_utf8_lossy(&content);
        let _ = write!(
            body,
            "--{BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <response-{id}>\r\n\r\n\
             HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{content}\r\n",
            head.status,
            content.len(),
        );
    }
    let _ = write!(body, "--{BOUNDARY}--\r\n");
    Ok(with_body(StatusCode::OK, &format!("multipart/mixed; boundary={BOUNDARY}"), body.into()))
}

/// A request within a part. None that batches carry needs headers or a body.
fn request(message: &Bytes) -> Option<Question> {
    let message = String::from_utf8_lossy(message);
    let mut line = message.trim_start().lines().next()?.split(' ');
    let method = Method::from_bytes(line.next()?.as_bytes()).ok()?;
    let uri: Uri = line.next()?.parse().ok()?;
    Some(Question::new(method, &uri, HeaderMap::new(), Bytes::new()))
}
