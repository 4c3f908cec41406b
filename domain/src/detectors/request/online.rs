//! Specifications of the kinds that judge row by row.

use super::{DetectorRequest, InvalidSettings, LAMBDA_RD_MAX, SettingIssue, issue, share};
use crate::detectors::online::{PCA_CD_WINDOW_MIN, STEPS_MAX, WINDOW_SIZES};
use crate::detectors::{
    CvmOnlineSpec, DetectorKind, DummySpec, FetOnlineSpec, LsddOnlineSpec, MmdOnlineSpec, OnlineSpec, PcaCdSpec, Preset,
};

const ERT: f64 = 400.0;
const WINDOW_SIZE: usize = 40;
/// Of principal components, whose laws fewer rows hardly tell.
const PCA_CD_WINDOW_SIZE: usize = 100;
const SEVERAL_WINDOW_SIZES: [usize; 2] = [40, 80];
/// Of the kinds that judge columns.
const N_BOOTSTRAPS_COLUMNS: usize = 10_000;
/// Of the kinds with kernels.
const N_BOOTSTRAPS_KERNEL: usize = 7_000;
const LAM: f64 = 0.99;

/// Larger expected run times than this are refused.
const ERT_MAX: f64 = 1e7;
/// More windows than this are refused.
const WINDOWS_MAX: usize = 16;

impl DetectorRequest {
    /// The specification of an online kind with every parameter, for a reference of `n_columns` encoded columns.
    ///
    /// # Errors
    /// When a value is out of its range, the kind has no such parameter, or it judges windows.
    pub fn online_specification(&self, kind: DetectorKind, n_columns: usize) -> Result<OnlineSpec, InvalidSettings> {
        if kind.is_streaming() {
            return self.streaming_specification(kind, n_columns).map(OnlineSpec::Streaming);
        }
        let mut issues = Vec::new();
        let ert = self.ert.unwrap_or(ERT);
        if !(ert > 1.0 && ert <= ERT_MAX) {
            issues.push(issue("detector/ert", format!("expected a number above 1, up to {ERT_MAX}, {ert} came")));
        }
        let seed = self.seed.unwrap_or(0);
        self.refuse_foreign(kind, &mut issues);
        let spec = match kind {
            DetectorKind::CvmOnline => OnlineSpec::CvmOnline(CvmOnlineSpec {
                ert,
                window_sizes: self.several_windows(&mut issues),
                n_bootstraps: 0,
                seed,
            }),
            DetectorKind::Dummy => OnlineSpec::Dummy(DummySpec { seed }),
            DetectorKind::FetOnline => {
                let window_sizes = self.several_windows(&mut issues);
                OnlineSpec::FetOnline(FetOnlineSpec {
                    ert,
                    alternative: self.alternative.unwrap_or_default(),
                    lam: share("detector/lam", self.lam.unwrap_or(LAM), &mut issues),
                    t_max: self.threshold_steps(&window_sizes, &mut issues),
                    window_sizes,
                    n_bootstraps: 0,
                    seed,
                })
            }
            DetectorKind::LsddOnline => {
                let window_size = self.one_window(&mut issues);
                let lambda_rd_max = self.lambda_rd_max.unwrap_or(LAMBDA_RD_MAX);
                OnlineSpec::LsddOnline(LsddOnlineSpec {
                    ert,
                    window_size,
                    n_bootstraps: 0,
                    sigma: self.bandwidths(&mut issues),
                    n_kernel_centers: self.kernel_centers(window_size.saturating_mul(2), &mut issues),
                    lambda_rd_max: share("detector/lambda_rd_max", lambda_rd_max, &mut issues),
                    seed,
                })
            }
            DetectorKind::MmdOnline => OnlineSpec::MmdOnline(MmdOnlineSpec {
                ert,
                window_size: self.one_window(&mut issues),
                n_bootstraps: 0,
                sigma: self.bandwidths(&mut issues),
                seed,
            }),
            DetectorKind::PcaCd => OnlineSpec::PcaCd(self.pca_cd(ert, &mut issues)),
            _ => return Err(InvalidSettings::one("detector/kind", format!("`{kind}` judges windows, not rows"))),
        };
        if !issues.is_empty() {
            return Err(InvalidSettings { issues });
        }
        self.with_bootstraps(spec, n_columns)
    }

