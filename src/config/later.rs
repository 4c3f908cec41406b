//! Settings that are documented and that this version lacks: what asks for nothing is taken, anything else is refused
//! rather than passed over, because whoever says it relies on it.

/// A setting of a later version.
pub(super) struct Later {
    pub(super) key: &'static str,
    /// Whether a value asks for nothing that this version lacks.
    asks_for_nothing: fn(&str) -> Result<bool, String>,
    /// Why it cannot be used and what to do.
    refusal: &'static str,
}

/// Settings of later versions.
pub(super) const LATER: [Later; 2] = [
    Later { key: "api_keys_file", asks_for_nothing: |_| Ok(false), refusal: NO_KEYS },
    Later { key: "api_key", asks_for_nothing: |_| Ok(false), refusal: NO_KEYS },
];

const NO_KEYS: &str =
    "this version has no API keys yet; leave it out, and put a proxy that authenticates before the server";

impl Later {
    /// Takes a value that asks for nothing. What is said of a key does not repeat it.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        if (self.asks_for_nothing)(text)? { Ok(()) } else { Err(self.refusal.to_owned()) }
    }
}
