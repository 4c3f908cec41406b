//! What a client asks of a detector, and the specification that it becomes.

use std::fmt;

use super::online::{STEPS_MAX, WINDOW_SIZES};
use super::{CvmOnlineSpec, DetectorKind, DetectorSpec, FetOnlineSpec, LsddOnlineSpec, MmdOnlineSpec};
use crate::data::{ColumnType, Frame, Schema};
use crate::project::DriftType;
use crate::statistics::alternative::Alternative;

/// Settings as a client gives them; what is left out takes its default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DetectorRequest {
    /// The kind; each drift type has a default.
    pub kind: Option<DetectorKind>,
    /// Expected run time.
    pub ert: Option<f64>,
    /// The one window.
    pub window_size: Option<usize>,
    /// Several windows.
    pub window_sizes: Option<Vec<usize>>,
    /// Simulated streams or permutations.
    pub n_bootstraps: Option<usize>,
    /// Bandwidths.
    pub sigma: Option<Vec<f64>>,
    /// Which change counts.
    pub alternative: Option<Alternative>,
    /// Weight of the new value in a smoothed statistic.
    pub lam: Option<f64>,
    /// Steps until thresholds stay the same.
    pub t_max: Option<usize>,
    /// Centres of kernels.
    pub n_kernel_centers: Option<usize>,
    /// Largest relative difference that a regulariser may make.
    pub lambda_rd_max: Option<f64>,
    /// Seed of everything random.
    pub seed: Option<u64>,
}

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingIssue {
    /// Its place in a request, with `/` between parts: `detector/ert`, `drift_type`.
    pub setting: &'static str,
    /// What was expected and what came.
    pub detail: String,
}

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings {
    /// Every reason that was found; at least one.
    pub issues: Vec<SettingIssue>,
}

impl InvalidSettings {
    /// One wrong setting.
    pub fn one(setting: &'static str, detail: impl Into<String>) -> Self {
        Self { issues: vec![SettingIssue { setting, detail: detail.into() }] }
    }
}

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, issue) in self.issues.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", issue.setting, issue.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSettings {}

const ERT: f64 = 400.0;
const WINDOW_SIZE: usize = 40;
const SEVERAL_WINDOW_SIZES: [usize; 2] = [40, 80];
/// Of the kinds that judge columns.
const N_BOOTSTRAPS_COLUMNS: usize = 10_000;
/// Of the kinds with kernels.
const N_BOOTSTRAPS_KERNEL: usize = 7_000;
const LAM: f64 = 0.99;
const LAMBDA_RD_MAX: f64 = 0.2;

/// Larger expected run times than this are refused.
const ERT_MAX: f64 = 1e7;
/// More windows than this are refused.
const WINDOWS_MAX: usize = 16;
/// More bandwidths than this are refused.
const SIGMAS_MAX: usize = 64;
/// More centres of kernels than this are refused: their kernels are decomposed.
const KERNEL_CENTERS_MAX: usize = 1_000;
/// Bandwidths outside are refused, as their squares leave the range of numbers.
const SIGMA_RANGE: std::ops::RangeInclusive<f64> = 1e-150..=1e150;

impl DetectorRequest {
    /// The kind that suits data when none is asked for.
    ///
    /// # Errors
    /// When no kind of this version suits them.
    pub fn kind_for(
        &self,
        drift_type: DriftType,
        schema: &Schema,
        reference: &Frame,
    ) -> Result<DetectorKind, InvalidSettings> {
        match drift_type {
            DriftType::Label | DriftType::Tabular => {}
            DriftType::Text | DriftType::Image | DriftType::Sequential => {
                return Err(InvalidSettings::one(
                    "drift_type",
                    format!("expected `label` or `tabular`: this version has no detector for `{drift_type}` yet"),
                ));
            }
        }
        let categorical = schema.columns.iter().find(|column| column.kind != ColumnType::Numeric);
        let has_two_classes = schema.has_two_classes(0, reference);
        let kind = match (self.kind, drift_type) {
            (Some(kind), _) => kind,
            (None, DriftType::Label) if has_two_classes => DetectorKind::FetOnline,
            (None, DriftType::Label) if categorical.is_some() => {
                return Err(InvalidSettings::one(
                    "detector/kind",
                    "expected a kind: this version has no default for labels of other than two classes yet; `mmd_online` takes them",
                ));
            }
            (None, DriftType::Label) => DetectorKind::CvmOnline,
            (None, _) => DetectorKind::MmdOnline,
        };
        match (kind, categorical) {
            (DetectorKind::CvmOnline, Some(column)) => Err(InvalidSettings::one(
                "detector/kind",
                format!(
                    "`cvm_online` expects columns of numbers, `{}` is categorical; leave it out, or take `mmd_online`, or `fet_online` for two classes",
                    column.name
                ),
            )),
            _ => Ok(kind),
        }
    }

