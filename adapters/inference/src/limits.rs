//! What a request may hold, as the owner of the server decides.

use drifting_domain::data::COLUMNS_MAX;

use crate::{InferRequest, Refusal, RefusalCode, Shape};

/// What a request may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes that its tensors may take.
    pub bytes: usize,
    /// Arrays and objects of JSON within one another.
    pub json_depth: usize,
    /// Tensors.
    pub tensors: usize,
    /// Dimensions of a tensor.
    pub rank: usize,
}

impl ReadLimits {
    /// The parser follows arrays and objects so deep.
    pub const JSON_DEPTH_MAX: usize = 127;
    /// More tensors are not read.
    pub const TENSORS_MAX: usize = COLUMNS_MAX;
    /// More dimensions are not read.
    pub const RANK_MAX: usize = Shape::RANK_MAX;

    /// As much as can be read within so many bytes.
    pub fn of_bytes(bytes: usize) -> Self {
        Self { bytes, json_depth: Self::JSON_DEPTH_MAX, tensors: Self::TENSORS_MAX, rank: Self::RANK_MAX }
    }

    /// The same for JSON that has been held against them, so that no part of it is gone through again.
    #[must_use]
    pub fn json_checked(self) -> Self {
        Self { json_depth: Self::JSON_DEPTH_MAX, ..self }
    }

    /// Refuses JSON that is nested deeper than this, before it is read. Time O(bytes) where the limit is below the parser's own, else O(1).
    ///
    /// # Errors
    /// With the byte that opens the array or object which is one too many.
    pub fn check_json(&self, json: &[u8]) -> Result<(), Refusal> {
        if self.json_depth >= Self::JSON_DEPTH_MAX {
            return Ok(());
        }
        match first_deeper(json, self.json_depth) {
            None => Ok(()),
            Some(offset) => {
                let detail = format!(
                    "expected arrays and objects at most {} deep within one another, a deeper one came at byte {offset}",
                    self.json_depth
                );
                Err(Refusal::new(RefusalCode::Malformed, detail))
            }
        }
    }

    /// Refuses too many tensors, and tensors of too many dimensions.
    ///
    /// # Errors
    /// What was expected, what came, and where.
    pub fn check(&self, request: &InferRequest) -> Result<(), Refusal> {
        let n_tensors = request.inputs.len();
        if n_tensors > self.tensors {
            let detail = format!("expected at most {} tensors, {n_tensors} came", self.tensors);
            return Err(Refusal::malformed("/inputs", detail));
        }
        let ranks = request.inputs.iter().map(|input| input.shape.dimensions().len());
        match ranks.enumerate().find(|(_, rank)| *rank > self.rank) {
            None => Ok(()),
            Some((index, rank)) => {
                let detail = format!("expected at most {} dimensions, {rank} came", self.rank);
                Err(Refusal::malformed(format!("/inputs/{index}/shape"), detail))
            }
        }
    }
}

/// The place, from 1, of the first bracket or brace that stands deeper than `depth_max`. What is no JSON is left to the parser.
fn first_deeper(json: &[u8], depth_max: usize) -> Option<usize> {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for (index, &byte) in json.iter().enumerate() {
        // No branches come of these: texts are short, and where they begin and end cannot be foreseen.
        in_text ^= byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        if byte < b'[' || in_text {
            continue;
        }
        match byte {
            b'[' | b'{' if depth == depth_max => return Some(index + 1),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_request;

    fn refusal(json: &str, limits: ReadLimits) -> Option<String> {
        read_request(json.as_bytes(), None, "m", &limits).err().map(|refusal| refusal.detail.into_owned())
    }

    #[test]
    fn json_is_followed_as_deep_as_is_set() {
        for (json, depth) in [
            ("1", 0),
            ("[]", 1),
            (r#"{"a": [[1], {"b": 2}], "c": [[3]]}"#, 3),
            (r#"["[[[", "\"[[[", "\\\\", [1]]"#, 2),
            ("[]]]][[", 2),
        ] {
            assert_eq!(first_deeper(json.as_bytes(), depth), None, "{json}");
            assert!(depth == 0 || first_deeper(json.as_bytes(), depth - 1).is_some(), "{json}");
        }
        assert_eq!(first_deeper(b"[1, [2]]", 1), Some(5));
    }

    #[test]
    fn a_request_is_held_against_what_is_set() {
        let tensor = r#"{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [[1]]}"#;
        let request = format!(r#"{{"inputs": [{tensor}, {}]}}"#, tensor.replace("\"x\"", "\"y\""));
        let limits = ReadLimits { bytes: 10_000, json_depth: 5, tensors: 2, rank: 2 };
        assert_eq!(refusal(&request, limits), None);
        for (lower, told) in [
            (ReadLimits { json_depth: 4, ..limits }, "at most 4 deep"),
            (ReadLimits { tensors: 1, ..limits }, "at most 1 tensors, 2 came"),
            (ReadLimits { rank: 1, ..limits }, "at most 1 dimensions, 2 came"),
        ] {
            let refused = refusal(&request, lower).unwrap();
            assert!(refused.contains(told), "{refused}");
        }
    }
}
