//! Formats of whole numbers. OpenAPI knows `int32` and `int64`; those that poem-openapi writes of unsigned ones are nothing to most
//! generators of clients, which take 32 bits then.

use serde_yaml::Value;

/// Makes unsigned numbers signed ones that are not negative and hold as much; those of 64 bits lose the upper half, which only a
/// seed could stand in.
pub(super) fn make_signed(value: &mut Value) {
    match value {
        Value::Mapping(members) => {
            let format = members.get("format").and_then(Value::as_str);
            let signed = match format {
                Some("uint8" | "uint16") => Some("int32"),
                Some("uint32" | "uint64") => Some("int64"),
                _ => None,
            };
            if let Some(signed) = signed {
                members.insert("format".into(), signed.into());
                if !members.contains_key("minimum") {
                    members.insert("minimum".into(), 0.into());
                }
            }
            members.iter_mut().for_each(|(_, member)| make_signed(member));
        }
        Value::Sequence(items) => items.iter_mut().for_each(make_signed),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Value {
        let mut value = serde_yaml::from_str(text).unwrap();
        make_signed(&mut value);
        value
    }

    #[test]
    fn unsigned_numbers_are_signed_ones_that_are_not_negative() {
        for (text, wanted) in [
            ("{type: integer, format: uint64}", "{type: integer, format: int64, minimum: 0}"),
            ("{a: [{format: uint16, minimum: 400}]}", "{a: [{format: int32, minimum: 400}]}"),
            ("{format: double}", "{format: double}"),
            ("{format: int64}", "{format: int64}"),
        ] {
            assert_eq!(made(text), serde_yaml::from_str::<Value>(wanted).unwrap(), "{text}");
        }
    }
}
