//! Where null may stand. `nullable` says something only beside a `type` (OpenAPI 3.0.3, "Schema Object"): beside a reference null becomes
//! an alternative of its own, and what may be anything may be null as it is.

use serde_yaml::{Mapping, Value};

/// Does so wherever poem-openapi writes `nullable` without a `type`, beside `allOf` with one reference or alone.
pub(super) fn make_alternatives(value: &mut Value) {
    match value {
        Value::Mapping(members) => {
            if is_nullable_reference(members) {
                members.remove("nullable");
                let mut alternatives = members.remove("allOf").and_then(sequence).unwrap_or_default();
                alternatives.push(null());
                members.insert("anyOf".into(), alternatives.into());
            } else if is_nullable(members) && NARROWING.iter().all(|member| !members.contains_key(*member)) {
                members.remove("nullable");
            }
            members.iter_mut().for_each(|(_, member)| make_alternatives(member));
        }
        Value::Sequence(items) => items.iter_mut().for_each(make_alternatives),
        _ => {}
    }
}

/// What says that not everything may come.
const NARROWING: [&str; 6] = ["type", "enum", "allOf", "anyOf", "oneOf", "not"];

fn is_nullable(members: &Mapping) -> bool {
    members.get("nullable").and_then(Value::as_bool) == Some(true)
}

fn is_nullable_reference(members: &Mapping) -> bool {
    let parts = members.get("allOf").and_then(Value::as_sequence);
    let is_reference = parts.is_some_and(|parts| matches!(&parts[..], [part] if part.get("$ref").is_some()));
    is_reference && is_nullable(members)
}

fn sequence(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Sequence(items) => Some(items),
        _ => None,
    }
}

/// Null and nothing else: 3.0 has no type for it, and wants one beside `nullable`.
fn null() -> Value {
    let members = [("type", "object".into()), ("nullable", true.into()), ("enum", vec![Value::Null].into())];
    members.into_iter().map(|(name, value)| (Value::from(name), value)).collect::<Mapping>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Value {
        let mut value = serde_yaml::from_str(text).unwrap();
        make_alternatives(&mut value);
        value
    }

    #[test]
    fn null_is_an_alternative_beside_a_reference() {
        let made = made("{a: {description: b, nullable: true, allOf: [{$ref: c}]}}");
        let wanted = "{a: {description: b, anyOf: [{$ref: c}, {type: object, nullable: true, enum: [null]}]}}";
        assert_eq!(made, serde_yaml::from_str::<Value>(wanted).unwrap());
    }

    #[test]
    fn what_may_be_anything_may_be_null() {
        assert_eq!(
            made("[{description: b, nullable: true}]"),
            serde_yaml::from_str::<Value>("[{description: b}]").unwrap()
        );
    }

    #[test]
    fn all_else_stays() {
        for text in ["{nullable: true, type: string}", "{allOf: [{$ref: c}]}", "{nullable: false, allOf: [{$ref: c}]}"]
        {
            assert_eq!(made(text), serde_yaml::from_str::<Value>(text).unwrap(), "{text}");
        }
    }
}
