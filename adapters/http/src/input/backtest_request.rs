//! The body of a backtest: a history, and what is tried on it.

use std::fmt;

use drifting_domain::data::MissingValues;
use drifting_domain::detectors::{DetectorKind, DetectorRequest};
use drifting_domain::project::DriftType;
use drifting_domain::use_cases::{BacktestRequest, CANDIDATES_MAX, Candidate, ReferencePart};
use drifting_inference::Passed;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::budget::{Budget, Limits};
use super::data::{Data, DataSeed, Read, data_of};
use super::faults::Faults;
use super::fit_request::{GroupSeed, UnlessNull, in_json, value_at};
use super::image::Arrays;
use super::member_name::MemberName;
use super::pointer::Source;
use super::query::{Parameters, expect_once, in_query, scalar, written};
use super::setting::{
    DRIFT_TYPES, MISSING_VALUES, Setting, Settings, as_count, count, list, named, number, one_of, unknown, whole, wrong,
};
use super::setting_name::Name;
use crate::error::{Code, Failure};

/// A backtest as it came.
#[derive(Debug)]
pub(crate) struct BacktestInput {
    settings: BacktestSettings,
    data: Data,
    pub(crate) source: Source,
}

/// What stands beside the history.
#[derive(Debug, Default)]
pub(crate) struct BacktestSettings {
    drift_type: Option<DriftType>,
    reference: ReferencePart,
    changes: Option<Vec<usize>>,
    margin: Option<usize>,
    candidates: Vec<Candidate>,
    windows: Vec<usize>,
    ert: Option<f64>,
    encoder: Option<String>,
    missing_values: MissingValues,
    seed: u64,
    /// Those of how a series is read.
    series: Settings,
}

/// A setting beside the history and the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    DriftType,
    Reference,
    Changes,
    Margin,
    /// The candidates as names of kinds.
    Kinds,
    Windows,
    Ert,
    Encoder,
    MissingValues,
    Seed,
}

impl Beside {
    const ALL: [(&str, Self); 10] = [
        ("drift_type", Self::DriftType),
        ("reference", Self::Reference),
        ("changes", Self::Changes),
        ("margin", Self::Margin),
        ("kinds", Self::Kinds),
        ("windows", Self::Windows),
        ("ert", Self::Ert),
        ("encoder", Self::Encoder),
        ("missing_values", Self::MissingValues),
        ("seed", Self::Seed),
    ];

    fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, beside)| *beside)
    }

    fn is_list(self) -> bool {
        matches!(self, Self::Changes | Self::Kinds | Self::Windows)
    }
}

/// In the query string: that it is known that nothing changes.
const NO_CHANGE: &str = "none";

impl BacktestInput {
    /// Reads a JSON body; again where its arrays are those of images, as a fit does.
    pub(crate) fn from_json(body: &[u8], limits: Limits) -> Result<Self, Failure> {
        let mut arrays = Arrays::Other;
        match Self::from_json_once(body, limits, &mut arrays) {
            Err(failure) if failure.code == Code::InvalidData && arrays != Arrays::Other => {
                Self::from_json_once(body, limits.taking(arrays), &mut arrays)
            }
            read => read,
        }
    }

    fn from_json_once(body: &[u8], limits: Limits, arrays: &mut Arrays) -> Result<Self, Failure> {
        limits.check_json(body)?;
        let mut faults = Faults::within(Budget::beside(body, limits));
        let mut settings = BacktestSettings::default();
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let seed = BacktestSeed { settings: &mut settings, faults: &mut faults };
        let read = seed.deserialize(&mut deserializer).and_then(|read| deserializer.end().map(|()| read));
        *arrays = settings.arrays();
        let read = match read {
            Ok(read) => read,
            Err(error) => return Err(faults.into_stopped(&error, body)),
        };
        settings.expect_drift_type(&mut faults);
        settings.series.take_season(in_json, &mut faults);
        let data = data_of(read, faults)?;
        let source = Source::json(data.form);
        Ok(Self { settings, data, source })
    }

    /// A backtest from settings of a query string, and a body of data.
    pub(crate) fn of(settings: BacktestSettings, data: Data) -> Self {
        let source = Source::query(data.form);
        Self { settings, data, source }
    }

