//! Arrays as a safetensors file, which Python opens as a dictionary of arrays.

use std::borrow::Cow;
use std::collections::HashMap;

use drifting_domain::data::{Tensor, TensorError, TensorValues, Tensors};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView, View};

/// Why arrays cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TensorsFileError {
    /// It is no safetensors file.
    #[error("expected a safetensors file: {0}")]
    Container(#[from] SafeTensorError),
    /// It does not tell its version.
    #[error("expected `format_version` in the header of the file, it is absent")]
    Unversioned,
    /// Another program wrote it.
    #[error("expected format version {FORMAT_VERSION}, the file has {0}; another version of the program wrote it")]
    Version(String),
    /// An array of a type that this store never writes.
    #[error("the array `{name}` should hold F64, U64 or U8, it holds {actual}")]
    Type {
        /// Its name.
        name: String,
        /// Its type.
        actual: Dtype,
    },
    /// A shape that does not hold its values.
    #[error(transparent)]
    Shape(#[from] TensorError),
    /// A name with a meaning of its own in the format.
    #[error("no array can be called `{RESERVED}`")]
    Name,
}

const RESERVED: &str = "__metadata__";

/// Which arrays there are, and what they mean.
const FORMAT_VERSION: &str = "1";
const VERSION_KEY: &str = "format_version";

/// The file's bytes. The format version stands in `__metadata__`, beside other entries. Without those the same arrays
/// always give the same bytes.
pub fn encode(tensors: &Tensors, mut metadata: HashMap<String, String>) -> Result<Vec<u8>, TensorsFileError> {
    if tensors.get(RESERVED).is_some() {
        return Err(TensorsFileError::Name);
    }
    metadata.insert(VERSION_KEY.to_owned(), FORMAT_VERSION.to_owned());
    Ok(safetensors::serialize(tensors.iter().map(|(name, tensor)| (name, Stored(tensor))), Some(metadata))?)
}

/// What stands in `__metadata__` of a file that this version of the program can read.
pub fn metadata(bytes: &[u8]) -> Result<HashMap<String, String>, TensorsFileError> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let entries = header.metadata().clone().unwrap_or_default();
    match entries.get(VERSION_KEY).map(String::as_str) {
        Some(FORMAT_VERSION) => Ok(entries),
        Some(other) => Err(TensorsFileError::Version(other.chars().take(20).collect())),
        None => Err(TensorsFileError::Unversioned),
    }
}

/// The arrays of a file whose bytes have been checked.
pub fn decode(bytes: &[u8]) -> Result<Tensors, TensorsFileError> {
    metadata(bytes)?;
    arrays(bytes)
}

/// The arrays of a file whose bytes and version have been checked.
pub fn arrays(bytes: &[u8]) -> Result<Tensors, TensorsFileError> {
    let mut tensors = Tensors::new();
    for (name, view) in SafeTensors::deserialize(bytes)?.iter() {
        tensors.insert(name, tensor_of(name, &view)?);
    }
    Ok(tensors)
}

fn tensor_of(name: &str, view: &TensorView<'_>) -> Result<Tensor, TensorsFileError> {
    // The library has checked that shape and bytes agree, so that there is no remainder.
    let (words, _) = view.data().as_chunks::<8>();
    let values = match view.dtype() {
        Dtype::F64 => TensorValues::F64(words.iter().map(|word| f64::from_le_bytes(*word)).collect()),
        Dtype::U64 => TensorValues::U64(words.iter().map(|word| u64::from_le_bytes(*word)).collect()),
        Dtype::U8 => TensorValues::U8(view.data().to_vec()),
        actual => return Err(TensorsFileError::Type { name: name.to_owned(), actual }),
    };
    Ok(Tensor::new(view.shape().to_vec(), values)?)
}

