//! Who may do what. A request shows an API key or a token of an issuer; what it may do follows from the key's scopes and the
//! projects that it is for, and how often from its rate. Everything is decided on the head of a request, without disk or network:
//! files and the issuer's keys are read beside it, and again when they change.
//!
//! 1. `credential`: what a request shows;
//! 2. `key`, `keys_file`: API keys, of which only digests are kept;
//! 3. `token`: JSON Web Tokens (RFC 7519) of an issuer of `OpenID` Connect, checked with its published keys (RFC 7517);
//! 4. `grant`, `limiter`: scopes and projects of whoever shows one, and how much of its rate has been used;
//! 5. `gate`: the decision;
//! 6. `caller`: who was let in, which streams ask again before each message;
//! 7. `audit`: what was changed, and by whom.

mod audit;
mod caller;
mod credential;
mod denied;
mod gate;
mod grant;
mod key;
mod keys_file;
mod limiter;
mod projects;
mod rate;
mod scope;
mod token;

pub use audit::{AuditCounts, AuditLog, Audited, Change, OperationRecording, Recording};
pub use caller::Caller;
pub use denied::Denied;
pub use gate::{Gate, GateError, GateSettings};
pub use key::{KEY_LENGTH_MIN, KeyDigest, new_key};
pub use keys_file::{KeyEntry, KeysFileError, read_keys, with_key};
pub use projects::ProjectPatterns;
pub use rate::RateLimit;
pub use scope::{Scope, Scopes};
pub use token::{Claim, TokenKeys, TokenSettings};