    /// The domain's request.
    pub(crate) fn into_request(self) -> Result<BacktestRequest, Failure> {
        let BacktestSettings { drift_type, reference, changes, margin, candidates, windows, .. } = self.settings;
        let BacktestSettings { ert, encoder, missing_values, seed, series, .. } = self.settings;
        let drift_type = drift_type.ok_or_else(|| Failure::setting("/drift_type", NO_DRIFT_TYPE))?;
        Ok(BacktestRequest {
            history: self.data.table,
            drift_type,
            reference,
            changes,
            margin,
            candidates,
            windows,
            ert,
            encoder,
            sequence: series.detector.sequence,
            missing_values,
            seed,
        })
    }
}

const NO_DRIFT_TYPE: &str = "expected the drift type, such as `label` or `tabular`, none came";

impl BacktestSettings {
    /// What arrays of the history are.
    pub(crate) fn arrays(&self) -> Arrays {
        match self.drift_type {
            Some(DriftType::Image) => {
                let mut encoders = self.candidates.iter().map(|candidate| &candidate.texts.encoder);
                Arrays::of_images(self.encoder.is_some() || encoders.any(Option::is_some))
            }
            _ => Arrays::Other,
        }
    }

    /// Reads a query string.
    pub(crate) fn of(parameters: &Parameters) -> Result<Self, Failure> {
        let mut settings = Self::default();
        let mut faults = Faults::default();
        let (mut seen, mut seen_of_series): (Vec<Beside>, Vec<Name>) = (Vec::new(), Vec::new());
        for (key, text) in parameters.pairs() {
            let place = || MemberName::of(key).place_in("");
            if let Some((_, name)) = Name::OF_SERIES.iter().find(|(known, _)| known == key) {
                expect_once(&mut seen_of_series, *name, key, &mut faults);
                settings.series.set(*name, &written(text, name.is_list()), &place(), &mut faults);
                continue;
            }
            let Some(beside) = Beside::of(key) else {
                let names = Beside::ALL.iter().map(|(name, _)| *name);
                let known: Vec<&str> = names.chain(Name::OF_SERIES.iter().map(|(name, _)| *name)).collect();
                faults.setting(place, || format!("query parameter {}", unknown(key, &known)));
                continue;
            };
            if seen.contains(&beside) {
                faults.setting(place, || "expected each query parameter once, this one came twice".to_owned());
            }
            seen.push(beside);
            let value = match text.trim() {
                "" => continue,
                NO_CHANGE if beside == Beside::Changes => Setting::List(Vec::new()),
                _ if beside.is_list() => Setting::List(text.split(',').map(scalar).collect()),
                _ => Setting::One(scalar(text)),
            };
            settings.set(beside, &value, &place(), &mut faults);
        }
        settings.expect_drift_type(&mut faults);
        settings.series.take_season(in_query, &mut faults);
        faults.into_failure().map_or(Ok(settings), Err)
    }

    fn expect_drift_type(&self, faults: &mut Faults) {
        if self.drift_type.is_none() && !faults.has_setting("/drift_type") {
            faults.setting(|| "/drift_type".to_owned(), || NO_DRIFT_TYPE.to_owned());
        }
    }

    /// Takes a setting; `null` leaves its default.
    fn set(&mut self, beside: Beside, value: &Setting<'_>, pointer: &str, faults: &mut Faults) {
        if value.is_null() {
            return;
        }
        if let Err(detail) = self.try_set(beside, value) {
            faults.setting(|| pointer.to_owned(), || detail);
        }
    }

    fn try_set(&mut self, beside: Beside, value: &Setting<'_>) -> Result<(), String> {
        match beside {
            Beside::DriftType => self.drift_type = Some(one_of(value, &DRIFT_TYPES)?),
            Beside::Reference => self.reference = reference(value)?,
            Beside::Changes => self.changes = Some(list(value, "an array of numbers of rows, from 0 on", as_count)?),
            Beside::Margin => self.margin = Some(count(value)?),
            Beside::Kinds => self.candidates = kinds(value)?,
            Beside::Windows => self.windows = list(value, "an array of whole numbers of rows", as_count)?,
            Beside::Ert => self.ert = Some(number(value)?),
            Beside::Encoder => self.encoder = Some(named(value, "the name of an encoder")?),
            Beside::MissingValues => self.missing_values = one_of(value, &MISSING_VALUES)?,
            Beside::Seed => self.seed = whole(value)?,
        }
        Ok(())
    }
}

/// From 1 on a number of rows, below a share of them.
fn reference(value: &Setting<'_>) -> Result<ReferencePart, String> {
    const EXPECTED: &str = "a whole number of rows, or a share of them above 0 and below 1";
    let number = number(value).map_err(|_| wrong(EXPECTED, &value.came()))?;
    match count(value) {
        Ok(rows) if rows > 0 => Ok(ReferencePart::Rows(rows)),
        _ if number > 0.0 && number < 1.0 => Ok(ReferencePart::Share(number)),
        _ => Err(wrong(EXPECTED, &value.came())),
    }
}

