//! Settings that are objects: windows, how the reference moves on, the tests of columns.

use std::collections::HashSet;

use drifting_domain::detectors::{ColumnTest, DetectorRequest, ReferenceUpdateRequest, WindowRequest};

use super::faults::Faults;
use super::scalar::Scalar;
use super::setting::{Setting, as_count, as_number, one_of, unknown, wrong};
use super::setting_name::Name;

/// Takes settings that are objects.
pub(super) trait SetObject {
    /// Takes the members that came; what came before of the same object stays.
    fn set_object(&mut self, name: Name, value: &Setting<'_>, pointer: &str, faults: &mut Faults);
}

impl SetObject for DetectorRequest {
    fn set_object(&mut self, name: Name, value: &Setting<'_>, pointer: &str, faults: &mut Faults) {
        let Setting::Object(members) = value else {
            faults.setting(|| pointer.to_owned(), || wrong("an object", &value.came()));
            return;
        };
        let mut seen: HashSet<&str> = HashSet::with_capacity(members.len());
        for (name_of, value) in members {
            let member = name_of.as_str();
            let place = || name_of.place_in(pointer);
            if !seen.insert(member) {
                faults.duplicate(place);
                continue;
            }
            if *value == Scalar::Null {
                continue;
            }
            let taken = match name {
                Name::Window => set_window(self.window.get_or_insert_default(), member, value),
                Name::UpdateReference => set_update(self.update_reference.get_or_insert_default(), member, value),
                _ => {
                    let tests = ColumnTest::ALL.map(|test| (test.as_str(), test));
                    one_of(&Setting::One(value.clone()), &tests).map(|test| {
                        self.tests.get_or_insert_default().insert(member.to_owned(), test);
                    })
                }
            };
            if let Err(detail) = taken {
                faults.setting(place, || detail);
            }
        }
        // An object without members asks for what its defaults are.
        match name {
            Name::Window => drop(self.window.get_or_insert_default()),
            Name::UpdateReference => drop(self.update_reference.get_or_insert_default()),
            _ => {}
        }
    }
}

fn set_window(window: &mut WindowRequest, member: &str, value: &Scalar<'_>) -> Result<(), String> {
    match member {
        "size" => window.size = Some(rows(value)?),
        "stride" => window.stride = Some(rows(value)?),
        "max_age" => window.max_age = Some(seconds(value)?),
        _ => return Err(unknown(member, &["size", "stride", "max_age"])),
    }
    Ok(())
}

fn set_update(update: &mut ReferenceUpdateRequest, member: &str, value: &Scalar<'_>) -> Result<(), String> {
    match (member, value) {
        ("last", _) => update.last = Some(rows(value)?),
        ("reservoir", _) => update.reservoir = Some(rows(value)?),
        ("only_without_drift", Scalar::Boolean(only)) => update.only_without_drift = Some(*only),
        ("only_without_drift", _) => return Err(wrong("`true` or `false`", &value.came())),
        _ => return Err(unknown(member, &["last", "reservoir", "only_without_drift"])),
    }
    Ok(())
}

fn rows(value: &Scalar<'_>) -> Result<usize, String> {
    as_count(value).ok_or_else(|| wrong("a whole number of rows", &value.came()))
}

/// A number of seconds, or a text such as `90s`, `15m`, `1.5h` or `7d`.
fn seconds(value: &Scalar<'_>) -> Result<f64, String> {
    let with_unit = |text: &str| {
        let (number, unit) = text.trim().split_at_checked(text.trim().len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        number.trim_end().parse::<f64>().ok().map(|number| number * seconds)
    };
    let seconds = match value {
        Scalar::Text(text) => with_unit(text),
        _ => as_number(value),
    };
    seconds.ok_or_else(|| wrong("a number of seconds, or a text such as `15m` (s, m, h, d)", &value.came()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: Name, json: &str) -> (DetectorRequest, Option<String>) {
        let value: Setting = serde_json::from_str(json).unwrap();
        let (mut request, mut faults) = (DetectorRequest::default(), Faults::default());
        request.set_object(name, &value, "/detector/x", &mut faults);
        let told = faults.into_failure().map(|failure| failure.issues.iter().map(ToString::to_string).collect());
        (request, told)
    }

    #[test]
    fn ages_have_units() {
        for (json, seconds) in [
            ("90", 90.0),
            ("1.5", 1.5),
            ("\"90s\"", 90.0),
            ("\"15 m\"", 900.0),
            ("\"1.5h\"", 5_400.0),
            ("\"7d\"", 604_800.0),
        ] {
            let (request, told) = request(Name::Window, &format!("{{\"max_age\": {json}}}"));
            assert_eq!((request.window.unwrap().max_age, told), (Some(seconds), None), "{json}");
        }
        for json in ["\"\"", "\"m\"", "\"5w\"", "\"5\"", "true", "[]", "{}"] {
            let (_, told) = request(Name::Window, &format!("{{\"max_age\": {json}}}"));
            assert!(told.is_some_and(|told: String| told.contains("expected a number of seconds")), "{json}");
        }
    }

    #[test]
    fn members_are_taken_or_told() {
        let (request_, told) =
            request(Name::UpdateReference, r#"{"last": 5, "only_without_drift": true, "reservoir": null}"#);
        let expected = ReferenceUpdateRequest { last: Some(5), reservoir: None, only_without_drift: Some(true) };
        assert_eq!((request_.update_reference, told), (Some(expected), None));
        for (name, json, part) in [
            (Name::Window, r#"{"sise": 5}"#, "did you mean `size`?"),
            (Name::Window, r#"{"size": 5, "size": 6}"#, "twice"),
            (Name::Window, r#"{"size": -1}"#, "a whole number of rows"),
            (Name::Window, "5", "expected an object"),
            (Name::UpdateReference, r#"{"only_without_drift": 1}"#, "`true` or `false`"),
            (Name::Tests, r#"{"a": "k"}"#, "expected one of `ks`"),
        ] {
            let (_, told) = request(name, json);
            assert!(told.as_ref().is_some_and(|told: &String| told.contains(part)), "{json}: {told:?}");
        }
        assert_eq!(request(Name::Tests, r#"{"a": "cvm"}"#).0.tests.unwrap()["a"], ColumnTest::Cvm);
    }
}