    /// The specification of a kind with every parameter, for a reference of `n_columns` encoded columns.
    ///
    /// # Errors
    /// When a value is out of its range or the kind has no such parameter.
    pub fn specification(&self, kind: DetectorKind, n_columns: usize) -> Result<DetectorSpec, InvalidSettings> {
        let mut issues = Vec::new();
        let ert = self.ert.unwrap_or(ERT);
        if !(ert > 1.0 && ert <= ERT_MAX) {
            issues.push(issue("detector/ert", format!("expected a number above 1, up to {ERT_MAX}, {ert} came")));
        }
        let seed = self.seed.unwrap_or(0);
        self.refuse_foreign(kind, &mut issues);
        let spec = match kind {
            DetectorKind::CvmOnline => DetectorSpec::CvmOnline(CvmOnlineSpec {
                ert,
                window_sizes: self.several_windows(&mut issues),
                n_bootstraps: 0,
                seed,
            }),
            DetectorKind::FetOnline => {
                let window_sizes = self.several_windows(&mut issues);
                DetectorSpec::FetOnline(FetOnlineSpec {
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
                DetectorSpec::LsddOnline(LsddOnlineSpec {
                    ert,
                    window_size,
                    n_bootstraps: 0,
                    sigma: self.bandwidths(&mut issues),
                    n_kernel_centers: self.kernel_centers(window_size, &mut issues),
                    lambda_rd_max: share("detector/lambda_rd_max", lambda_rd_max, &mut issues),
                    seed,
                })
            }
            DetectorKind::MmdOnline => DetectorSpec::MmdOnline(MmdOnlineSpec {
                ert,
                window_size: self.one_window(&mut issues),
                n_bootstraps: 0,
                sigma: self.bandwidths(&mut issues),
                seed,
            }),
        };
        if !issues.is_empty() {
            return Err(InvalidSettings { issues });
        }
        self.with_bootstraps(spec, n_columns)
    }

    fn with_bootstraps(&self, spec: DetectorSpec, n_columns: usize) -> Result<DetectorSpec, InvalidSettings> {
        if let Some(least) = spec.least_ert(n_columns) {
            let detail = match spec.ert() {
                Some(ert) => {
                    format!("expected an ert of at least {least} for these windows, or smaller windows; {ert} came")
                }
                None => format!("expected an ert of at least {least} for these windows, or smaller windows"),
            };
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
            DetectorSpec::CvmOnline(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_COLUMNS);
                DetectorSpec::CvmOnline(CvmOnlineSpec { n_bootstraps, ..spec })
            }
            DetectorSpec::FetOnline(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_COLUMNS);
                DetectorSpec::FetOnline(FetOnlineSpec { n_bootstraps, ..spec })
            }
            DetectorSpec::LsddOnline(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_KERNEL);
                DetectorSpec::LsddOnline(LsddOnlineSpec { n_bootstraps, ..spec })
            }
            DetectorSpec::MmdOnline(spec) => {
                let n_bootstraps = n_bootstraps(spec.ert, N_BOOTSTRAPS_KERNEL);
                DetectorSpec::MmdOnline(MmdOnlineSpec { n_bootstraps, ..spec })
            }
        })
    }

    /// Reports the parameters that came though the kind has none of that name.
    fn refuse_foreign(&self, kind: DetectorKind, issues: &mut Vec<SettingIssue>) {
        use DetectorKind::{CvmOnline, FetOnline, LsddOnline, MmdOnline};
        let parameters: [(&'static str, bool, &[DetectorKind]); 6] = [
            ("detector/sigma", self.sigma.is_some(), &[LsddOnline, MmdOnline]),
            ("detector/alternative", self.alternative.is_some(), &[FetOnline]),
            ("detector/lam", self.lam.is_some(), &[FetOnline]),
            ("detector/t_max", self.t_max.is_some(), &[FetOnline]),
            ("detector/n_kernel_centers", self.n_kernel_centers.is_some(), &[LsddOnline]),
            ("detector/lambda_rd_max", self.lambda_rd_max.is_some(), &[LsddOnline]),
        ];
        for (setting, came, kinds) in parameters {
            if came && !kinds.contains(&kind) {
                issues.push(issue(setting, format!("`{kind}` has no such parameter")));
            }
        }
        if self.window_sizes.is_some() && ![CvmOnline, FetOnline].contains(&kind) {
            let detail = format!("`{kind}` has one window, expected `window_size`");
            issues.push(issue("detector/window_sizes", detail));
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

    fn kernel_centers(&self, window_size: usize, issues: &mut Vec<SettingIssue>) -> usize {
        let n = self.n_kernel_centers.unwrap_or(window_size.saturating_mul(2).min(KERNEL_CENTERS_MAX));
        if !(1..=KERNEL_CENTERS_MAX).contains(&n) {
            let detail = format!("expected 1 to {KERNEL_CENTERS_MAX} centres of kernels, {n} came");
            issues.push(issue("detector/n_kernel_centers", detail));
        }
        n
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

    fn bandwidths(&self, issues: &mut Vec<SettingIssue>) -> Vec<f64> {
        let sigma = self.sigma.clone().unwrap_or_default();
        if self.sigma.as_ref().is_some_and(Vec::is_empty) || sigma.len() > SIGMAS_MAX {
            let detail = format!("expected 1 to {SIGMAS_MAX} bandwidths, {} came", sigma.len());
            issues.push(issue("detector/sigma", detail));
        }
        if let Some(wrong) = sigma.iter().find(|sigma| !SIGMA_RANGE.contains(*sigma)) {
            issues.push(issue("detector/sigma", format!("expected bandwidths above 0, {wrong} came")));
        }
        sigma
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

fn share(setting: &'static str, value: f64, issues: &mut Vec<SettingIssue>) -> f64 {
    if !(value > 0.0 && value <= 1.0) {
        issues.push(issue(setting, format!("expected a number above 0, up to 1, {value} came")));
    }
    value
}

fn issue(setting: &'static str, detail: String) -> SettingIssue {
    SettingIssue { setting, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_written_out() {
        let spec = DetectorRequest::default().specification(DetectorKind::CvmOnline, 1).unwrap();
        let expected = CvmOnlineSpec { ert: 400.0, window_sizes: vec![40, 80], n_bootstraps: 10_000, seed: 0 };
        assert_eq!(spec, DetectorSpec::CvmOnline(expected));
        let request = DetectorRequest { ert: Some(1_000.0), ..DetectorRequest::default() };
        let DetectorSpec::MmdOnline(spec) = request.specification(DetectorKind::MmdOnline, 5).unwrap() else {
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
        assert_eq!(default.specification(DetectorKind::FetOnline, 1), Ok(DetectorSpec::FetOnline(expected)));
        let expected = LsddOnlineSpec {
            ert: 400.0,
            window_size: 40,
            n_bootstraps: 8_000,
            sigma: vec![],
            n_kernel_centers: 80,
            lambda_rd_max: 0.2,
            seed: 0,
        };
        assert_eq!(default.specification(DetectorKind::LsddOnline, 5), Ok(DetectorSpec::LsddOnline(expected)));
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
            let error = request.specification(kind, 1).unwrap_err();
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
            let spec = DetectorRequest::default().specification(DetectorKind::CvmOnline, n_columns).unwrap();
            let DetectorSpec::CvmOnline(cvm) = &spec else { panic!("another kind") };
            assert!(cvm.n_bootstraps >= spec.n_bootstraps_min(n_columns));
            let spec = DetectorRequest::default().specification(DetectorKind::FetOnline, n_columns).unwrap();
            let DetectorSpec::FetOnline(fet) = &spec else { panic!("another kind") };
            assert!(fet.n_bootstraps >= spec.n_bootstraps_min(n_columns));
        }
    }

    #[test]
    fn an_ert_too_short_for_the_windows_is_told_with_the_least_one() {
        let with_ert = |ert| DetectorRequest { ert: Some(ert), ..DetectorRequest::default() };
        let error = with_ert(2.0).specification(DetectorKind::CvmOnline, 1).unwrap_err();
        assert_eq!(error.issues[0].setting, "detector/ert");
        let least: f64 = error.issues[0].detail.split(' ').nth(6).unwrap().parse().unwrap();
        assert!(with_ert(least).specification(DetectorKind::CvmOnline, 1).is_ok(), "{error}");
        assert!(with_ert(least - 1.0).specification(DetectorKind::CvmOnline, 1).is_err(), "{error}");
    }

    #[test]
    fn the_least_ert_is_the_first_that_is_long_enough() {
        let with = |ert: f64, kind, window_size, n_columns| {
            let request =
                DetectorRequest { ert: Some(ert), window_size: Some(window_size), ..DetectorRequest::default() };
            request.specification(kind, n_columns)
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
            let spec = request.specification(DetectorKind::MmdOnline, 1).unwrap();
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
        let error = request.specification(DetectorKind::CvmOnline, 1).unwrap_err();
        let settings: Vec<_> = error.issues.iter().map(|issue| issue.setting).collect();
        assert_eq!(settings, ["detector/ert", "detector/sigma", "detector/window_sizes", "detector/window_sizes"]);
    }
}
