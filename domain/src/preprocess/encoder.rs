//! Columns of a schema as numbers: scaled, one-hot, imputed, projected.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::pca::Pca;
use super::text::TextRequest;
use crate::data::{Cells, ColumnType, Frame, MISSING_CODE, Schema, TensorError, Tensors};
use crate::statistics::quantile::{QuantileType, quantile};

/// How the columns are encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Whether numeric columns are centred and scaled by the reference's mean and standard deviation.
    pub standardize: bool,
    /// How many principal components of the encoded columns are kept; all columns without it.
    pub n_components: Option<usize>,
    /// What texts become, and images.
    #[serde(default, skip_serializing_if = "TextRequest::is_default")]
    pub texts: TextRequest,
}

/// What becomes of one column.
#[derive(Debug, Clone, PartialEq)]
struct ColumnEncoder {
    /// Subtracted from a number; of a constant column, its value.
    center: f64,
    /// A number is divided by it.
    scale: f64,
    /// Takes the place of a missing value: a number, or a category's code.
    fill: f64,
    cells: EncodedCells,
}

/// The numbers that one column becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EncodedCells {
    /// The number itself, scaled.
    Scaled,
    /// 1 where the value differs from the constant that the reference held, else 0.
    Departure,
    /// 1 for the second of two classes, else 0.
    Binary,
    /// Nothing: the column is for people, and for tests of single columns.
    Aside,
    /// One cell a category, and a last one for unseen categories.
    OneHot { n_categories: usize },
}

impl EncodedCells {
    fn width(self) -> usize {
        match self {
            Self::Aside => 0,
            Self::Scaled | Self::Departure | Self::Binary => 1,
            Self::OneHot { n_categories } => n_categories + 1,
        }
    }
}

/// How departures and columns aside are stored.
const DEPARTURE: u64 = 1;
const ASIDE: u64 = 2;

/// What a detector sees of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Numeric columns as they are; there are no others.
    Raw,
    /// Zeros and ones; every column has two classes.
    Binary,
    /// The cells themselves, missing ones filled in; nothing is encoded.
    Cells,
    /// Scaled numbers, one-hot categories, departures from constants.
    Kernel,
}

/// A fitted encoder: rows of a schema become rows of [`Encoder::width`] numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoder {
    columns: Vec<ColumnEncoder>,
    encoded_width: usize,
    pca: Option<Pca>,
}

/// Why an encoder cannot be fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncoderError {
    /// More components than encoded columns.
    #[error("expected n_components of 1 to {width} (the encoded columns), {actual} came")]
    Components {
        /// Number of encoded columns.
        width: usize,
        /// Number of components asked for.
        actual: usize,
    },
    /// No eigenvectors were found.
    #[error("the principal components of these columns cannot be computed; leave n_components out")]
    Decomposition,
}

impl Encoder {
    /// Learns from a reference. Time O(n c log n + n d^2) with principal components.
    ///
    /// # Errors
    /// When `n_components` does not fit the columns.
    pub fn fit(reference: &Frame, preprocessing: &Preprocessing, encoding: Encoding) -> Result<Self, EncoderError> {
        let columns: Vec<ColumnEncoder> =
            reference.columns().iter().map(|cells| fit_column(cells, preprocessing.standardize, encoding)).collect();
        let mut encoder = Self { encoded_width: columns.iter().map(|c| c.cells.width()).sum(), columns, pca: None };
        if let Some(k) = preprocessing.n_components {
            let width = encoder.encoded_width;
            if k == 0 || k > width {
                return Err(EncoderError::Components { width, actual: k });
            }
            let pca = Pca::fit(&encoder.encode(reference), width, k).ok_or(EncoderError::Decomposition)?;
            encoder.pca = Some(pca);
        }
        Ok(encoder)
    }

    /// The same for kernels that see the first columns of numbers alone; the others stand aside, for people and for tests
    /// of single columns.
    #[must_use]
    pub fn seeing_first(mut self, n_columns: usize) -> Self {
        for column in self.columns.iter_mut().skip(n_columns) {
            column.cells = EncodedCells::Aside;
        }
        self.encoded_width = self.columns.iter().map(|column| column.cells.width()).sum();
        self
    }