    fn with_bootstraps(&self, spec: OnlineSpec, n_columns: usize) -> Result<OnlineSpec, InvalidSettings> {
        if let Some(least) = spec.least_ert(n_columns) {
            let ert = spec.ert().unwrap_or(ERT);
            let detail =
                format!("expected an ert of at least {least} for these windows, or smaller windows; {ert} came");
            return Err(InvalidSettings::one("detector/ert", detail));
        }
        let at_least = spec.n_bootstraps_min(n_columns);
        if let Some(n_bootstraps) = self.n_bootstraps
            && n_bootstraps < at_least
        {
            return Err(InvalidSettings::one(
                "detector/n_bootstraps",
                format!("expected at least {at_least} for this ert and these windows, {n_bootstraps} came"),
            ));
        }
        let n_bootstraps = |ert, usual| self.n_bootstraps.unwrap_or_else(|| default_bootstraps(ert, usual, at_least));
        Ok(match spec {
            OnlineSpec::CvmOnline(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_COLUMNS);
                OnlineSpec::CvmOnline(CvmOnlineSpec { n_bootstraps, ..spec })
            }
            other @ (OnlineSpec::Dummy(_) | OnlineSpec::Streaming(_)) => other,
            OnlineSpec::FetOnline(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_COLUMNS);
                OnlineSpec::FetOnline(FetOnlineSpec { n_bootstraps, ..spec })
            }
            OnlineSpec::LsddOnline(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_KERNEL);
                OnlineSpec::LsddOnline(LsddOnlineSpec { n_bootstraps, ..spec })
            }
            OnlineSpec::MmdOnline(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_KERNEL);
                OnlineSpec::MmdOnline(MmdOnlineSpec { n_bootstraps, ..spec })
            }
            OnlineSpec::PcaCd(spec) if spec.preset.is_some() => OnlineSpec::PcaCd(spec),
            OnlineSpec::PcaCd(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_KERNEL);
                OnlineSpec::PcaCd(PcaCdSpec { n_bootstraps, ..spec })
            }
        })
    }

    fn pca_cd(&self, ert: f64, issues: &mut Vec<SettingIssue>) -> PcaCdSpec {
        let preset = self.preset_of(&[Preset::Menelaus], issues);
        let idle: &[(&'static str, bool)] = if preset.is_some() {
            &[("detector/ert", self.ert.is_some()), ("detector/n_bootstraps", self.n_bootstraps.is_some())]
        } else {
            &[("detector/delta", self.streaming.delta.is_some()), ("detector/threshold", self.threshold.is_some())]
        };
        for (setting, came) in idle {
            if *came {
                let detail = match preset {
                    Some(preset) => format!("expected none: the preset `{preset}` keeps no expected run time"),
                    None => "expected none: without the preset `menelaus` thresholds keep the `ert`".to_owned(),
                };
                issues.push(issue(setting, detail));
            }
        }
        let window_size = self.window_size.unwrap_or(PCA_CD_WINDOW_SIZE);
        check_window("detector/window_size", window_size, issues);
        if window_size < PCA_CD_WINDOW_MIN {
            let detail = format!("expected a window of at least {PCA_CD_WINDOW_MIN} rows, {window_size} came");
            issues.push(issue("detector/window_size", detail));
        }
        let mut from_zero = |setting, value: Option<f64>| {
            let value = value?;
            if !(value >= 0.0 && value.is_finite()) {
                issues.push(issue(setting, format!("expected a number of at least 0, {value} came")));
            }
            Some(value)
        };
        PcaCdSpec {
            ert,
            window_size,
            divergence_metric: self.divergence_metric.unwrap_or_default(),
            n_bootstraps: 0,
            preset,
            delta: from_zero("detector/delta", self.streaming.delta),
            threshold: from_zero("detector/threshold", self.threshold),
            seed: self.seed.unwrap_or(0),
        }
    }

    fn threshold_steps(&self, window_sizes: &[usize], issues: &mut Vec<SettingIssue>) -> usize {
        // Windows that are too large have been reported.
        let least = FetOnlineSpec::t_max_least(window_sizes).min(STEPS_MAX);
        let t_max = self.t_max.unwrap_or(least);
        if !(least..=STEPS_MAX).contains(&t_max) {
            let detail =
                format!("expected {least} (twice the largest window less 1) to {STEPS_MAX} steps, {t_max} came");
            issues.push(issue("detector/t_max", detail));
        }
        t_max
    }

    fn one_window(&self, issues: &mut Vec<SettingIssue>) -> usize {
        let size = self.window_size.unwrap_or(WINDOW_SIZE);
        check_window("detector/window_size", size, issues);
        size
    }

    fn several_windows(&self, issues: &mut Vec<SettingIssue>) -> Vec<usize> {
        if let Some(size) = self.window_size {
            if self.window_sizes.is_some() {
                let detail = "expected `window_size` or `window_sizes`, both came".to_owned();
                issues.push(issue("detector/window_size", detail));
            }
            check_window("detector/window_size", size, issues);
            return vec![size];
        }
        let sizes = self.window_sizes.clone().unwrap_or_else(|| SEVERAL_WINDOW_SIZES.to_vec());
        if sizes.is_empty() || sizes.len() > WINDOWS_MAX {
            let detail = format!("expected 1 to {WINDOWS_MAX} windows, {} came", sizes.len());
            issues.push(issue("detector/window_sizes", detail));
        }
        for (index, size) in sizes.iter().enumerate() {
            check_window("detector/window_sizes", *size, issues);
            if sizes[..index].contains(size) {
                issues.push(issue("detector/window_sizes", format!("expected each size once, {size} came twice")));
            }
        }
        sizes
    }
}

