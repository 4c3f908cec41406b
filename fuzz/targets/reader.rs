//! The reader that `READER` names.

#![no_main]

use std::sync::OnceLock;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static READER: OnceLock<String> = OnceLock::new();
    let reader = READER.get_or_init(|| {
        // The fuzzer's hook ends the program at every panic, also at one that is caught, as those of decoders of images are. Without it those
        // that are not caught end it still.
        drop(std::panic::take_hook());
        std::env::var("READER").expect("READER names a reader")
    });
    drifting_fuzzing::call(reader, data);
});
