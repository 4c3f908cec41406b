//! Thresholds of a statistic of few values, where ties decide: a threshold is one of the values, and a statistic that
//! equals it raises an alarm with the probability that is still wanting.
//!
//! **Source**: Ross, Tasoulis & Adams, *Sequential monitoring of a Bernoulli sequence when the pre-change parameter is
//! unknown* (2012).

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::statistics::quantile::{QuantileType, SampleTooSmall, quantile};

/// Of one column, from the first full window until thresholds stay the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Curve {
    /// Each one a statistic that comes up, rounded to 32 bits.
    pub(crate) thresholds: Vec<f64>,
    /// Probability that a statistic that equals the threshold raises no alarm.
    pub(crate) permits: Vec<f64>,
}

/// How many of the simulated streams at the threshold go on.
pub(crate) trait TiedStreams {
    /// Of `n_equal` streams, each with probability `permit`.
    fn kept(&mut self, n_equal: usize, permit: f64) -> usize;
}

/// The expected number, rounded up or down at random. The reference library draws a binomial number instead, whose
/// noise adds nothing, and with which the streams can run out however many there are at the beginning.
pub(super) struct ExpectedNumber(pub(super) ChaCha8Rng);

impl TiedStreams for ExpectedNumber {
    fn kept(&mut self, n_equal: usize, permit: f64) -> usize {
        let expected = n_equal as f64 * permit;
        let up = self.0.random::<f64>() < expected.fract();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n_equal")]
        let whole = expected.floor() as usize;
        (whole + usize::from(up)).min(n_equal)
    }
}

/// The curve of simulated statistics `by_step[step][stream]`. Time O(steps * streams).
///
/// # Errors
/// When too few streams are left at some step.
pub(crate) fn curve(
    by_step: &[Vec<f32>],
    alarm_probability: f64,
    tied: &mut dyn TiedStreams,
) -> Result<Curve, SampleTooSmall> {
    let p = 1.0 - alarm_probability;
    let mut alive: Vec<usize> = (0..by_step.first().map_or(0, Vec::len)).collect();
    let mut sample = Vec::with_capacity(alive.len());
    let mut curve = Curve::default();
    for step in by_step {
        sample.clear();
        sample.extend(alive.iter().map(|&stream| f64::from(step[stream])));
        let threshold = quantile(&mut sample, p, QuantileType::Six, false)?;
        let n = alive.len() as f64;
        let (mut below, mut equal) = (Vec::with_capacity(alive.len()), Vec::new());
        for &stream in &alive {
            let statistic = f64::from(step[stream]);
            if statistic < threshold {
                below.push(stream);
            } else if statistic == threshold {
                equal.push(stream);
            }
        }
        // The threshold is one of the values, so some equal it. Above 1 by a hair where the quantile was rounded down.
        let permit = ((p - below.len() as f64 / n) / (equal.len() as f64 / n)).clamp(0.0, 1.0);
        below.extend(equal.iter().take(tied.kept(equal.len(), permit)));
        alive = below;
        curve.thresholds.push(threshold);
        curve.permits.push(permit);
    }
    Ok(curve)
}
