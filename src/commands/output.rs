//! Texts for people: tables, lists of facts, numbers; and JSON in one line for programs.

use serde_json::value::RawValue;
use serde_yaml::Value;

const GAP: &str = "  ";

/// A table whose columns stand below each other.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header.get(column).map_or(0, |name| name.chars().count())]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let cells: Vec<_> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join(GAP).trim_end())
    };
    let rows = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    line(header.to_vec()) + &rows.collect::<String>()
}

/// Facts, one a line, their values below each other.
pub(super) fn key_values<K: AsRef<str>>(facts: &[(K, String)]) -> String {
    let width = facts.iter().map(|(key, _)| key.as_ref().chars().count() + 1).max().unwrap_or_default();
    let line = |(key, value): &(K, String)| format!("{:<width$}{GAP}{value}\n", format!("{}:", key.as_ref()));
    facts.iter().map(line).collect()
}

/// The members of a JSON object as facts, in their order; those of an object within are called `outer.inner`.
pub(super) fn facts(json: &RawValue) -> anyhow::Result<Vec<(String, String)>> {
    // By way of YAML's value, which keeps the order of the members.
    let value: Value = serde_json::from_str(json.get())?;
    let mut facts = Vec::new();
    collect_facts("", &value, &mut facts);
    Ok(facts)
}

fn collect_facts(key: &str, value: &Value, facts: &mut Vec<(String, String)>) {
    match value {
        Value::Mapping(members) if !members.is_empty() => {
            for (name, member) in members {
                let name = inline(name);
                let key = if key.is_empty() { name } else { format!("{key}.{name}") };
                collect_facts(&key, member, facts);
            }
        }
        Value::Sequence(entries) if entries.iter().any(Value::is_mapping) => {
            facts.extend(entries.iter().enumerate().map(|(index, entry)| (format!("{key}[{index}]"), inline(entry))));
        }
        other => facts.push((key.to_owned(), inline(other))),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => printable(text),
        Value::Sequence(entries) if entries.is_empty() => "-".to_owned(),
        Value::Sequence(entries) => entries.iter().map(inline).collect::<Vec<_>>().join(", "),
        Value::Mapping(members) => {
            let said = members.iter().filter(|(_, value)| !value.is_null());
            said.map(|(name, value)| format!("{} {}", inline(name), inline(value))).collect::<Vec<_>>().join(", ")
        }
        Value::Tagged(tagged) => inline(&tagged.value),
    }
}

/// A text that cannot steer the terminal it is printed on.
pub fn printable(text: &str) -> String {
    let shown = |character: char| {
        if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
    };
    text.chars().map(shown).collect()
}

/// A number with as many digits as people read.
pub(super) fn number(value: f64) -> String {
    const DIGITS: i32 = 6;
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    // Below 2^31 for every finite number.
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm of a finite number is a few hundred at most")]
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..DIGITS).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let decimals = usize::try_from(DIGITS - 1 - magnitude).unwrap_or_default();
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// JSON in one line.
pub(super) fn json_line(json: &RawValue) -> String {
    // In JSON a line feed is white space between tokens and nothing else.
    json.get().replace(['\n', '\r'], " ")
}

/// A JSON object with one list, in one line.
pub(super) fn json_list(member: &str, entries: &[Box<RawValue>]) -> String {
    let entries: Vec<_> = entries.iter().map(|entry| json_line(entry)).collect();
    format!("{{\"{member}\":[{}]}}", entries.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn tables_are_aligned() {
        let rows = vec![vec!["prices".into(), "label".into()], vec!["ä".into(), "-".into()]];
        assert_eq!(table(&["PROJECT", "TYPE"], &rows), "PROJECT  TYPE\nprices   label\nä        -\n");
        assert_eq!(table(&["PROJECT"], &[]), "PROJECT\n");
    }

    #[test]
    fn facts_keep_their_order_and_are_flat() {
        let json = raw(r#"{"project": "p", "detector": {"kind": "cvm_online", "window_sizes": [40, 80]},
            "schema": {"columns": [{"name": "a", "type": "numeric"}, {"name": "b", "categories": ["x", "y"]}]},
            "last_detection": null, "warnings": []}"#);
        assert_eq!(
            key_values(&facts(&json).unwrap()),
            "project:                p\n\
             detector.kind:          cvm_online\n\
             detector.window_sizes:  40, 80\n\
             schema.columns[0]:      name a, type numeric\n\
             schema.columns[1]:      name b, categories x, y\n\
             last_detection:         -\n\
             warnings:               -\n"
        );
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jä\n"), "a\\u{1b}[2Jä\\n");
    }

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (6.125, "6.125"),
            (-0.312_345_678, "-0.312346"),
            (1234.5, "1234.5"),
            (100.0, "100"),
            (0.000_01, "1.000e-5"),
            (12_345_678.0, "1.235e7"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn json_stays_in_one_line() {
        assert_eq!(json_line(&raw("{\n\"a\": \"x\\ny\"\n}")), "{ \"a\": \"x\\ny\" }");
        assert_eq!(json_list("projects", &[raw("1"), raw("[\n]")]), "{\"projects\":[1,[ ]]}");
    }
}
