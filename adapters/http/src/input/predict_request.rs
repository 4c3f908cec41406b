//! The body of a prediction: rows.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::budget::{Budget, Limits};
use super::context::{CONTEXT, Context};
use super::data::{BesideSeed, Data, DataSeed, Read, data_beside, data_in_context};
use super::faults::Faults;
use super::member_name::MemberName;
use super::scalar::Scalar;
use super::setting::unknown;
use super::truth::TRUTH;
use crate::error::Failure;
use drifting_inference::Passed;

/// A prediction as it came.
#[derive(Debug)]
pub(crate) struct PredictInput {
    /// The rows, with their contexts behind them.
    pub(crate) data: Data,
    /// What the rows are predictions of.
    pub(crate) truth: Option<Data>,
    pub(crate) context: Option<Context>,
    pub(crate) explain: Option<bool>,
}

/// Reads a JSON body.
pub(crate) fn read_predict(body: &[u8], limits: Limits) -> Result<PredictInput, Failure> {
    limits.check_json(body)?;
    let mut faults = Faults::within(Budget::beside(body, limits));
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let (mut truth, mut context, mut explain) = (None, None, None);
    let seed = PredictSeed { faults: &mut faults, truth: &mut truth, context: &mut context, explain: &mut explain };
    let read = seed.deserialize(&mut deserializer);
    let read = match read.and_then(|read| deserializer.end().map(|()| read)) {
        Ok(read) => read,
        Err(error) => return Err(faults.into_stopped(&error, body)),
    };
    let (data, context) = data_in_context(read, context, faults)?;
    let truth = truth.map(|truth| data_beside(truth, TRUTH)).transpose()?;
    Ok(PredictInput { data, truth, context, explain })
}

struct PredictSeed<'f> {
    faults: &'f mut Faults,
    truth: &'f mut Option<Read>,
    context: &'f mut Option<Read>,
    explain: &'f mut Option<bool>,
}

impl PredictSeed<'_> {
    fn no_object<T>(self) -> Option<T> {
        self.faults.data(String::new, || "expected an object with `data`".to_owned());
        None
    }
}

impl<'de> DeserializeSeed<'de> for PredictSeed<'_> {
    type Value = Option<Read>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

super::top_level_object!(PredictSeed<'_>, Option<Read>, {
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut read = None;
        let (mut is_seen, mut is_truth_seen, mut is_context_seen, mut is_explain_seen) = (false, false, false, false);
        while let Some(name) = members.next_key_seed(KeySeed)? {
            match name {
                Known::Data => {
                    if std::mem::replace(&mut is_seen, true) {
                        self.faults.take(Budget::take_one_too_many)?;
                        self.faults.duplicate(|| "/data".to_owned());
                    }
                    read = members.next_value_seed(DataSeed(self.faults))?;
                }
                Known::Truth => {
                    if std::mem::replace(&mut is_truth_seen, true) {
                        self.faults.take(Budget::take_one_too_many)?;
                        self.faults.duplicate(|| TRUTH.to_owned());
                    }
                    *self.truth = members.next_value_seed(BesideSeed { place: TRUTH, faults: self.faults })?;
                }
                Known::Context => {
                    if std::mem::replace(&mut is_context_seen, true) {
                        self.faults.take(Budget::take_one_too_many)?;
                        self.faults.duplicate(|| CONTEXT.to_owned());
                    }
                    *self.context = members.next_value_seed(BesideSeed { place: CONTEXT, faults: self.faults })?;
                }
                Known::Explain => {
                    if std::mem::replace(&mut is_explain_seen, true) {
                        self.faults.take(Budget::take_one_too_many)?;
                        self.faults.duplicate(|| "/explain".to_owned());
                    }
                    match members.next_value().inspect_err(|_| self.faults.stop_at(|| "/explain".to_owned()))? {
                        Scalar::Null => {}
                        Scalar::Boolean(explain) => *self.explain = Some(explain),
                        other => {
                            let detail = || format!("expected `true` or `false`, {} came", other.came());
                            self.faults.setting(|| "/explain".to_owned(), detail);
                        }
                    }
                }
                Known::Other(name) => {
                    self.faults.take(Budget::take_one_too_many)?;
                    self.faults.setting(
                        || name.place_in(""),
                        || unknown(name.as_str(), &["data", "truth", "context", "explain"]),
                    );
                    members.next_value::<Passed>().inspect_err(|_| self.faults.stop_at(|| name.place_in("")))?;
                }
            }
        }
        if !is_seen {
            self.faults.data(|| "/data".to_owned(), || "expected rows, none came".to_owned());
        }
        Ok(read)
    }
});

