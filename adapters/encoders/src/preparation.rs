//! What is done to an image before a model sees it, as Hugging Face's image processors write it down
//! (`preprocessor_config.json`).
//!
//! The image is resized (`size`, `resample`), its middle cut out (`crop_size`), its values scaled (`rescale_factor`) and normalised
//! (`image_mean`, `image_std`). Without the file it is resized to what the model takes, and its values are shares of white. What
//! would change what the model sees and is not known here is refused, not passed over.
//!
//! **Cost**: O(pixels) to resize, some nanoseconds each; what lies outside of the cut is never computed. Memory O(height of the
//! image × width of the result).

use drifting_domain::data::Image;
use fast_image_resize::images::{Image as Canvas, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde_json::{Map, Value};

/// Where it stands in the folder of an encoder.
pub(crate) const PREPROCESSOR: &str = "preprocessor_config.json";

/// Longer sides than this are given to no model.
const SIDE_MAX: usize = 1_024;
/// `ConvNeXt`'s processor cuts nothing off images from this side on.
const UNCUT_SIDE: usize = 384;

/// Height and width in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl std::fmt::Display for Sides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} × {}", self.height, self.width)
    }
}

/// To which size an image is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resize {
    /// To this one, whatever its shape was.
    To(Sides),
    /// So that its shorter side has so many pixels; its shape stays.
    ShortestEdge(usize),
}

/// Mean and standard deviation of each channel, or of all.
type Normalisation = (Vec<f64>, Vec<f64>);

/// What a file asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wishes {
    resize: Option<Resize>,
    crop: Option<Sides>,
    algorithm: ResizeAlg,
    factor: f64,
    normalisation: Option<Normalisation>,
    is_blue_first: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            resize: None,
            crop: None,
            algorithm: ResizeAlg::Convolution(FilterType::Bilinear),
            factor: 1.0 / 255.0,
            normalisation: None,
            is_blue_first: false,
        }
    }
}

impl Wishes {
    /// Reads the file.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, String> {
        let members: Map<String, Value> = serde_json::from_slice(file)
            .map_err(|error| format!("expected a `{PREPROCESSOR}` as Hugging Face's library writes it: {error}"))?;
        let members = Members(&members);
        if members.is("do_resize") == Some(false) {
            return Err("expected images that are resized, `do_resize` is false".to_owned());
        }
        for name in ["do_pad", "rescale_offset"] {
            if members.is(name) == Some(true) {
                return Err(format!("expected no `{name}`, which is not known here"));
            }
        }
        let crop = match members.is("do_center_crop") {
            Some(false) => None,
            Some(true) | None => members.get("crop_size").map(|value| crop_of("crop_size", value)).transpose()?,
        };
        let is_cut = crop.is_some() || members.is("do_center_crop") == Some(true);
        let resize = members.get("size").map(|value| resize_of(value, is_cut)).transpose()?;
        let (resize, crop) = match (members.number("crop_pct")?, resize) {
            (Some(share), Some(Resize::ShortestEdge(side) | Resize::To(Sides { height: side, .. }))) => {
                cut_by_share(side, share)?
            }
            _ => (resize, crop),
        };
        let factor = match members.is("do_rescale") {
            Some(false) => 1.0,
            Some(true) | None => members.number("rescale_factor")?.unwrap_or(1.0 / 255.0),
        };
        Ok(Self {
            resize,
            crop,
            algorithm: algorithm_of(members.get("resample"))?,
            factor,
            normalisation: normalisation_of(&members)?,
            is_blue_first: members.is("do_flip_channel_order") == Some(true),
        })
    }

    /// How many values a pixel has, where the file tells it.
    pub(crate) fn n_channels(&self) -> Option<usize> {
        let (mean, _) = self.normalisation.as_ref()?;
        Some(mean.len()).filter(|n| *n > 1)
    }
}

/// The members of the file; those that are null are not there.
struct Members<'m>(&'m Map<String, Value>);

impl<'m> Members<'m> {
    fn get(&self, name: &str) -> Option<&'m Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn is(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_bool)
    }

    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        let number = |value: &Value| {
            let number = value.as_f64().filter(|number| number.is_finite());
            number.ok_or_else(|| format!("expected a number as `{name}`, {value} came"))
        };
        self.get(name).map(number).transpose()
    }
}

fn side_of(name: &str, value: &Value) -> Result<usize, String> {
    let side = value.as_u64().and_then(|side| usize::try_from(side).ok());
    side.filter(|side| (1..=SIDE_MAX).contains(side))
        .ok_or_else(|| format!("expected sides of 1 to {SIDE_MAX} pixels in `{name}`, {value} came"))
}

/// Sides of `{"height", "width"}`.
fn sides_of(name: &str, members: &Map<String, Value>) -> Result<Option<Sides>, String> {
    let (Some(height), Some(width)) = (members.get("height"), members.get("width")) else { return Ok(None) };
    Ok(Some(Sides { height: side_of(name, height)?, width: side_of(name, width)? }))
}

