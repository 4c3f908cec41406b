//! `HDDM_W`: has the weighted mean of bounded values risen since a cut point, by `McDiarmid`'s bound?
//!
//! Means weigh the new value `lambda` and what was before `1 - lambda`; beside each, the sum `b` of its squared weights is kept. The
//! cut point is where the mean of all values and its bound `sqrt(b ln(1 / drift_confidence) / 2)` was least. The mean rises where that
//! of the values since is more than `sqrt((b1 + b2) ln(1 / confidence) / 2)` above that up to there. With `two_sided_test` a fall
//! counts as well. Choose it for slow changes of an error rate or of any value between 0 and 1.
//!
//! **Cost**: a step O(1), seventeen numbers of memory.
//!
//! **Source**: Frías-Blanco et al., *Online and non-parametric drift detection methods based on Hoeffding's bounds*, IEEE
//! Transactions on Knowledge and Data Engineering 27 (2015).

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::SettingIssue;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HddmWSettings {
    /// Significance of a drift, between 0 and 1.
    pub drift_confidence: f64,
    /// Significance of a warning, between 0 and 1.
    pub warning_confidence: f64,
    /// Weight of the new value, between 0 and 1.
    pub lambda: f64,
    /// Whether a fall counts as well.
    pub two_sided_test: bool,
}

impl Default for HddmWSettings {
    fn default() -> Self {
        Self { drift_confidence: 0.001, warning_confidence: 0.005, lambda: 0.05, two_sided_test: false }
    }
}

/// A weighted mean.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    /// `NaN` before the first value.
    mean: f64,
    /// Sum of squared weights.
    squares: f64,
}

const EMPTY: Sample = Sample { mean: f64::NAN, squares: 1.0 };

impl Sample {
    fn is_empty(self) -> bool {
        self.mean.is_nan()
    }

    fn add(&mut self, x: f64, lambda: f64) {
        let kept = 1.0 - lambda;
        self.mean = if self.is_empty() { x } else { lambda * x + kept * self.mean };
        self.squares = lambda * lambda + kept * kept * self.squares;
    }
}

/// The values up to a cut point and since.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Side {
    cut: f64,
    before: Sample,
    since: Sample,
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct HddmWState {
    all: Sample,
    rise: Side,
    fall: Side,
}

fn distance(squares: f64, confidence: f64) -> f64 {
    (squares * (1.0 / confidence).ln() / 2.0).sqrt()
}

impl Settings for HddmWSettings {
    type State = HddmWState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .share("detector/drift_confidence", self.drift_confidence)
            .share("detector/warning_confidence", self.warning_confidence)
            .share("detector/lambda", self.lambda)
            .issues()
    }

    fn start(&self) -> HddmWState {
        let side = |cut| Side { cut, before: EMPTY, since: EMPTY };
        HddmWState { all: EMPTY, rise: side(f64::INFINITY), fall: side(f64::NEG_INFINITY) }
    }

    fn update(&self, state: &mut HddmWState, x: f64) -> Verdict {
        state.all.add(x, self.lambda);
        let bound = distance(state.all.squares, self.drift_confidence);
        let (upper, lower) = (state.all.mean + bound, state.all.mean - bound);
        let (is_lower, is_higher) = (upper < state.rise.cut, lower > state.fall.cut);
        for (side, is_cut, cut) in [(&mut state.rise, is_lower, upper), (&mut state.fall, is_higher, lower)] {
            if is_cut {
                *side = Side { cut, before: state.all, since: EMPTY };
            } else {
                side.since.add(x, self.lambda);
            }
        }
        let mut verdict = Verdict::default();
        let sides = [(state.rise, 1.0), (state.fall, -1.0)];
        for (side, sign) in sides.into_iter().take(if self.two_sided_test { 2 } else { 1 }) {
            if side.before.is_empty() || side.since.is_empty() {
                continue;
            }
            let change = sign * (side.since.mean - side.before.mean);
            let squares = side.before.squares + side.since.squares;
            verdict = verdict.or(Verdict::above(change, distance(squares, self.drift_confidence)));
            verdict.is_warning |= change > distance(squares, self.warning_confidence);
        }
        verdict.is_warning &= !verdict.is_drift;
        verdict
    }

    fn save(&self, state: &HddmWState) -> Record {
        let HddmWState { all, rise, fall } = state;
        let record = Record::default().values([all.mean, all.squares]);
        [rise, fall].into_iter().fold(record, |record, Side { cut, before, since }| {
            record.values([*cut, before.mean, before.squares, since.mean, since.squares])
        })
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<HddmWState, TensorError> {
        let mut sample = || Ok(Sample { mean: reader.value()?, squares: reader.value()? });
        let all = sample()?;
        let mut side = || -> Result<Side, TensorError> {
            let values = reader.values(5)?;
            let sample = |first: usize| Sample { mean: values[first], squares: values[first + 1] };
            Ok(Side { cut: values[0], before: sample(1), since: sample(3) })
        };
        Ok(HddmWState { all, rise: side()?, fall: side()? })
    }
}
