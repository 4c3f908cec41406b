//! Content types: how tensors become the columns of a table.
//!
//! As MLServer's codecs: that of a tensor wins over that of the request, and that over what suits the project.

mod cells;
mod records;

use drifting_domain::data::{COLUMNS_MAX, Column, DataIssue, Table, Values};
use drifting_domain::project::DriftType;

use crate::{InferRequest, InputTensor, Refusal, TensorData};

/// How all tensors of a request together are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestContent {
    /// One tensor, whose rows are rows.
    Array,
    /// One tensor of texts.
    Texts,
    /// A tensor a column.
    Frame,
}

impl RequestContent {
    /// Its name in requests and metadata.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Array => "np",
            Self::Texts => "str",
            Self::Frame => "pd",
        }
    }

    /// What suits so many columns of a drift type.
    pub(crate) fn suiting(drift_type: DriftType, n_columns: usize) -> Self {
        match drift_type {
            DriftType::Sequential if n_columns > 1 => Self::Frame,
            DriftType::Label | DriftType::Sequential => Self::Array,
            DriftType::Tabular => Self::Frame,
            // Of images the files, in base64.
            DriftType::Text | DriftType::Image => Self::Texts,
        }
    }

    fn of(request: &InferRequest, drift_type: DriftType) -> Result<Self, Refusal> {
        match request.content_type.as_deref() {
            Some("np") => Ok(Self::Array),
            Some("str") => Ok(Self::Texts),
            Some("pd") => Ok(Self::Frame),
            Some(other) => {
                let shown: String = other.chars().take(40).collect();
                let detail = format!("expected the content type `np`, `pd` or `str` of a request, {shown:?} came");
                Err(Refusal::malformed("/parameters/content_type", detail))
            }
            None => Ok(match Self::suiting(drift_type, request.inputs.len()) {
                // A matrix is a frame without names. So are rows as objects.
                Self::Frame if request.inputs.len() == 1 && is_no_column(&request.inputs[0]) => Self::Array,
                suiting => suiting,
            }),
        }
    }
}

fn is_no_column(tensor: &InputTensor) -> bool {
    tensor.shape.width() > 1 || tensor.content_type.as_deref().is_some_and(|name| name.starts_with("hg_json"))
}

/// The rows of a request, and what is needed to find them in it again.
pub(crate) struct Rows {
    pub(crate) table: Table,
    pub(crate) places: Places,
}

/// Where the cells of a table stand in the request.
pub(crate) struct Places {
    /// The name of each input.
    names: Vec<String>,
    /// Values of a row in the one input that there is, or 1.
    width: usize,
}

impl Places {
    /// JSON pointer to what an issue is about.
    pub(crate) fn pointer(&self, issue: &DataIssue) -> String {
        let input = match &issue.column {
            Some(name) => self.names.iter().position(|came| came == name),
            None => None,
        };
        let input = if self.names.len() == 1 { Some(0) } else { input };
        match (input, issue.row) {
            (Some(input), Some(row)) => format!("/inputs/{input}/data/{}", row * self.width),
            (Some(input), None) => format!("/inputs/{input}"),
            (None, _) => "/inputs".to_owned(),
        }
    }
}

/// The table of a request's tensors for a project of a drift type.
///
/// # Errors
/// When content types are unknown or do not suit the tensors, or when tensors are not the columns of a table.
pub(crate) fn rows(request: InferRequest, drift_type: DriftType) -> Result<Rows, Refusal> {
    let content = RequestContent::of(&request, drift_type)?;
    let inputs = request.inputs;
    let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
    if content != RequestContent::Frame {
        return array(inputs, content, names);
    }
    if inputs.is_empty() {
        return Err(Refusal::malformed("/inputs", "expected a tensor for each column, none came"));
    }
    let n_rows = inputs[0].shape.n_rows();
    let mut columns = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        if input.shape.width() != 1 || input.shape.n_rows() != n_rows {
            let detail = format!(
                "expected a column of {n_rows} rows, of the shape [{n_rows}] or [{n_rows}, 1], the shape {:?} of `{}` came",
                input.shape.dimensions(),
                input.name
            );
            return Err(Refusal::malformed(format!("/inputs/{index}/shape"), detail));
        }
        let name = input.name.clone();
        columns.push(Column { name, values: values(input, index)? });
    }
    let places = Places { names, width: 1 };
    // A label has one column, whatever clients call it.
    let table = if drift_type == DriftType::Label {
        Table::unnamed(columns.into_iter().map(|column| column.values).collect())
    } else {
        Table::named(columns)
    };
    let table = table.map_err(|invalid| Refusal::of_data(&invalid, |issue| places.pointer(issue)))?;
    Ok(Rows { table, places })
}

