//! API keys: long random texts. Only their digests are kept: 256 bits that nobody can guess need no slow hash, so a key costs a
//! request one SHA-256.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What every key that is made here begins with, so that scanners for secrets know one.
const PREFIX: &str = "drk_";
/// A key that somebody chose must have so many characters.
pub const KEY_LENGTH_MIN: usize = 16;

/// What stands before a digest in a file.
const ALGORITHM: &str = "sha256:";

/// A new key with 256 random bits.
///
/// # Errors
/// When the system has no randomness to give.
pub fn new_key() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(format!("{PREFIX}{}", Hex(&bytes)))
}

/// The SHA-256 digest of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of this key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Whether two are the same, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }

    /// Twelve of its digits: enough to tell keys apart in logs, of no use to anybody else.
    pub fn fingerprint(&self) -> String {
        Hex(&self.0[..6]).to_string()
    }
}

/// As it stands in a file.
impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", Hex(&self.0))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

impl FromStr for KeyDigest {
    type Err = String;

    /// What is wrong does not repeat what came: it may be a key.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            "expected `sha256:` and 64 hexadecimal digits, as `drifting keys hash` prints them; the key itself never stands in the file"
                .to_owned()
        };
        let digits = text.strip_prefix(ALGORITHM).filter(|digits| digits.len() == 64 && digits.is_ascii());
        let digits = digits.ok_or_else(expected)?;
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| expected())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| expected())?;
        }
        Ok(Self(digest))
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_standard_and_is_read_as_it_is_written() {
        // FIPS 180-2, appendix B.1.
        let digest = KeyDigest::of("abc");
        let written = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), written);
        assert_eq!(written.parse(), Ok(digest));
        assert!(bool::from(digest.is(&KeyDigest::of("abc"))) && !bool::from(digest.is(&KeyDigest::of("abd"))));
    }

    #[test]
    fn what_is_no_digest_is_refused_and_not_repeated() {
        let key = new_key().unwrap();
        for text in [
            key.as_str(),
            "",
            "sha256:",
            "sha512:00",
            &format!("sha256:{}", "g".repeat(64)),
            &format!("sha256:{}", "ä".repeat(32)),
        ] {
            let refusal = text.parse::<KeyDigest>().unwrap_err();
            assert!(text.len() < 8 || !refusal.contains(text), "{refusal}");
        }
    }

    #[test]
    fn each_key_is_new() {
        let (one, other) = (new_key().unwrap(), new_key().unwrap());
        assert_ne!(one, other);
        assert!(one.len() == 68 && one.starts_with("drk_"), "{one}");
    }
}
