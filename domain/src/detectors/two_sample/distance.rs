//! Distances of one column between reference and window, and what makes a distance drift.
//!
//! Without a preset a distance is held against the law that it has without drift at the sizes of both samples, resampled from
//! the reference: what a fixed threshold cannot do, as every distance shrinks while windows grow. With a preset, bins,
//! logarithms, empty cells and thresholds are those of a library.
//!
//! **Cost**: of the first window of a size `n_bootstraps` times the cells, or up to 5,000 steps for distances without
//! cells, a column; of every later one that of the distance.

mod cells;
mod empirical_mmd;
mod evidently;
mod laws;
mod nannyml;
mod resampled_law;

use std::sync::Arc;

use self::cells::{CategoryCells, NumberCells};
use self::laws::Laws;
use self::nannyml::Chunks;
pub(super) use self::nannyml::Order;
pub(super) use self::resampled_law::ResampledLaw;
use super::column_test::{ColumnResult, test_counts, test_numbers, total_variation};
use super::preset::FixedThreshold;
use super::{ColumnTest, ColumnsSpec, Preset};
use crate::ports::CpuPool;
use crate::statistics::alternative::Alternative;
use crate::statistics::divergence::{self, shares, smoothed_shares};
use crate::statistics::energy_distance::energy_distance;
use crate::statistics::epps_singleton::NullLaw;
use crate::statistics::sorted_sample::SortedSample;
use crate::statistics::wasserstein::wasserstein;
use crate::statistics::{epps_singleton, kolmogorov_smirnov};

/// Draws of a resampled law by default.
pub const N_BOOTSTRAPS: usize = 1_000;

/// How the distances of a detector are measured and judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct DistanceRule {
    pub(super) preset: Option<Preset>,
    pub(super) threshold: Option<f64>,
    pub(super) n_bootstraps: usize,
    pub(super) seed: u64,
}

impl DistanceRule {
    pub(super) fn of(spec: &ColumnsSpec) -> Self {
        let n_bootstraps = spec.n_bootstraps.unwrap_or(N_BOOTSTRAPS);
        Self { preset: spec.preset, threshold: spec.threshold, n_bootstraps, seed: spec.seed }
    }

    /// Whether a column is measured by it; else its test says all.
    pub(super) fn measures(&self, test: ColumnTest) -> bool {
        test.is_resampled() || self.preset.is_some_and(|preset| preset.has(test))
    }

    /// Whether the rows of the reference are needed in their order.
    pub(super) fn needs_order(&self, test: ColumnTest) -> bool {
        self.preset == Some(Preset::Nannyml) && self.measures(test)
    }
}

/// What is said of a column's distance.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) result: ColumnResult,
    /// What decides, where the p-value and its correction do not.
    pub(super) fixed: Option<FixedThreshold>,
    /// The law behind the p-value.
    pub(super) law: Option<Arc<ResampledLaw>>,
}

impl Measured {
    /// What a test says that is judged by its p-value.
    pub(super) fn of(result: ColumnResult) -> Self {
        Self { result, fixed: None, law: None }
    }
}

/// A column of the reference, ready for its distance. It never changes: laws are kept, but follow from the rest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DistanceColumn {
    rule: DistanceRule,
    test: ColumnTest,
    cells: ColumnCells,
    laws: Laws,
    chunks: Option<Chunks>,
    /// Of Epps–Singleton.
    null_law: Option<NullLaw>,
}

#[derive(Debug, Clone, PartialEq)]
enum ColumnCells {
    Numbers(NumberCells),
    Categories(CategoryCells),
}

impl DistanceColumn {
    pub(super) fn of_numbers(
        rule: DistanceRule,
        test: ColumnTest,
        index: usize,
        reference: &SortedSample,
        order: Option<Order>,
    ) -> Self {
        Self {
            rule,
            test,
            cells: ColumnCells::Numbers(NumberCells::new(reference)),
            laws: Laws::new(index),
            chunks: order.map(|order| Chunks::of_numbers(order, reference)),
            null_law: if test == ColumnTest::EppsSingleton { NullLaw::of(reference) } else { None },
        }
    }

    pub(super) fn of_categories(
        rule: DistanceRule,
        test: ColumnTest,
        index: usize,
        counts: &[u64],
        order: Option<Order>,
    ) -> Self {
        Self {
            rule,
            test,
            cells: ColumnCells::Categories(CategoryCells::new(counts)),
            laws: Laws::new(index),
            chunks: order.map(Chunks::of_categories),
            null_law: None,
        }
    }

    /// The order of the reference's rows, where a preset needs it.
    pub(super) fn order(&self) -> Option<&Order> {
        self.chunks.as_ref().map(Chunks::order)
    }