/// The rows of the only tensor.
fn array(inputs: Vec<InputTensor>, content: RequestContent, names: Vec<String>) -> Result<Rows, Refusal> {
    let n_inputs = inputs.len();
    let Ok([input]) = <[InputTensor; 1]>::try_from(inputs) else {
        let detail = format!(
            "the content type `{}` only supports a single input tensor, {n_inputs} came; send columns as `pd`",
            content.as_str()
        );
        return Err(Refusal::malformed("/inputs", detail));
    };
    let (n_rows, width) = (input.shape.n_rows(), input.shape.width());
    // Also of no rows: each column takes memory of its own.
    if !(1..=COLUMNS_MAX).contains(&width) {
        let detail =
            format!("expected rows of 1 to {COLUMNS_MAX} values, the shape {:?} came", input.shape.dimensions());
        return Err(Refusal::malformed("/inputs/0/shape", detail));
    }
    if content == RequestContent::Texts && !matches!(input.data, TensorData::Texts(_)) {
        let detail = format!("expected BYTES for the content type `str`, {} came", input.datatype.as_str());
        return Err(Refusal::malformed("/inputs/0/datatype", detail));
    }
    let places = Places { names, width };
    let of_data = |invalid| Refusal::of_data(&invalid, |issue| places.pointer(issue));
    if let Some(kind) = input.content_type.as_deref().filter(|name| name.starts_with("hg_json")) {
        let table = Table::named(records::columns(kind, &input.data)?).map_err(of_data)?;
        return Ok(Rows { table, places });
    }
    let values = values(input, 0)?;
    let columns = if width == 1 { vec![values] } else { transposed(&values, n_rows, width) };
    let table = Table::unnamed(columns).map_err(of_data)?;
    Ok(Rows { table, places })
}

/// The columns of row-major values.
fn transposed(values: &Values, n_rows: usize, width: usize) -> Vec<Values> {
    let column = |index: usize| (0..n_rows).map(move |row| row * width + index);
    (0..width)
        .map(|index| match values {
            Values::Numeric(numbers) => Values::Numeric(column(index).map(|at| numbers[at]).collect()),
            Values::Boolean(truths) => Values::Boolean(column(index).map(|at| truths[at]).collect()),
            Values::Text(texts) => Values::Text(column(index).map(|at| texts.get(at)).collect()),
            Values::Untyped(texts) => Values::Untyped(column(index).map(|at| texts.get(at)).collect()),
            // No tensor becomes images.
            Values::Images(_) | Values::Missing(_) => Values::Missing(n_rows),
        })
        .collect()
}

/// The values of a tensor as its content type says.
fn values(input: InputTensor, index: usize) -> Result<Values, Refusal> {
    let InputTensor { content_type, data, .. } = input;
    let refused = |detail: String| Refusal::malformed(format!("/inputs/{index}"), detail);
    match content_type.as_deref() {
        None | Some("np" | "pd") => Ok(plain(data)),
        Some("str") => match data {
            TensorData::Texts(texts) => Ok(Values::Text(texts)),
            TensorData::Numbers(_) | TensorData::Booleans(_) => {
                Err(refused("expected BYTES for the content type `str`".to_owned()))
            }
        },
        Some(name @ ("base64" | "datetime" | "pd_json")) => match data {
            TensorData::Texts(texts) => cells::read(name, &texts, index),
            TensorData::Numbers(_) | TensorData::Booleans(_) => {
                Err(refused(format!("expected BYTES for the content type `{name}`")))
            }
        },
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            let known = "`np`, `pd`, `pd_json`, `str`, `base64`, `datetime`, `hg_json` or `hg_jsonlist`";
            let detail = format!("expected the content type {known} of a tensor, {shown:?} came");
            Err(Refusal::malformed(format!("/inputs/{index}/parameters/content_type"), detail))
        }
    }
}

fn plain(data: TensorData) -> Values {
    match data {
        TensorData::Numbers(numbers) => Values::Numeric(numbers),
        TensorData::Booleans(truths) => Values::Boolean(truths),
        TensorData::Texts(texts) => Values::Text(texts),
    }
}
