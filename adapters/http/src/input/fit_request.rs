//! The body of a fit: settings and data.

use std::fmt;

use drifting_domain::detectors::DetectorKind;
use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::FitRequest;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::budget::{Budget, Limits};
use super::context::CONTEXT;
use super::data::{BesideSeed, Data, DataSeed, Read, data_beside, data_in_context};
use super::faults::Faults;
use super::image::Arrays;
use super::member_name::MemberName;
use super::pointer::{Form, Source};
use super::setting::{Setting, Settings, unknown};
use super::setting_name::Name;
use super::truth::{TRUTH, Told};
use crate::error::{Code, Failure};
use drifting_inference::Passed;

/// A fit as it came.
#[derive(Debug)]
pub(crate) struct FitInput {
    pub(crate) settings: Settings,
    pub(crate) data: Data,
    pub(crate) source: Source,
}

/// A fit that cannot be used.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub(crate) failure: Failure,
    /// Whether it asked to replace a project, where that could be read.
    pub(crate) overwrite: bool,
}

impl FitInput {
    /// Reads a JSON body. Where its arrays are no data of other types, it is read again, now that it is known whether they are
    /// images: the settings may stand behind them.
    pub(crate) fn from_json(body: &[u8], limits: Limits) -> Result<Self, Unusable> {
        let mut settings = Settings::default();
        match Self::from_json_once(body, limits, &mut settings) {
            Err(unusable) if unusable.failure.code == Code::InvalidData && settings.arrays() != Arrays::Other => {
                Self::from_json_once(body, limits.taking(settings.arrays()), &mut Settings::default())
            }
            read => read,
        }
    }

    fn from_json_once(body: &[u8], limits: Limits, settings: &mut Settings) -> Result<Self, Unusable> {
        limits.check_json(body).map_err(|failure| Unusable { failure, overwrite: false })?;
        let mut faults = Faults::within(Budget::beside(body, limits));
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let mut beside = Beside::default();
        let seed = FitSeed { settings: &mut *settings, beside: &mut beside, faults: &mut faults, has_data: true };
        let read = seed.deserialize(&mut deserializer).and_then(|read| deserializer.end().map(|()| read));
        let overwrite = settings.overwrite;
        let unusable = |failure| Unusable { failure, overwrite };
        let read = read.map_err(|error| {
            let is_readable = error.is_data();
            Unusable { failure: faults_of(&mut faults).into_stopped(&error, body), overwrite: overwrite && is_readable }
        })?;
        expect_drift_type(settings, &mut faults);
        settings.take_season(in_json, &mut faults);
        let Beside { truth, context } = beside;
        if context.is_some() {
            expect_use_of_context(settings, &mut faults);
        }
        let (data, context) = data_in_context(read, context, faults).map_err(unusable)?;
        if let Some(context) = &context {
            let names = context.names(|index| data.table.name_of(index).into_owned());
            settings.detector.context_columns = Some(names);
        }
        let source = Source::json(data.form).with(context);
        let settings = std::mem::take(settings);
        let Some(truth) = truth else { return Ok(Self { settings, data, source }) };
        let truth = data_beside(truth, TRUTH).map_err(unusable)?;
        let (data, truth) = Told::beside(data, truth).reference(settings.detector.kind).map_err(unusable)?;
        Ok(Self { settings, data, source: source.against(truth) })
    }

    /// A fit from settings and from data that came beside them; `source` says where the settings stood.
    pub(crate) fn of(
        settings: Result<Settings, (Failure, bool)>,
        data: Result<Data, Failure>,
        source: impl FnOnce(Form) -> Source,
    ) -> Result<Self, Unusable> {
        let overwrite = match &settings {
            Ok(settings) => settings.overwrite,
            Err((_, overwrite)) => *overwrite,
        };
        match (settings, data) {
            (Ok(settings), Ok(data)) => Ok(Self { settings, source: source(data.form), data }),
            // A body that cannot be parsed is told before settings that cannot be used.
            (Err((failure, _)), Err(of_data))
                if of_data.code == Code::InvalidData || failure.code == Code::Malformed =>
            {
                Err(Unusable { failure, overwrite })
            }
            (_, Err(failure)) | (Err((failure, _)), Ok(_)) => Err(Unusable { failure, overwrite }),
        }
    }

    /// The same with predictions held against the truth that a setting names among them.
    pub(crate) fn against_truth(self) -> Result<Self, Unusable> {
        let Some(column) = self.settings.truth.clone() else { return Ok(self) };
        let Self { data, settings, source } = self;
        let told = Told::among(data, &column).and_then(|told| told.reference(settings.detector.kind));
        let (data, truth) = told.map_err(|failure| Unusable { failure, overwrite: settings.overwrite })?;
        Ok(Self { data, source: source.against(truth), settings })
    }