    pub(super) fn numbers(
        &self,
        alternative: Alternative,
        reference: &SortedSample,
        window: &SortedSample,
        gap: &kolmogorov_smirnov::Distance,
        pool: &dyn CpuPool,
    ) -> Measured {
        let effect_size = gap.of(Alternative::TwoSided).size;
        let of = |statistic, p_value| ColumnResult { statistic, p_value, effect_size };
        match (self.rule.preset, &self.chunks) {
            (Some(Preset::Evidently), _) if self.test == ColumnTest::Mmd => {
                let test = empirical_mmd::empirical_mmd(reference, window, self.rule.seed, pool);
                self.fixed(of(test.map(|test| test.distance), test.map(|test| test.p_value)), None)
            }
            (Some(Preset::Evidently), _) => {
                let (statistic, p_value) = match evidently::numbers(self.test, reference, window) {
                    evidently::Outcome::Distance(distance) => (Some(distance), None),
                    evidently::Outcome::Test { statistic, p_value } => (statistic, p_value),
                    evidently::Outcome::Other => {
                        let (result, law) = self.calibrated(reference, window, effect_size);
                        return self.fixed(result, law);
                    }
                };
                self.fixed(of(statistic, p_value), None)
            }
            (Some(Preset::Nannyml), Some(chunks)) => {
                let distance = chunks.of_window(self.test, reference, window);
                let threshold =
                    self.laws.number(window.n_values(), |size| chunks.threshold(self.test, reference, size));
                self.of_chunks(of(Some(distance), None), threshold)
            }
            _ if !self.test.is_distance() => {
                let result = test_numbers(self.test, alternative, reference, window, gap);
                Measured::of(self.resampled(result, reference.n_values(), window.n_values()))
            }
            _ => {
                let (result, law) = self.calibrated(reference, window, effect_size);
                self.own(result, law)
            }
        }
    }

