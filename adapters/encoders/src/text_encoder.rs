//! An ONNX model with its tokenizer.

use std::path::Path;

use drifting_domain::ports::TextEncoder;
use tokenizers::Tokenizer;
use tokenizers::utils::truncation::TruncationParams;
use tract_onnx::prelude::{DatumExt, InferenceModelExt, IntoRunnable, Tensor, ToDim, TractResult, tvec};

use crate::onnx::{MODEL, Model, fingerprint, first_output, parsed, read};

/// More tokens of a text do not count: about 200 words.
pub const TOKENS_MAX: usize = 256;
/// More characters are not looked at: no language has longer tokens on the average.
const BYTES_MAX: usize = 32 * TOKENS_MAX;

/// What a model is given of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Tokens,
    Mask,
    Types,
}

/// Where the tokenizer stands in the folder of an encoder.
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// A model that is ready to run.
pub(crate) struct OnnxTextEncoder {
    tokenizer: Tokenizer,
    model: Model,
    inputs: Vec<Input>,
    width: usize,
    n_parameters: u64,
    fingerprint: String,
}

impl OnnxTextEncoder {
    /// Reads the files of a folder, and encodes a first text, so that what does not work is told at once.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let (of_model, of_tokenizer) = (read(folder, MODEL)?, read(folder, TOKENIZER)?);
        let mut tokenizer = Tokenizer::from_bytes(&of_tokenizer)
            .map_err(|error| format!("expected a `tokenizer.json` as Hugging Face's library writes it: {error}"))?;
        let truncation = TruncationParams { max_length: tokens_max(&tokenizer), ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        let (model, inputs) =
            runnable(&of_model).map_err(|error| format!("expected an ONNX model that tract runs: {error:#}"))?;
        let fingerprint = fingerprint(&[&of_model, &of_tokenizer]);
        let n_parameters = of_model.len() as u64 / 4;
        let mut encoder = Self { tokenizer, model, inputs: known(inputs)?, width: 0, n_parameters, fingerprint };
        encoder.width = encoder.encode("a text").map_err(|problem| format!("it encodes no text: {problem}"))?.len();
        Ok(encoder)
    }

    fn run(&self, tokens: &[u32], mask: &[u32], types: &[u32]) -> Result<Vec<f32>, String> {
        let output = self.output(tokens, mask, types).map_err(|error| format!("{error:#}"))?;
        let (shape, values) = output;
        match *shape {
            // A vector of the text.
            [1, width] if width > 0 => Ok(values),
            // A vector of each token, of which those of the text count alike.
            [1, n_tokens, width] if n_tokens == tokens.len() && width > 0 => Ok(mean(&values, mask, width)),
            _ => Err(format!("expected a vector of the text or of each token, an output of the shape {shape:?} came")),
        }
    }

    /// The first output, by its shape and its numbers.
    fn output(&self, tokens: &[u32], mask: &[u32], types: &[u32]) -> TractResult<(Vec<usize>, Vec<f32>)> {
        let mut inputs = tvec!();
        for input in &self.inputs {
            let values = match input {
                Input::Tokens => tokens,
                Input::Mask => mask,
                Input::Types => types,
            };
            let values: Vec<i64> = values.iter().map(|value| i64::from(*value)).collect();
            inputs.push(Tensor::from_shape(&[1, values.len()], &values)?.into());
        }
        first_output(&self.model, inputs)
    }
}

/// How many tokens count: as the tokenizer's file says, but no more than are allowed.
fn tokens_max(tokenizer: &Tokenizer) -> usize {
    tokenizer.get_truncation().map_or(TOKENS_MAX, |of_file| of_file.max_length.clamp(1, TOKENS_MAX))
}

/// The model, and the names of its inputs: texts come one by one, of as many tokens as they have.
fn runnable(bytes: &[u8]) -> TractResult<(Model, Vec<String>)> {
    let mut model = parsed(bytes)?;
    let n_tokens = model.symbols.sym("tokens");
    let outlets = model.input_outlets()?.to_vec();
    let mut names = Vec::with_capacity(outlets.len());
    for (place, outlet) in outlets.iter().enumerate() {
        names.push(model.node(outlet.node).name.clone());
        model.set_input_fact(place, i64::fact([1.to_dim(), n_tokens.to_dim()]).into())?;
    }
    Ok((model.into_optimized()?.into_runnable()?, names))
}

/// The inputs by their names, as models of this family have them.
fn known(names: Vec<String>) -> Result<Vec<Input>, String> {
    let known = |name: String| match name.as_str() {
        "input_ids" => Ok(Input::Tokens),
        "attention_mask" => Ok(Input::Mask),
        "token_type_ids" => Ok(Input::Types),
        _ => Err(format!("expected the inputs `input_ids`, `attention_mask` and `token_type_ids`, `{name}` came")),
    };
    let inputs: Vec<Input> = names.into_iter().map(known).collect::<Result<_, _>>()?;
    if inputs.contains(&Input::Tokens) {
        Ok(inputs)
    } else {
        Err("expected a model with the input `input_ids`".to_owned())
    }
}

/// The mean of the vectors of tokens that are of the text.
fn mean(values: &[f32], mask: &[u32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; width];
    for (vector, _) in values.chunks_exact(width).zip(mask).filter(|(_, mask)| **mask > 0) {
        sums.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let n = mask.iter().filter(|mask| **mask > 0).count().max(1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "as precise as the values")]
    let mean = |sum: f64| (sum / n) as f32;
    sums.into_iter().map(mean).collect()
}

/// To unit length, by which vectors of texts are compared; what has no length stays.
fn normed(vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if norm == 0.0 {
        return vector;
    }
    #[expect(clippy::cast_possible_truncation, reason = "as precise as the values")]
    let divided = |value: f32| (f64::from(value) / norm) as f32;
    vector.into_iter().map(divided).collect()
}

impl TextEncoder for OnnxTextEncoder {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn width(&self) -> usize {
        self.width
    }

    fn cost_ns(&self, n_bytes: usize) -> u64 {
        // A token is some four bytes, and two operations a parameter take some tenth of a nanosecond.
        let n_tokens = (n_bytes / 4 + 2).min(TOKENS_MAX) as u64;
        n_tokens.saturating_mul(self.n_parameters / 10 + 1_000)
    }

    fn encode(&self, text: &str) -> Result<Vec<f32>, String> {
        // Whatever is longer is cut after it became tokens, which takes memory for all of them.
        let end = (0..=text.len().min(BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        let tokens = self.tokenizer.encode_fast(&text[..end], true);
        let tokens = tokens.map_err(|error| format!("expected a text that becomes tokens: {error}"))?;
        if tokens.is_empty() {
            // Without special tokens an empty text has none.
            return Ok(vec![0.0; self.width]);
        }
        let vector = self.run(tokens.get_ids(), tokens.get_attention_mask(), tokens.get_type_ids());
        vector.map(normed).map_err(|error| format!("expected a text that the encoder takes: {error}"))
    }
}
