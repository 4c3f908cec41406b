//! Tensors as bytes: little-endian, row-major, packed. HTTP's binary extension and gRPC's raw contents have them.

use drifting_domain::data::Texts;
use half::{bf16, f16};

use crate::{Budget, Datatype, Refusal, Shape, TensorData};

/// Bytes before each text that say how long it is.
const LENGTH_BYTES: usize = 4;

/// The elements of a tensor in bytes, whose memory is taken from the budget. `pointer` says where the tensor stands. Time and
/// memory O(bytes), one allocation for numbers.
///
/// # Errors
/// When the bytes are not those of so many elements, when a truth value is neither 0 nor 1, when a text is not UTF-8; and when
/// there is not as much memory left.
pub fn decode(
    datatype: Datatype,
    shape: &Shape,
    bytes: &[u8],
    budget: &mut Budget,
    pointer: impl Fn() -> String,
) -> Result<TensorData, Refusal> {
    let malformed = |detail| Refusal::malformed(pointer(), detail);
    check_length(datatype, shape, bytes.len()).map_err(malformed)?;
    budget.take_raw(datatype, shape, bytes.len())?;
    elements(datatype, shape, bytes).map_err(malformed)
}

/// Whether there are as many bytes as a tensor has, as far as can be told without reading them.
fn check_length(datatype: Datatype, shape: &Shape, n_bytes: usize) -> Result<(), String> {
    let n_elements = shape.n_elements();
    match datatype.width() {
        Some(width) if n_elements.checked_mul(width) != Some(n_bytes) => Err(format!(
            "expected {width} bytes for each of {n_elements} elements of {}, {n_bytes} bytes came",
            datatype.as_str()
        )),
        // Every text has its length before it.
        None if n_elements.checked_mul(LENGTH_BYTES).is_none_or(|least| least > n_bytes) => {
            Err(format!("expected {n_elements} elements of BYTES with their lengths, {n_bytes} bytes came"))
        }
        _ => Ok(()),
    }
}

