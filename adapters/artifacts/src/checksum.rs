//! Checksums as they are written: `sha256:` and 64 hexadecimal digits.

use sha2::{Digest, Sha256};

/// What a checksum begins with.
pub const PREFIX: &str = "sha256:";
/// Number of digits after the prefix.
pub const N_DIGITS: usize = 64;

/// The checksum of parts, as if they were one.
pub fn of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let mut text = String::with_capacity(PREFIX.len() + N_DIGITS);
    text.push_str(PREFIX);
    for byte in hash.finalize() {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn parts_count_as_one() {
        // FIPS 180-2, appendix B.1.
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::of(&[b"abc"]), abc);
        assert_eq!(super::of(&[b"a", b"", b"bc"]), abc);
    }
}
