//! The data of an event, in the forms in which model servers and others send rows.

use std::fmt;

use drifting_domain::data::Table;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::json::{Members, Name, Passed};
use crate::{InferRequest, ReadLimits, Refusal, RefusalCode, read_request};

/// The rows of an event, read and not yet held against a project.
#[derive(Debug)]
pub struct Payload {
    pub(super) rows: Rows,
    /// The names of the columns, where they stand beside rows without names.
    pub(super) names: Option<Vec<String>>,
}

impl Payload {
    /// The id that an inference request has beside that of its event.
    pub(super) fn request_id(&self) -> Option<&str> {
        match &self.rows {
            Rows::Tensors(request) => request.id.as_deref().filter(|id| !id.is_empty()),
            Rows::Table(_) => None,
        }
    }
}

#[derive(Debug)]
pub(super) enum Rows {
    /// Of the Open Inference Protocol.
    Tensors(Box<InferRequest>),
    /// Of any other form.
    Table(Table),
}

/// The members that tell one form from another.
#[derive(Default)]
struct Forms<'b> {
    model_name: Option<String>,
    inputs: Option<&'b RawValue>,
    instances: Option<&'b RawValue>,
    data: Option<&'b RawValue>,
}

impl<'de> Deserialize<'de> for Forms<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FormsVisitor)
    }
}

struct FormsVisitor;

impl<'de> Visitor<'de> for FormsVisitor {
    type Value = Forms<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Forms<'de>, A::Error> {
        let (mut forms, mut came) = (Forms::default(), Members::default());
        while let Some(member) = object.next_key::<Name<'_>>()? {
            let name = member.as_str();
            came.take(&member).map_err(|detail| A::Error::custom(format_args!("`{name}`: {detail}")))?;
            match name {
                "model_name" => forms.model_name = object.next_value()?,
                "inputs" => forms.inputs = object.next_value()?,
                "instances" => forms.instances = object.next_value()?,
                "data" => forms.data = object.next_value()?,
                _ => {
                    object.next_value::<Passed>()?;
                }
            }
        }
        Ok(forms)
    }
}

/// The data of Seldon's first protocol, which has no other members: at the first of another name the reading ends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeldonData<'b> {
    #[serde(borrow)]
    names: Option<&'b RawValue>,
    #[serde(borrow)]
    ndarray: Option<&'b RawValue>,
    #[serde(borrow)]
    tensor: Option<&'b RawValue>,
}

/// A tensor of it.
#[derive(Deserialize)]
struct SeldonTensor<'b> {
    #[serde(borrow)]
    shape: &'b RawValue,
    #[serde(borrow)]
    values: &'b RawValue,
}

const EXPECTED: &str = "expected an object with `inputs` (Open Inference Protocol), `instances` (its version 1) or `data` (rows, or \
                        Seldon's `names` with `ndarray` or `tensor`)";

/// Reads the data of an event: a request of the Open Inference Protocol (`json_length` where bytes stand behind its JSON) or of its
/// version 1, of Seldon, or of this server. `read_rows` reads JSON that is rows, and that has been held against the limits. Whoever logs knows
/// the model by a name of its own, which says nothing of the project.
///
/// # Errors
/// When the data have none of these forms.
pub fn read_payload(
    data: &[u8],
    json_length: Option<usize>,
    limits: &ReadLimits,
    read_rows: &dyn Fn(&[u8]) -> Result<Table, Refusal>,
) -> Result<Payload, Refusal> {
    if data.is_empty() {
        return Err(Refusal::new(RefusalCode::Malformed, "expected an event with data, it has none"));
    }
    let json = json_length.and_then(|length| data.get(..length)).unwrap_or(data);
    limits.check_json(json)?;
    let limits = &limits.json_checked();
    let forms: Forms<'_> =
        serde_json::from_slice(json).map_err(|error| Refusal::malformed("", format!("{EXPECTED}: {error}")))?;
    match (forms.inputs, forms.instances, forms.data) {
        (Some(_), None, None) => {
            let model = forms.model_name.unwrap_or_default();
            let request = read_request(data, json_length, &model, limits)?;
            Ok(Payload { rows: Rows::Tensors(Box::new(request)), names: None })
        }
        _ if json_length.is_some() => Err(Refusal::malformed(
            "",
            "expected `inputs` before the bytes that `Inference-Header-Content-Length` tells of",
        )),
        (None, Some(instances), None) => table(instances, None, "/instances", read_rows),
        (None, None, Some(data)) => of_data(data, limits, read_rows),
        _ => Err(Refusal::malformed("", EXPECTED)),
    }
}

