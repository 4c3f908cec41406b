//! Tries an encoder of a folder: how alike texts are by it, and what they take.
//!
//! ```sh
//! cargo run --release -p drifting-encoders --example encode -- FOLDER NAME 'a text' 'another text' …
//! ```

use std::path::PathBuf;
use std::time::Instant;

use drifting_domain::ports::TextEncoders;
use drifting_encoders::EncoderFolder;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("a folder"));
    let name = arguments.next().expect("a name");
    let started = Instant::now();
    let encoder = EncoderFolder::at(folder).open(&name).expect("an encoder");
    println!("{} numbers a text, opened in {:.1} s", encoder.width(), started.elapsed().as_secs_f64());
    let mut encoded: Vec<(String, Vec<f32>)> = Vec::new();
    for text in arguments {
        let started = Instant::now();
        let vector = encoder.encode(&text).expect("a text");
        let took = started.elapsed().as_secs_f64() * 1e3;
        let estimated = encoder.cost_ns(text.len()) as f64 / 1e6;
        let cosine = |other: &[f32]| vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
        let alike: Vec<String> = encoded.iter().map(|(_, other)| format!("{:.2}", cosine(other))).collect();
        println!("{took:.1} ms ({estimated:.1} estimated), cosines with those before: [{}] {text}", alike.join(", "));
        encoded.push((text, vector));
    }
}
