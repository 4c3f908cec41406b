//! Settings of a fit: from a value, wherever it stood, to the domain's types.

use std::fmt;

use drifting_domain::data::{COLUMNS_MAX, MissingValues};
use drifting_domain::detectors::{DetectorKind, DetectorRequest, ModelName, ModelOutputs, UncertaintyType};
use drifting_domain::project::{AfterAlarm, DriftType};
use drifting_domain::statistics::alternative::Alternative;
use drifting_domain::statistics::correction::Correction;
use drifting_domain::statistics::permutation::PValueRule;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::faults::Faults;
use super::member_name::MemberName;
use super::scalar::{Scalar, beginning};
use super::setting_object::SetObject;
use drifting_inference::Passed;

/// A setting by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    DriftType,
    Overwrite,
    MissingValues,
    ReportRunLength,
    Standardize,
    NComponents,
    Kind,
    Ert,
    WindowSize,
    WindowSizes,
    NBootstraps,
    Sigma,
    Alternative,
    Lam,
    TMax,
    NKernelCenters,
    LambdaRdMax,
    Seed,
    PVal,
    Correction,
    Tests,
    MinEffect,
    NPermutations,
    PValueRule,
    ConfigureKernel,
    Model,
    NTrees,
    NFolds,
    TrainSize,
    BinarizePreds,
    UseCalibration,
    NDiffs,
    L1Reg,
    LearningRate,
    Epochs,
    BatchSize,
    PredsType,
    UncertaintyType,
    MarginWidth,
    ContextColumns,
    ContextSigma,
    PropCHeld,
    Window,
    UpdateReference,
    AfterAlarm,
}

impl Name {
    /// Those at the top of a body.
    pub(super) const TOP: [Self; 4] = [Self::DriftType, Self::Overwrite, Self::MissingValues, Self::ReportRunLength];
    /// Those of `preprocessing`.
    pub(super) const PREPROCESSING: [Self; 2] = [Self::Standardize, Self::NComponents];
    /// Those of `detector`.
    pub(super) const DETECTOR: [Self; 39] = [
        Self::Kind,
        Self::Ert,
        Self::WindowSize,
        Self::WindowSizes,
        Self::NBootstraps,
        Self::Sigma,
        Self::Alternative,
        Self::Lam,
        Self::TMax,
        Self::NKernelCenters,
        Self::LambdaRdMax,
        Self::Seed,
        Self::PVal,
        Self::Correction,
        Self::Tests,
        Self::MinEffect,
        Self::NPermutations,
        Self::PValueRule,
        Self::ConfigureKernel,
        Self::Model,
        Self::NTrees,
        Self::NFolds,
        Self::TrainSize,
        Self::BinarizePreds,
        Self::UseCalibration,
        Self::NDiffs,
        Self::L1Reg,
        Self::LearningRate,
        Self::Epochs,
        Self::BatchSize,
        Self::PredsType,
        Self::UncertaintyType,
        Self::MarginWidth,
        Self::ContextColumns,
        Self::ContextSigma,
        Self::PropCHeld,
        Self::Window,
        Self::UpdateReference,
        Self::AfterAlarm,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::DriftType => "drift_type",
            Self::Overwrite => "overwrite",
            Self::MissingValues => "missing_values",
            Self::ReportRunLength => "report_run_length",
            Self::Standardize => "standardize",
            Self::NComponents => "n_components",
            Self::Kind => "kind",
            Self::Ert => "ert",
            Self::WindowSize => "window_size",
            Self::WindowSizes => "window_sizes",
            Self::NBootstraps => "n_bootstraps",
            Self::Sigma => "sigma",
            Self::Alternative => "alternative",
            Self::Lam => "lam",
            Self::TMax => "t_max",
            Self::NKernelCenters => "n_kernel_centers",
            Self::LambdaRdMax => "lambda_rd_max",
            Self::Seed => "seed",
            Self::PVal => "p_val",
            Self::Correction => "correction",
            Self::Tests => "tests",
            Self::MinEffect => "min_effect",
            Self::NPermutations => "n_permutations",
            Self::PValueRule => "p_value_rule",
            Self::ConfigureKernel => "configure_kernel_from_x_ref",
            Self::Model => "model",
            Self::NTrees => "n_trees",
            Self::NFolds => "n_folds",
            Self::TrainSize => "train_size",
            Self::BinarizePreds => "binarize_preds",
            Self::UseCalibration => "use_calibration",
            Self::NDiffs => "n_diffs",
            Self::L1Reg => "l1_reg",
            Self::LearningRate => "learning_rate",
            Self::Epochs => "epochs",
            Self::BatchSize => "batch_size",
            Self::PredsType => "preds_type",
            Self::UncertaintyType => "uncertainty_type",
            Self::MarginWidth => "margin_width",
            Self::ContextColumns => "context_columns",
            Self::ContextSigma => "context_sigma",
            Self::PropCHeld => "prop_c_held",
            Self::Window => "window",
            Self::UpdateReference => "update_reference",
            Self::AfterAlarm => "after_alarm",
        }
    }

    /// Whether it takes an object.
    pub(super) fn is_object(self) -> bool {
        matches!(self, Self::Tests | Self::Window | Self::UpdateReference)
    }

    /// Whether it takes a list.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::WindowSizes | Self::Sigma | Self::ContextColumns | Self::ContextSigma)
    }
}

