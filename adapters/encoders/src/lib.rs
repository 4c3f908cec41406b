//! Encoders of texts and of images from a local folder.
//!
//! Each folder in it is an encoder, by its name, with an ONNX model (`model.onnx`). One with a tokenizer (`tokenizer.json`, as Hugging
//! Face's library writes it) is of texts, of the BERT family, such as sentence transformers are exported as. One without is of
//! images: its model takes one image, and what is done to images before stands in `preprocessor_config.json` as Hugging Face's
//! library writes it, where it is there. Nothing is ever downloaded. Clients name an encoder; a name is letters, digits, `-`, `_` and
//! inner dots, so none leads out of the folder.
//!
//! **Cost**: opening reads the files once; a model stays in memory from its first use on. A text costs about two operations for
//! each parameter and token, of which at most [`TOKENS_MAX`] count, an image what the layers of its model do.

mod image_encoder;
mod onnx;
mod preparation;
mod text_encoder;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use drifting_domain::ports::{ImageEncoder, ImageEncoders, TextEncoder, TextEncoders};

use self::image_encoder::OnnxImageEncoder;
pub use self::image_encoder::WIDTH_MAX as IMAGE_WIDTH_MAX;
use self::onnx::MODEL;
pub use self::text_encoder::TOKENS_MAX;
use self::text_encoder::{OnnxTextEncoder, TOKENIZER};

/// The encoders of a folder.
pub struct EncoderFolder {
    folder: PathBuf,
    texts: Open<dyn TextEncoder>,
    images: Open<dyn ImageEncoder>,
}

/// Those that have been opened, by their names.
type Open<E> = Mutex<HashMap<String, Arc<E>>>;

impl EncoderFolder {
    /// Those that are there whenever they are asked for.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, texts: Mutex::default(), images: Mutex::default() }
    }

    fn text_encoder(&self, name: &str) -> Result<Arc<dyn TextEncoder>, String> {
        self.open(name, &self.texts, is_of_texts, |folder| Ok(Arc::new(OnnxTextEncoder::read(folder)?)))
    }

    fn image_encoder(&self, name: &str) -> Result<Arc<dyn ImageEncoder>, String> {
        self.open(name, &self.images, is_of_images, |folder| {
            if is_of_texts(folder) {
                return Err(format!("expected an encoder of images, one of texts came: it has a `{TOKENIZER}`"));
            }
            Ok(Arc::new(OnnxImageEncoder::read(folder)?))
        })
    }

    fn open<E: ?Sized>(
        &self,
        name: &str,
        open: &Open<E>,
        is_one: fn(&Path) -> bool,
        read: impl FnOnce(&Path) -> Result<Arc<E>, String>,
    ) -> Result<Arc<E>, String> {
        // Whoever else wants one waits, so that no model is read twice.
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(encoder) = open.get(name) {
            return Ok(Arc::clone(encoder));
        }
        let folder = self.folder.join(name);
        if !is_name(name) || !folder.is_dir() {
            return Err(self.unknown(name, is_one));
        }
        let encoder = read(&folder).map_err(|problem| format!("the encoder `{name}`: {problem}"))?;
        open.insert(name.to_owned(), Arc::clone(&encoder));
        Ok(encoder)
    }

    /// The names of what is there, in order.
    fn names(&self, is_one: fn(&Path) -> bool) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names =
            entries.filter(|entry| is_one(&entry.path())).filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| is_name(name)).collect();
        names.sort_unstable();
        names
    }

    fn unknown(&self, name: &str, is_one: fn(&Path) -> bool) -> String {
        let known: Vec<String> = self.names(is_one).into_iter().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "of which this server has none".to_owned() } else { known.join(", ") };
        // What was named may be anything.
        let named = if is_name(name) { format!("`{name}`") } else { "another text".to_owned() };
        format!("expected the name of an encoder ({known}), {named} came")
    }
}

fn is_of_texts(folder: &Path) -> bool {
    folder.join(TOKENIZER).exists()
}

fn is_of_images(folder: &Path) -> bool {
    folder.join(MODEL).exists() && !is_of_texts(folder)
}

impl TextEncoders for EncoderFolder {
    fn open(&self, name: &str) -> Result<Arc<dyn TextEncoder>, String> {
        self.text_encoder(name)
    }
}

impl ImageEncoders for EncoderFolder {
    fn open(&self, name: &str) -> Result<Arc<dyn ImageEncoder>, String> {
        self.image_encoder(name)
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
