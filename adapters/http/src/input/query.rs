//! The query string: settings beside a body of data, filters and pages of lists.

use std::borrow::Cow;

use drifting_domain::detectors::DetectorKind;
use drifting_domain::project::DriftType;
use drifting_domain::use_cases::ProjectStatusFilter;
use poem::Request;

use super::faults::Faults;
use super::member_name::MemberName;
use super::scalar::Scalar;
use super::setting::{Setting, Settings, drift_type, unknown};
use super::setting_name::Name;
use crate::error::Failure;

/// The parameters of a query string, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

fn pointer(name: &str) -> String {
    MemberName::of(name).place_in("")
}

impl From<Vec<(String, String)>> for Parameters {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }
}

impl Parameters {
    /// Those of a request.
    pub(crate) fn of(request: &Request) -> Self {
        Self(request.params::<Vec<(String, String)>>().unwrap_or_default())
    }

    /// The parameters as they came.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Refuses every parameter, with a sentence that says why there may be none.
    pub(crate) fn refuse_all(&self, why: &str) -> Result<(), Failure> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Failure::setting(pointer(name), format!("expected no query parameter: {why}"))),
        }
    }

    /// `explain`, which with `truth` is all that a prediction has.
    pub(crate) fn explain(&self) -> Result<Option<bool>, Failure> {
        self.check(&["truth", "explain"])?;
        self.parsed("explain", "`true` or `false`", |text| text.parse().ok())
    }

    /// Refuses one parameter, with a sentence of its own.
    pub(crate) fn refuse(&self, name: &str, why: &str) -> Result<(), Failure> {
        if self.0.iter().any(|(came, _)| came == name) { Err(Failure::setting(pointer(name), why)) } else { Ok(()) }
    }

    /// Refuses parameters that are not among these, and those that stand twice.
    pub(crate) fn check(&self, known: &[&str]) -> Result<(), Failure> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Failure::setting(pointer(name), format!("query parameter {}", unknown(name, known))));
            }
            if self.0[..index].iter().any(|(before, _)| before == name) {
                return Err(Failure::setting(pointer(name), "expected each query parameter once, this one came twice"));
            }
        }
        Ok(())
    }

    /// A parameter that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A parameter, parsed; `expected` says what it should be.
    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let Some(text) = self.get(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| {
            Failure::setting(pointer(name), format!("expected {expected}, {} came", super::scalar::quoted(text)))
        })
    }

    /// `page_size`: 1 to 1,000, by default 100.
    pub(crate) fn page_size(&self) -> Result<usize, Failure> {
        const DEFAULT: usize = 100;
        const MAX: usize = 1_000;
        let parse = |text: &str| text.parse().ok().filter(|size| (1..=MAX).contains(size));
        Ok(self.parsed("page_size", "a whole number of 1 to 1000", parse)?.unwrap_or(DEFAULT))
    }

    /// `page_token`, as `parse` reads it.
    pub(crate) fn page_token<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Failure> {
        self.parsed("page_token", "the `next_page_token` of an answer", parse)
    }

    /// `drift_type`, as a filter.
    pub(crate) fn drift_type(&self) -> Result<Option<DriftType>, Failure> {
        self.get("drift_type").map(drift_type).transpose().map_err(|detail| Failure::setting("/drift_type", detail))
    }

    /// `status`, as a filter.
    pub(crate) fn status(&self) -> Result<Option<ProjectStatusFilter>, Failure> {
        self.parsed("status", "one of `active`, `inactive`, `failed`", |text| match text {
            "active" => Some(ProjectStatusFilter::Active),
            "inactive" => Some(ProjectStatusFilter::Inactive),
            "failed" => Some(ProjectStatusFilter::Failed),
            _ => None,
        })
    }

    /// The settings of a fit.
    pub(crate) fn fit_settings(&self) -> Result<Settings, (Failure, bool)> {
        let mut settings = Settings::default();
        let mut faults = Faults::default();
        let mut seen: Vec<Name> = Vec::new();
        // Whose components are meant: those of the kind that reconstructs rows, or those before a detector.
        let reconstructs = self.get("kind").is_some_and(|kind| kind.trim() == DetectorKind::PcaReconstruction.as_str());
        let other_components = if reconstructs { Name::NComponents } else { Name::DetectorComponents };
        // What is said of a whole object stands before what is said of its members, in whichever order they came.
        let (of_members, of_all): (Vec<_>, Vec<_>) = self.0.iter().partition(|(key, _)| key.contains('.'));
        for (key, text) in of_all.into_iter().chain(of_members) {
            let mut names = Name::all();
            if let Some((_, name)) = Name::OF_SERIES.iter().find(|(known, _)| known == key) {
                expect_once(&mut seen, *name, key, &mut faults);
                settings.set(*name, &written(text, name.is_list()), &pointer(key), &mut faults);
                continue;
            }
            // The members of an object follow a dot: `window.size`.
            if let Some((object, member)) = key.split_once('.')
                && let Some(name) = names.clone().find(|name| name.is_object() && name.as_str() == object)
            {
                if self.0.iter().filter(|(other, _)| other == key).count() > 1 {
                    let detail = || "expected each query parameter once, this one came more than once".to_owned();
                    faults.setting(|| pointer(key), detail);
                }
                let member = Setting::Object(vec![(MemberName::of(member), scalar(text))]);
                settings.set(name, &member, &pointer(object), &mut faults);
                continue;
            }
            let Some(name) = names.find(|name| name.as_str() == key && *name != other_components) else {
                let of_series = Name::OF_SERIES.iter().map(|(name, _)| *name);
                let known: Vec<&str> = Name::all().map(Name::as_str).chain(of_series).collect();
                faults.setting(|| pointer(key), || format!("query parameter {}", unknown(key, &known)));
                continue;
            };
            expect_once(&mut seen, name, key, &mut faults);
            settings.set(name, &written(text, name.is_list()), &pointer(key), &mut faults);
        }
        if settings.drift_type.is_none() && !faults.has_setting("/drift_type") {
            let detail = || "expected the query parameter `drift_type`, none came".to_owned();
            faults.setting(|| "/drift_type".to_owned(), detail);
        }
        settings.take_season(in_query, &mut faults);
        match faults.into_failure() {
            None => Ok(settings),
            Some(failure) => Err((failure, settings.overwrite)),
        }
    }
}