/// Rows, with the place where they stand.
fn table(
    rows: &RawValue,
    names: Option<Vec<String>>,
    place: &str,
    read_rows: &dyn Fn(&[u8]) -> Result<Table, Refusal>,
) -> Result<Payload, Refusal> {
    let table = read_rows(rows.get().as_bytes()).map_err(|refusal| moved(refusal, "/data", place))?;
    Ok(Payload { rows: Rows::Table(table), names })
}

fn of_data(
    data: &RawValue,
    limits: &ReadLimits,
    read_rows: &dyn Fn(&[u8]) -> Result<Table, Refusal>,
) -> Result<Payload, Refusal> {
    let members: Option<SeldonData<'_>> =
        data.get().starts_with('{').then(|| serde_json::from_str(data.get()).ok()).flatten();
    let is_seldon = |members: &SeldonData<'_>| members.ndarray.is_some() != members.tensor.is_some();
    let Some(SeldonData { names, ndarray, tensor }) = members.filter(is_seldon) else {
        return table(data, None, "/data", read_rows);
    };
    let names = match names {
        None => None,
        Some(names) => {
            let refused = |_| Refusal::malformed("/data/names", "expected an array of texts");
            let names: Vec<String> = serde_json::from_str(names.get()).map_err(refused)?;
            // Seldon sends an empty list where it knows none.
            Some(names).filter(|names| !names.is_empty())
        }
    };
    if let Some(rows) = ndarray {
        return table(rows, names, "/data/ndarray", read_rows);
    }
    let tensor = tensor.map_or("", RawValue::get);
    let refused = |_| Refusal::malformed("/data/tensor", "expected an object with `shape` and `values`");
    let SeldonTensor { shape, values } = serde_json::from_str(tensor).map_err(refused)?;
    // By the reader of tensors, which counts what they take and holds them against their shape.
    let request = format!(
        r#"{{"inputs":[{{"name":"tensor","datatype":"FP64","parameters":{{"content_type":"np"}},"shape":{},"data":{}}}],"parameters":{{"content_type":"np"}}}}"#,
        shape.get(),
        values.get()
    );
    let place = |refusal| {
        let refusal = moved(refusal, "/inputs/0/data", "/data/tensor/values");
        moved(refusal, "/inputs/0", "/data/tensor")
    };
    let request = read_request(request.as_bytes(), None, "", limits).map_err(place)?;
    Ok(Payload { rows: Rows::Tensors(Box::new(request)), names })
}

/// A refusal whose places begin elsewhere.
fn moved(refusal: Refusal, from: &str, to: &str) -> Refusal {
    let Refusal { code, detail, places, cause } = refusal;
    if places.is_empty() {
        return Refusal { code, detail, places, cause };
    }
    let places = places.into_iter().map(|mut place| {
        if let Some(rest) = place.pointer.strip_prefix(from) {
            place.pointer = format!("{to}{rest}");
        }
        place
    });
    Refusal { cause, ..Refusal::of_places(code, places.collect()) }
}

#[cfg(test)]
mod tests {
    use drifting_domain::data::Values;

    use super::*;

    /// Rows of one number each.
    fn rows(json: &[u8]) -> Result<Table, Refusal> {
        let refused = |_| Refusal::malformed("/data/1", "no rows");
        let rows: Vec<f64> = serde_json::from_slice(json).map_err(refused)?;
        Table::unnamed(vec![Values::Numeric(rows)]).map_err(|_| Refusal::malformed("/data", "no table"))
    }

    fn read(json: &str) -> Result<Payload, Refusal> {
        read_payload(json.as_bytes(), None, &ReadLimits::of_bytes(1 << 20), &rows)
    }

