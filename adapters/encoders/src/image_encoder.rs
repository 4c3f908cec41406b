//! An ONNX model of images, and what is done to an image before it sees one.

use std::path::Path;

use drifting_domain::data::Image;
use drifting_domain::ports::ImageEncoder;
use tract_onnx::prelude::{
    DatumExt, DatumType, InferenceModel, InferenceModelExt, IntoRunnable, Tensor, TractResult, TypedModel, tvec,
};
use tract_onnx::tract_core::ops::Cost;
use tract_onnx::tract_hir::infer::Factoid;

use crate::onnx::{MODEL, Model, fingerprint, first_output, parsed, read};
use crate::preparation::{PREPROCESSOR, Preparation, Sides, Wishes};

/// More numbers of an image than this are not taken: to learn components of them takes their third power.
pub const WIDTH_MAX: usize = 2_048;
/// About how many multiplications of a model take a nanosecond.
const PER_NS: u64 = 8;
/// About what an image takes beside them, in nanoseconds.
const IMAGE_NS: u64 = 50_000;

/// In which order a model takes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// A channel after the other (`NCHW`).
    ChannelsFirst,
    /// A pixel after the other (`NHWC`).
    ChannelsLast,
}

/// What a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken {
    layout: Layout,
    n_channels: usize,
    /// Unless it takes images of any.
    sides: Option<Sides>,
}

/// A model that is ready to run.
pub(crate) struct OnnxImageEncoder {
    model: Model,
    layout: Layout,
    shape: [usize; 4],
    preparation: Preparation,
    width: usize,
    cost_ns: u64,
    fingerprint: String,
}

impl OnnxImageEncoder {
    /// Reads the files of a folder, and encodes a first image, so that what does not work is told at once.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let of_model = read(folder, MODEL)?;
        let of_preparation = if folder.join(PREPROCESSOR).exists() { Some(read(folder, PREPROCESSOR)?) } else { None };
        let wishes = of_preparation.as_deref().map(Wishes::parse).transpose()?.unwrap_or_default();
        let unusable = |error| format!("expected an ONNX model that tract runs: {error:#}");
        let model = parsed(&of_model).map_err(unusable)?;
        let taken = taken(&model, wishes.n_channels())?;
        let preparation = Preparation::of(wishes, taken.sides, taken.n_channels)?;
        let Sides { height, width } = preparation.sides();
        let shape = match taken.layout {
            Layout::ChannelsFirst => [1, taken.n_channels, height, width],
            Layout::ChannelsLast => [1, height, width, taken.n_channels],
        };
        let (model, cost_ns) = runnable(model, shape).map_err(unusable)?;
        let files: Vec<&[u8]> = std::iter::once(&of_model[..]).chain(of_preparation.as_deref()).collect();
        let fingerprint = fingerprint(&files);
        let mut encoder = Self { model, layout: taken.layout, shape, preparation, width: 0, cost_ns, fingerprint };
        let first = Image::new(2, 2, 1, vec![0, 85, 170, 255]).map_err(|problem| problem.to_string())?;
        let vector = encoder.run(&first).map_err(|problem| format!("it encodes no image: {problem}"))?;
        if vector.len() > WIDTH_MAX {
            let width = vector.len();
            return Err(format!("expected a vector of at most {WIDTH_MAX} numbers an image, one of {width} came"));
        }
        encoder.width = vector.len();
        Ok(encoder)
    }

    fn run(&self, image: &Image) -> Result<Vec<f32>, String> {
        let planes = self.preparation.planes(image)?;
        let values = match self.layout {
            Layout::ChannelsFirst => planes,
            Layout::ChannelsLast => interleaved(&planes, self.shape[3]),
        };
        let (shape, values) = self.output(&values).map_err(|error| format!("{error:#}"))?;
        match (&shape[..], self.layout) {
            // A vector of the image.
            ([width] | [1, width] | [1, width, 1, 1], _) if *width > 0 => Ok(values),
            // A vector of each part of the image, or a map of each feature, whose places count alike.
            ([1, _, width], _) | ([1, _, _, width], Layout::ChannelsLast) if !values.is_empty() => {
                Ok(mean_of_rows(&values, *width))
            }
            ([1, _, height, breadth], Layout::ChannelsFirst) if !values.is_empty() => {
                Ok(values.chunks_exact(height * breadth).map(|map| mean(map.iter())).collect())
            }
            _ => Err(format!(
                "expected a vector of the image, or of each part of it, an output of the shape {shape:?} came"
            )),
        }
    }

    fn output(&self, values: &[f32]) -> TractResult<(Vec<usize>, Vec<f32>)> {
        first_output(&self.model, tvec!(Tensor::from_shape(&self.shape, values)?.into()))
    }
}