/// The place in a query string of a setting that is named as in `sequence/season/by`.
pub(super) fn in_query(setting: &str) -> String {
    pointer(&setting.replace('/', "."))
}

/// Refuses a parameter that has come before.
pub(super) fn expect_once(seen: &mut Vec<Name>, name: Name, key: &str, faults: &mut Faults) {
    if seen.contains(&name) {
        let detail = || "expected each query parameter once, this one came twice".to_owned();
        faults.setting(|| pointer(key), detail);
    }
    seen.push(name);
}

/// A setting as it is written in a query string.
pub(super) fn written(text: &str, is_list: bool) -> Setting<'_> {
    if is_list { Setting::List(text.split(',').map(scalar).collect()) } else { Setting::One(scalar(text)) }
}

pub(super) fn scalar(text: &str) -> Scalar<'_> {
    let text = text.trim();
    let is_written_as_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text {
        "" => Scalar::Null,
        "true" => Scalar::Boolean(true),
        "false" => Scalar::Boolean(false),
        _ if is_written_as_number => match (text.parse(), text.parse::<f64>()) {
            (Ok(number), _) => Scalar::Whole(number),
            (_, Ok(number)) if number.is_finite() => Scalar::Number(number),
            _ => Scalar::Text(Cow::Borrowed(text)),
        },
        _ => Scalar::Text(Cow::Borrowed(text)),
    }
}

#[cfg(test)]
mod tests {
    use drifting_domain::detectors::SequenceRequest;
    use drifting_domain::preprocess::{Season, TimeOf};

    use super::*;

    fn settings(query: &[(&str, &str)]) -> Settings {
        let pairs = query.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
        let parameters =
            Parameters::from(pairs.chain([("drift_type".to_owned(), "tabular".to_owned())]).collect::<Vec<_>>());
        parameters.fit_settings().unwrap_or_else(|(failure, _)| panic!("{failure:?}"))
    }

    #[test]
    fn the_order_of_parameters_changes_nothing() {
        let query = [("quality", "false"), ("quality.out_of_range", "true"), ("kind", "ks")];
        let mut turned = query;
        turned.reverse();
        let (settings, others) = (settings(&query), settings(&turned));
        assert_eq!(settings, others);
        assert_eq!(settings.quality.off.len(), drifting_domain::quality::QualityCheck::ALL.len() - 1);
    }

    #[test]
    fn a_series_is_read_as_dotted_parameters_say() {
        let read = settings(&[
            ("sequence.difference", "1"),
            ("sequence.season.timestamp", "at"),
            ("sequence.season.by", "hour_of_day,day_of_week"),
            ("sequence.block_length", "2.5"),
        ]);
        let season = Season::Timestamp { timestamp: "at".to_owned(), by: vec![TimeOf::HourOfDay, TimeOf::DayOfWeek] };
        let expected = SequenceRequest { difference: Some(1), season: Some(season), block_length: Some(2.5) };
        assert_eq!(read.detector.sequence, expected);
        for (query, place, detail) in [
            ("sequence.season.by=day", "/sequence.season.by", "expected an array of `hour_of_day`"),
            ("sequence.season.timestamp=at", "/sequence.season", "expected `by` beside"),
            ("sequence.seson.period=7", "/sequence.seson.period", "did you mean `sequence.season.period`?"),
            ("sequence.difference=1&sequence.difference=2", "/sequence.difference", "this one came twice"),
        ] {
            let pairs = format!("drift_type=sequential&{query}");
            let pairs: Vec<(String, String)> = pairs
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            let (failure, _) = Parameters::from(pairs).fit_settings().unwrap_err();
            let told: Vec<&str> = failure.issues.iter().map(|issue| issue.pointer.as_str()).collect();
            assert_eq!(told, [place], "{query}");
            assert!(failure.issues[0].detail.contains(detail), "{query}: {:?}", failure.issues);
        }
    }

    #[test]
    fn components_are_those_of_the_kind_that_has_some() {
        let of_kind = settings(&[("n_components", "0.8"), ("kind", "pca_reconstruction")]);
        assert_eq!((of_kind.detector.n_components, of_kind.n_components), (Some(0.8), None));
        let before = settings(&[("n_components", "3"), ("kind", "mmd")]);
        assert_eq!((before.detector.n_components, before.n_components), (None, Some(3)));
    }
}