/// `max(20 ert, the kind's usual number)`, or what the thresholds need if that is more.
fn default_bootstraps(ert: f64, usual: usize, at_least: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 20 * ERT_MAX")]
    let by_ert = (20.0 * ert).ceil() as usize;
    by_ert.max(usual).max(at_least)
}

fn check_window(setting: &'static str, size: usize, issues: &mut Vec<SettingIssue>) {
    if !WINDOW_SIZES.contains(&size) {
        let (least, most) = (WINDOW_SIZES.start(), WINDOW_SIZES.end());
        issues.push(issue(setting, format!("expected a window of {least} to {most} rows, {size} came")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::alternative::Alternative;

    #[test]
    fn defaults_are_written_out() {
        let spec = DetectorRequest::default().online_specification(DetectorKind::CvmOnline, 1).unwrap();
        let expected = CvmOnlineSpec { ert: 400.0, window_sizes: vec![40, 80], n_bootstraps: 10_000, seed: 0 };
        assert_eq!(spec, OnlineSpec::CvmOnline(expected));
        let request = DetectorRequest { ert: Some(1_000.0), ..DetectorRequest::default() };
        let OnlineSpec::MmdOnline(spec) = request.online_specification(DetectorKind::MmdOnline, 5).unwrap() else {
            panic!("another kind");
        };
        assert_eq!((spec.n_bootstraps, spec.window_size), (20_000, 40));
    }

    #[test]
    fn defaults_of_the_kinds_for_classes_and_densities_are_written_out() {
        let default = DetectorRequest::default();
        let expected = FetOnlineSpec {
            ert: 400.0,
            window_sizes: vec![40, 80],
            alternative: Alternative::TwoSided,
            lam: 0.99,
            t_max: 159,
            n_bootstraps: 10_000,
            seed: 0,
        };
        assert_eq!(default.online_specification(DetectorKind::FetOnline, 1), Ok(OnlineSpec::FetOnline(expected)));
        let expected = LsddOnlineSpec {
            ert: 400.0,
            window_size: 40,
            n_bootstraps: 8_000,
            sigma: vec![],
            n_kernel_centers: 80,
            lambda_rd_max: 0.2,
            seed: 0,
        };
        assert_eq!(default.online_specification(DetectorKind::LsddOnline, 5), Ok(OnlineSpec::LsddOnline(expected)));
    }

    #[test]
    fn parameters_of_other_kinds_and_out_of_range_are_named() {
        let request = DetectorRequest {
            window_sizes: Some(vec![40, usize::MAX]),
            t_max: Some(10),
            lam: Some(0.0),
            lambda_rd_max: Some(2.0),
            n_kernel_centers: Some(0),
            ..DetectorRequest::default()
        };
        let settings = |kind| -> Vec<&str> {
            let error = request.online_specification(kind, 1).unwrap_err();
            error.issues.iter().map(|issue| issue.setting.trim_start_matches("detector/")).collect()
        };
        assert_eq!(
            settings(DetectorKind::FetOnline),
            ["n_kernel_centers", "lambda_rd_max", "window_sizes", "lam", "t_max"]
        );
        assert_eq!(
            settings(DetectorKind::LsddOnline),
            ["lam", "t_max", "window_sizes", "n_kernel_centers", "lambda_rd_max"]
        );
    }

    #[test]
    fn the_default_bootstraps_are_enough_for_any_number_of_columns() {
        for n_columns in [1, 5, 50, 200] {
            let spec = DetectorRequest::default().online_specification(DetectorKind::CvmOnline, n_columns).unwrap();
            let OnlineSpec::CvmOnline(cvm) = &spec else { panic!("another kind") };
            assert!(cvm.n_bootstraps >= spec.n_bootstraps_min(n_columns));
            let spec = DetectorRequest::default().online_specification(DetectorKind::FetOnline, n_columns).unwrap();
            let OnlineSpec::FetOnline(fet) = &spec else { panic!("another kind") };
            assert!(fet.n_bootstraps >= spec.n_bootstraps_min(n_columns));
        }
    }

    #[test]
    fn an_ert_too_short_for_the_windows_is_told_with_the_least_one() {
        let with_ert = |ert| DetectorRequest { ert: Some(ert), ..DetectorRequest::default() };
        let error = with_ert(2.0).online_specification(DetectorKind::CvmOnline, 1).unwrap_err();
        assert_eq!(error.issues[0].setting, "detector/ert");
        let least: f64 = error.issues[0].detail.split(' ').nth(6).unwrap().parse().unwrap();
        assert!(with_ert(least).online_specification(DetectorKind::CvmOnline, 1).is_ok(), "{error}");
        assert!(with_ert(least - 1.0).online_specification(DetectorKind::CvmOnline, 1).is_err(), "{error}");
    }

    #[test]
    fn the_least_ert_is_the_first_that_is_long_enough() {
        let with = |ert: f64, kind, window_size, n_columns| {
            let request =
                DetectorRequest { ert: Some(ert), window_size: Some(window_size), ..DetectorRequest::default() };
            request.online_specification(kind, n_columns)
        };
        let kinds =
            [DetectorKind::CvmOnline, DetectorKind::FetOnline, DetectorKind::LsddOnline, DetectorKind::MmdOnline];
        for kind in kinds {
            for (window_size, n_columns) in [(40, 1), (40, 7), (700, 1), (2_000, 30)] {
                let is_too_short = |ert: &u32| {
                    let error = with(f64::from(*ert), kind, window_size, n_columns).err();
                    error.is_some_and(|error| error.issues[0].setting == "detector/ert")
                };
                let least = (2..100_000).find(|ert| !is_too_short(ert)).unwrap();
                for ert in (2..least).step_by(7) {
                    let error = with(f64::from(ert), kind, window_size, n_columns).unwrap_err();
                    let told = format!("expected an ert of at least {least} for these windows");
                    assert!(error.issues[0].detail.starts_with(&told), "{kind} {window_size} {n_columns}: {error}");
                }
            }
        }
    }

    #[test]
    fn where_no_ert_is_long_enough_none_is_told() {
        for (window_size, ert) in [(10_000, 2.0), (10_000, 400.0), (40, 1e7)] {
            let request =
                DetectorRequest { ert: Some(ert), window_size: Some(window_size), ..DetectorRequest::default() };
            let spec = request.online_specification(DetectorKind::MmdOnline, 1).unwrap();
            assert!(spec.least_ert(1).is_none());
        }
    }

    #[test]
    fn every_wrong_setting_is_named() {
        let request = DetectorRequest {
            ert: Some(f64::NAN),
            window_sizes: Some(vec![1, 5, 5]),
            sigma: Some(vec![1.0]),
            ..DetectorRequest::default()
        };
        let error = request.online_specification(DetectorKind::CvmOnline, 1).unwrap_err();
        let settings: Vec<_> = error.issues.iter().map(|issue| issue.setting).collect();
        assert_eq!(settings, ["detector/ert", "detector/sigma", "detector/window_sizes", "detector/window_sizes"]);
    }
}
