//! How a series is read, as settings: `sequence`, whose `season` is an object of its own.

use drifting_domain::preprocess::{Season, TimeOf};

use super::faults::Faults;
use super::setting::{Setting, list};
use super::setting_name::Name;

/// What has come of a `season` so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SeasonParts {
    pub(super) column: Option<String>,
    pub(super) period: Option<usize>,
    pub(super) timestamp: Option<String>,
    pub(super) by: Option<Vec<TimeOf>>,
}

const SEASON: &str = "sequence/season";
const BY: &str = "sequence/season/by";

impl SeasonParts {
    /// The season that they are, once all have come; `place` gives the place of a setting that is named as in `sequence/season/by`. Parts
    /// that are faults already are told once.
    pub(super) fn season(self, place: impl Fn(&str) -> String, faults: &mut Faults) -> Option<Season> {
        let is_told = |name: &Name| faults.has_setting(&place(&format!("{SEASON}/{}", name.as_str())));
        if Name::SEASON.iter().any(is_told) {
            return None;
        }
        let is_alone = self.by.is_some() && self.timestamp.is_none();
        match (self.column, self.period, self.timestamp, self.by) {
            (None, None, None, None) => None,
            (Some(column), None, None, None) => Some(Season::Column { column }),
            (None, Some(period), None, None) => Some(Season::Period { period }),
            (None, None, Some(timestamp), Some(by)) => Some(Season::Timestamp { timestamp, by }),
            (None, None, Some(_), None) => {
                let detail = || "expected `by` beside `timestamp`: `hour_of_day`, `day_of_week` or both".to_owned();
                faults.setting(|| place(SEASON), detail);
                None
            }
            _ if is_alone => {
                faults.setting(|| place(BY), || "expected only beside `timestamp`, which did not come".to_owned());
                None
            }
            _ => {
                let detail = || "expected one of `column`, `period` and `timestamp`, more than one came".to_owned();
                faults.setting(|| place(SEASON), detail);
                None
            }
        }
    }
}

/// The parts of a time.
pub(super) fn parts_of_time(value: &Setting<'_>) -> Result<Vec<TimeOf>, String> {
    const KNOWN: [(&str, TimeOf); 2] = [("hour_of_day", TimeOf::HourOfDay), ("day_of_week", TimeOf::DayOfWeek)];
    let expected = "an array of `hour_of_day`, `day_of_week` or both";
    list(value, expected, |part| {
        let super::scalar::Scalar::Text(text) = part else { return None };
        KNOWN.iter().find(|(name, _)| *name == text).map(|(_, part)| *part)
    })
}

#[cfg(test)]
mod tests {
    use drifting_domain::detectors::SequenceRequest;
    use serde::de::DeserializeSeed;

    use super::super::fit_request::GroupSeed;
    use super::super::setting::Settings;
    use super::*;

    fn read(json: &str) -> (SequenceRequest, Vec<String>) {
        let (mut settings, mut faults) = (Settings::default(), Faults::default());
        let seed =
            GroupSeed { names: Name::SEQUENCE, pointer: "/sequence", settings: &mut settings, faults: &mut faults };
        seed.deserialize(&mut serde_json::Deserializer::from_str(json)).unwrap();
        settings.take_season(|setting| format!("/{setting}"), &mut faults);
        let issues = faults.into_failure().map(|failure| failure.issues).unwrap_or_default();
        (settings.detector.sequence, issues.iter().map(|issue| format!("{} {}", issue.pointer, issue.detail)).collect())
    }

    #[test]
    fn every_season_can_be_said() {
        let of = |season| SequenceRequest { season: Some(season), ..SequenceRequest::default() };
        let at = || "at".to_owned();
        for (json, expected) in [
            (r#"{"season": {"column": "at"}}"#, of(Season::Column { column: at() })),
            (r#"{"season": {"period": 48, "by": null}}"#, of(Season::Period { period: 48 })),
            (
                r#"{"season": {"by": ["day_of_week", "hour_of_day"], "timestamp": "at"}}"#,
                of(Season::Timestamp { timestamp: at(), by: vec![TimeOf::DayOfWeek, TimeOf::HourOfDay] }),
            ),
            (
                r#"{"difference": 2, "season": null, "block_length": 1.5}"#,
                SequenceRequest { difference: Some(2), season: None, block_length: Some(1.5) },
            ),
            (r#"{"season": {}}"#, SequenceRequest::default()),
        ] {
            assert_eq!(read(json), (expected, Vec::new()), "{json}");
        }
    }

    #[test]
    fn what_is_no_season_is_told_once_and_where_it_stands() {
        for (json, expected) in [
            (r#"{"season": 7}"#, "/sequence/season expected an object"),
            (
                r#"{"season": {"perid": 7}}"#,
                "/sequence/season/perid \"perid\" is not known here; did you mean `period`?",
            ),
            (r#"{"season": {"period": "day"}}"#, "/sequence/season/period expected a whole number"),
            (r#"{"season": {"timestamp": "at"}}"#, "/sequence/season expected `by` beside `timestamp`"),
            (
                r#"{"season": {"timestamp": "at", "by": "day"}}"#,
                "/sequence/season/by expected an array of `hour_of_day`",
            ),
            (
                r#"{"season": {"timestamp": "at", "by": ["day"]}}"#,
                "/sequence/season/by expected an array of `hour_of_day`",
            ),
            (r#"{"season": {"by": ["hour_of_day"]}}"#, "/sequence/season/by expected only beside `timestamp`"),
            (r#"{"season": {"column": "a", "period": 7}}"#, "/sequence/season expected one of `column`, `period` and"),
            (r#"{"difference": -1}"#, "/sequence/difference expected a whole number"),
            (r#"{"seasons": {}}"#, "/sequence/seasons \"seasons\" is not known here; did you mean `season`?"),
        ] {
            let (_, told) = read(json);
            assert!(matches!(&told[..], [one] if one.starts_with(expected)), "{json}: {told:?}");
        }
    }
}
