//! Named arrays: the fitted parameters and the online state of a detector, as adapters store them.

use std::collections::BTreeMap;

/// The numbers of a tensor, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorValues {
    /// 64-bit floating point.
    F64(Vec<f64>),
    /// 64-bit unsigned integers.
    U64(Vec<u64>),
    /// Bytes, of texts in UTF-8.
    U8(Vec<u8>),
}

impl TensorValues {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F64(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An array with its shape; the product of the shape is the number of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    values: TensorValues,
}

impl Tensor {
    /// An array of a shape.
    ///
    /// # Errors
    /// When the shape does not hold exactly the values.
    pub fn new(shape: Vec<usize>, values: TensorValues) -> Result<Self, TensorError> {
        let product = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        if product == Some(values.len()) {
            Ok(Self { shape, values })
        } else {
            Err(TensorError::Shape { shape, n_values: values.len() })
        }
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    pub fn values(&self) -> &TensorValues {
        &self.values
    }
}

/// Arrays by name, in the order of their names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tensors(BTreeMap<String, Tensor>);

impl Tensors {
    /// No array.
    pub fn new() -> Self {
        Self::default()
    }

    /// About how many bytes they take.
    pub fn n_bytes(&self) -> usize {
        let bytes = |(name, tensor): (&String, &Tensor)| {
            let width = if matches!(tensor.values, TensorValues::U8(_)) { 1 } else { 8 };
            name.len() + tensor.values.len() * width
        };
        self.0.iter().map(bytes).sum()
    }

    /// Puts an array under a name.
    pub fn insert(&mut self, name: &str, tensor: Tensor) {
        self.0.insert(name.to_owned(), tensor);
    }

    /// Puts a vector of floating-point numbers.
    pub fn insert_f64(&mut self, name: &str, values: Vec<f64>) {
        self.0.insert(name.to_owned(), Tensor { shape: vec![values.len()], values: TensorValues::F64(values) });
    }

    /// Puts a matrix of `n_rows` rows, row-major. The number of values is a multiple of `n_rows`.
    pub fn insert_rows(&mut self, name: &str, n_rows: usize, values: Vec<f64>) {
        let n_columns = values.len().checked_div(n_rows).unwrap_or(0);
        debug_assert_eq!(n_rows * n_columns, values.len());
        self.0.insert(name.to_owned(), Tensor { shape: vec![n_rows, n_columns], values: TensorValues::F64(values) });
    }

    /// Puts a vector of integers.
    pub fn insert_u64(&mut self, name: &str, values: Vec<u64>) {
        self.0.insert(name.to_owned(), Tensor { shape: vec![values.len()], values: TensorValues::U64(values) });
    }

    /// Puts bytes.
    pub fn insert_bytes(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), Tensor { shape: vec![bytes.len()], values: TensorValues::U8(bytes) });
    }

    /// Puts texts: their bytes one after the other under the name, and where each ends under `<name>_ends`.
    pub fn insert_texts(&mut self, name: &str, texts: &[String]) {
        let mut end = 0;
        let ends = texts.iter().map(|text| {
            end += text.len() as u64;
            end
        });
        self.insert_u64(&format!("{name}_ends"), ends.collect());
        self.insert_bytes(name, texts.concat().into_bytes());
    }

    /// Adds all arrays of another set.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The arrays with their names, in the order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// An array, if there is one of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// The floating-point values of an array.
    ///
    /// # Errors
    /// When there is no such array, or when it holds integers.
    pub fn f64s(&self, name: &str) -> Result<&[f64], TensorError> {
        match self.require(name)?.values() {
            TensorValues::F64(values) => Ok(values),
            TensorValues::U64(_) | TensorValues::U8(_) => {
                Err(TensorError::Type { name: name.to_owned(), expected: "floating-point numbers" })
            }
        }
    }

    /// The integer values of an array.
    ///
    /// # Errors
    /// When there is no such array, or when it holds floating-point numbers.
    pub fn u64s(&self, name: &str) -> Result<&[u64], TensorError> {
        match self.require(name)?.values() {
            TensorValues::U64(values) => Ok(values),
            TensorValues::F64(_) | TensorValues::U8(_) => {
                Err(TensorError::Type { name: name.to_owned(), expected: "integers" })
            }
        }
    }

    /// The floating-point values of an array that must have so many of them.
    ///
    /// # Errors
    /// As [`Self::f64s`], and when the number differs.
    pub fn f64s_of_length(&self, name: &str, length: usize) -> Result<&[f64], TensorError> {
        let values = self.f64s(name)?;
        if values.len() == length {
            Ok(values)
        } else {
            Err(TensorError::Length { name: name.to_owned(), expected: length, actual: values.len() })
        }
    }

    /// The integer values of an array that must have so many of them.
    ///
    /// # Errors
    /// As [`Self::u64s`], and when the number differs.
    pub fn u64s_of_length(&self, name: &str, length: usize) -> Result<&[u64], TensorError> {
        let values = self.u64s(name)?;
        if values.len() == length {
            Ok(values)
        } else {
            Err(TensorError::Length { name: name.to_owned(), expected: length, actual: values.len() })
        }
    }

    /// The bytes of an array.
    ///
    /// # Errors
    /// When there is no such array, or when it holds numbers.
    pub fn bytes(&self, name: &str) -> Result<&[u8], TensorError> {
        match self.require(name)?.values() {
            TensorValues::U8(bytes) => Ok(bytes),
            TensorValues::F64(_) | TensorValues::U64(_) => {
                Err(TensorError::Type { name: name.to_owned(), expected: "bytes" })
            }
        }
    }

    /// The texts that [`Self::insert_texts`] put under a name.
    ///
    /// # Errors
    /// When they are absent, or when the bytes are not such texts.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, TensorError> {
        let bytes = self.bytes(name)?;
        let mut texts = Vec::new();
        let mut start = 0;
        for end in self.u64s(&format!("{name}_ends"))? {
            let text = usize::try_from(*end).ok().and_then(|end| bytes.get(start..end));
            let text = text.and_then(|text| std::str::from_utf8(text).ok());
            let wrong = || TensorError::Value { name: name.to_owned(), reason: "these are no texts".to_owned() };
            let text = text.ok_or_else(wrong)?;
            start += text.len();
            texts.push(text.to_owned());
        }
        Ok(texts)
    }

    fn require(&self, name: &str) -> Result<&Tensor, TensorError> {
        self.0.get(name).ok_or_else(|| TensorError::Absent { name: name.to_owned() })
    }
}

/// Stored arrays that are not what a detector wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorError {
    /// There is no array of that name.
    #[error("the array `{name}` is absent")]
    Absent {
        /// Its name.
        name: String,
    },
    /// An array of another type.
    #[error("the array `{name}` should hold {expected}")]
    Type {
        /// Its name.
        name: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// An array of another length.
    #[error("the array `{name}` should hold {expected} values, it holds {actual}")]
    Length {
        /// Its name.
        name: String,
        /// How many values it should hold.
        expected: usize,
        /// How many it holds.
        actual: usize,
    },
    /// A shape that does not hold its values.
    #[error("the shape {shape:?} does not hold {n_values} values")]
    Shape {
        /// The shape.
        shape: Vec<usize>,
        /// Number of values that came with it.
        n_values: usize,
    },
    /// A value that a detector cannot have written.
    #[error("the array `{name}` holds what no detector writes: {reason}")]
    Value {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}
