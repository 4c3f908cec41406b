//! Keys by which a client tells that a request is one that it has sent before (the `Idempotency-Key` draft of the IETF).

use sha2::{Digest, Sha256};

/// The header, or the metadata, that carry the key.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header, or the metadata, that say that an answer was given before: `true`.
pub const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";

const LENGTH_MAX: usize = 255;

/// The key of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The only key that came, as bytes.
    ///
    /// # Errors
    /// When there are several, or one is not 1 to 255 visible characters of ASCII; in words for people.
    pub fn of<'k>(came: impl IntoIterator<Item = &'k [u8]>) -> Result<Option<Self>, String> {
        let expected = "expected 1 to 255 visible characters of ASCII in `Idempotency-Key`";
        let mut came = came.into_iter();
        let Some(key) = came.next() else { return Ok(None) };
        if came.next().is_some() {
            return Err(format!("{expected}, several keys came"));
        }
        if !(1..=LENGTH_MAX).contains(&key.len()) {
            return Err(format!("{expected}, {} came", key.len()));
        }
        match std::str::from_utf8(key) {
            Ok(text) if key.iter().all(u8::is_ascii_graphic) => Ok(Some(Self(text.to_owned()))),
            _ => Err(format!("{expected}, blanks or other characters came")),
        }
    }

    /// The digest of the key with where its request goes (what is done, and with what) and with who sends it, where that is known: keys
    /// of one caller mean nothing of another's requests.
    pub fn digest(&self, place: &[&str], caller: Option<[&str; 2]>) -> [u8; 32] {
        let mut digest = ContentDigest::default();
        for part in place {
            digest.part(part.as_bytes());
        }
        digest.part(self.0.as_bytes());
        for part in caller.iter().flatten() {
            digest.part(part.as_bytes());
        }
        digest.finish()
    }
}

/// The digest of what came with a request.
#[derive(Debug, Clone, Default)]
pub struct ContentDigest(Sha256);

impl ContentDigest {
    /// Takes a part in; where it ends makes a difference.
    pub fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Takes in a piece of what follows all parts; where it ends makes none.
    pub fn piece(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(came: &[&[u8]]) -> Result<Option<IdempotencyKey>, String> {
        IdempotencyKey::of(came.iter().copied())
    }

    #[test]
    fn keys_are_visible_and_not_too_long() {
        assert_eq!(read(&[]), Ok(None));
        for key in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "~!\"", &"x".repeat(255)] {
            assert_eq!(read(&[key.as_bytes()]).unwrap().unwrap().0, key);
        }
        for came in [&[&b""[..]][..], &[b"a b"], &["ä".as_bytes()], &[b"\x7f"], &[&[b'x'; 256]], &[b"a", b"a"]] {
            assert!(read(came).unwrap_err().starts_with("expected 1 to 255"), "{came:?}");
        }
    }

    #[test]
    fn a_key_means_something_of_its_caller_alone() {
        let key = read(&[b"a"]).unwrap().unwrap();
        let digests = [None, Some(["key", "ada"]), Some(["key", "bob"]), Some(["token", "ada"]), Some(["", ""])]
            .map(|caller| key.digest(&["predict", "b"], caller));
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest));
        }
    }

    #[test]
    fn a_key_means_something_in_its_place_alone() {
        let key = read(&[b"a"]).unwrap().unwrap();
        let digests = [&["predict", "b"][..], &["predict", "c"], &["fit", "b"], &["predictb"], &[]]
            .map(|place| key.digest(place, None));
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest));
        }
        let mut whole = ContentDigest::default();
        whole.piece(b"ab");
        let mut pieces = ContentDigest::default();
        pieces.piece(b"a");
        pieces.piece(b"b");
        assert_eq!(whole.finish(), pieces.finish());
    }
}