fn kinds(value: &Setting<'_>) -> Result<Vec<Candidate>, String> {
    let known = DetectorKind::ALL.map(|kind| (kind.as_str(), kind));
    let Setting::List(items) = value else { return Err(wrong("an array of kinds", &value.came())) };
    let candidate = |kind| {
        let kind = Some(one_of(&Setting::One(kind), &known)?);
        Ok(Candidate { detector: DetectorRequest { kind, ..DetectorRequest::default() }, ..Candidate::default() })
    };
    items.iter().cloned().map(candidate).collect()
}

/// Reads the whole body; `None` where its data have none of the forms.
struct BacktestSeed<'s> {
    settings: &'s mut BacktestSettings,
    faults: &'s mut Faults,
}

const MEMBERS: [&str; 12] = [
    "drift_type",
    "data",
    "reference",
    "changes",
    "margin",
    "candidates",
    "windows",
    "ert",
    "encoder",
    "sequence",
    "missing_values",
    "seed",
];

/// A member of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Data,
    Candidates,
    Sequence,
    Beside(Beside),
}

fn member(name: &str) -> Option<Member> {
    match name {
        "data" => Some(Member::Data),
        "candidates" => Some(Member::Candidates),
        "sequence" => Some(Member::Sequence),
        // A body has them among its candidates.
        "kinds" => None,
        _ => Beside::of(name).map(Member::Beside),
    }
}

impl<'de> DeserializeSeed<'de> for BacktestSeed<'_> {
    type Value = Option<Read>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl BacktestSeed<'_> {
    fn no_object<T>(self) -> Option<T> {
        self.faults.setting(String::new, || "expected an object with `drift_type` and `data`".to_owned());
        None
    }
}

super::top_level_object!(BacktestSeed<'_>, Option<Read>, {
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut seen: Vec<Member> = Vec::with_capacity(MEMBERS.len());
        let mut read = None;
        while let Some(name) = members.next_key::<MemberName>()? {
            let Some(member) = member(name.as_str()) else {
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
                Member::Data => read = members.next_value_seed(DataSeed(self.faults))?,
                Member::Candidates => {
                    let candidates = &mut self.settings.candidates;
                    members.next_value_seed(CandidatesSeed { candidates, faults: self.faults })?;
                }
                Member::Sequence => {
                    let (settings, faults) = (&mut self.settings.series, &mut *self.faults);
                    let group = GroupSeed { names: Name::SEQUENCE, pointer: &pointer, settings, faults };
                    members.next_value_seed(UnlessNull(group))?;
                }
                Member::Beside(beside) => {
                    let value = value_at(&mut members, &pointer, self.faults)?;
                    self.settings.set(beside, &value, &pointer, self.faults);
                }
            }
        }
        if !seen.contains(&Member::Data) {
            self.faults.data(|| "/data".to_owned(), || "expected the history, none came".to_owned());
        }
        Ok(read)
    }
});

/// Reads an array of candidates, each with the settings of a detector and of what comes before it.
struct CandidatesSeed<'s> {
    candidates: &'s mut Vec<Candidate>,
    faults: &'s mut Faults,
}

const CANDIDATES: &str = "/candidates";

impl CandidatesSeed<'_> {
    fn no_array(self) {
        self.faults.setting(|| CANDIDATES.to_owned(), || "expected an array of candidates".to_owned());
    }
}

