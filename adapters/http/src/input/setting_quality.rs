//! The checks of quality as a setting: `true`, `false`, or an object of what differs.

use drifting_domain::quality::{QualityCheck, QualityRequest};

use super::faults::Faults;
use super::scalar::Scalar;
use super::setting::{Setting, as_number, unknown, wrong};
use super::setting_object::take_members;

/// Takes what came; what came before of the same object stays.
pub(super) fn set_quality(request: &mut QualityRequest, value: &Setting<'_>, pointer: &str, faults: &mut Faults) {
    match value {
        Setting::One(Scalar::Boolean(true)) => request.off.clear(),
        Setting::One(Scalar::Boolean(false)) => request.off = QualityCheck::ALL.into(),
        Setting::Object(members) => {
            take_members(members, pointer, faults, |member, value| set_member(request, member, value));
        }
        _ => faults.setting(|| pointer.to_owned(), || wrong("`true`, `false` or an object", &value.came())),
    }
}

fn set_member(request: &mut QualityRequest, member: &str, value: &Scalar<'_>) -> Result<(), String> {
    if member == "significance" {
        request.significance = Some(as_number(value).ok_or_else(|| wrong("a number", &value.came()))?);
        return Ok(());
    }
    let Some(check) = QualityCheck::ALL.into_iter().find(|check| check.as_str() == member) else {
        let known: Vec<&str> =
            std::iter::once("significance").chain(QualityCheck::ALL.map(QualityCheck::as_str)).collect();
        return Err(unknown(member, &known));
    };
    match value {
        Scalar::Boolean(true) => request.off.remove(&check),
        Scalar::Boolean(false) => request.off.insert(check),
        _ => return Err(wrong("`true` or `false`", &value.came())),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> (QualityRequest, Option<String>) {
        let value: Setting = serde_json::from_str(json).unwrap();
        let (mut request, mut faults) = (QualityRequest::default(), Faults::default());
        set_quality(&mut request, &value, "/quality", &mut faults);
        let told = faults.into_failure().map(|failure| failure.issues.iter().map(ToString::to_string).collect());
        (request, told)
    }

    #[test]
    fn checks_are_on_unless_they_are_turned_off() {
        let off = |checks: &[QualityCheck]| checks.iter().copied().collect();
        let one = [QualityCheck::NewCategory];
        for (json, expected) in [
            ("true", QualityRequest::default()),
            ("false", QualityRequest::none()),
            ("{}", QualityRequest::default()),
            (
                r#"{"significance": 0.01, "new_category": false, "out_of_range": true, "type_change": null}"#,
                QualityRequest { significance: Some(0.01), off: off(&one) },
            ),
        ] {
            assert_eq!(request(json), (expected, None), "{json}");
        }
    }

    #[test]
    fn what_is_no_setting_is_told() {
        for (json, part) in [
            ("1", "expected `true`, `false` or an object, the number 1 came"),
            ("[true]", "expected `true`, `false` or an object"),
            (r#"{"new_categories": false}"#, "did you mean `new_category`?"),
            (r#"{"significance": "low"}"#, "expected a number"),
            (r#"{"new_category": 0}"#, "`true` or `false`"),
            (r#"{"new_category": true, "new_category": false}"#, "twice"),
        ] {
            let (_, told) = request(json);
            assert!(told.as_ref().is_some_and(|told: &String| told.contains(part)), "{json}: {told:?}");
        }
    }
}
