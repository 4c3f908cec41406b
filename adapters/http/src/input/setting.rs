//! Settings of a fit: from a value, wherever it stood, to the domain's types.

use std::fmt;

use drifting_domain::data::{COLUMNS_MAX, MissingValues};
use drifting_domain::detectors::{
    ChangeMode, DetectorKind, DetectorRequest, DistanceMetric, DivergenceMetric, ModelName, ModelOutputs, Preset,
    UncertaintyType,
};
use drifting_domain::preprocess::{FeatureSet, TextRequest};
use drifting_domain::project::{AfterAlarm, DriftType};
use drifting_domain::quality::QualityRequest;
use drifting_domain::statistics::alternative::Alternative;
use drifting_domain::statistics::correction::Correction;
use drifting_domain::statistics::permutation::PValueRule;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::faults::Faults;
use super::image::Arrays;
use super::member_name::MemberName;
use super::scalar::{Scalar, beginning};
use super::setting_name::Name;
use super::setting_object::SetObject;
use super::setting_quality::set_quality;
use super::setting_sequence::{SeasonParts, parts_of_time};
use drifting_inference::Passed;

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

    pub(super) fn is_null(&self) -> bool {
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
    /// The column that holds the truth of the other one.
    pub(crate) truth: Option<String>,
    pub(crate) overwrite: bool,
    pub(crate) missing_values: MissingValues,
    pub(crate) report_run_length: bool,
    pub(crate) quality: QualityRequest,
    pub(crate) standardize: Option<bool>,
    pub(crate) n_components: Option<usize>,
    pub(crate) texts: TextRequest,
    pub(crate) detector: DetectorRequest,
    /// What has come of the season of a series, before it is the detector's.
    season: SeasonParts,
}

impl Settings {
    /// Makes a season of its parts, once all settings have come; `place` gives the place of one that is named as in
    /// `sequence/season/by`.
    pub(super) fn take_season(&mut self, place: impl Fn(&str) -> String, faults: &mut Faults) {
        self.detector.sequence.season = std::mem::take(&mut self.season).season(place, faults);
    }

    /// What arrays of data are. Of `dummy` they may be anything.
    pub(crate) fn arrays(&self) -> Arrays {
        match self.drift_type {
            Some(DriftType::Image) if self.detector.kind != Some(DetectorKind::Dummy) => {
                Arrays::of_images(self.texts.encoder.is_some())
            }
            _ => Arrays::Other,
        }
    }

    /// Takes a setting; `null` leaves its default.
    pub(super) fn set(&mut self, name: Name, value: &Setting<'_>, pointer: &str, faults: &mut Faults) {
        if value.is_null() {
            return;
        }
        if name == Name::Quality {
            set_quality(&mut self.quality, value, pointer, faults);
        } else if name.is_object() {
            self.detector.set_object(name, value, pointer, faults);
        } else if let Err(detail) = self.try_set(name, value) {
            faults.setting(|| pointer.to_owned(), || detail);
        }
    }