impl<'de> DeserializeSeed<'de> for CandidatesSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CandidatesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    /// As if there were none.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.no_array();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.no_array();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.no_array();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.no_array();
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.no_array();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<Passed, Passed>()?.is_some() {}
        self.no_array();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        // `n_components` is the detector's.
        let names: Vec<Name> = [Name::DETECTOR, &[Name::Standardize, Name::Features, Name::Encoder]].concat();
        self.candidates.clear();
        while self.candidates.len() < CANDIDATES_MAX {
            let pointer = format!("{CANDIDATES}/{}", self.candidates.len());
            let mut settings = Settings::default();
            let seed = GroupSeed { names: &names, pointer: &pointer, settings: &mut settings, faults: self.faults };
            if items.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
            let Settings { detector, standardize, n_components, texts, .. } = settings;
            self.candidates.push(Candidate { detector, standardize, n_components, texts });
        }
        let mut n_more = 0;
        while items.next_element::<Passed>()?.is_some() {
            n_more += 1;
        }
        if n_more > 0 {
            let n = CANDIDATES_MAX + n_more;
            let detail = || format!("expected at most {CANDIDATES_MAX} candidates, {n} came");
            self.faults.setting(|| CANDIDATES.to_owned(), detail);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drifting_domain::preprocess::Season;
    use drifting_inference::ReadLimits;

    fn read(body: &str) -> Result<BacktestRequest, Failure> {
        let limits = Limits::of(ReadLimits::of_bytes(10_000), 100);
        BacktestInput::from_json(body.as_bytes(), limits)?.into_request()
    }

    #[test]
    fn everything_can_be_said() {
        let request = read(
            r#"{"drift_type": "label", "data": [1, 2, 3], "reference": 2, "changes": [2], "margin": 5, "windows": [9],
                "ert": 300, "seed": 4, "sequence": {"season": {"period": 7}}, "missing_values": "drop", "candidates": [
                    {"kind": "ks", "window": {"size": 7}, "standardize": true}, {}]}"#,
        )
        .unwrap();
        assert_eq!((request.reference, request.changes), (ReferencePart::Rows(2), Some(vec![2])));
        assert_eq!((request.margin, request.windows, request.ert), (Some(5), vec![9], Some(300.0)));
        assert_eq!((request.seed, request.missing_values), (4, MissingValues::Drop));
        assert_eq!(request.sequence.season, Some(Season::Period { period: 7 }));
        assert_eq!((request.drift_type, request.history.n_rows()), (DriftType::Label, 3));
        let [one, other] = &request.candidates[..] else { panic!("two candidates") };
        assert_eq!(one.detector.kind, Some(DetectorKind::Ks));
        assert_eq!(one.detector.window.and_then(|window| window.size), Some(7));
        assert_eq!((one.standardize, other), (Some(true), &Candidate::default()));
    }

    #[test]
    fn null_leaves_the_default() {
        let request = read(
            r#"{"drift_type": "label", "data": [1, 2], "reference": null, "changes": null, "candidates": null, "seed": null}"#,
        )
        .unwrap();
        assert_eq!((request.reference, request.changes), (ReferencePart::default(), None));
        assert_eq!((request.candidates, request.seed), (Vec::new(), 0));
    }

    #[test]
    fn faults_are_told_by_their_places() {
        let many = format!(r#"{{"drift_type": "label", "data": [1], "candidates": [{}{{}}]}}"#, "{},".repeat(32));
        for (body, pointer, part) in [
            (r#"{"data": [1]}"#, "/drift_type", "expected the drift type"),
            (r#"{"drift_type": "label"}"#, "/data", "expected the history"),
            (r#"{"drift_type": "label", "data": [1], "reference": 1.5}"#, "/reference", "a whole number of rows"),
            (r#"{"drift_type": "label", "data": [1], "reference": 0}"#, "/reference", "a whole number of rows"),
            (r#"{"drift_type": "label", "data": [1], "changes": [-1]}"#, "/changes", "numbers of rows"),
            (r#"{"drift_type": "label", "data": [1], "kinds": ["ks"]}"#, "/kinds", "is not known"),
            (r#"{"drift_type": "label", "data": [1], "candidates": {}}"#, "/candidates", "an array of candidates"),
            (r#"{"drift_type": "label", "data": [1], "candidates": [1]}"#, "/candidates/0", "an object of settings"),
            (
                r#"{"drift_type": "label", "data": [1], "candidates": [{}, {"kind": "kss"}]}"#,
                "/candidates/1/kind",
                "expected one of",
            ),
            (
                r#"{"drift_type": "label", "data": [1], "candidates": [{"window": {"size": "x"}}]}"#,
                "/candidates/0/window/size",
                "whole number",
            ),
            (
                r#"{"drift_type": "label", "data": [1], "candidates": [{"overwrite": true}]}"#,
                "/candidates/0/overwrite",
                "is not known",
            ),
            (&many, "/candidates", "at most 32 candidates, 33 came"),
            ("[]", "", "expected an object"),
        ] {
            let failure = read(body).unwrap_err();
            let told = failure.issues.iter().any(|issue| issue.pointer == pointer && issue.detail.contains(part));
            assert!(told, "{body}: {:?}", failure.issues);
        }
        assert_eq!(read(r#"{"seed": 1, "seed": 1}"#).unwrap_err().code, Code::Malformed);
        assert_eq!(read("{").unwrap_err().code, Code::Malformed);
    }
}