    /// The same with columns of numbers divided by these instead, one each; constant ones stay departures.
    #[must_use]
    pub fn scaled_by(mut self, scales: &[f64]) -> Self {
        for (column, scale) in self.columns.iter_mut().zip(scales) {
            if matches!(column.cells, EncodedCells::Scaled) {
                column.scale = *scale;
            }
        }
        self
    }

    /// Numbers a row.
    pub fn width(&self) -> usize {
        self.pca.as_ref().map_or(self.encoded_width, Pca::n_components)
    }

    /// The rows of a frame of the same schema as numbers, row-major.
    pub fn encode(&self, frame: &Frame) -> Vec<f64> {
        let n_rows = frame.n_rows();
        let mut rows = vec![0.0; n_rows * self.encoded_width];
        let mut offset = 0;
        for (encoder, cells) in self.columns.iter().zip(frame.columns()) {
            for row in 0..n_rows {
                encoder.encode(cells, row, &mut rows[row * self.encoded_width + offset..]);
            }
            offset += encoder.cells.width();
        }
        match &self.pca {
            None => rows,
            Some(pca) => rows.chunks_exact(self.encoded_width).flat_map(|row| pca.project(row)).collect(),
        }
    }

    /// The column of the schema behind each number of an encoded row; empty where components mix them.
    pub fn origins(&self) -> Vec<usize> {
        if self.pca.is_some() {
            return Vec::new();
        }
        let of_column = |(index, column): (usize, &ColumnEncoder)| std::iter::repeat_n(index, column.cells.width());
        self.columns.iter().enumerate().flat_map(of_column).collect()
    }

    /// The cells with the missing ones filled in, and how many of each column were missing. Cells stay where they are
    /// where none is missing.
    pub fn fill<'f>(&self, frame: &'f Frame<'_>) -> (Cow<'f, Frame<'f>>, Vec<u64>) {
        let n_missing: Vec<u64> = frame.columns().iter().map(Cells::n_missing).collect();
        if n_missing.iter().all(|n| *n == 0) {
            return (Cow::Borrowed(frame), n_missing);
        }
        let filled = frame.map(|index, cells| cells.filled(self.columns[index].fill));
        (Cow::Owned(filled), n_missing)
    }

    /// The fitted arrays.
    pub fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        let column = |value: fn(&ColumnEncoder) -> f64| self.columns.iter().map(value).collect();
        tensors.insert_f64("preprocess.center", column(|encoder| encoder.center));
        tensors.insert_f64("preprocess.scale", column(|encoder| encoder.scale));
        tensors.insert_f64("preprocess.fill", column(|encoder| encoder.fill));
        let constant = |encoder: &ColumnEncoder| match encoder.cells {
            EncodedCells::Departure => DEPARTURE,
            EncodedCells::Aside => ASIDE,
            EncodedCells::Scaled | EncodedCells::Binary | EncodedCells::OneHot { .. } => 0,
        };
        tensors.insert_u64("preprocess.constant", self.columns.iter().map(constant).collect());
        if let Some(pca) = &self.pca {
            pca.save(&mut tensors);
        }
        tensors
    }

    /// The encoder that was saved.
    ///
    /// # Errors
    /// When an array is absent or of another length.
    pub fn restore(tensors: &Tensors, schema: &Schema, preprocessing: &Preprocessing) -> Result<Self, TensorError> {
        let n_columns = schema.columns.len();
        let center = tensors.f64s_of_length("preprocess.center", n_columns)?;
        let scale = tensors.f64s_of_length("preprocess.scale", n_columns)?;
        let fill = tensors.f64s_of_length("preprocess.fill", n_columns)?;
        let constant = tensors.u64s_of_length("preprocess.constant", n_columns)?;
        let columns: Vec<ColumnEncoder> = schema
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| ColumnEncoder {
                center: center[index],
                scale: scale[index],
                fill: fill[index],
                cells: match &column.kind {
                    ColumnType::Numeric if constant[index] == DEPARTURE => EncodedCells::Departure,
                    ColumnType::Numeric if constant[index] == ASIDE => EncodedCells::Aside,
                    ColumnType::Numeric | ColumnType::Timestamp => EncodedCells::Scaled,
                    ColumnType::Binary { .. } => EncodedCells::Binary,
                    ColumnType::Categorical { categories, .. } => {
                        EncodedCells::OneHot { n_categories: categories.len() }
                    }
                    ColumnType::Text | ColumnType::Image => EncodedCells::OneHot { n_categories: 1 },
                },
            })
            .collect();
        let encoded_width = columns.iter().map(|column| column.cells.width()).sum();
        let pca = preprocessing.n_components.map(|k| Pca::restore(tensors, encoded_width, k)).transpose()?;
        Ok(Self { columns, encoded_width, pca })
    }
}