/// What a model takes, by its one input; `told` is how many values a pixel has, where something else tells it.
fn taken(model: &InferenceModel, told: Option<usize>) -> Result<Taken, String> {
    const EXPECTED: &str = "expected a model with one input, images as a tensor of 4 dimensions of 32-bit floats";
    let outlets = model.input_outlets().map_err(|error| format!("{EXPECTED}: {error:#}"))?;
    let [outlet] = outlets else {
        let names: Vec<String> = outlets.iter().map(|outlet| format!("`{}`", model.node(outlet.node).name)).collect();
        let came = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(format!("{EXPECTED}, {came} came"));
    };
    let name = &model.node(outlet.node).name;
    let fact = model.outlet_fact(*outlet).map_err(|error| format!("{EXPECTED}: {error:#}"))?;
    if let Some(other) = fact.datum_type.concretize().filter(|datum_type| *datum_type != DatumType::F32) {
        return Err(format!("{EXPECTED}, `{name}` of {other:?} came"));
    }
    let dimensions: Vec<Option<usize>> =
        fact.shape.dims().map(|dimension| dimension.concretize()?.to_i64().ok()?.try_into().ok()).collect();
    let [n_images, second, third, fourth] = dimensions[..] else {
        return Err(format!("{EXPECTED}, `{name}` of {} dimensions came", dimensions.len()));
    };
    if let Some(other) = n_images.filter(|n| *n != 1) {
        return Err(format!("expected a model of one image or of any number at a time, one of {other} came"));
    }
    let are_channels = |n: Option<usize>| n.filter(|n| matches!(n, 1 | 3));
    let (layout, n_channels, height, width) = match (are_channels(second), are_channels(fourth)) {
        (Some(n_channels), _) => (Layout::ChannelsFirst, n_channels, third, fourth),
        (None, Some(n_channels)) => (Layout::ChannelsLast, n_channels, second, third),
        (None, None) if second.is_none() => (Layout::ChannelsFirst, told.unwrap_or(3), third, fourth),
        (None, None) => {
            let said = |n: Option<usize>| n.map_or("any".to_owned(), |n| n.to_string());
            let shape = [second, third, fourth].map(said).join(" × ");
            return Err(format!("expected images of 1 or 3 channels, first or last, the model takes {shape}"));
        }
    };
    let sides = height.zip(width).map(|(height, width)| Sides { height, width });
    Ok(Taken { layout, n_channels, sides })
}

/// The model for one image of this shape at a time, and about how many nanoseconds it takes.
fn runnable(mut model: InferenceModel, shape: [usize; 4]) -> TractResult<(Model, u64)> {
    model.set_input_fact(0, f32::fact(shape).into())?;
    let model = model.into_typed()?.into_decluttered()?;
    let cost_ns = (n_multiplications(&model)? / PER_NS).saturating_add(IMAGE_NS);
    Ok((model.into_optimized()?.into_runnable()?, cost_ns))
}

/// Those of the layers whose number is known: of convolutions and products of matrices, which take the time.
fn n_multiplications(model: &TypedModel) -> TractResult<u64> {
    let mut n = 0_u64;
    for node in model.nodes() {
        for (cost, count) in node.op.cost(&model.node_input_facts(node.id)?)? {
            if matches!(cost, Cost::FMA(_)) {
                n = n.saturating_add(count.to_i64().ok().and_then(|count| u64::try_from(count).ok()).unwrap_or(0));
            }
        }
    }
    Ok(n)
}

/// Planes as pixels of so many channels.
fn interleaved(planes: &[f32], n_channels: usize) -> Vec<f32> {
    let n_pixels = planes.len() / n_channels;
    (0..planes.len()).map(|at| planes[at % n_channels * n_pixels + at / n_channels]).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "as precise as the values")]
fn mean<'v>(values: impl ExactSizeIterator<Item = &'v f32>) -> f32 {
    let n_values = values.len() as f64;
    (values.map(|value| f64::from(*value)).sum::<f64>() / n_values) as f32
}

/// The mean of rows of so many numbers.
fn mean_of_rows(values: &[f32], width: usize) -> Vec<f32> {
    (0..width).map(|column| mean(values[column..].iter().step_by(width))).collect()
}

impl ImageEncoder for OnnxImageEncoder {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn width(&self) -> usize {
        self.width
    }

    fn cost_ns(&self) -> u64 {
        self.cost_ns
    }

    fn encode(&self, image: &Image) -> Result<Vec<f32>, String> {
        self.run(image).map_err(|error| format!("expected an image that the encoder takes: {error}"))
    }
}
