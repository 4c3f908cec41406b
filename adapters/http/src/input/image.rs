//! An image as an array of rows of pixels: each pixel a number, or an array of its channels. It is measured as soon as it is
//! read, and nothing of its numbers is kept, unless an encoder is to see it: then it is kept with a byte a number.

use std::fmt;

use drifting_domain::data::{Image, Images};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::faults::Faults;
use super::scalar::Scalar;
use drifting_inference::Passed;

/// What arrays of data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Arrays {
    /// No images.
    #[default]
    Other,
    /// Images that are measured.
    Measured,
    /// Images that an encoder is to see.
    Whole,
}

impl Arrays {
    /// What images are, where an encoder is to see them and where not.
    pub(crate) fn of_images(are_encoded: bool) -> Self {
        if are_encoded { Self::Whole } else { Self::Measured }
    }

    /// No images yet.
    pub(super) fn no_images(self) -> Images {
        match self {
            Self::Other | Self::Measured => Images::new(),
            Self::Whole => Images::whole(),
        }
    }
}

/// Reads the items of the array of an image, to its end in any case. Gives the image, or what was expected of it.
pub(super) fn read_image<'de, A: SeqAccess<'de>>(
    mut items: A,
    faults: &mut Faults,
) -> Result<Result<Image, String>, A::Error> {
    let mut pixels = Pixels::default();
    let mut height = 0;
    while items.next_element_seed(Part { pixels: &mut pixels, depth: Depth::Row, faults: &mut *faults })?.is_some() {
        height += 1;
    }
    Ok(pixels.into_image(height))
}

/// The numbers so far.
#[derive(Default)]
struct Pixels {
    numbers: Vec<f64>,
    /// Pixels of a row, as in the first one.
    width: Option<usize>,
    /// Values of a pixel, as of the first one.
    n_channels: Option<usize>,
    /// What is wrong first.
    problem: Option<String>,
}

impl Pixels {
    fn wrong(&mut self, problem: impl FnOnce() -> String) {
        self.problem.get_or_insert_with(problem);
    }

    /// A pixel of so many values has ended.
    fn pixel(&mut self, n_values: usize) {
        let expected = *self.n_channels.get_or_insert(n_values);
        if n_values != expected {
            self.wrong(|| format!("expected pixels of {expected} values, as the first one, one of {n_values} came"));
        }
    }

    /// A row of so many pixels has ended.
    fn row(&mut self, n_pixels: usize) {
        let expected = *self.width.get_or_insert(n_pixels);
        if n_pixels != expected {
            self.wrong(|| format!("expected rows of {expected} pixels, as the first one, one of {n_pixels} came"));
        }
    }

    fn into_image(self, height: usize) -> Result<Image, String> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let (width, n_channels) = (self.width.unwrap_or(0), self.n_channels.unwrap_or(1));
        Image::of_numbers(width, height, n_channels, &self.numbers).map_err(|problem| problem.to_string())
    }
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Row,
    Pixel,
    Channel,
}

struct Part<'p> {
    pixels: &'p mut Pixels,
    depth: Depth,
    faults: &'p mut Faults,
}

impl Part<'_> {
    fn number<E: Error>(self, number: f64) -> Result<(), E> {
        if self.depth == Depth::Row {
            self.wrong(&Scalar::Number(number));
            return Ok(());
        }
        let n_numbers = self.pixels.numbers.len() + 1;
        self.faults.take(|budget| budget.take_pixels(n_numbers))?;
        self.pixels.numbers.push(number);
        if self.depth == Depth::Pixel {
            self.pixels.pixel(1);
        }
        Ok(())
    }

    fn wrong(self, came: &Scalar<'_>) {
        let expected = match self.depth {
            Depth::Row => "an image as an array of rows, each an array of pixels",
            Depth::Pixel => "pixels that are numbers or arrays of numbers",
            Depth::Channel => "numbers in a pixel",
        };
        self.pixels.wrong(|| format!("expected {expected}, {} came", came.came()));
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pixels")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.wrong(&Scalar::Null);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.wrong(&Scalar::Boolean(value));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.wrong(&Scalar::Text(value.into()));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<Passed, Passed>()?.is_some() {}
        self.wrong(&Scalar::Object);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { pixels, depth, faults } = self;
        let inside = match depth {
            Depth::Row => Depth::Pixel,
            Depth::Pixel => Depth::Channel,
            Depth::Channel => {
                while items.next_element::<Passed>()?.is_some() {}
                Part { pixels, depth, faults }.wrong(&Scalar::Array);
                return Ok(());
            }
        };
        let mut n_items = 0;
        while items.next_element_seed(Part { pixels: &mut *pixels, depth: inside, faults: &mut *faults })?.is_some() {
            n_items += 1;
        }
        if depth == Depth::Row {
            pixels.row(n_items);
        } else {
            pixels.pixel(n_items);
        }
        Ok(())
    }
}