fn fit_column(cells: &Cells, standardize: bool, encoding: Encoding) -> ColumnEncoder {
    match cells {
        Cells::Categorical { codes, n_categories, .. } => {
            let n_categories = *n_categories as usize;
            let mut counts = vec![0_usize; n_categories + 1];
            for code in codes.iter().filter(|code| **code != MISSING_CODE) {
                counts[(*code as usize).min(n_categories)] += 1;
            }
            // The first of the most frequent ones.
            let most = counts.iter().max().copied().unwrap_or(0);
            let fill = counts.iter().position(|count| *count == most).unwrap_or(0);
            let cells = match encoding {
                Encoding::Binary => EncodedCells::Binary,
                Encoding::Raw | Encoding::Cells | Encoding::Kernel => EncodedCells::OneHot { n_categories },
            };
            ColumnEncoder { center: 0.0, scale: 1.0, fill: fill as f64, cells }
        }
        Cells::Numeric(values) => {
            let mut present: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            let first = present.first().copied().unwrap_or(0.0);
            let is_constant = present.iter().all(|value| *value == first);
            let fill = quantile(&mut present, 0.5, QuantileType::Seven, true).unwrap_or(first);
            match encoding {
                Encoding::Raw | Encoding::Binary | Encoding::Cells => {
                    ColumnEncoder { center: 0.0, scale: 1.0, fill, cells: EncodedCells::Scaled }
                }
                Encoding::Kernel if is_constant => {
                    ColumnEncoder { center: first, scale: 1.0, fill: first, cells: EncodedCells::Departure }
                }
                Encoding::Kernel => {
                    let (center, scale) = if standardize { mean_and_deviation(values) } else { (0.0, 1.0) };
                    ColumnEncoder { center, scale, fill, cells: EncodedCells::Scaled }
                }
            }
        }
    }
}

/// Mean and sample standard deviation of the values that are not missing; of at least two different ones. Values are
/// first brought near 1, so that neither the squares of huge ones overflow nor those of tiny ones vanish.
pub(crate) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let present = || values.iter().copied().filter(|value| !value.is_nan());
    let unit = present().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let n = present().count() as f64;
    let mean = present().map(|value| value / unit / n).sum::<f64>();
    let variance = present().map(|value| (value / unit - mean).powi(2) / (n - 1.0)).sum::<f64>();
    let deviation = variance.sqrt() * unit;
    (mean * unit, if deviation > 0.0 { deviation } else { 1.0 })
}