    pub(super) fn categories<'n>(
        &self,
        alternative: Alternative,
        reference: &[u64],
        window: &[u64],
        name: impl Fn(usize) -> &'n str,
    ) -> Measured {
        let effect_size = total_variation(reference, window);
        let of = |statistic, p_value| ColumnResult { statistic, p_value, effect_size };
        match (self.rule.preset, &self.chunks) {
            (Some(Preset::Evidently), _) => match evidently::categories(self.test, reference, window, name) {
                evidently::Outcome::Distance(distance) => self.fixed(of(Some(distance), None), None),
                evidently::Outcome::Test { statistic, p_value } => self.fixed(of(statistic, p_value), None),
                evidently::Outcome::Other => {
                    // Total variation over all categories, by its law where both samples are of one: of relabelled rows.
                    let pooled: Vec<u64> = reference.iter().zip(window).map(|(a, b)| a + b).collect();
                    let sizes = (reference.iter().sum(), window.iter().sum());
                    let law = ResampledLaw::of_shares(self.test, &pooled, sizes, self.draws(self.laws.stream(0)));
                    let p_value = Some(law.p_value(effect_size));
                    self.fixed(of(Some(effect_size), p_value), None)
                }
            },
            (Some(Preset::Nannyml), Some(chunks)) => {
                let distance = nannyml::of_counts(self.test, reference, window);
                let n_rows = window.iter().sum::<u64>();
                let n_rows = usize::try_from(n_rows).unwrap_or(usize::MAX);
                let threshold = self.laws.number(n_rows, |size| chunks.threshold_of_counts(self.test, reference, size));
                self.of_chunks(of(Some(distance), None), threshold)
            }
            _ if !self.test.is_distance() => Measured::of(test_counts(self.test, alternative, reference, window)),
            _ => {
                let (result, law) = self.calibrated_counts(window, effect_size);
                self.own(result, law)
            }
        }
    }

    /// About how many nanoseconds the law of windows of so many rows takes.
    pub(super) fn law_cost_ns(&self, n_rows: usize) -> usize {
        if self.test == ColumnTest::Mmd
            && let ColumnCells::Numbers(cells) = &self.cells
        {
            let n_reference = usize::try_from(cells.counts().iter().sum::<u64>()).unwrap_or(usize::MAX);
            return empirical_mmd::cost_ns(n_reference.saturating_add(n_rows));
        }
        // Evidently judges the total variation of categories by relabelled rows, which are drawn for each window.
        let relabels = self.rule.preset == Some(Preset::Evidently)
            && self.test == ColumnTest::TotalVariation
            && matches!(self.cells, ColumnCells::Categories(_));
        if !relabels && (self.rule.preset.is_some() || self.rule.threshold.is_some()) {
            return 0;
        }
        if let Some(law) = &self.null_law {
            return self.rule.n_bootstraps * law.cost_ns(n_rows);
        }
        let steps = match &self.cells {
            _ if !self.test.is_binned() => resampled_law::GRID,
            ColumnCells::Numbers(cells) => 50 * cells.counts().len(),
            ColumnCells::Categories(cells) => 50 * cells.counts().len(),
        };
        self.rule.n_bootstraps * 2 * steps
    }

    /// Judged by the p-value, or by the user's threshold.
    fn own(&self, result: ColumnResult, law: Option<Arc<ResampledLaw>>) -> Measured {
        Measured { result, fixed: self.rule.threshold.map(FixedThreshold::From), law }
    }

    fn fixed(&self, result: ColumnResult, law: Option<Arc<ResampledLaw>>) -> Measured {
        let of_preset = self.rule.preset.and_then(|preset| preset.threshold(self.test));
        Measured { result, fixed: of_preset.map(|threshold| threshold.moved(self.rule.threshold)), law }
    }

    fn of_chunks(&self, result: ColumnResult, threshold: f64) -> Measured {
        Measured { result, fixed: Some(FixedThreshold::Above(threshold).moved(self.rule.threshold)), law: None }
    }

    /// Whether a law is needed: a user's own threshold needs none.
    fn has_law(&self) -> bool {
        self.rule.threshold.is_none() || self.rule.preset.is_some()
    }

    /// The same with the p-value of the law that was drawn, where that of the test is not near it at these sizes.
    fn resampled(&self, result: ColumnResult, n: usize, m: usize) -> ColumnResult {
        let (Some(null_law), Some(statistic)) = (&self.null_law, result.statistic) else { return result };
        if n.min(m) > epps_singleton::DRAWN_MAX {
            return result;
        }
        let law = self.laws.law(m, |size, stream| ResampledLaw::of_epps_singleton(null_law, size, self.draws(stream)));
        ColumnResult { p_value: Some(law.p_value(statistic)), ..result }
    }

    fn calibrated(
        &self,
        reference: &SortedSample,
        window: &SortedSample,
        effect_size: f64,
    ) -> (ColumnResult, Option<Arc<ResampledLaw>>) {
        let ColumnCells::Numbers(cells) = &self.cells else {
            return (ColumnResult { statistic: None, p_value: None, effect_size }, None);
        };
        let distance = match self.test {
            ColumnTest::Wasserstein => wasserstein(reference, window) / cells.unit(),
            ColumnTest::Energy => energy_distance(reference, window),
            test => binned(test, cells.counts(), &cells.count(window)),
        };
        let law = self.has_law().then(|| {
            self.laws.law(window.n_values(), |size, stream| match self.test {
                ColumnTest::Wasserstein | ColumnTest::Energy => {
                    let is_energy = self.test == ColumnTest::Energy;
                    let unit = if is_energy { 1.0 } else { cells.unit() };
                    ResampledLaw::of_numbers(reference, size, is_energy, unit, self.draws(stream))
                }
                test => ResampledLaw::of_cells(test, cells.counts(), size as u64, self.draws(stream)),
            })
        });
        (with_law(distance, effect_size, law.as_ref()), law)
    }

    fn calibrated_counts(&self, window: &[u64], effect_size: f64) -> (ColumnResult, Option<Arc<ResampledLaw>>) {
        let ColumnCells::Categories(cells) = &self.cells else {
            return (ColumnResult { statistic: None, p_value: None, effect_size }, None);
        };
        let in_cells = cells.count(window);
        let n_rows = in_cells.iter().sum::<u64>();
        if n_rows == 0 {
            return (ColumnResult { statistic: None, p_value: None, effect_size }, None);
        }
        let distance = binned(self.test, cells.counts(), &in_cells);
        let law = self.has_law().then(|| {
            let size = usize::try_from(n_rows).unwrap_or(usize::MAX);
            self.laws.law(size, |size, stream| {
                ResampledLaw::of_cells(self.test, cells.counts(), size as u64, self.draws(stream))
            })
        });
        (with_law(distance, effect_size, law.as_ref()), law)
    }

    fn draws(&self, stream: u64) -> resampled_law::Draws {
        resampled_law::Draws { n: self.rule.n_bootstraps, seed: self.rule.seed, stream }
    }
}

fn with_law(distance: f64, effect_size: f64, law: Option<&Arc<ResampledLaw>>) -> ColumnResult {
    ColumnResult { statistic: Some(distance), p_value: law.map(|law| law.p_value(distance)), effect_size }
}

/// The distance of the counts of the same cells. With half a row more in each cell where empty ones would make it infinite;
/// the Jensen–Shannon distance with logarithms to the base 2, from 0 to 1.
fn binned(test: ColumnTest, reference: &[u64], window: &[u64]) -> f64 {
    match test {
        ColumnTest::Psi => divergence::population_stability(&smoothed_shares(reference), &smoothed_shares(window)),
        ColumnTest::KlDivergence => {
            divergence::kullback_leibler(&smoothed_shares(reference), &smoothed_shares(window)).max(0.0)
        }
        ColumnTest::JensenShannon => {
            divergence::jensen_shannon(&shares(reference), &shares(window)) / std::f64::consts::LN_2.sqrt()
        }
        ColumnTest::Hellinger => divergence::hellinger(&shares(reference), &shares(window)),
        ColumnTest::LInfinity => divergence::l_infinity(&shares(reference), &shares(window)),
        _ => divergence::total_variation(&shares(reference), &shares(window)),
    }
}

#[cfg(test)]
mod tests;