    #[expect(clippy::too_many_lines, reason = "a line a setting")]
    fn try_set(&mut self, name: Name, value: &Setting<'_>) -> Result<(), String> {
        match name {
            Name::DriftType => self.drift_type = Some(one_of(value, &DRIFT_TYPES)?),
            Name::Truth => self.truth = Some(named(value, "the name of a column")?),
            Name::Overwrite => self.overwrite = boolean(value)?,
            Name::MissingValues => self.missing_values = one_of(value, &MISSING_VALUES)?,
            Name::ReportRunLength => self.report_run_length = boolean(value)?,
            Name::Standardize => self.standardize = Some(boolean(value)?),
            Name::NComponents => self.n_components = Some(count(value)?),
            Name::Features => self.texts.features = Some(one_of(value, &FEATURES)?),
            Name::Encoder => self.texts.encoder = Some(named(value, "the name of an encoder")?),
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
            Name::Seed => self.detector.seed = Some(whole(value)?),
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
            Name::Preset => {
                let presets = Preset::ALL.map(|preset| (preset.as_str(), preset));
                self.detector.preset = Some(one_of(value, &presets)?);
            }
            Name::Metric => {
                let metrics = DistanceMetric::ALL.map(|metric| (metric.as_str(), metric));
                self.detector.metric = Some(one_of(value, &metrics)?);
            }
            Name::DivergenceMetric => {
                let metrics = DivergenceMetric::ALL.map(|metric| (metric.as_str(), metric));
                self.detector.divergence_metric = Some(one_of(value, &metrics)?);
            }
            Name::Threshold => self.detector.threshold = Some(number(value)?),
            Name::DriftShare => self.detector.drift_share = Some(number(value)?),
            Name::DetectorComponents => self.detector.n_components = Some(number(value)?),
            Name::ChunkSize => self.detector.chunk_size = Some(count(value)?),
            Name::NFrequencies => self.detector.n_frequencies = Some(count(value)?),
            Name::CountUbound => self.detector.count_ubound = Some(count(value)?),
            Name::FeedReference => self.detector.streaming.feed_reference = Some(boolean(value)?),
            Name::Delta => self.detector.streaming.delta = Some(number(value)?),
            Name::Clock => self.detector.streaming.clock = Some(whole(value)?),
            Name::MaxBuckets => self.detector.streaming.max_buckets = Some(whole(value)?),
            Name::MinWindowLength => self.detector.streaming.min_window_length = Some(whole(value)?),
            Name::GracePeriod => self.detector.streaming.grace_period = Some(whole(value)?),
            Name::KeepWindow => self.detector.streaming.keep_window = Some(boolean(value)?),
            Name::MinInstances => self.detector.streaming.min_instances = Some(whole(value)?),
            Name::Alpha => self.detector.streaming.alpha = Some(number(value)?),
            Name::Mode => self.detector.streaming.mode = Some(one_of(value, &CHANGE_MODES)?),
            Name::StatSize => self.detector.streaming.stat_size = Some(count(value)?),
            Name::Lambda => self.detector.streaming.lambda = Some(number(value)?),
            Name::MinNumInstances => self.detector.streaming.min_num_instances = Some(whole(value)?),
            Name::BurnIn => self.detector.streaming.burn_in = Some(whole(value)?),
            Name::WarmStart => self.detector.streaming.warm_start = Some(whole(value)?),
            Name::WarningThreshold => self.detector.streaming.warning_threshold = Some(number(value)?),
            Name::DriftThreshold => self.detector.streaming.drift_threshold = Some(number(value)?),
            Name::Beta => self.detector.streaming.beta = Some(number(value)?),
            Name::DriftConfidence => self.detector.streaming.drift_confidence = Some(number(value)?),
            Name::WarningConfidence => self.detector.streaming.warning_confidence = Some(number(value)?),
            Name::TwoSidedTest => self.detector.streaming.two_sided_test = Some(boolean(value)?),
            Name::WarningLevel => self.detector.streaming.warning_level = Some(number(value)?),
            Name::DriftLevel => self.detector.streaming.drift_level = Some(number(value)?),
            Name::MaxConceptSize => self.detector.streaming.max_concept_size = Some(whole(value)?),
            Name::MinConceptSize => self.detector.streaming.min_concept_size = Some(whole(value)?),
            Name::MaxNumInstancesWarning => self.detector.streaming.max_num_instances_warning = Some(whole(value)?),
            Name::AlphaD => self.detector.streaming.alpha_d = Some(number(value)?),
            Name::AlphaW => self.detector.streaming.alpha_w = Some(number(value)?),
            Name::SlidingWindowSize => self.detector.streaming.sliding_window_size = Some(count(value)?),
            Name::ConfidenceLevel => self.detector.streaming.confidence_level = Some(number(value)?),
            Name::ShortWindowSize => self.detector.streaming.short_window_size = Some(count(value)?),
            Name::AverageRunLength => self.detector.streaming.average_run_length = Some(whole(value)?),
            Name::Hazard => self.detector.streaming.hazard = Some(number(value)?),
            Name::PriorMean => self.detector.streaming.prior_mean = Some(number(value)?),
            Name::PriorVariance => self.detector.streaming.prior_variance = Some(number(value)?),
            Name::DataVariance => self.detector.streaming.data_variance = Some(number(value)?),
            Name::MaxRunLengths => self.detector.streaming.max_run_lengths = Some(whole(value)?),
            Name::Difference => self.detector.sequence.difference = Some(count(value)?),
            Name::BlockLength => self.detector.sequence.block_length = Some(number(value)?),
            Name::SeasonColumn => self.season.column = Some(named(value, "the name of a column")?),
            Name::SeasonPeriod => self.season.period = Some(count(value)?),
            Name::SeasonTimestamp => self.season.timestamp = Some(named(value, "the name of a column")?),
            Name::SeasonBy => self.season.by = Some(parts_of_time(value)?),
            Name::Tests | Name::Window | Name::UpdateReference | Name::Quality | Name::Season => {}
        }
        Ok(())
    }
}

