//! The body of a request over HTTP: JSON, and behind it the tensors that came in bytes.

use crate::json;
use crate::{Budget, InferRequest, Refusal, RefusalCode};

/// Reads the body of a request for a model. `json_length` is what the header `Inference-Header-Content-Length` says, if it
/// came; tensors may take `bytes_max` bytes. Time O(body); memory O(body), no tree of values between.
///
/// # Errors
/// What was expected, what came, and where.
pub fn read_request(
    body: &[u8],
    json_length: Option<usize>,
    model: &str,
    bytes_max: usize,
) -> Result<InferRequest, Refusal> {
    let (json, bytes) = body.split_at_checked(json_length.unwrap_or(body.len())).ok_or_else(|| {
        let detail = format!(
            "expected a body of at least the {} bytes of JSON that `Inference-Header-Content-Length` says, {} came",
            json_length.unwrap_or_default(),
            body.len()
        );
        Refusal::new(RefusalCode::Malformed, detail)
    })?;
    let mut budget = Budget::beside_json(json.len(), bytes_max);
    let read = json::read(json, &mut budget)?;
    if let Some(named) = read.model_name.as_deref().filter(|named| !named.is_empty() && *named != model) {
        let shown: String = named.chars().take(60).collect();
        return Err(Refusal::malformed("/model_name", format!("expected the model of the path, {shown:?} came")));
    }
    read.with_bytes(bytes, bytes_max)
}
