//! The elements of a tensor: flat or nested as its shape, checked one by one as they come.

use std::fmt;

use drifting_domain::data::Texts;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Fault, passed::Passed};
use crate::{Budget, Datatype, Shape, TensorData};

/// Reads `data` of a tensor whose datatype and shape are known.
pub(super) struct DataSeed<'f> {
    pub(super) fault: &'f mut Fault,
    pub(super) budget: &'f mut Budget,
    /// Which input it is.
    pub(super) input: usize,
    pub(super) datatype: Datatype,
    pub(super) shape: &'f Shape,
}

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = TensorData;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<TensorData, D::Error> {
        let Self { fault, budget, input, datatype, shape } = self;
        // No more than can come: this has been checked against the length of the request.
        let n_elements = shape.n_elements();
        budget.take_elements(n_elements).map_err(|spent| fault.spent(budget, spent))?;
        let data = match datatype {
            Datatype::Bool => TensorData::Booleans(Vec::with_capacity(n_elements)),
            Datatype::Bytes => TensorData::Texts(Texts::with_capacity(n_elements)),
            _ => TensorData::Numbers(Vec::with_capacity(n_elements)),
        };
        let mut elements = Elements { fault, budget, input, datatype, shape, data, nesting: None };
        deserializer.deserialize_any(ArraySeed { elements: &mut elements, depth: 0 })?;
        let Elements { fault, data, .. } = elements;
        if data.len() == shape.n_elements() {
            return Ok(data);
        }
        let detail = format!(
            "expected the {} elements of the shape {:?}, {} came",
            shape.n_elements(),
            shape.dimensions(),
            data.len()
        );
        Err(fault.stop(format_args!("/inputs/{input}/data"), detail))
    }
}

/// The elements so far.
struct Elements<'f> {
    fault: &'f mut Fault,
    budget: &'f mut Budget,
    input: usize,
    datatype: Datatype,
    shape: &'f Shape,
    data: TensorData,
    /// How deep elements stand, once one has come.
    nesting: Option<usize>,
}

impl Elements<'_> {
    fn refuse<E: Error>(&mut self, detail: impl Into<String>) -> E {
        let place = format!("/inputs/{}/data/{}", self.input, self.data.len());
        self.fault.stop(place, detail)
    }

    fn expected<E: Error>(&mut self, came: &str) -> E {
        let expected = match self.datatype {
            Datatype::Bool => "true, false, 0 or 1",
            Datatype::Bytes => "a text",
            Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64 => "a number or null",
            _ => "an integer",
        };
        let name = self.datatype.as_str();
        self.refuse(format!("expected {expected} for {name}, {came} came"))
    }

    /// Before each element: whether it stands as deep as the others, and whether the shape has one more.
    fn place<E: Error>(&mut self, depth: usize) -> Result<(), E> {
        if self.nesting != Some(depth) {
            let is_first = self.nesting.is_none();
            let rank = self.shape.dimensions().len();
            if !is_first || (depth != 1 && depth != rank) {
                let detail = format!("expected elements in one array or nested as the shape, one stands {depth} deep");
                return Err(self.refuse(detail));
            }
            self.nesting = Some(depth);
        }
        if self.data.len() == self.shape.n_elements() {
            let detail = format!(
                "expected the {} elements of the shape {:?}, more came",
                self.shape.n_elements(),
                self.shape.dimensions()
            );
            return Err(self.refuse(detail));
        }
        Ok(())
    }

    fn push_number<E: Error>(&mut self, number: f64) -> Result<(), E> {
        let largest = match self.datatype {
            Datatype::Fp16 => half::f16::MAX.to_f64(),
            Datatype::Fp32 => f64::from(f32::MAX),
            _ => f64::MAX,
        };
        if number.abs() > largest {
            let name = self.datatype.as_str();
            return Err(
                self.refuse(format!("expected a number from -{largest:e} to {largest:e} for {name}, {number:e} came"))
            );
        }
        // As in bytes: the same tensor means the same rows, however it comes.
        #[expect(clippy::cast_possible_truncation, reason = "the nearest number of the type is meant")]
        let number = match self.datatype {
            Datatype::Fp16 => half::f16::from_f64(number).to_f64(),
            Datatype::Fp32 => f64::from(number as f32),
            _ => number,
        };
        match &mut self.data {
            TensorData::Numbers(numbers) => {
                numbers.push(number);
                Ok(())
            }
            TensorData::Booleans(booleans) if number == 0.0 || number == 1.0 => {
                booleans.push(Some(number == 1.0));
                Ok(())
            }
            _ => Err(self.expected("a number")),
        }
    }

    fn push_integer<E: Error>(&mut self, integer: i128, number: f64) -> Result<(), E> {
        if let Some(range) = self.datatype.integers()
            && !range.contains(&integer)
        {
            let name = self.datatype.as_str();
            return Err(self.refuse(format!(
                "expected an integer from {} to {} for {name}, {integer} came",
                range.start(),
                range.end()
            )));
        }
        self.push_number(number)
    }

    fn push_fraction<E: Error>(&mut self, number: f64) -> Result<(), E> {
        // `1.0` is how some encoders write an integer.
        if self.datatype.integers().is_some() {
            if number.fract() != 0.0 || number.abs() >= 2_f64.powi(63) {
                return Err(self.expected("another number"));
            }
            #[expect(clippy::cast_possible_truncation, reason = "it is an integer of less than 64 bits")]
            return self.push_integer(number as i128, number);
        }
        self.push_number(number)
    }

    fn push_text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        let TensorData::Texts(texts) = &mut self.data else { return Err(self.expected("a text")) };
        // A parser may hold a text a second time while it reads it.
        self.budget.take(2 * text.len()).map_err(|spent| self.fault.spent(self.budget, spent))?;
        texts.push(Some(text));
        Ok(())
    }

    fn push_missing<E: Error>(&mut self) -> Result<(), E> {
        match &mut self.data {
            TensorData::Numbers(numbers) if self.datatype.integers().is_none() => numbers.push(f64::NAN),
            TensorData::Texts(texts) => texts.push(None),
            TensorData::Booleans(_) | TensorData::Numbers(_) => return Err(self.expected("null")),
        }
        Ok(())
    }
}

