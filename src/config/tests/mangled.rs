//! Settings files that something has gone over: each is read, or refused with a sentence.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::super::template;
use super::{in_jail, load};
use serde_json::json;

const N_FILES: usize = 3_000;
/// What means something in YAML, or comes near.
const PIECES: [&str; 24] = [
    "\n",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "|\n",
    ">-\n",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "#",
    "\t",
    "? ",
    "---\n",
    "%YAML 1.2\n",
    "1e999",
    "\u{0}",
    "\u{feff}",
    "0x7fffffffffffffff",
];

fn mangle(text: &str, generator: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..generator.random_range(1..6) {
        let at = generator.random_range(0..=bytes.len());
        let to = generator.random_range(at..=bytes.len().min(at + 40));
        match generator.random_range(0..5) {
            0 => drop(bytes.drain(at..to)),
            1 => {
                let piece = PIECES[generator.random_range(0..PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            2 => {
                let copied = bytes[at..to].to_vec();
                let place = generator.random_range(0..=bytes.len());
                bytes.splice(place..place, copied);
            }
            3 => bytes.truncate(to),
            _ => bytes[at..to].iter_mut().for_each(|byte| *byte ^= 1 << generator.random_range(0..8)),
        }
    }
    bytes
}

#[test]
fn a_mangled_file_is_read_or_refused() {
    let sinks = "event_sinks:\n  - {url: 'http://a.example/x', name: a, projects: [p-*], events: all, format: batch}\n\
                 event_projects: {prod/churn: churn}\nallowed_hosts: [a.example, b.example]\nstate_interval: 3s\n\
                 max_body_bytes: 1 MiB\nport: 1001\n";
    let texts = [sinks.to_owned(), template(|_| String::new()), format!("{}{sinks}", template(|_| String::new()))];
    let mut generator = ChaCha8Rng::seed_from_u64(20_260);
    let mut n_read = 0;
    for text in texts.iter().cycle().take(N_FILES) {
        let mangled = mangle(text, &mut generator);
        in_jail(|jail| {
            std::fs::write(jail.directory().join("drifting.yaml"), &mangled).map_err(|error| error.to_string())?;
            match load(&json!({})) {
                Ok(_) => n_read += 1,
                Err(error) => {
                    let sentence = error.to_string();
                    assert!(sentence.len() < 2_000, "{} bytes: {sentence}", sentence.len());
                    assert!(!sentence.trim().is_empty() && !sentence.contains("src/"), "{sentence}");
                }
            }
            Ok(())
        });
    }
    assert!(n_read > N_FILES / 50 && n_read < N_FILES, "{n_read} of {N_FILES} were read");
}