    /// The domain's request, and where its settings stood.
    pub(crate) fn into_request(self, project: ProjectName) -> Result<FitRequest, Failure> {
        let Settings {
            drift_type,
            truth: _,
            overwrite,
            missing_values,
            report_run_length,
            quality,
            standardize,
            n_components,
            texts,
            detector,
            ..
        } = self.settings;
        let drift_type = drift_type.ok_or_else(|| {
            Failure::setting("/drift_type", "expected the drift type, such as `label` or `tabular`, none came")
        })?;
        Ok(FitRequest {
            project,
            drift_type,
            reference: self.data.table,
            detector,
            standardize,
            n_components,
            texts,
            missing_values,
            quality,
            report_run_length,
            overwrite,
        })
    }
}

/// Reads the settings of a fit whose data come beside them; where they cannot be used, also whether they asked to
/// replace a project.
pub(crate) fn read_settings(part: &[u8], limits: Limits) -> Result<Settings, (Failure, bool)> {
    limits.check_json(part).map_err(|failure| (failure, false))?;
    let mut faults = Faults::within(Budget::beside(part, limits));
    let mut settings = Settings::default();
    let mut deserializer = serde_json::Deserializer::from_slice(part);
    let seed =
        FitSeed { settings: &mut settings, beside: &mut Beside::default(), faults: &mut faults, has_data: false };
    let read = seed.deserialize(&mut deserializer).and_then(|_| deserializer.end());
    if let Err(error) = read {
        let overwrite = settings.overwrite && error.is_data();
        return Err((faults.into_stopped_in(&error, part, "JSON in its part `settings`", 0), overwrite));
    }
    expect_drift_type(&settings, &mut faults);
    settings.take_season(in_json, &mut faults);
    match faults.into_failure() {
        None => Ok(settings),
        Some(failure) => Err((failure, settings.overwrite)),
    }
}

/// The place of a setting in JSON.
pub(super) fn in_json(setting: &str) -> String {
    format!("/{setting}")
}

fn expect_drift_type(settings: &Settings, faults: &mut Faults) {
    if settings.drift_type.is_none() && !faults.has_setting("/drift_type") {
        let detail = || "expected the drift type, such as `label` or `tabular`, none came".to_owned();
        faults.setting(|| "/drift_type".to_owned(), detail);
    }
}

/// Contexts are of one kind alone, and named once.
fn expect_use_of_context(settings: &Settings, faults: &mut Faults) {
    if settings.detector.kind != Some(DetectorKind::ContextMmd) {
        let detail = || "expected none: only the kind `context_mmd` judges given a context".to_owned();
        faults.setting(|| CONTEXT.to_owned(), detail);
    } else if settings.detector.context_columns.is_some() {
        let detail = || "expected none beside `context`, whose columns they are".to_owned();
        faults.setting(|| "/detector/context_columns".to_owned(), detail);
    }
}

fn faults_of(faults: &mut Faults) -> Faults {
    std::mem::take(faults)
}

/// Reads the whole body; `None` where its data have none of the forms.
struct FitSeed<'s> {
    settings: &'s mut Settings,
    beside: &'s mut Beside,
    faults: &'s mut Faults,
    /// Whether the data stand here, too.
    has_data: bool,
}

/// Data that stand beside the reference.
#[derive(Default)]
struct Beside {
    truth: Option<Read>,
    context: Option<Read>,
}

/// A member of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Data,
    Truth,
    Context,
    Detector,
    Preprocessing,
    Sequence,
    Setting(Name),
}

const MEMBERS: [&str; 11] = [
    "drift_type",
    "data",
    "truth",
    "context",
    "detector",
    "preprocessing",
    "sequence",
    "missing_values",
    "report_run_length",
    "quality",
    "overwrite",
];

/// Without data in the body, its `truth` is a setting.
fn member(name: &str, has_data: bool) -> Option<Member> {
    match name {
        "truth" if has_data => Some(Member::Truth),
        "data" => Some(Member::Data),
        "context" => Some(Member::Context),
        "detector" => Some(Member::Detector),
        "preprocessing" => Some(Member::Preprocessing),
        "sequence" => Some(Member::Sequence),
        _ => Name::TOP.iter().copied().find(|setting| setting.as_str() == name).map(Member::Setting),
    }
}

impl<'de> DeserializeSeed<'de> for FitSeed<'_> {
    type Value = Option<Read>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl FitSeed<'_> {
    fn no_object<T>(self) -> Option<T> {
        let expected = if self.has_data { "`drift_type` and `data`" } else { "`drift_type`" };
        self.faults.setting(String::new, || format!("expected an object with {expected}"));
        None
    }
}