    #[test]
    fn each_form_is_told_from_the_others() {
        for (json, names) in [
            (r#"{"instances": [1, 2]}"#, None),
            (r#"{"signature_name": "x", "instances": [1, 2]}"#, None),
            (r#"{"data": [1, 2]}"#, None),
            (r#"{"data": {"ndarray": [1, 2]}, "meta": {}}"#, None),
            (r#"{"data": {"names": [], "ndarray": [1, 2]}}"#, None),
            (r#"{"data": {"names": ["a"], "ndarray": [1, 2]}}"#, Some(vec!["a".to_owned()])),
        ] {
            let payload = read(json).unwrap();
            let Rows::Table(table) = payload.rows else { panic!("{json}") };
            assert_eq!((table.n_rows(), payload.names), (2, names), "{json}");
        }
        let tensor = r#"{"data": {"names": ["a", "b"], "tensor": {"shape": [2, 2], "values": [1, 2, 3, null]}}}"#;
        let payload = read(tensor).unwrap();
        let Rows::Tensors(request) = payload.rows else { panic!("tensors") };
        assert_eq!((request.inputs[0].shape.n_rows(), payload.names.map(|names| names.len())), (2, Some(2)));
        let v2 =
            r#"{"model_name": "another", "inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]}"#;
        assert!(matches!(read(v2).unwrap().rows, Rows::Tensors(_)));
        assert_eq!(read(v2).unwrap().request_id(), None);
        let named = v2.replacen('{', r#"{"id": "order-918", "#, 1);
        assert_eq!(read(&named).unwrap().request_id(), Some("order-918"));
        let beside = |n: usize| {
            let others: Vec<String> = (0..n).map(|n| format!(r#""other {n}": [null], "#)).collect();
            format!(r#"{{{}"data": [1]}}"#, others.concat())
        };
        assert!(read(&beside(63)).is_ok());
        let refusal = read(&beside(64)).unwrap_err();
        assert!(refusal.detail.contains("at most 64 members"), "{}", refusal.detail);
        for twice in [
            r#"{"data": [1], "data": [1]}"#,
            r#"{"inputs": null, "inputs": null, "data": [1]}"#,
            r#"{"meta": 1, "meta": 1, "data": [1]}"#,
        ] {
            assert!(read(twice).unwrap_err().detail.contains("it came twice"), "{twice}");
        }
        assert!(read(r#"{"inputs": null, "data": [1]}"#).is_ok());
    }

    #[test]
    fn bytes_stand_behind_the_json_where_its_length_is_said() {
        let json = r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","parameters":{"binary_data_size":8}}]}"#;
        let body = [json.as_bytes(), &1.5_f64.to_le_bytes()].concat();
        let payload = read_payload(&body, Some(json.len()), &ReadLimits::of_bytes(1 << 20), &rows).unwrap();
        assert!(matches!(payload.rows, Rows::Tensors(_)));
        assert!(read_payload(&body, None, &ReadLimits::of_bytes(1 << 20), &rows).is_err());
        assert!(read_payload(br#"{"data": [1]}"#, Some(13), &ReadLimits::of_bytes(1 << 20), &rows).is_err());
        assert!(read_payload(&body, Some(1_000), &ReadLimits::of_bytes(1 << 20), &rows).is_err());
    }

    #[test]
    fn faults_have_the_place_where_they_stand() {
        for (json, pointer) in [
            ("[1]", ""),
            ("{}", ""),
            ("1", ""),
            (r#"{"inputs": [], "instances": []}"#, ""),
            (r#"{"instances": "x"}"#, "/instances/1"),
            (r#"{"data": {"ndarray": "x"}}"#, "/data/ndarray/1"),
            (r#"{"data": {"names": [1], "ndarray": [1]}}"#, "/data/names"),
            (r#"{"data": {"tensor": [1]}}"#, "/data/tensor"),
            (r#"{"data": {"tensor": {"shape": [3], "values": [1]}}}"#, "/data/tensor"),
            (r#"{"data": {"tensor": {"shape": [1], "values": ["x"]}}}"#, "/data/tensor/values/0"),
        ] {
            let refusal = read(json).unwrap_err();
            assert_eq!(refusal.code, RefusalCode::Malformed, "{json}");
            let place = refusal.places.first().map_or("", |place| &place.pointer);
            assert!(place.starts_with(pointer), "{json}: {:?}", refusal.places);
        }
        assert!(read("").unwrap_err().detail.contains("it has none"));
    }
}
