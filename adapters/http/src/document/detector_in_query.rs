//! The settings of a detector as parameters of the query string, where a fit's body is data alone: those that have one value are
//! told once, by `DetectorSettings`.

use serde_yaml::{Mapping, Value};

const FIT: &str = "/api/v1/projects/{project}/fit";

/// Adds the settings that the fit does not name by itself, as it names lists and the members of objects.
pub(super) fn add_to(document: &mut Value) {
    let Some(schemas) = document.get("components").and_then(|components| components.get("schemas")) else { return };
    let settings = schemas.get("DetectorSettings").and_then(|schema| schema.get("properties"));
    let Some(settings) = settings.and_then(Value::as_mapping) else { return };
    let parameters: Vec<Value> =
        settings.iter().filter_map(|(name, setting)| parameter(name, setting, schemas)).collect();
    let fit = document.get_mut("paths").and_then(|paths| paths.get_mut(FIT)).and_then(|path| path.get_mut("post"));
    let known = fit.and_then(|fit| fit.get_mut("parameters")).and_then(Value::as_sequence_mut);
    if let Some(known) = known {
        // A name means in the query what it means there already.
        let names: Vec<Value> = known.iter().filter_map(|parameter| parameter.get("name").cloned()).collect();
        let is_new = |parameter: &Value| parameter.get("name").is_some_and(|name| !names.contains(name));
        known.extend(parameters.into_iter().filter(is_new));
    }
}

/// A setting of one value; `None` of others.
fn parameter(name: &Value, setting: &Value, schemas: &Value) -> Option<Value> {
    let mut schema = setting.as_mapping()?.clone();
    let described = schema.remove("description")?;
    schema.remove("nullable");
    let schema = match schema.get("allOf") {
        Some(named) => {
            let word = named.get(0)?.clone();
            let word_name = word.get("$ref")?.as_str()?.rsplit('/').next()?;
            schemas.get(word_name)?.get("enum")?;
            word
        }
        None if ["boolean", "integer", "number"].contains(&schema.get("type")?.as_str()?) => schema.into(),
        None => return None,
    };
    let mut characters = described.as_str()?.chars();
    let first = characters.next()?.to_lowercase();
    let described = format!("All bodies but JSON: {first}{}", characters.as_str());
    Some(
        Mapping::from_iter([
            ("name".into(), name.clone()),
            ("schema".into(), schema),
            ("in".into(), "query".into()),
            ("description".into(), described.into()),
            ("required".into(), false.into()),
            ("deprecated".into(), false.into()),
            ("explode".into(), true.into()),
        ])
        .into(),
    )
}
