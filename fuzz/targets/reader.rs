//! The reader that `READER` names.

#![no_main]

use std::sync::OnceLock;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static READER: OnceLock<String> = OnceLock::new();
    let reader = READER.get_or_init(|| std::env::var("READER").expect("READER names a reader"));
    drifting_fuzzing::call(reader, data);
});
