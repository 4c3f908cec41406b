//! Data from outside, parsed once into types that cannot be wrong.

mod collected;
mod frame;
mod image;
mod image_measures;
mod images;
mod schema;
mod table;
mod tensors;
mod texts;
mod truth;
mod words;

pub use frame::{Cells, Frame, MISSING_CODE, UNSEEN_MAX};
pub use image::{Image, InvalidImage};
pub use image_measures::{IMAGE_STATISTICS, N_MEASURES, N_STATISTICS, THUMBNAIL_CELLS, measure};
pub use images::{Images, KeptImage};
pub use schema::{
    CATEGORIES_MAX, COLUMNS_MAX, ColumnSchema, ColumnType, ImageSource, MissingValues, ReadImages, ReadTexts, Schema,
};
pub(crate) use schema::{parse_number, quoted};
pub use table::{Column, DataIssue, InvalidData, NAME_BYTES_MAX, Table, Values};
pub use tensors::{Tensor, TensorError, TensorValues, Tensors};
pub use texts::Texts;
pub use truth::{ErrorMeasure, Errors, TruthProblem};
pub use words::Words;