fn crop_of(name: &str, value: &Value) -> Result<Sides, String> {
    match value {
        Value::Object(members) => sides_of(name, members)?
            .ok_or_else(|| format!("expected `{name}` as a number or as {{height, width}}, {value} came")),
        side => side_of(name, side).map(|side| Sides { height: side, width: side }),
    }
}

/// A number is the shorter side where something is cut off, else both.
fn resize_of(value: &Value, is_cut: bool) -> Result<Resize, String> {
    let name = "size";
    let Value::Object(members) = value else {
        let side = side_of(name, value)?;
        return Ok(if is_cut { Resize::ShortestEdge(side) } else { Resize::To(Sides { height: side, width: side }) });
    };
    if let Some(sides) = sides_of(name, members)? {
        return Ok(Resize::To(sides));
    }
    match (members.get("shortest_edge"), members.get("longest_edge")) {
        (Some(side), None) => side_of(name, side).map(Resize::ShortestEdge),
        _ => Err(format!("expected `size` as a number, as {{height, width}} or as {{shortest_edge}}, {value} came")),
    }
}

/// As `ConvNeXt`'s processor does it.
fn cut_by_share(side: usize, share: f64) -> Result<(Option<Resize>, Option<Sides>), String> {
    if !(share > 0.0 && share <= 1.0) {
        return Err(format!("expected a share above 0 and at most 1 as `crop_pct`, {share} came"));
    }
    let sides = Sides { height: side, width: side };
    if side >= UNCUT_SIDE {
        return Ok((Some(Resize::To(sides)), None));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a side, cut to a whole number as there"
    )]
    let resized = (side as f64 / share) as usize;
    if resized > SIDE_MAX {
        return Err(format!("expected a `crop_pct` for sides of at most {SIDE_MAX} pixels, {share} came"));
    }
    Ok((Some(Resize::ShortestEdge(resized)), Some(sides)))
}

/// The numbers of Pillow.
fn algorithm_of(value: Option<&Value>) -> Result<ResizeAlg, String> {
    let Some(value) = value else { return Ok(ResizeAlg::Convolution(FilterType::Bilinear)) };
    let filter = match value.as_u64() {
        Some(0) => return Ok(ResizeAlg::Nearest),
        Some(1) => FilterType::Lanczos3,
        Some(2) => FilterType::Bilinear,
        Some(3) => FilterType::CatmullRom,
        Some(4) => FilterType::Box,
        Some(5) => FilterType::Hamming,
        _ => return Err(format!("expected a number of 0 to 5 as `resample`, {value} came")),
    };
    Ok(ResizeAlg::Convolution(filter))
}

fn normalisation_of(members: &Members<'_>) -> Result<Option<Normalisation>, String> {
    let numbers = |name: &str| -> Result<Option<Vec<f64>>, String> {
        let Some(value) = members.get(name) else { return Ok(None) };
        let numbers: Option<Vec<f64>> = match value {
            Value::Array(items) => items.iter().map(Value::as_f64).collect(),
            one => one.as_f64().map(|number| vec![number]),
        };
        let numbers = numbers.filter(|numbers| matches!(numbers.len(), 1 | 3) && numbers.iter().all(|n| n.is_finite()));
        numbers.map(Some).ok_or_else(|| format!("expected 1 or 3 numbers as `{name}`, {value} came"))
    };
    match (members.is("do_normalize"), numbers("image_mean")?, numbers("image_std")?) {
        (Some(false), _, _) | (None, None, None) => Ok(None),
        (_, Some(mean), Some(deviation)) if mean.len() == deviation.len() => {
            if deviation.contains(&0.0) {
                return Err("expected numbers other than 0 as `image_std`".to_owned());
            }
            Ok(Some((mean, deviation)))
        }
        _ => Err("expected `image_mean` and `image_std`, as many numbers each, as values are normalised".to_owned()),
    }
}

/// What is done to each image.
pub(crate) struct Preparation {
    resize: Resize,
    /// What is cut out of the middle.
    sides: Sides,
    algorithm: ResizeAlg,
    n_channels: usize,
    /// What each value of a channel is multiplied by, and what is added then.
    scales: Vec<(f64, f64)>,
    is_blue_first: bool,
}

