//! Specifications of the kinds that resample the reference.

use super::two_sample::{bounded, from_zero};
use super::{DetectorRequest, SettingIssue, issue};
use crate::detectors::{DetectorKind, HdddmSpec, KdqTreeSpec, MmdFourierSpec, PcaReconstructionSpec, Preset};

/// As the reference libraries have them.
const VARIANCE_SHARE: f64 = 0.65;
const COUNT_UBOUND: usize = 100;
const MENELAUS_P_VAL: f64 = 0.01;
const KDQ_N_BOOTSTRAPS: usize = 500;

/// Of a large reference.
const LEAVES_ABOUT: usize = 200;

const N_FREQUENCIES: usize = 128;
const N_FREQUENCIES_MAX: usize = 10_000;
const N_BOOTSTRAPS: usize = 1_000;
/// More resamples than this are refused.
const N_BOOTSTRAPS_MAX: usize = 100_000;
/// Resamples that are as far away as what was observed, at the level, below which a p-value says little.
const AT_LEVEL: f64 = 10.0;
const ROWS_MAX: usize = 10_000_000;

impl DetectorRequest {
    pub(super) fn pca_reconstruction(&self, issues: &mut Vec<SettingIssue>) -> PcaReconstructionSpec {
        let n_components = self.n_components.unwrap_or(VARIANCE_SHARE);
        let is_number = n_components >= 1.0 && n_components.fract() == 0.0 && n_components <= 10_000.0;
        if !(is_number || (n_components > 0.0 && n_components < 1.0)) {
            let detail = format!(
                "expected a share of the variance above 0 and below 1, or a whole number of components from 1 to 10000, \
                 {n_components} came"
            );
            issues.push(issue("detector/n_components", detail));
        }
        let preset = self.preset_of(&PcaReconstructionSpec::PRESETS, issues);
        if self.chunk_size.is_some() && preset.is_none() {
            let detail = "expected none: only the preset `nannyml` takes thresholds from chunks".to_owned();
            issues.push(issue("detector/chunk_size", detail));
        }
        let p_val = self.significance(issues);
        PcaReconstructionSpec {
            p_val,
            preset,
            n_components,
            chunk_size: self.chunk_size.map(|size| bounded("detector/chunk_size", Some(size), size, ROWS_MAX, issues)),
            // A mean can stray to both sides.
            n_bootstraps: self.bootstraps(N_BOOTSTRAPS, p_val / 2.0, issues),
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    pub(super) fn mmd_fourier(&self, issues: &mut Vec<SettingIssue>) -> MmdFourierSpec {
        let p_val = self.significance(issues);
        let n_frequencies =
            bounded("detector/n_frequencies", self.n_frequencies, N_FREQUENCIES, N_FREQUENCIES_MAX, issues);
        MmdFourierSpec {
            p_val,
            n_frequencies,
            sigma: self.bandwidths(issues),
            n_bootstraps: self.bootstraps(N_BOOTSTRAPS, p_val, issues),
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    pub(super) fn hdddm(&self, issues: &mut Vec<SettingIssue>) -> HdddmSpec {
        let p_val = self.significance(issues);
        let preset = self.preset_of(&HdddmSpec::PRESETS, issues);
        if preset.is_some() && self.update_reference.is_some() {
            let detail = "expected none: with the preset `menelaus` the reference moves on by itself".to_owned();
            issues.push(issue("detector/update_reference", detail));
        }
        // Rows that stay would be judged against a reference that holds them.
        let overlaps = self
            .window
            .is_some_and(|window| window.size.zip(window.stride).is_some_and(|(size, stride)| stride < size));
        if preset.is_some() && overlaps {
            let detail =
                "expected windows that follow each other with the preset `menelaus`: leave the stride out".to_owned();
            issues.push(issue("detector/window/stride", detail));
        }
        if self.threshold.is_some() && preset.is_none() {
            let detail =
                "expected `p_val`: without the preset `menelaus` windows are judged by their p-values".to_owned();
            issues.push(issue("detector/threshold", detail));
        } else if self.threshold.is_some() && self.p_val.is_some() {
            let detail = "expected `threshold`, a multiple of the deviation, or `p_val`, both came".to_owned();
            issues.push(issue("detector/p_val", detail));
        }
        HdddmSpec {
            p_val,
            preset,
            threshold: self.threshold.map(|threshold| from_zero("detector/threshold", threshold, issues)),
            n_bootstraps: self.bootstraps(N_BOOTSTRAPS, p_val, issues),
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    pub(super) fn kdq_tree(&self, n_rows: usize, issues: &mut Vec<SettingIssue>) -> KdqTreeSpec {
        let preset = self.preset_of(&KdqTreeSpec::PRESETS, issues);
        // The library has another level by default.
        let (p_val, n_bootstraps) = match (preset, self.p_val) {
            (Some(_), None) => (MENELAUS_P_VAL, KDQ_N_BOOTSTRAPS),
            _ => (self.significance(issues), N_BOOTSTRAPS),
        };
        // More cells would be noise rather than see more.
        let count_ubound = if preset.is_some() { COUNT_UBOUND } else { COUNT_UBOUND.max(n_rows / LEAVES_ABOUT) };
        KdqTreeSpec {
            p_val,
            preset,
            count_ubound: bounded("detector/count_ubound", self.count_ubound, count_ubound, ROWS_MAX, issues),
            n_bootstraps: self.bootstraps(n_bootstraps, p_val, issues),
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    pub(super) fn preset_of(&self, known: &[Preset], issues: &mut Vec<SettingIssue>) -> Option<Preset> {
        if let Some(preset) = self.preset
            && !known.contains(&preset)
        {
            let known: Vec<String> = known.iter().map(|known| format!("`{}`", known.as_str())).collect();
            let detail = format!("expected {} for this kind, `{}` came", known.join(" or "), preset.as_str());
            issues.push(issue("detector/preset", detail));
        }
        self.preset
    }

    /// Enough for some of them to be beyond the level.
    fn bootstraps(&self, default: usize, level: f64, issues: &mut Vec<SettingIssue>) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a level that is wrong has been told"
        )]
        let [least, enough] = [1.0, AT_LEVEL].map(|n| ((n / level).ceil() as usize).min(N_BOOTSTRAPS_MAX));
        let n = self.n_bootstraps.unwrap_or(default.max(enough));
        if !(least..=N_BOOTSTRAPS_MAX).contains(&n) {
            let detail = format!("expected {least} to {N_BOOTSTRAPS_MAX} resamples for this p_val, {n} came");
            issues.push(issue("detector/n_bootstraps", detail));
        }
        n
    }
}

/// The parameters of these kinds beside `seed` and `after_alarm`, which all have.
pub(super) fn parameters(kind: DetectorKind) -> &'static [&'static str] {
    use DetectorKind as Kind;
    match kind {
        Kind::PcaReconstruction => &[
            "p_val",
            "preset",
            "n_components",
            "chunk_size",
            "n_bootstraps",
            "min_effect",
            "window",
            "update_reference",
        ],
        Kind::MmdFourier => {
            &["p_val", "n_frequencies", "sigma", "n_bootstraps", "min_effect", "window", "update_reference"]
        }
        Kind::Hdddm => &["p_val", "preset", "threshold", "n_bootstraps", "min_effect", "window", "update_reference"],
        _ => &["p_val", "preset", "count_ubound", "n_bootstraps", "min_effect", "window", "update_reference"],
    }
}
