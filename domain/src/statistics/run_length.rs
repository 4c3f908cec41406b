//! Thresholds that give a chosen expected run time.
//!
//! Without drift an alarm should come at each step with the same probability, given that none came before. So the
//! threshold of a step is a quantile of the statistics of those simulated streams that have raised no alarm yet.
//! The run length is then geometric.
//!
//! **Source**: Verdier, Hilgert & Vila, *Adaptive threshold computation for CUSUM-type procedures* (2008), as used by
//! Ross & Adams, *Two nonparametric control charts* (2012), and Cobb, Van Looveren & Klaise, *Sequential multivariate
//! change detection with calibrated and memoryless false detection rates* (2022).

use super::quantile::{QuantileType, SampleTooSmall, quantile};

/// Which simulated streams count as having raised no alarm at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survivors {
    /// Those with a statistic strictly below the threshold.
    Below,
    /// Those with a statistic at or below the threshold.
    AtOrBelow,
}

impl Survivors {
    /// Whether a stream raises no alarm.
    pub(crate) fn have(self, statistic: f64, threshold: f64) -> bool {
        match self {
            Self::Below => statistic < threshold,
            Self::AtOrBelow => statistic <= threshold,
        }
    }
}

/// The threshold of each step.
///
/// `statistics[step][stream]` are simulated statistics without drift; `alarm_probability` is that of one step. A new stream
/// is above a quantile of type 6 with just this one, if values are continuous, and of type 7 with one that is higher by about `1 / n` for the
/// `n` streams that are left; it stands where the reference library has it.
/// Time O(steps * streams).
///
/// # Errors
/// When too few streams are left at some step: see [`n_streams_min`].
pub fn thresholds(
    statistics: &[Vec<f64>],
    alarm_probability: f64,
    survivors: Survivors,
    quantile_type: QuantileType,
) -> Result<Vec<f64>, SampleTooSmall> {
    let n_streams = statistics.first().map_or(0, Vec::len);
    let mut alive: Vec<usize> = (0..n_streams).collect();
    let mut sample = Vec::with_capacity(n_streams);
    let mut thresholds = Vec::with_capacity(statistics.len());
    for step in statistics {
        sample.clear();
        sample.extend(alive.iter().map(|&stream| step[stream]));
        let threshold = quantile(&mut sample, 1.0 - alarm_probability, quantile_type, true)?;
        alive.retain(|&stream| survivors.have(step[stream], threshold));
        thresholds.push(threshold);
    }
    Ok(thresholds)
}

/// How many streams must be simulated so that enough are left at the last of `n_steps` steps, whatever their values.
pub fn n_streams_min(alarm_probability: f64, n_steps: usize) -> usize {
    // Backwards from the last step, whose quantile needs 1/p streams; each step removes at most a share p and one more.
    let mut streams = (1.0 / alarm_probability).ceil().max(2.0);
    for _ in 1..n_steps {
        streams = (streams / (1.0 - alarm_probability)).ceil() + 1.0;
        if streams > 1e15 {
            return usize::MAX;
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 2 and 1e15")]
    let streams = streams as usize;
    streams
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;
    use rand::RngExt;

    #[test]
    fn the_minimum_number_of_streams_suffices() {
        for (alarm_probability, n_steps) in [(0.5, 10), (1.0 / 25.0, 39), (1.0 / 400.0, 120), (1.0 / 50.0, 150)] {
            let n_streams = n_streams_min(alarm_probability, n_steps);
            let mut generator = stream(1, 1);
            let statistics: Vec<Vec<f64>> =
                (0..n_steps).map(|_| (0..n_streams).map(|_| generator.random()).collect()).collect();
            for (survivors, definition) in [
                (Survivors::Below, QuantileType::Seven),
                (Survivors::AtOrBelow, QuantileType::Seven),
                (Survivors::AtOrBelow, QuantileType::Six),
            ] {
                assert!(
                    thresholds(&statistics, alarm_probability, survivors, definition).is_ok(),
                    "{alarm_probability} {n_steps} {n_streams}"
                );
            }
        }
    }

    #[test]
    fn new_streams_pass_a_quantile_of_type_six_as_often_as_they_should() {
        let (alarm_probability, n_streams, n_samples) = (0.02, 100, 2_000);
        let mut generator = stream(2, 1);
        let mut passed = |definition| {
            let passed = (0..n_samples).map(|_| {
                let statistics = vec![(0..n_streams).map(|_| generator.random()).collect()];
                let of_one = thresholds(&statistics, alarm_probability, Survivors::AtOrBelow, definition);
                // Of uniform numbers.
                1.0 - of_one.expect("enough streams")[0]
            });
            passed.sum::<f64>() / f64::from(n_samples)
        };
        // Standard errors of 0.0003.
        assert!((passed(QuantileType::Six) - 0.02).abs() < 0.0015);
        assert!((passed(QuantileType::Seven) - 0.0296).abs() < 0.0015);
    }

    #[test]
    fn too_few_streams_are_an_error() {
        let statistics = vec![vec![0.0; 10]];
        assert!(thresholds(&statistics, 0.05, Survivors::Below, QuantileType::Seven).is_err());
    }
}
