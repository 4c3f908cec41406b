//! Signatures of [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
//! who has the secret knows that a message came from the server, whole, and when.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the secrets of that specification begin with; the rest is base64.
const PREFIX: &str = "whsec_";
/// A shorter secret can be guessed.
const LENGTH_MIN: usize = 16;

/// The secrets of a sink; each gives a signature, so that one can be replaced by another without a gap.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(Vec<Vec<u8>>);

/// Why a text holds no secrets. Its own text does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidSecret {
    /// There is none.
    None,
    /// One is too short.
    Short,
    /// One begins with `whsec_` and goes on with something that is not base64.
    NotBase64,
}

impl fmt::Display for InvalidSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("expected a secret on a line of its own, there is none"),
            Self::Short => write!(f, "expected secrets of at least {LENGTH_MIN} bytes"),
            Self::NotBase64 => write!(f, "expected base64 after `{PREFIX}`"),
        }
    }
}

impl std::error::Error for InvalidSecret {}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secrets {
    /// The secrets of a text, one a line: `whsec_` and base64, or the bytes of the line.
    ///
    /// # Errors
    /// When there is none, or one that cannot be used.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secret = |line: &str| {
            let bytes = match line.strip_prefix(PREFIX) {
                Some(encoded) => STANDARD.decode(encoded).map_err(|_| InvalidSecret::NotBase64)?,
                None => line.as_bytes().to_vec(),
            };
            if bytes.len() < LENGTH_MIN { Err(InvalidSecret::Short) } else { Ok(bytes) }
        };
        let secrets = lines.map(secret).collect::<Result<Vec<_>, _>>()?;
        if secrets.is_empty() { Err(InvalidSecret::None) } else { Ok(Self(secrets)) }
    }

    /// The value of `webhook-signature`: over `<id>.<timestamp>.<body>`, one signature a secret.
    pub(crate) fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let signature = |secret: &Vec<u8>| {
            // Keys of HMAC have any length.
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(format!("{id}.{timestamp_s}.").as_bytes());
            mac.update(body);
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        };
        self.0.iter().filter_map(signature).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_signed_as_there() {
        let secrets = Secrets::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signed = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs() {
        let both = Secrets::parse("  first secret of many \r\n\nsecond secret of many").unwrap().sign("a", 1, b"b");
        let one = |text| Secrets::parse(text).unwrap().sign("a", 1, b"b");
        assert_eq!(both, format!("{} {}", one("first secret of many"), one("second secret of many")));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        assert_eq!(Secrets::parse(" \n"), Err(InvalidSecret::None));
        assert_eq!(Secrets::parse("geheim"), Err(InvalidSecret::Short));
        assert_eq!(Secrets::parse("whsec_Z2VoZWlt"), Err(InvalidSecret::Short));
        assert_eq!(Secrets::parse("whsec_*geheim*"), Err(InvalidSecret::NotBase64));
        let secrets = Secrets::parse("geheim geheim geheim").unwrap();
        assert_eq!(format!("{secrets:?}"), "***");
    }
}