struct Stored<'t>(&'t Tensor);

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self.0.values() {
            TensorValues::F64(_) => Dtype::F64,
            TensorValues::U64(_) => Dtype::U64,
            TensorValues::U8(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(self.data_len());
        match self.0.values() {
            TensorValues::F64(values) => values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes())),
            TensorValues::U64(values) => values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes())),
            TensorValues::U8(values) => return values.into(),
        }
        bytes.into()
    }

    fn data_len(&self) -> usize {
        let width = if matches!(self.0.values(), TensorValues::U8(_)) { 1 } else { size_of::<u64>() };
        self.0.values().len() * width
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tensor() -> impl Strategy<Value = Tensor> {
        let shape = prop::collection::vec(0_usize..4, 0..4);
        (shape, 0..3, prop::collection::vec(any::<u64>(), 64)).prop_map(|(shape, kind, bits)| {
            let n = shape.iter().product();
            let values = match kind {
                0 => TensorValues::F64(bits[..n].iter().map(|bits| f64::from_bits(*bits)).collect()),
                1 => TensorValues::U64(bits[..n].to_vec()),
                _ => TensorValues::U8(bits[..n].iter().map(|bits| bits.to_le_bytes()[0]).collect()),
            };
            Tensor::new(shape, values).unwrap()
        })
    }

    fn bits(tensors: &Tensors) -> Vec<(String, Vec<usize>, Dtype, Vec<u64>)> {
        let bits_of = |values: &TensorValues| match values {
            TensorValues::F64(values) => (Dtype::F64, values.iter().map(|value| value.to_bits()).collect()),
            TensorValues::U64(values) => (Dtype::U64, values.clone()),
            TensorValues::U8(values) => (Dtype::U8, values.iter().map(|value| u64::from(*value)).collect()),
        };
        tensors
            .iter()
            .map(|(name, tensor)| {
                let (kind, bits) = bits_of(tensor.values());
                (name.to_owned(), tensor.shape().to_vec(), kind, bits)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn arrays_come_back_bit_for_bit(arrays in prop::collection::btree_map(".{0,8}", tensor(), 0..5)) {
            let mut tensors = Tensors::new();
            for (name, tensor) in arrays {
                tensors.insert(&name, tensor);
            }
            let bytes = encode(&tensors, HashMap::new()).unwrap();
            prop_assert_eq!(bits(&decode(&bytes).unwrap()), bits(&tensors));
            prop_assert_eq!(encode(&tensors, HashMap::new()).unwrap(), bytes);
        }

        #[test]
        fn hostile_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..64), header in "[\\[\\]{}\":,a-z0-9]{0,64}") {
            let _ = decode(&bytes);
            let mut file = (header.len() as u64).to_le_bytes().to_vec();
            file.extend_from_slice(header.as_bytes());
            file.extend_from_slice(&bytes);
            let _ = decode(&file);
        }
    }

    #[test]
    fn other_types_and_the_reserved_name_are_refused() {
        let view = TensorView::new(Dtype::F32, vec![1], &[0; 4]).unwrap();
        let versioned = |version: &str| Some(HashMap::from([(VERSION_KEY.to_owned(), version.to_owned())]));
        let bytes = safetensors::serialize([("a", &view)], versioned(FORMAT_VERSION)).unwrap();
        assert!(matches!(decode(&bytes), Err(TensorsFileError::Type { .. })));

        let mut tensors = Tensors::new();
        tensors.insert_u64("__metadata__", vec![1]);
        assert!(matches!(encode(&tensors, HashMap::new()), Err(TensorsFileError::Name)));
    }

    #[test]
    fn other_versions_are_refused_with_the_reason() {
        let view = TensorView::new(Dtype::U8, vec![1], &[0; 1]).unwrap();
        let newer = Some(HashMap::from([(VERSION_KEY.to_owned(), "2".to_owned())]));
        let bytes = safetensors::serialize([("a", &view)], newer).unwrap();
        let error = decode(&bytes).unwrap_err().to_string();
        assert_eq!(error, "expected format version 1, the file has 2; another version of the program wrote it");
        let bytes = safetensors::serialize([("a", &view)], None).unwrap();
        assert!(matches!(decode(&bytes), Err(TensorsFileError::Unversioned)));
    }

    #[test]
    fn a_hostile_header_allocates_nothing() {
        let header = r#"{"a":{"dtype":"F64","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]},"__metadata__":{"format_version":"1"}}"#;
        for length in [header.len() as u64, u64::MAX, 99_999_999] {
            let mut file = length.to_le_bytes().to_vec();
            file.extend_from_slice(header.as_bytes());
            file.extend_from_slice(&[0; 8]);
            assert!(decode(&file).is_err());
        }
    }
}