fn elements(datatype: Datatype, shape: &Shape, bytes: &[u8]) -> Result<TensorData, String> {
    Ok(match datatype {
        Datatype::Bool => TensorData::Booleans(booleans(bytes)?),
        Datatype::Bytes => TensorData::Texts(texts(shape.n_elements(), bytes)?),
        Datatype::Int8 => numbers(bytes, |[byte]: [u8; 1]| f64::from(i8::from_le_bytes([byte]))),
        Datatype::Uint8 => numbers(bytes, |[byte]: [u8; 1]| f64::from(byte)),
        Datatype::Int16 => numbers(bytes, |bytes| f64::from(i16::from_le_bytes(bytes))),
        Datatype::Uint16 => numbers(bytes, |bytes| f64::from(u16::from_le_bytes(bytes))),
        Datatype::Int32 => numbers(bytes, |bytes| f64::from(i32::from_le_bytes(bytes))),
        Datatype::Uint32 => numbers(bytes, |bytes| f64::from(u32::from_le_bytes(bytes))),
        Datatype::Int64 => numbers(bytes, |bytes| i64::from_le_bytes(bytes) as f64),
        Datatype::Uint64 => numbers(bytes, |bytes| u64::from_le_bytes(bytes) as f64),
        Datatype::Fp16 => numbers(bytes, |bytes| f16::from_le_bytes(bytes).to_f64()),
        Datatype::Bf16 => numbers(bytes, |bytes| bf16::from_le_bytes(bytes).to_f64()),
        Datatype::Fp32 => numbers(bytes, |bytes| f64::from(f32::from_le_bytes(bytes))),
        Datatype::Fp64 => numbers(bytes, f64::from_le_bytes),
    })
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> TensorData {
    let (elements, _) = bytes.as_chunks::<N>();
    TensorData::Numbers(elements.iter().map(|element| number(*element)).collect())
}

fn booleans(bytes: &[u8]) -> Result<Vec<Option<bool>>, String> {
    let boolean = |byte: &u8| match byte {
        0 => Ok(Some(false)),
        1 => Ok(Some(true)),
        other => Err(format!("expected a byte of 0 or 1 for BOOL, {other} came")),
    };
    bytes.iter().map(boolean).collect()
}

fn texts(n_elements: usize, bytes: &[u8]) -> Result<Texts, String> {
    let mut texts = Texts::with_capacity(n_elements);
    let mut rest = bytes;
    for index in 0..n_elements {
        let (length, after) =
            rest.split_first_chunk::<LENGTH_BYTES>().ok_or_else(|| format!("element {index}: no length came"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, after) = after
            .split_at_checked(length)
            .ok_or_else(|| format!("element {index}: expected {length} bytes, {} came", after.len()))?;
        let text = std::str::from_utf8(text).map_err(|_| format!("element {index}: expected a text in UTF-8"))?;
        texts.push(Some(text));
        rest = after;
    }
    if rest.is_empty() {
        Ok(texts)
    } else {
        Err(format!("expected {n_elements} elements of BYTES, {} bytes came after them", rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RefusalCode;

    fn shape(n: i64) -> Shape {
        Shape::new(&[n]).unwrap()
    }

    fn decode(datatype: Datatype, shape: &Shape, bytes: &[u8]) -> Result<TensorData, Refusal> {
        super::decode(datatype, shape, bytes, &mut Budget::of_raw(1_000), || "/inputs/0".to_owned())
    }

    fn numbers_of(datatype: Datatype, bytes: &[u8], n: i64) -> Vec<f64> {
        match decode(datatype, &shape(n), bytes).unwrap() {
            TensorData::Numbers(numbers) => numbers,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_of_every_width_are_read() {
        assert_eq!(numbers_of(Datatype::Int8, &[0xff, 1], 2), [-1.0, 1.0]);
        assert_eq!(numbers_of(Datatype::Uint8, &[0xff], 1), [255.0]);
        assert_eq!(numbers_of(Datatype::Int16, &(-2_i16).to_le_bytes(), 1), [-2.0]);
        assert_eq!(numbers_of(Datatype::Uint16, &65_535_u16.to_le_bytes(), 1), [65_535.0]);
        assert_eq!(numbers_of(Datatype::Int32, &i32::MIN.to_le_bytes(), 1), [f64::from(i32::MIN)]);
        assert_eq!(numbers_of(Datatype::Uint32, &u32::MAX.to_le_bytes(), 1), [f64::from(u32::MAX)]);
        assert_eq!(numbers_of(Datatype::Int64, &(-3_i64).to_le_bytes(), 1), [-3.0]);
        assert_eq!(numbers_of(Datatype::Uint64, &u64::MAX.to_le_bytes(), 1), [u64::MAX as f64]);
        assert_eq!(numbers_of(Datatype::Fp16, &[0x00, 0x3e], 1), [1.5]);
        assert_eq!(numbers_of(Datatype::Bf16, &[0xc0, 0x3f], 1), [1.5]);
        assert_eq!(numbers_of(Datatype::Fp32, &1.5_f32.to_le_bytes(), 1), [1.5]);
        assert_eq!(numbers_of(Datatype::Fp64, &[1.5_f64.to_le_bytes(), 2.5_f64.to_le_bytes()].concat(), 2), [1.5, 2.5]);
        let booleans = decode(Datatype::Bool, &shape(2), &[0, 1]).unwrap();
        assert_eq!(booleans, TensorData::Booleans(vec![Some(false), Some(true)]));
    }

    #[test]
    fn texts_are_read_with_their_lengths() {
        let bytes = [&3_u32.to_le_bytes()[..], b"abc", &0_u32.to_le_bytes()].concat();
        let texts = [Some("abc"), Some("")].into_iter().collect();
        assert_eq!(decode(Datatype::Bytes, &shape(2), &bytes).unwrap(), TensorData::Texts(texts));
    }

    #[test]
    fn bytes_that_are_not_those_of_the_shape_are_refused() {
        let huge = 1_000_000_000_000;
        for (datatype, n, bytes) in [
            (Datatype::Fp64, 2, &[0; 8][..]),
            (Datatype::Fp64, 1, &[0; 9]),
            (Datatype::Fp64, huge, &[0; 8]),
            (Datatype::Fp64, i64::MAX, &[0; 8]),
            (Datatype::Bool, 1, &[2]),
            (Datatype::Bytes, huge, &[0; 8]),
            (Datatype::Bytes, i64::MAX, &[0; 8]),
            (Datatype::Bytes, 1, &[0; 3]),
            (Datatype::Bytes, 1, &[0; 5]),
            (Datatype::Bytes, 1, &[9, 0, 0, 0, b'a']),
            (Datatype::Bytes, 1, &[0xff, 0xff, 0xff, 0xff, b'a']),
            (Datatype::Bytes, 1, &[1, 0, 0, 0, 0xff]),
        ] {
            let refusal = decode(datatype, &shape(n), bytes).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::Malformed, "{datatype:?} {n} {bytes:?}");
        }
    }
}