pub(super) const DRIFT_TYPES: [(&str, DriftType); 5] = [
    ("label", DriftType::Label),
    ("tabular", DriftType::Tabular),
    ("text", DriftType::Text),
    ("image", DriftType::Image),
    ("sequential", DriftType::Sequential),
];

pub(super) const MISSING_VALUES: [(&str, MissingValues); 3] =
    [("reject", MissingValues::Reject), ("drop", MissingValues::Drop), ("impute", MissingValues::Impute)];

const ALTERNATIVES: [(&str, Alternative); 3] =
    [("two-sided", Alternative::TwoSided), ("greater", Alternative::Greater), ("less", Alternative::Less)];

const CORRECTIONS: [(&str, Correction); 2] = [("bonferroni", Correction::Bonferroni), ("fdr", Correction::Fdr)];

const P_VALUE_RULES: [(&str, PValueRule); 2] = [("corrected", PValueRule::Corrected), ("library", PValueRule::Library)];

const MODELS: [(&str, ModelName); 4] = [
    ("logistic_regression", ModelName::LogisticRegression),
    ("random_forest", ModelName::RandomForest),
    ("gradient_boosting", ModelName::GradientBoosting),
    ("words", ModelName::Words),
];

const FEATURES: [(&str, FeatureSet); 2] =
    [("components", FeatureSet::Components), ("statistics", FeatureSet::Statistics)];

const PREDS_TYPES: [(&str, ModelOutputs); 2] = [("probs", ModelOutputs::Probs), ("logits", ModelOutputs::Logits)];

const UNCERTAINTY_TYPES: [(&str, UncertaintyType); 2] =
    [("entropy", UncertaintyType::Entropy), ("margin", UncertaintyType::Margin)];

const AFTER_ALARM: [(&str, AfterAlarm); 3] =
    [("continue", AfterAlarm::Continue), ("reset", AfterAlarm::Reset), ("latch", AfterAlarm::Latch)];

const CHANGE_MODES: [(&str, ChangeMode); 3] =
    [("both", ChangeMode::Both), ("up", ChangeMode::Up), ("down", ChangeMode::Down)];

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

pub(super) fn named(value: &Setting<'_>, expected: &str) -> Result<String, String> {
    match one(value) {
        Scalar::Text(text) => Ok(text.clone().into_owned()),
        _ => Err(wrong(expected, &value.came())),
    }
}

fn boolean(value: &Setting<'_>) -> Result<bool, String> {
    match one(value) {
        Scalar::Boolean(value) => Ok(*value),
        _ => Err(wrong("`true` or `false`", &value.came())),
    }
}

pub(super) fn number(value: &Setting<'_>) -> Result<f64, String> {
    as_number(one(value)).ok_or_else(|| wrong("a number", &value.came()))
}

pub(super) fn whole(value: &Setting<'_>) -> Result<u64, String> {
    as_whole(one(value)).ok_or_else(|| wrong("a whole number from 0 on", &value.came()))
}

pub(super) fn count(value: &Setting<'_>) -> Result<usize, String> {
    as_count(one(value)).ok_or_else(|| wrong("a whole number from 0 on", &value.came()))
}

pub(super) fn list<T>(
    value: &Setting<'_>,
    expected: &str,
    item: impl Fn(&Scalar<'_>) -> Option<T>,
) -> Result<Vec<T>, String> {
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