super::top_level_object!(FitSeed<'_>, Option<Read>, {
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut seen: Vec<Member> = Vec::with_capacity(MEMBERS.len());
        let mut read = None;
        while let Some(name) = members.next_key::<MemberName>()? {
            let Some(member) = member(name.as_str(), self.has_data) else {
                self.faults.take(Budget::take_one_too_many)?;
                self.faults.setting(|| name.place_in(""), || unknown(name.as_str(), &MEMBERS));
                members.next_value::<Passed>().inspect_err(|_| self.faults.stop_at(|| name.place_in("")))?;
                continue;
            };
            let pointer = name.place_in("");
            if seen.contains(&member) {
                self.faults.take(Budget::take_one_too_many)?;
                self.faults.duplicate(|| pointer.clone());
            } else {
                seen.push(member);
            }
            match member {
                Member::Data | Member::Context if !self.has_data => {
                    let detail = || "expected the data in the part `data`, some came here".to_owned();
                    self.faults.setting(|| pointer, detail);
                    members.next_value::<Passed>()?;
                }
                Member::Data => read = members.next_value_seed(DataSeed(self.faults))?,
                Member::Context => {
                    self.beside.context =
                        members.next_value_seed(BesideSeed { place: CONTEXT, faults: self.faults })?;
                }
                Member::Truth => {
                    self.beside.truth = members.next_value_seed(BesideSeed { place: TRUTH, faults: self.faults })?;
                }
                Member::Setting(name) => {
                    let value = value_at(&mut members, &pointer, self.faults)?;
                    self.settings.set(name, &value, &pointer, self.faults);
                }
                Member::Detector | Member::Preprocessing | Member::Sequence => {
                    let names = match member {
                        Member::Detector => Name::DETECTOR,
                        Member::Preprocessing => Name::PREPROCESSING,
                        _ => Name::SEQUENCE,
                    };
                    let (settings, faults) = (&mut *self.settings, &mut *self.faults);
                    let group = GroupSeed { names, pointer: &pointer, settings, faults };
                    members.next_value_seed(UnlessNull(group))?;
                }
            }
        }
        if self.has_data && !seen.contains(&Member::Data) {
            self.faults.data(|| "/data".to_owned(), || "expected the reference data, none came".to_owned());
        }
        Ok(read)
    }
});

pub(super) fn value_at<'de, A: MapAccess<'de>>(
    members: &mut A,
    pointer: &str,
    faults: &mut Faults,
) -> Result<Setting<'de>, A::Error> {
    members.next_value().inspect_err(|_| faults.stop_at(|| pointer.to_owned()))
}

/// Reads what may be null, which leaves the default.
pub(super) struct UnlessNull<S>(pub(super) S);

impl<'de, S: DeserializeSeed<'de, Value = ()>> DeserializeSeed<'de> for UnlessNull<S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de, Value = ()>> Visitor<'de> for UnlessNull<S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.deserialize(deserializer)
    }
}

/// Reads an object of settings; a `season` is one in one of them.
pub(super) struct GroupSeed<'s> {
    pub(super) names: &'s [Name],
    pub(super) pointer: &'s str,
    pub(super) settings: &'s mut Settings,
    pub(super) faults: &'s mut Faults,
}

impl GroupSeed<'_> {
    fn no_object(self) {
        self.faults.setting(|| self.pointer.to_owned(), || "expected an object of settings".to_owned());
    }
}

impl<'de> DeserializeSeed<'de> for GroupSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

super::top_level_object!(GroupSeed<'_>, (), {
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen: Vec<Name> = Vec::with_capacity(self.names.len());
        while let Some(key) = members.next_key::<MemberName>()? {
            let Some(name) = self.names.iter().copied().find(|name| name.as_str() == key.as_str()) else {
                let known = || self.names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
                self.faults.take(Budget::take_one_too_many)?;
                self.faults.setting(|| key.place_in(self.pointer), || unknown(key.as_str(), &known()));
                members.next_value::<Passed>().inspect_err(|_| self.faults.stop_at(|| key.place_in(self.pointer)))?;
                continue;
            };
            let pointer = key.place_in(self.pointer);
            if seen.contains(&name) {
                self.faults.take(Budget::take_one_too_many)?;
                self.faults.duplicate(|| pointer.clone());
            } else {
                seen.push(name);
            }
            if name == Name::Season {
                let (settings, faults) = (&mut *self.settings, &mut *self.faults);
                let season = GroupSeed { names: Name::SEASON, pointer: &pointer, settings, faults };
                members.next_value_seed(UnlessNull(season))?;
                continue;
            }
            let value = value_at(&mut members, &pointer, self.faults)?;
            self.settings.set(name, &value, &pointer, self.faults);
        }
        Ok(())
    }
});
