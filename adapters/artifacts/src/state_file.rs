//! `state.safetensors`: the arrays, and in the file's `__metadata__` what they belong to and a checksum of the file.
//!
//! The checksum is that of the whole file, header included, with zeros in the place of its own digits. So no byte can
//! change unnoticed, and nothing is interpreted before it has been checked.

use std::collections::HashMap;
use std::ops::Range;

use drifting_domain::data::Tensors;

use crate::checksum;
use crate::tensors_file::{self, TensorsFileError};

/// A state with what it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct StateFile {
    /// Which fit of the name.
    pub generation: u64,
    /// The checksum of the configuration of that fit.
    pub configuration: String,
    /// The arrays.
    pub state: Tensors,
}

/// Why a state cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// The arrays.
    #[error(transparent)]
    Tensors(#[from] TensorsFileError),
    /// No checksum where one should be.
    #[error("expected the checksum of the state in its header, it is absent")]
    Unprotected,
    /// Other bytes than those that were written.
    #[error("expected a state with the {expected}, it has the {actual}")]
    Checksum {
        /// What the file says.
        expected: String,
        /// What it has.
        actual: String,
    },
    /// It does not say what it belongs to.
    #[error("expected `{0}` in the header of the state, it is absent or has another form")]
    Metadata(&'static str),
}

/// What stands before the digits. Texts in the header have their quotes escaped, so it stands nowhere else.
const BEFORE_DIGITS: &str = r#""checksum":"sha256:"#;
const ZEROS: [u8; checksum::N_DIGITS] = [b'0'; checksum::N_DIGITS];

/// The file's bytes.
pub fn encode(file: &StateFile) -> Result<Vec<u8>, StateFileError> {
    let metadata = HashMap::from([
        ("generation".to_owned(), file.generation.to_string()),
        ("configuration".to_owned(), file.configuration.clone()),
        ("checksum".to_owned(), format!("{}{}", checksum::PREFIX, "0".repeat(checksum::N_DIGITS))),
    ]);
    let mut bytes = tensors_file::encode(&file.state, metadata)?;
    let digits = digits_of(&bytes).ok_or(StateFileError::Unprotected)?;
    let checksum = checksum_without(&bytes, &digits);
    bytes[digits].copy_from_slice(&checksum.as_bytes()[checksum::PREFIX.len()..]);
    Ok(bytes)
}

/// The state of a file, once its bytes are known to be those that were written.
pub fn decode(bytes: &[u8]) -> Result<StateFile, StateFileError> {
    let header = tensors_file::metadata(bytes);
    // Another version may protect it otherwise.
    if let Err(error @ TensorsFileError::Version(_)) = header {
        return Err(error.into());
    }
    let digits = digits_of(bytes).ok_or(StateFileError::Unprotected)?;
    let expected = [checksum::PREFIX.as_bytes(), &bytes[digits.clone()]].concat();
    let actual = checksum_without(bytes, &digits);
    if expected != actual.as_bytes() {
        return Err(StateFileError::Checksum { expected: String::from_utf8_lossy(&expected).into_owned(), actual });
    }
    let header = header?;
    let entry = |name: &'static str| header.get(name).ok_or(StateFileError::Metadata(name));
    let generation = entry("generation")?.parse().map_err(|_| StateFileError::Metadata("generation"))?;
    let configuration = entry("configuration")?.clone();
    Ok(StateFile { generation, configuration, state: tensors_file::arrays(bytes)? })
}

/// The generation that the beginning of a file gives, unverified.
pub fn peek_generation(beginning: &[u8]) -> Option<u64> {
    const BEFORE: &[u8] = br#""generation":""#;
    let start = beginning.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    let length = beginning[start..].iter().position(|byte| *byte == b'"')?;
    str::from_utf8(&beginning[start..start + length]).ok()?.parse().ok()
}

/// Where the checksum's digits stand.
fn digits_of(bytes: &[u8]) -> Option<Range<usize>> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let header = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let found = header.windows(BEFORE_DIGITS.len()).position(|window| window == BEFORE_DIGITS.as_bytes())?;
    let start = length.len() + found + BEFORE_DIGITS.len();
    let end = start + checksum::N_DIGITS;
    (end <= length.len() + header.len()).then_some(start..end)
}

fn checksum_without(bytes: &[u8], digits: &Range<usize>) -> String {
    checksum::of(&[&bytes[..digits.start], &ZEROS, &bytes[digits.end..]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(names: &[&str]) -> StateFile {
        let mut state = Tensors::new();
        for name in names {
            state.insert_f64(name, vec![1.5, -0.0]);
        }
        StateFile { generation: u64::MAX, configuration: checksum::of(&[b"a"]), state }
    }

    #[test]
    fn a_state_comes_back_whatever_its_arrays_are_called() {
        for names in [&[][..], &["window"], &["checksum", "generation"], &[r#"","checksum":"sha256:"#, "é\n"]] {
            let file = file(names);
            let bytes = encode(&file).unwrap();
            assert_eq!(decode(&bytes).unwrap(), file, "{names:?}");
            assert_eq!(peek_generation(&bytes[..bytes.len().min(400)]), Some(u64::MAX), "{names:?}");
        }
    }

    #[test]
    fn no_byte_changes_unnoticed() {
        let bytes = encode(&file(&["window", "time"])).unwrap();
        for position in 0..bytes.len() {
            for change in 1..=255 {
                let mut changed = bytes.clone();
                changed[position] ^= change;
                assert!(decode(&changed).is_err(), "byte {position} changed by {change}");
            }
            assert!(decode(&bytes[..position]).is_err(), "cut off at {position}");
        }
        assert!(decode(&[&bytes[..], b" "].concat()).is_err(), "one byte more");
    }

    #[test]
    fn a_file_without_protection_is_refused() {
        let bytes = tensors_file::encode(&file(&["window"]).state, HashMap::new()).unwrap();
        assert!(matches!(decode(&bytes), Err(StateFileError::Unprotected)));
    }
}
