//! A panic within a library that decodes a hostile file is an error of the file.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::FormatError;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a step of decoding. What it worked on is not to be used any more after an error.
pub(crate) fn guarded<T>(step: impl FnOnce() -> Result<T, FormatError>) -> Result<T, FormatError> {
    silence();
    let before = GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(step));
    GUARDED.set(before);
    done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(FormatError::found(DAMAGED, text.unwrap_or_else(|| "a panic".to_owned())))
    })
}

/// What is said where a library found the fault and nothing more is known.
pub(crate) const DAMAGED: &str = "its data cannot be decoded: it is damaged";

/// Keeps such panics out of the log, where anybody could have them written at will. Others are told as before.
fn silence() {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                before(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let error = guarded::<()>(|| panic!("index {} out of range", 5)).unwrap_err();
        let FormatError::Malformed { detail, cause } = error else { panic!("{error}") };
        assert_eq!((detail.as_str(), cause.as_deref()), (DAMAGED, Some("index 5 out of range")));
        assert!(!GUARDED.get());
        assert_eq!(guarded(|| Ok(5)), Ok(5));
    }
}