impl Preparation {
    /// What is asked for of images of so many channels, for a model that takes images of these sides, or of any.
    pub(crate) fn of(wishes: Wishes, taken: Option<Sides>, n_channels: usize) -> Result<Self, String> {
        let Wishes { resize, crop, algorithm, factor, normalisation, is_blue_first } = wishes;
        let asked_for = match (crop, resize) {
            (Some(crop), _) => Some(crop),
            (None, Some(Resize::To(sides))) => Some(sides),
            (None, Some(Resize::ShortestEdge(_)) | None) => None,
        };
        let sides = match (taken, asked_for) {
            (Some(taken), Some(asked_for)) if taken != asked_for => {
                return Err(format!("the model takes images of {taken} pixels, `{PREPROCESSOR}` makes {asked_for}"));
            }
            (Some(sides), _) | (None, Some(sides)) => sides,
            (None, None) => {
                return Err(format!(
                    "expected a model that takes images of one height and width, or a `{PREPROCESSOR}` that says them"
                ));
            }
        };
        if sides.height.max(sides.width) > SIDE_MAX {
            return Err(format!("expected a model of images of at most {SIDE_MAX} pixels a side, one of {sides} came"));
        }
        let resize = resize.unwrap_or(Resize::To(sides));
        let is_enough = match resize {
            Resize::To(resized) => resized.height >= sides.height && resized.width >= sides.width,
            Resize::ShortestEdge(side) => side >= sides.height.max(sides.width),
        };
        if !is_enough {
            return Err(format!("expected a `size` of at least what is cut out of it, {sides}"));
        }
        let (mean, deviation) = normalisation.unwrap_or((vec![0.0], vec![1.0]));
        if mean.len() > 1 && mean.len() != n_channels {
            return Err(format!(
                "expected {n_channels} numbers as `image_mean`, as many as channels, {} came",
                mean.len()
            ));
        }
        let of = |numbers: &[f64], channel: usize| numbers[channel % numbers.len()];
        let scale = |channel: usize| {
            let (mean, deviation) = (of(&mean, channel), of(&deviation, channel));
            (factor / deviation, -mean / deviation)
        };
        let scales = (0..n_channels).map(scale).collect();
        Ok(Self { resize, sides, algorithm, n_channels, scales, is_blue_first })
    }

    /// Height and width of what it makes.
    pub(crate) fn sides(&self) -> Sides {
        self.sides
    }

    /// The values of a model's channel after the other, each row by row from the top.
    ///
    /// # Errors
    /// When the image cannot be resized.
    pub(crate) fn planes(&self, image: &Image) -> Result<Vec<f32>, String> {
        let pixels = self.resized(image)?;
        let n_came = image.n_channels();
        let mut planes = Vec::with_capacity(self.sides.height * self.sides.width * self.n_channels);
        for (channel, (factor, shift)) in self.scales.iter().enumerate() {
            let of_image = if self.is_blue_first { self.n_channels - 1 - channel } else { channel };
            let value = |pixel: &[u8]| match (n_came, self.n_channels) {
                (1, _) => pixel[0],
                (_, 1) => luma(pixel),
                _ => pixel[of_image],
            };
            #[expect(clippy::cast_possible_truncation, reason = "single precision is what models take")]
            planes.extend(pixels.chunks_exact(n_came).map(|pixel| (f64::from(value(pixel)) * factor + shift) as f32));
        }
        Ok(planes)
    }

    /// The middle of the resized image, in the channels that it came in.
    fn resized(&self, image: &Image) -> Result<Vec<u8>, String> {
        let (height, width) = (image.height(), image.width());
        let resized = match self.resize {
            Resize::To(sides) => sides,
            Resize::ShortestEdge(side) => {
                let long = |of: usize, other: usize| side * of / other;
                if width <= height {
                    Sides { height: long(height, width), width: side }
                } else {
                    Sides { height: side, width: long(width, height) }
                }
            }
        };
        if (height, width) == (self.sides.height, self.sides.width) && resized == self.sides {
            return Ok(image.pixels().to_vec());
        }
        // The part of the image that the cut comes from: nothing else is computed, however long the image is.
        let part = |whole: usize, resized: usize, cut: usize| {
            let start = ((resized - cut) / 2) as f64 * whole as f64 / resized as f64;
            (start, (cut as f64 * whole as f64 / resized as f64).min(whole as f64 - start))
        };
        let (top, of_height) = part(height, resized.height, self.sides.height);
        let (left, of_width) = part(width, resized.width, self.sides.width);
        let pixel_type = if image.n_channels() == 1 { PixelType::U8 } else { PixelType::U8x3 };
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let from = ImageRef::new(side(width), side(height), image.pixels(), pixel_type);
        let from = from.map_err(|error| format!("expected an image that can be resized: {error}"))?;
        let mut to = Canvas::new(side(self.sides.width), side(self.sides.height), pixel_type);
        let options = ResizeOptions::new().resize_alg(self.algorithm).crop(left, top, of_width, of_height);
        let done = Resizer::new().resize(&from, &mut to, &options.use_alpha(false));
        done.map_err(|error| format!("expected an image that can be resized: {error}"))?;
        Ok(to.into_vec())
    }
}

/// As it is measured elsewhere, by ITU-R BT.601.
fn luma(pixel: &[u8]) -> u8 {
    let weighted = 299 * u32::from(pixel[0]) + 587 * u32::from(pixel[1]) + 114 * u32::from(pixel[2]);
    u8::try_from((weighted + 500) / 1_000).unwrap_or(u8::MAX)
}
