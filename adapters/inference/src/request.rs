//! The body of a request over HTTP: JSON, and behind it the tensors that came in bytes.

use crate::json;
use crate::{Budget, InferRequest, ReadLimits, Refusal, RefusalCode};

/// Reads the body of a request for a model. `json_length` is what the header `Inference-Header-Content-Length` says, if it
/// came. Time O(body); memory O(body), no tree of values between.
///
/// # Errors
/// What was expected, what came, and where.
pub fn read_request(
    body: &[u8],
    json_length: Option<usize>,
    model: &str,
    limits: &ReadLimits,
) -> Result<InferRequest, Refusal> {
    let (json, bytes) = body.split_at_checked(json_length.unwrap_or(body.len())).ok_or_else(|| {
        let detail = format!(
            "expected a body of at least the {} bytes of JSON that `Inference-Header-Content-Length` says, {} came",
            json_length.unwrap_or_default(),
            body.len()
        );
        Refusal::new(RefusalCode::Malformed, detail)
    })?;
    limits.check_json(json)?;
    let mut budget = Budget::beside_json(json.len(), limits.bytes);
    let read = json::read(json, &mut budget)?;
    if let Some(named) = read.model_name.as_deref().filter(|named| !named.is_empty() && *named != model) {
        let shown: String = named.chars().take(60).collect();
        return Err(Refusal::malformed("/model_name", format!("expected the model of the path, {shown:?} came")));
    }
    let request = read.with_bytes(bytes, budget)?;
    limits.check(&request)?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Datatype, TensorData};

    const BYTES_MAX: usize = 2_000;

    fn read(json: &str, bytes: &[u8]) -> Result<InferRequest, Refusal> {
        let json_length = (!bytes.is_empty()).then_some(json.len());
        read_request(&[json.as_bytes(), bytes].concat(), json_length, "m", &ReadLimits::of_bytes(BYTES_MAX))
    }

    fn tensor(datatype: Datatype, rest: &str) -> String {
        let datatype = datatype.as_str();
        format!(r#"{{"inputs":[{{"name":"x","shape":[1],"datatype":"{datatype}",{rest}}}]}}"#)
    }

    #[test]
    fn a_number_is_the_same_in_json_and_in_bytes() {
        let half = half::f16::from_f64(0.1);
        for (datatype, json, bytes) in [
            (Datatype::Fp16, "0.1", half.to_le_bytes().to_vec()),
            (Datatype::Fp32, "0.1", 0.1_f32.to_le_bytes().to_vec()),
            (Datatype::Fp64, "0.1", 0.1_f64.to_le_bytes().to_vec()),
            (Datatype::Int8, "-3", (-3_i8).to_le_bytes().to_vec()),
            (Datatype::Uint64, "18446744073709551615", u64::MAX.to_le_bytes().to_vec()),
            (Datatype::Bool, "1", vec![1]),
            (Datatype::Bytes, "\"ab\"", [&2_u32.to_le_bytes()[..], b"ab"].concat()),
        ] {
            let here = read(&tensor(datatype, &format!(r#""data":[{json}]"#)), &[]).unwrap();
            let size = format!(r#""parameters":{{"binary_data_size":{}}}"#, bytes.len());
            let behind = read(&tensor(datatype, &size), &bytes).unwrap();
            assert_eq!(here.inputs[0].data, behind.inputs[0].data, "{datatype:?}");
        }
        let TensorData::Numbers(numbers) =
            &read(&tensor(Datatype::Fp32, r#""data":[0.1]"#), &[]).unwrap().inputs[0].data
        else {
            panic!("numbers")
        };
        assert_eq!(numbers, &[f64::from(0.1_f32)]);
    }

    #[test]
    fn memory_is_counted_over_json_and_bytes_together() {
        let numbers =
            |n: usize| format!(r#"{{"name":"a","shape":[{n}],"datatype":"FP64","data":[{}1]}}"#, "1,".repeat(n - 1));
        let raw = |n: usize| {
            format!(r#"{{"name":"b","shape":[{n}],"datatype":"UINT8","parameters":{{"binary_data_size":{n}}}}}"#)
        };
        let both = |n: usize| format!(r#"{{"inputs":[{},{}]}}"#, numbers(n), raw(n));
        assert!(read(&both(20), &[0; 20]).is_ok());
        assert_eq!(read(&both(100), &[0; 100]).unwrap_err().code, RefusalCode::TooLarge);
    }

    #[test]
    fn what_lies_about_its_size_takes_no_memory() {
        for shape in ["[1000000000000]", "[1000000000000,1]", "[3,1000000000000]"] {
            let json = format!(r#"{{"inputs":[{{"name":"x","shape":{shape},"datatype":"FP64","data":[1]}}]}}"#);
            assert_eq!(read(&json, &[]).unwrap_err().places[0].pointer, "/inputs/0/data");
        }
    }
}
