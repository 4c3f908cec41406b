//! Small ONNX models, written as exporters write them.

use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, attribute_proto::AttributeType, type_proto,
};

/// A dimension of an input: so many, or any number under a name.
#[derive(Clone, Copy)]
pub enum Of {
    Some(i64),
    Any(&'static str),
}

/// A graph that is made node by node.
#[derive(Default)]
pub struct Graph(GraphProto);

impl Graph {
    pub fn input(mut self, name: &str, shape: &[Of]) -> Self {
        self.0.input.push(described(name, DataType::Float, shape));
        self
    }

    /// An input that is no image.
    pub fn whole_input(mut self, name: &str, shape: &[Of]) -> Self {
        self.0.input.push(described(name, DataType::Int64, shape));
        self
    }

    /// Fitted numbers.
    pub fn weights(mut self, name: &str, shape: &[i64], values: &[f32]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let data_type = DataType::Float as i32;
        let tensor =
            TensorProto { name: name.to_owned(), dims: shape.to_vec(), data_type, raw_data, ..TensorProto::default() };
        self.0.initializer.push(tensor);
        self
    }

    pub fn node(mut self, operation: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[i64])]) -> Self {
        let attribute = |(name, values): &(&str, &[i64])| AttributeProto {
            name: (*name).to_owned(),
            r#type: AttributeType::Ints as i32,
            ints: values.to_vec(),
            ..AttributeProto::default()
        };
        self.0.node.push(NodeProto {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: operation.to_owned(),
            attribute: attributes.iter().map(attribute).collect(),
            ..NodeProto::default()
        });
        self
    }

    /// The file of a model with this output.
    pub fn model(mut self, output: &str) -> Vec<u8> {
        "test".clone_into(&mut self.0.name);
        self.0.output.push(described(output, DataType::Float, &[]));
        // Of the shape of the output nothing is said.
        if let Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), .. }) = &mut self.0.output[0].r#type
        {
            tensor.shape = None;
        }
        let model = ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
            graph: Some(self.0),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }
}

fn described(name: &str, elements: DataType, shape: &[Of]) -> ValueInfoProto {
    let dimension = |of: &Of| {
        let value = match of {
            Of::Some(n) => dimension::Value::DimValue(*n),
            Of::Any(name) => dimension::Value::DimParam((*name).to_owned()),
        };
        Dimension { value: Some(value), ..Dimension::default() }
    };
    let shape = Some(TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    let tensor = type_proto::Tensor { elem_type: elements as i32, shape };
    let value = Some(type_proto::Value::TensorType(tensor));
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { value, ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}

/// The model of `testdata/convolutions`: two layers of convolutions with weights at random over any number of grey images, the first
/// of edges (it has nothing of a plain), and 16 maps of 5 × 5.
pub fn convolutions() -> Vec<u8> {
    let stride: &[(&str, &[i64])] = &[("strides", &[2, 2])];
    Graph::default()
        .input("pixel_values", &[Of::Any("batch"), Of::Some(1), Of::Some(28), Of::Some(28)])
        .weights("first", &[8, 1, 5, 5], &edges(random(1, 200, 0.4), 25))
        .weights("second", &[16, 8, 3, 3], &random(2, 1_152, 0.2))
        .node("Conv", &["pixel_values", "first"], "edges", stride)
        .node("Relu", &["edges"], "of_edges", &[])
        .node("Conv", &["of_edges", "second"], "shapes", stride)
        .node("Relu", &["shapes"], "maps", &[])
        .model("maps")
}

/// Filters of so many weights each, whose sums are 0.
fn edges(mut filters: Vec<f32>, size: usize) -> Vec<f32> {
    for filter in filters.chunks_exact_mut(size) {
        let mean = filter.iter().sum::<f32>() / size as f32;
        for weight in filter.iter_mut() {
            *weight -= mean;
        }
    }
    filters
}

/// Numbers between `-most` and `most` that look random and are the same everywhere (splitmix64: Steele, Lea & Flood 2014).
fn random(seed: u64, n: usize, most: f32) -> Vec<f32> {
    let number = |index: usize| {
        let mut bits = (seed << 32 | index as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = (bits ^ (bits >> 31)) >> 40;
        (bits as f32 / (1 << 23) as f32 - 1.0) * most
    };
    (0..n).map(number).collect()
}
