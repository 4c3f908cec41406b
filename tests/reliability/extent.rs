//! How much is run, from which seed, and where the figures go.

use std::path::PathBuf;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// Whether the counts of the report are run.
pub fn is_full() -> bool {
    match std::env::var("RELIABILITY").as_deref() {
        Err(_) | Ok("" | "sample") => false,
        Ok("full") => true,
        Ok(other) => panic!("RELIABILITY: expected `full` or `sample`, `{other}` came"),
    }
}

/// One of two counts.
pub fn count(sample: usize, full: usize) -> usize {
    if is_full() { full } else { sample }
}

/// The seed of this run.
pub fn seed() -> u64 {
    let given = std::env::var("RELIABILITY_SEED").ok();
    given.map_or(20_260, |seed| seed.parse().expect("RELIABILITY_SEED is a number"))
}

/// The generator of a numbered experiment.
pub fn generator(experiment: usize) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed());
    generator.set_stream(experiment as u64);
    generator
}

/// Tells a figure: prints it, and appends it to the report where one is written.
pub fn report(line: &str) {
    println!("{line}");
    if let Some(file) = std::env::var_os("RELIABILITY_REPORT").map(PathBuf::from) {
        let line = format!("{line}\n");
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).expect("the report opens");
        // One write a line: tests in other processes append too.
        std::io::Write::write_all(&mut file, line.as_bytes()).expect("the report is written");
    }
}

/// Fails with everything that was found.
pub fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "seed {}: {} findings:\n{}", seed(), findings.len(), findings.join("\n"));
}
