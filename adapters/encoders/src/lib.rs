//! Encoders of texts from a local folder.
//!
//! Each folder in it is an encoder, by its name: an ONNX model (`model.onnx`) of the BERT family, such as sentence transformers are
//! exported as, and its tokenizer (`tokenizer.json`, as Hugging Face's library writes it). Nothing is ever downloaded. Clients name
//! an encoder; a name is letters, digits, `-`, `_` and inner dots, so none leads out of the folder.
//!
//! **Cost**: opening reads both files once; a model stays in memory from its first use on. A text costs about two operations for
//! each parameter and token, of which at most [`TOKENS_MAX`] count.

mod encoder;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use drifting_domain::ports::{TextEncoder, TextEncoders};

use self::encoder::OnnxEncoder;
pub use self::encoder::TOKENS_MAX;

/// The encoders of a folder.
pub struct EncoderFolder {
    folder: PathBuf,
    open: Mutex<HashMap<String, Arc<dyn TextEncoder>>>,
}

impl EncoderFolder {
    /// Those that are there whenever they are asked for.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, open: Mutex::new(HashMap::new()) }
    }

    /// The names of what is there, in order.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names =
            entries.filter(|entry| entry.path().is_dir()).filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| is_name(name)).collect();
        names.sort_unstable();
        names
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<String> = self.names().into_iter().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "of which this server has none".to_owned() } else { known.join(", ") };
        // What was named may be anything.
        let named = if is_name(name) { format!("`{name}`") } else { "another text".to_owned() };
        format!("expected the name of an encoder ({known}), {named} came")
    }
}

impl TextEncoders for EncoderFolder {
    fn open(&self, name: &str) -> Result<Arc<dyn TextEncoder>, String> {
        // Whoever else wants one waits, so that no model is read twice.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(encoder) = open.get(name) {
            return Ok(Arc::clone(encoder));
        }
        let folder = self.folder.join(name);
        if !is_name(name) || !folder.is_dir() {
            return Err(self.unknown(name));
        }
        let encoder: Arc<dyn TextEncoder> =
            Arc::new(OnnxEncoder::read(&folder).map_err(|problem| format!("the encoder `{name}`: {problem}"))?);
        open.insert(name.to_owned(), Arc::clone(&encoder));
        Ok(encoder)
    }
}

/// Whether it can be a name: no path, and nothing hidden.
fn is_name(name: &str) -> bool {
    const BYTES_MAX: usize = 128;
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=BYTES_MAX).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(is_of_names)
}

#[cfg(test)]
mod tests;