impl ColumnEncoder {
    fn encode(&self, cells: &Cells, row: usize, encoded: &mut [f64]) {
        match (cells, self.cells) {
            (Cells::Numeric(values), EncodedCells::Departure) => {
                let value = values[row];
                encoded[0] = f64::from(u8::from(!value.is_nan() && value != self.center));
            }
            (Cells::Numeric(values), EncodedCells::Scaled | EncodedCells::Binary | EncodedCells::OneHot { .. }) => {
                let value = if values[row].is_nan() { self.fill } else { values[row] };
                encoded[0] = (value - self.center) / self.scale;
            }
            (Cells::Categorical { codes, .. }, EncodedCells::OneHot { n_categories }) => {
                let code = codes[row];
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small category code")]
                let code = if code == MISSING_CODE { self.fill as usize } else { code as usize };
                encoded[code.min(n_categories)] = 1.0;
            }
            (Cells::Categorical { codes, .. }, EncodedCells::Binary) => {
                encoded[0] = if codes[row] == MISSING_CODE { self.fill } else { f64::from(codes[row]) };
            }
            // The schema that made the encoder makes every frame, so a column never changes its type.
            (_, EncodedCells::Aside) | (Cells::Categorical { .. }, EncodedCells::Scaled | EncodedCells::Departure) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Column, MissingValues, Table, Values};

    fn table(columns: Vec<(&str, Values)>) -> Table {
        Table::named(columns.into_iter().map(|(name, values)| Column { name: name.to_owned(), values }).collect())
            .unwrap()
    }

    fn texts(values: &[&str]) -> Values {
        Values::Text(values.iter().map(|text| (!text.is_empty()).then_some(text)).collect())
    }

    const PLAIN: Preprocessing = Preprocessing { standardize: true, n_components: None, texts: TextRequest::DEFAULT };

    #[test]
    fn columns_become_scaled_numbers_cells_and_departures() {
        let reference = table(vec![
            ("price", Values::Numeric(vec![1.0, 3.0])),
            ("day", texts(&["mon", "tue"])),
            ("fixed", Values::Numeric(vec![7.0, 7.0])),
        ]);
        let schema = Schema::infer(&reference, MissingValues::Reject).unwrap();
        let encoder = Encoder::fit(&schema.read(&reference).unwrap(), &PLAIN, Encoding::Kernel).unwrap();
        assert_eq!(encoder.width(), 5);
        let rows = table(vec![
            ("price", Values::Numeric(vec![2.0, 2.0])),
            ("day", texts(&["tue", "sun"])),
            ("fixed", Values::Numeric(vec![7.0, 7.5])),
        ]);
        let encoded = encoder.encode(&schema.read(&rows).unwrap());
        assert_eq!(encoded, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn missing_values_are_imputed_by_median_and_mode() {
        let reference =
            table(vec![("x", Values::Numeric(vec![0.0, 1.0, 1.0, 9.0])), ("c", texts(&["a", "b", "b", ""]))]);
        let schema = Schema::infer(&reference, MissingValues::Impute).unwrap();
        let settings = Preprocessing { standardize: false, n_components: None, texts: TextRequest::DEFAULT };
        let encoder = Encoder::fit(&schema.read(&reference).unwrap(), &settings, Encoding::Kernel).unwrap();
        let row = table(vec![("x", Values::Numeric(vec![f64::NAN])), ("c", texts(&[""]))]);
        assert_eq!(encoder.encode(&schema.read(&row).unwrap()), [1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn huge_values_are_standardised_too() {
        let values = [1e300, -1e300, 1e300, -1e300];
        let (mean, deviation) = mean_and_deviation(&values);
        assert_eq!(mean, 0.0);
        assert!((deviation / 1.154_700_538e300 - 1.0).abs() < 1e-6, "{deviation:e}");
    }

    #[test]
    fn a_saved_encoder_encodes_the_same() {
        let reference = table(vec![
            ("a", Values::Numeric(vec![1.0, 3.0, -2.0, 0.5])),
            ("b", Values::Numeric(vec![1.0, 2.0, 0.0, 0.7])),
            ("c", texts(&["x", "y", "x", "x"])),
        ]);
        let schema = Schema::infer(&reference, MissingValues::Reject).unwrap();
        let frame = schema.read(&reference).unwrap();
        let settings = Preprocessing { standardize: true, n_components: Some(2), texts: TextRequest::DEFAULT };
        let encoder = Encoder::fit(&frame, &settings, Encoding::Kernel).unwrap();
        assert_eq!(encoder.width(), 2);
        let restored = Encoder::restore(&encoder.save(), &schema, &settings).unwrap();
        assert_eq!(restored, encoder);
        assert_eq!(restored.encode(&frame), encoder.encode(&frame));
        let too_many = Preprocessing { standardize: true, n_components: Some(6), texts: TextRequest::DEFAULT };
        assert!(Encoder::fit(&frame, &too_many, Encoding::Kernel).is_err());
    }
}
