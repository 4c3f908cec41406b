//! What the rows of an event take while they wait.

use drifting_domain::data::{Column, Values};

use super::payload::{Payload, Rows};
use crate::{InferRequest, InputTensor, TensorData, WantedOutput};

impl Payload {
    /// The memory that it takes, in bytes: the data of an event say little of it, since a number of one digit becomes one of
    /// eight bytes.
    pub(super) fn n_bytes(&self) -> usize {
        let names = self.names.as_deref().unwrap_or_default();
        let names: usize = names.iter().map(|name| size_of::<String>() + name.capacity()).sum();
        let rows: usize = match &self.rows {
            Rows::Tensors(request) => of_request(request),
            Rows::Table(table) => table.columns().iter().map(of_column).sum(),
        };
        size_of::<Self>() + names + rows
    }
}

fn of_column(column: &Column) -> usize {
    let values = match &column.values {
        Values::Numeric(values) => values.capacity() * size_of::<f64>(),
        Values::Text(texts) | Values::Untyped(texts) => texts.memory_bytes(),
        Values::Boolean(values) => values.capacity() * size_of::<Option<bool>>(),
        Values::Images(images) => images.memory_bytes(),
        Values::Missing(_) => 0,
    };
    size_of::<Column>() + column.name.capacity() + values
}

fn of_request(request: &InferRequest) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
    let input = |input: &InputTensor| {
        let elements = match &input.data {
            TensorData::Numbers(numbers) => numbers.capacity() * size_of::<f64>(),
            TensorData::Booleans(booleans) => booleans.capacity() * size_of::<Option<bool>>(),
            TensorData::Texts(texts) => texts.memory_bytes(),
        };
        size_of::<InputTensor>() + input.name.capacity() + text(&input.content_type) + elements
    };
    let output = |output: &WantedOutput| size_of::<WantedOutput>() + output.name.capacity();
    let tensors: usize = request.inputs.iter().map(input).sum();
    let outputs: usize = request.outputs.iter().map(output).sum();
    size_of::<InferRequest>() + text(&request.id) + text(&request.content_type) + tensors + outputs
}

#[cfg(test)]
mod tests {
    use drifting_domain::data::Table;

    use super::*;
    use crate::ReadLimits;
    use crate::events::read_payload;

    fn n_bytes(data: &str) -> usize {
        let no_rows = |_: &[u8]| Table::unnamed(vec![Values::Missing(1)]).map_err(|_| unreachable!());
        read_payload(data.as_bytes(), None, &ReadLimits::of_bytes(1 << 20), &no_rows).unwrap().n_bytes()
    }

    fn of_table(columns: Vec<Values>) -> usize {
        Payload { rows: Rows::Table(Table::unnamed(columns).unwrap()), names: None }.n_bytes()
    }

    #[test]
    fn what_waits_counts_as_much_as_it_takes() {
        let empty = of_table(vec![Values::Missing(1_000)]);
        assert!(empty < 500, "{empty}");
        assert_eq!(of_table(vec![Values::Numeric(vec![1.0; 1_000])]) - empty, 8_000);
        let texts = |text: &str| Values::Text(vec![Some(text); 1_000].into_iter().collect());
        let long = of_table(vec![texts(&"x".repeat(100))]) - empty;
        assert!((108_000..250_000).contains(&long), "{long}");
        assert!(of_table(vec![texts("")]) - empty >= 8_000);
        assert_eq!(of_table(vec![Values::Boolean(vec![None; 1_000])]) - empty, 1_000);
    }

    #[test]
    fn tensors_count_with_their_elements_and_names() {
        let request = |n: usize, name: &str| {
            let data = vec!["1"; n].join(",");
            format!(r#"{{"inputs":[{{"name":"{name}","shape":[{n}],"datatype":"FP64","data":[{data}]}}]}}"#)
        };
        let one = n_bytes(&request(1, "x"));
        assert!(n_bytes(&request(10_000, "x")) - one >= 8 * 9_999);
        assert!(n_bytes(&request(1, &"x".repeat(500))) - one >= 499);
        assert!(
            n_bytes(r#"{"data": {"names": ["a", "bcd"], "ndarray": [[1, 2]]}}"#) > n_bytes(r#"{"data": [1]}"#) + 48
        );
    }
}
