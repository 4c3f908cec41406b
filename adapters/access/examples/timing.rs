//! Whether the time of a refusal tells how much of a key is right: a million times a key, half of them wrong in the first character and half in the
//! last, in random order, and Welch's t between the times of both halves. As Reparaz, Balasch and Verbauwhede have it ("Dude, is my
//! code constant time?", 2017), more than 4.5 would tell, and the slowest hundredth is left out, which the machine makes.
//!
//! `cargo run --release -p drifting-access --example timing` takes some seconds.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use drifting_access::{Gate, GateSettings, new_key};
use http::{HeaderMap, HeaderValue};

const N_TRIALS: usize = 1_000_000;
/// Heads of each half, since where one stands in memory tells as well.
const N_HEADS: usize = 64;
/// What is left out.
const SLOWEST: f64 = 0.01;
/// A key begins with this.
const PREFIX_LENGTH: usize = 4;
const T_MAX: f64 = 4.5;

/// The head that shows this key with another character at a place.
fn wrong_at(key: &str, place: usize) -> Result<HeaderMap, Box<dyn Error>> {
    let mut wrong = key.to_owned().into_bytes();
    wrong[place] = if wrong[place] == b'0' { b'1' } else { b'0' };
    Ok([(http::header::AUTHORIZATION, HeaderValue::from_bytes(&[b"Bearer ", wrong.as_slice()].concat())?)]
        .into_iter()
        .collect())
}

/// The mean and the variance of the mean.
#[expect(clippy::cast_precision_loss, reason = "a million is no rounding")]
fn mean_and_error(times: &[f64]) -> (f64, f64) {
    let n = times.len() as f64;
    let mean = times.iter().sum::<f64>() / n;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance / n)
}

fn main() -> Result<(), Box<dyn Error>> {
    let key = new_key()?;
    let gate = Gate::new(GateSettings { api_key: Some(key.clone()), ..GateSettings::default() })?;
    let heads: Vec<[HeaderMap; 2]> = (0..N_HEADS)
        .map(|_| Ok([wrong_at(&key, PREFIX_LENGTH)?, wrong_at(&key, key.len() - 1)?]))
        .collect::<Result<_, Box<dyn Error>>>()?;
    let mut order = vec![0_u8; N_TRIALS];
    getrandom::fill(&mut order).map_err(std::io::Error::other)?;
    let mut times = [Vec::with_capacity(N_TRIALS), Vec::with_capacity(N_TRIALS)];
    for byte in order {
        let (half, head) = (usize::from(byte & 1), usize::from(byte >> 1) % N_HEADS);
        let begin = Instant::now();
        let refused = black_box(gate.admit(black_box(&heads[head][half]), None)).is_err();
        times[half].push(begin.elapsed().as_secs_f64() * 1e9);
        if !refused {
            return Err("a wrong key is let in".into());
        }
    }
    let mut all = times.concat();
    all.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let limit = all[(all.len() as f64 * (1.0 - SLOWEST)) as usize];
    let kept = times.map(|times| times.into_iter().filter(|time| *time < limit).collect::<Vec<f64>>());
    let [(first, first_error), (last, last_error)] = [mean_and_error(&kept[0]), mean_and_error(&kept[1])];
    let t = (first - last) / (first_error + last_error).sqrt();
    println!("| wrong in | keys | mean |\n|---|---|---|");
    println!("| the first character | {} | {first:.1} ns |", kept[0].len());
    println!("| the last character | {} | {last:.1} ns |", kept[1].len());
    println!("\nWelch's t: {t:.2}; more than {T_MAX} would tell them apart");
    if t.abs() < T_MAX { Ok(()) } else { Err("the time tells how much of a key is right".into()) }
}