/// An array of elements or of arrays, or an element.
struct ArraySeed<'e, 'f> {
    elements: &'e mut Elements<'f>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ArraySeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ArraySeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { elements, depth } = self;
        let rank = elements.shape.dimensions().len();
        if depth >= rank.max(1) {
            let detail =
                format!("expected elements in one array or nested as the shape, an array {} deep came", depth + 1);
            return Err(elements.refuse(detail));
        }
        let before = elements.data.len();
        let mut n_items = 0;
        while items.next_element_seed(ArraySeed { elements, depth: depth + 1 })?.is_some() {
            n_items += 1;
        }
        // A nested array has as many items as its dimension; one that holds everything is counted at its end.
        let is_nested = depth > 0 || elements.nesting.is_some_and(|nesting| nesting > 1);
        let expected = elements.shape.dimensions().get(depth).copied();
        if is_nested && expected != Some(n_items) {
            let expected = expected.unwrap_or_default();
            let place = format!("/inputs/{}/data", elements.input);
            let detail = format!(
                "expected nested arrays of {expected} items at depth {} as in the shape {:?}, one of {n_items} came before element {before}",
                depth + 1,
                elements.shape.dimensions()
            );
            return Err(elements.fault.stop(place, detail));
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.elements.place(self.depth)?;
        self.elements.push_fraction(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.elements.place(self.depth)?;
        self.elements.push_integer(number.into(), number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.elements.place(self.depth)?;
        self.elements.push_integer(number.into(), number as f64)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.elements.place(self.depth)?;
        match &mut self.elements.data {
            TensorData::Booleans(booleans) => {
                booleans.push(Some(truth));
                Ok(())
            }
            _ => Err(self.elements.expected(if truth { "true" } else { "false" })),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.elements.place(self.depth)?;
        self.elements.push_text(text)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        // `"data": null` is how some encoders leave it out, and is told as such.
        if self.depth == 0 {
            return Err(self.elements.expected("null in place of an array"));
        }
        self.elements.place(self.depth)?;
        self.elements.push_missing()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<Passed, Passed>()?.is_some() {}
        Err(self.elements.expected("an object"))
    }
}