/// The name of a member, kept only where it is not known.
enum Known {
    Data,
    Truth,
    Context,
    Explain,
    Other(MemberName),
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Known;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Known, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Known, E> {
        Ok(match name {
            "data" => Known::Data,
            "truth" => Known::Truth,
            "context" => Known::Context,
            "explain" => Known::Explain,
            _ => Known::Other(MemberName::of(name)),
        })
    }
}

#[cfg(test)]
mod tests {
    use drifting_inference::ReadLimits;

    use super::*;
    use crate::error::Code;

    /// The code, the first pointer and the detail with which a body is refused.
    fn refusal(body: &str) -> (Code, Option<String>, String) {
        let failure = read_predict(body.as_bytes(), Limits::of(ReadLimits::of_bytes(100_000), 1_000)).unwrap_err();
        let pointer = failure.issues.first().map(|issue| issue.pointer.clone());
        (failure.code, pointer, failure.detail.into_owned())
    }

    #[test]
    fn what_is_one_too_many_is_read_for_a_while_only() {
        let repeated = |start: &str, item: &str, n: usize, end: &str| format!("{start}{}{end}", item.repeat(n));
        let names = |n: usize| (0..n).map(|i| format!("\"{i}\":1")).collect::<Vec<_>>().join(",");
        for body in [
            repeated(r#"{"data":["#, "1,", 9_000, "1]}"),
            repeated(r#"{"data":{"a":["#, "1,", 9_000, "1]}}"),
            repeated(r#"{"data":["#, "[1],", 9_000, "[1]]}"),
            repeated(r#"{"data":["#, r#"{"a":1},"#, 9_000, r#"{"a":1}]}"#),
            repeated(r#"{"data":[["#, "1,", 9_000, "1]]}"),
            repeated(r#"{"data":["#, "[],", 9_000, "[]]}"),
            repeated(r#"{"data":["#, "{},", 9_000, "{}]}"),
            repeated(r#"{"data":["#, "\"\",", 9_000, "\"\"]}"),
            repeated(r#"{"data":{"#, r#""a":1,"#, 9_000, r#""a":1}}"#),
            repeated("{", r#""data":1,"#, 9_000, r#""data":1}"#),
            format!(r#"{{"data":{{{}}}}}"#, names(9_000)),
            format!(r#"{{"data":[{{{}}}]}}"#, names(9_000)),
            format!("{{{}}}", names(9_000)),
        ] {
            assert_eq!(refusal(&body).0, Code::BodyTooLarge, "{}", &body[..40]);
        }
    }

    #[test]
    fn a_few_too_many_are_told_by_their_number() {
        let body = format!(r#"{{"data":[{}1,"x"]}}"#, "1,".repeat(1_100));
        assert_eq!(refusal(&body).1.as_deref(), Some("/data/1101"));
    }

    #[test]
    fn arrays_are_followed_to_a_depth() {
        let nested = |depth: usize| format!(r#"{{"data":[{}{}]}}"#, "[".repeat(depth), "]".repeat(depth));
        assert_eq!(refusal(&nested(125)).0, Code::InvalidData);
        let (code, _, detail) = refusal(&nested(126));
        assert_eq!(code, Code::Malformed);
        assert!(detail.starts_with("expected arrays and objects at most 127 deep"), "{detail}");
        let unknown = format!(r#"{{"x":{}"#, "[".repeat(50_000));
        assert!(refusal(&unknown).2.starts_with("expected arrays and objects at most 127 deep"));
    }

    #[test]
    fn long_names_are_not_told_at_length() {
        let long = "x".repeat(20_000);
        for (body, place) in [
            (format!(r#"{{"{long}":1}}"#), ""),
            (format!(r#"{{"data":{{"{long}":[1]}}}}"#), "/data"),
            (format!(r#"{{"data":[{{"{long}":1}}]}}"#), "/data/0"),
        ] {
            let (code, pointer, detail) = refusal(&body);
            assert!([Code::InvalidSettings, Code::InvalidData].contains(&code), "{detail}");
            assert_eq!(pointer.as_deref(), Some(place));
            assert!(detail.len() < 200, "{detail}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_told_by_their_place() {
        for (body, place) in [
            (r#"{"data":[1,-1e400]}"#, "/data/1"),
            (r#"{"data":{"a":[[1e400]]}}"#, "/data/a/0"),
            (r#"{"x":{"y":1e400}}"#, "/x"),
        ] {
            assert_eq!(refusal(body).1.as_deref(), Some(place));
        }
    }
}