/// "`x` is not known" with the nearest name that is.
pub(super) fn unknown(name: &str, known: &[&str]) -> String {
    /// No longer name is like one that is known.
    const BYTES_MAX: usize = 64;
    let shown = super::scalar::quoted(name);
    let nearest = known
        .iter()
        .filter(|_| name.len() <= BYTES_MAX)
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .filter(|(likeness, _)| *likeness > 0.75);
    match nearest {
        Some((_, nearest)) => format!("{shown} is not known here; did you mean `{nearest}`?"),
        None => format!("{shown} is not known here; expected one of {}", listed(known)),
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The value of a setting as it came.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting<'de> {
    One(Scalar<'de>),
    List(Vec<Scalar<'de>>),
    /// An array of so many items, which are more than any setting takes.
    LongList(usize),
    /// The members as they came, also those that stand twice.
    Object(Vec<(MemberName, Scalar<'de>)>),
}

impl Setting<'_> {
    pub(super) fn came(&self) -> String {
        match self {
            Self::One(value) => value.came().into_owned(),
            Self::List(_) => "an array".to_owned(),
            Self::LongList(n) => format!("an array of {n} items"),
            Self::Object(_) => "an object".to_owned(),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::One(Scalar::Null))
    }
}

impl<'de> Deserialize<'de> for Setting<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SettingVisitor)
    }
}

struct SettingVisitor;

impl<'de> Visitor<'de> for SettingVisitor {
    type Value = Setting<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Setting::One(Scalar::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Setting::One(Scalar::Boolean(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Setting::One(Scalar::Whole(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Setting::One(Scalar::Number(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Setting::One(Scalar::Number(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Setting::One(Scalar::Text(beginning(value).to_owned().into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        const ITEMS_MAX: usize = 1_000;
        let mut list = Vec::new();
        while list.len() < ITEMS_MAX {
            match items.next_element()? {
                Some(item) => list.push(item),
                None => return Ok(Setting::List(list)),
            }
        }
        let mut n_items = list.len();
        while items.next_element::<Passed>()?.is_some() {
            n_items += 1;
        }
        Ok(if n_items > ITEMS_MAX { Setting::LongList(n_items) } else { Setting::List(list) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Vec::new();
        while object.len() < COLUMNS_MAX {
            let Some(member) = members.next_entry()? else { return Ok(Setting::Object(object)) };
            object.push(member);
        }
        // No setting has so many.
        while members.next_entry::<Passed, Passed>()?.is_some() {}
        Ok(Setting::One(Scalar::Object))
    }
}

/// Settings so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Settings {
    pub(crate) drift_type: Option<DriftType>,
    pub(crate) overwrite: bool,
    pub(crate) missing_values: MissingValues,
    pub(crate) report_run_length: bool,
    pub(crate) standardize: Option<bool>,
    pub(crate) n_components: Option<usize>,
    pub(crate) detector: DetectorRequest,
}

impl Settings {
    /// Whether arrays of data are images. Of `dummy` they may be anything.
    pub(crate) fn is_of_images(&self) -> bool {
        self.drift_type == Some(DriftType::Image) && self.detector.kind != Some(DetectorKind::Dummy)
    }

    /// Takes a setting; `null` leaves its default.
    pub(super) fn set(&mut self, name: Name, value: &Setting<'_>, pointer: &str, faults: &mut Faults) {
        if value.is_null() {
            return;
        }
        if name.is_object() {
            self.detector.set_object(name, value, pointer, faults);
        } else if let Err(detail) = self.try_set(name, value) {
            faults.setting(|| pointer.to_owned(), || detail);
        }
    }

    fn try_set(&mut self, name: Name, value: &Setting<'_>) -> Result<(), String> {
        match name {
            Name::DriftType => self.drift_type = Some(one_of(value, &DRIFT_TYPES)?),
            Name::Overwrite => self.overwrite = boolean(value)?,
            Name::MissingValues => self.missing_values = one_of(value, &MISSING_VALUES)?,
            Name::ReportRunLength => self.report_run_length = boolean(value)?,
            Name::Standardize => self.standardize = Some(boolean(value)?),
            Name::NComponents => self.n_components = Some(count(value)?),
            Name::Kind => {
                let kinds = DetectorKind::ALL.map(|kind| (kind.as_str(), kind));
                self.detector.kind = Some(one_of(value, &kinds)?);
            }
            Name::Ert => self.detector.ert = Some(number(value)?),
            Name::WindowSize => self.detector.window_size = Some(count(value)?),
            Name::WindowSizes => {
                self.detector.window_sizes = Some(list(value, "an array of whole numbers", as_count)?);
            }
            Name::NBootstraps => self.detector.n_bootstraps = Some(count(value)?),
            Name::Sigma => self.detector.sigma = Some(bandwidths(value)?),
            Name::Alternative => self.detector.alternative = Some(one_of(value, &ALTERNATIVES)?),
            Name::Lam => self.detector.lam = Some(number(value)?),
            Name::TMax => self.detector.t_max = Some(count(value)?),
            Name::NKernelCenters => self.detector.n_kernel_centers = Some(count(value)?),
            Name::LambdaRdMax => self.detector.lambda_rd_max = Some(number(value)?),
            Name::Seed => {
                let seed = as_whole(one(value)).ok_or_else(|| wrong("a whole number from 0 on", &value.came()))?;
                self.detector.seed = Some(seed);
            }
            Name::PVal => self.detector.p_val = Some(number(value)?),
            Name::Correction => self.detector.correction = Some(one_of(value, &CORRECTIONS)?),
            Name::MinEffect => self.detector.min_effect = Some(number(value)?),
            Name::NPermutations => self.detector.n_permutations = Some(count(value)?),
            Name::PValueRule => self.detector.p_value_rule = Some(one_of(value, &P_VALUE_RULES)?),
            Name::ConfigureKernel => self.detector.configure_kernel_from_x_ref = Some(boolean(value)?),
            Name::Model => self.detector.model = Some(one_of(value, &MODELS)?),
            Name::NTrees => self.detector.n_trees = Some(count(value)?),
            Name::NFolds => self.detector.n_folds = Some(count(value)?),
            Name::TrainSize => self.detector.train_size = Some(number(value)?),
            Name::BinarizePreds => self.detector.binarize_preds = Some(boolean(value)?),
            Name::UseCalibration => self.detector.use_calibration = Some(boolean(value)?),
            Name::NDiffs => self.detector.n_diffs = Some(count(value)?),
            Name::L1Reg => self.detector.l1_reg = Some(number(value)?),
            Name::LearningRate => self.detector.learning_rate = Some(number(value)?),
            Name::Epochs => self.detector.epochs = Some(count(value)?),
            Name::BatchSize => self.detector.batch_size = Some(count(value)?),
            Name::PredsType => self.detector.preds_type = Some(one_of(value, &PREDS_TYPES)?),
            Name::UncertaintyType => self.detector.uncertainty_type = Some(one_of(value, &UNCERTAINTY_TYPES)?),
            Name::MarginWidth => self.detector.margin_width = Some(number(value)?),
            Name::ContextColumns => {
                let text = |value: &Scalar<'_>| match value {
                    Scalar::Text(text) => Some(text.clone().into_owned()),
                    _ => None,
                };
                self.detector.context_columns = Some(list(value, "an array of names of columns", text)?);
            }
            Name::ContextSigma => self.detector.context_sigma = Some(bandwidths(value)?),
            Name::PropCHeld => self.detector.prop_c_held = Some(number(value)?),
            Name::AfterAlarm => self.detector.after_alarm = Some(one_of(value, &AFTER_ALARM)?),
            Name::Tests | Name::Window | Name::UpdateReference => {}
        }
        Ok(())
    }
}

const DRIFT_TYPES: [(&str, DriftType); 5] = [
    ("label", DriftType::Label),
    ("tabular", DriftType::Tabular),
    ("text", DriftType::Text),
    ("image", DriftType::Image),
    ("sequential", DriftType::Sequential),
];

const MISSING_VALUES: [(&str, MissingValues); 3] =
    [("reject", MissingValues::Reject), ("drop", MissingValues::Drop), ("impute", MissingValues::Impute)];

const ALTERNATIVES: [(&str, Alternative); 3] =
    [("two-sided", Alternative::TwoSided), ("greater", Alternative::Greater), ("less", Alternative::Less)];

const CORRECTIONS: [(&str, Correction); 2] = [("bonferroni", Correction::Bonferroni), ("fdr", Correction::Fdr)];

const P_VALUE_RULES: [(&str, PValueRule); 2] = [("corrected", PValueRule::Corrected), ("library", PValueRule::Library)];

const MODELS: [(&str, ModelName); 2] =
    [("logistic_regression", ModelName::LogisticRegression), ("random_forest", ModelName::RandomForest)];

const PREDS_TYPES: [(&str, ModelOutputs); 2] = [("probs", ModelOutputs::Probs), ("logits", ModelOutputs::Logits)];

const UNCERTAINTY_TYPES: [(&str, UncertaintyType); 2] =
    [("entropy", UncertaintyType::Entropy), ("margin", UncertaintyType::Margin)];

const AFTER_ALARM: [(&str, AfterAlarm); 3] =
    [("continue", AfterAlarm::Continue), ("reset", AfterAlarm::Reset), ("latch", AfterAlarm::Latch)];

/// The drift type of a name.
pub(super) fn drift_type(text: &str) -> Result<DriftType, String> {
    one_of(&Setting::One(Scalar::Text(text.into())), &DRIFT_TYPES)
}

pub(super) fn wrong(expected: &str, came: &str) -> String {
    format!("expected {expected}, {came} came")
}

fn one<'s, 'de>(value: &'s Setting<'de>) -> &'s Scalar<'de> {
    match value {
        Setting::One(value) => value,
        Setting::List(_) | Setting::LongList(_) => &Scalar::Array,
        Setting::Object(_) => &Scalar::Object,
    }
}

pub(super) fn one_of<T: Copy>(value: &Setting<'_>, known: &[(&str, T)]) -> Result<T, String> {
    if let Scalar::Text(text) = one(value)
        && let Some((_, found)) = known.iter().find(|(name, _)| *name == text)
    {
        return Ok(*found);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    Err(wrong(&format!("one of {}", listed(&names)), &value.came()))
}

fn boolean(value: &Setting<'_>) -> Result<bool, String> {
    match one(value) {
        Scalar::Boolean(value) => Ok(*value),
        _ => Err(wrong("`true` or `false`", &value.came())),
    }
}

fn number(value: &Setting<'_>) -> Result<f64, String> {
    as_number(one(value)).ok_or_else(|| wrong("a number", &value.came()))
}

fn count(value: &Setting<'_>) -> Result<usize, String> {
    as_count(one(value)).ok_or_else(|| wrong("a whole number from 0 on", &value.came()))
}

fn list<T>(value: &Setting<'_>, expected: &str, item: impl Fn(&Scalar<'_>) -> Option<T>) -> Result<Vec<T>, String> {
    let Setting::List(items) = value else { return Err(wrong(expected, &value.came())) };
    let read = |came: &Scalar<'_>| item(came).ok_or_else(|| wrong(expected, &format!("an array with {}", came.came())));
    items.iter().map(read).collect()
}

/// One bandwidth need not stand in an array.
fn bandwidths(value: &Setting<'_>) -> Result<Vec<f64>, String> {
    match as_number(one(value)) {
        Some(number) => Ok(vec![number]),
        None => list(value, "a number or an array of numbers", as_number),
    }
}

pub(super) fn as_number(value: &Scalar<'_>) -> Option<f64> {
    match value {
        Scalar::Number(number) => Some(*number),
        Scalar::Whole(number) => Some(*number as f64),
        _ => None,
    }
}

/// Whole numbers, also such as `40.0`.
fn as_whole(value: &Scalar<'_>) -> Option<u64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match value {
        Scalar::Whole(number) => Some(*number),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by the guard")]
        Scalar::Number(number) if number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(number) => Some(*number as u64),
        _ => None,
    }
}

pub(super) fn as_count(value: &Scalar<'_>) -> Option<usize> {
    as_whole(value).and_then(|number| usize::try_from(number).ok())
}
