//! What encoders of texts and of images do alike: files of a folder, what tells them from others, outputs.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tract_onnx::prelude::{Framework, InferenceModel, TValue, TVec, TractResult, TypedRunnableModel};

/// A model that is ready to run.
pub(crate) type Model = Arc<TypedRunnableModel>;

/// Where the model stands in the folder of an encoder.
pub(crate) const MODEL: &str = "model.onnx";

/// A model as it stands in its file, but for what an exporter noted of the sizes in between: they follow from those of the input.
pub(crate) fn parsed(bytes: &[u8]) -> TractResult<InferenceModel> {
    tract_onnx::onnx().with_ignore_value_info(true).model_for_read(&mut std::io::Cursor::new(bytes))
}

/// The bytes of a file of a folder.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Vec<u8>, String> {
    std::fs::read(folder.join(name)).map_err(|error| format!("expected a file `{name}` that can be read: {error}"))
}

/// What tells these files from any others.
pub(crate) fn fingerprint(files: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file);
    }
    let mut fingerprint = String::new();
    for byte in digest.finalize() {
        // A text takes whatever is written.
        let _ = write!(fingerprint, "{byte:02x}");
    }
    fingerprint
}

/// The first output, by its shape and its numbers.
pub(crate) fn first_output(model: &Model, inputs: TVec<TValue>) -> TractResult<(Vec<usize>, Vec<f32>)> {
    let outputs = model.run(inputs)?;
    let Some(output) = outputs.first() else { return Ok((Vec::new(), Vec::new())) };
    let output = output.cast_to::<f32>()?;
    let values = output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
    Ok((output.shape().to_vec(), values))
}
