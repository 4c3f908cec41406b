//! What generated code writes is read as it was, and nothing that comes makes the reading panic.

use drifting_inference::{ReadLimits, TensorData};
use proptest::prelude::*;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use self::client::model_infer_request::InferInputTensor;
use self::client::{InferTensorContents, ModelInferRequest};
use drifting_inference::RefusalCode;

use super::*;

#[expect(clippy::enum_variant_names, clippy::pedantic, reason = "generated code is as it is")]
mod client {
    include!(concat!(env!("OUT_DIR"), "/client/inference.rs"));
}

const BYTES_MAX: usize = 1 << 20;

fn read(bytes: Vec<u8>) -> Result<InferRequest, Refusal> {
    InferMessage(bytes.into()).request(&ReadLimits::of_bytes(BYTES_MAX))
}

fn message(datatype: &str, n: usize, contents: InferTensorContents) -> Vec<u8> {
    let shape = vec![i64::try_from(n).unwrap(), 1];
    let (name, datatype, contents) = ("x".to_owned(), datatype.to_owned(), Some(contents));
    let input = InferInputTensor { name, datatype, shape, contents, ..InferInputTensor::default() };
    ModelInferRequest { inputs: vec![input], ..ModelInferRequest::default() }.encode_to_vec()
}

fn data(bytes: Vec<u8>) -> TensorData {
    read(bytes).unwrap().inputs.remove(0).data
}

proptest! {
    #[test]
    fn contents_of_every_type_are_read_as_they_were_written(
        floats in prop::collection::vec(any::<f64>().prop_filter("it equals itself", |value| !value.is_nan()), 0..50),
        integers in prop::collection::vec(any::<i64>(), 0..50),
        texts in prop::collection::vec(".{0,20}", 0..20),
        truths in prop::collection::vec(any::<bool>(), 0..50),
    ) {
        let none = InferTensorContents::default;
        let n = integers.len();
        let numbers = |numbers: Vec<f64>| TensorData::Numbers(numbers);
        let fp64 = InferTensorContents { fp64_contents: floats.clone(), ..none() };
        prop_assert_eq!(data(message("FP64", floats.len(), fp64)), numbers(floats));
        let int64 = InferTensorContents { int64_contents: integers.clone(), ..none() };
        prop_assert_eq!(data(message("INT64", n, int64)), numbers(integers.iter().map(|value| *value as f64).collect()));
        let uint64: Vec<u64> = integers.iter().map(|value| value.cast_unsigned()).collect();
        let expected = numbers(uint64.iter().map(|value| *value as f64).collect());
        prop_assert_eq!(data(message("UINT64", n, InferTensorContents { uint64_contents: uint64, ..none() })), expected);
        let int32: Vec<i32> = integers.iter().map(|value| (value >> 32).try_into().unwrap()).collect();
        let expected = numbers(int32.iter().map(|value| f64::from(*value)).collect());
        prop_assert_eq!(data(message("INT32", n, InferTensorContents { int_contents: int32, ..none() })), expected);
        let expected = TensorData::Texts(texts.iter().map(|text| Some(text.as_str())).collect());
        let bytes_contents = texts.iter().map(|text| text.clone().into_bytes()).collect();
        prop_assert_eq!(data(message("BYTES", texts.len(), InferTensorContents { bytes_contents, ..none() })), expected);
        let expected = TensorData::Booleans(truths.iter().copied().map(Some).collect());
        let n = truths.len();
        prop_assert_eq!(data(message("BOOL", n, InferTensorContents { bool_contents: truths, ..none() })), expected);
    }

    #[test]
    fn bytes_that_are_anything_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = InferMessage(bytes.clone().into()).address();
        let _ = read(bytes);
    }

    #[test]
    fn requests_that_are_bitten_do_not_panic(at in 0_usize..200, byte in any::<u8>()) {
        let mut bytes = message("FP64", 4, InferTensorContents { fp64_contents: vec![0.5; 4], ..Default::default() });
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read(bytes);
    }
}

/// A field of bytes.
fn field_of_bytes(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut field);
    encode_varint(bytes.len() as u64, &mut field);
    field.extend(bytes);
    field
}

#[test]
fn numbers_that_are_not_packed_and_contents_in_pieces_are_read() {
    let mut shape = Vec::new();
    for dimension in [3, 1] {
        encode_key(3, WireType::Varint, &mut shape);
        encode_varint(dimension, &mut shape);
    }
    let mut single = Vec::new();
    encode_key(7, WireType::SixtyFourBit, &mut single);
    single.extend(0.5_f64.to_le_bytes());
    let packed = field_of_bytes(7, &[1.5_f64.to_le_bytes(), 2.5_f64.to_le_bytes()].concat());
    let tensor = [
        field_of_bytes(1, b"x"),
        field_of_bytes(5, &single),
        shape,
        field_of_bytes(2, b"FP64"),
        // A field that a later version of the protocol may have.
        field_of_bytes(99, b"later"),
        field_of_bytes(5, &packed),
    ];
    let request = read(field_of_bytes(field::INPUTS, &tensor.concat())).unwrap();
    assert_eq!(request.inputs[0].data, TensorData::Numbers(vec![0.5, 1.5, 2.5]));
    assert_eq!(request.inputs[0].shape.dimensions(), [3, 1]);

    let mut single = Vec::new();
    encode_key(3, WireType::Varint, &mut single);
    encode_varint((-7_i64).cast_unsigned(), &mut single);
    let tensor = [field_of_bytes(2, b"INT64"), field_of_bytes(3, &[1]), field_of_bytes(5, &single)];
    let request = read(field_of_bytes(field::INPUTS, &tensor.concat())).unwrap();
    assert_eq!(request.inputs[0].data, TensorData::Numbers(vec![-7.0]));
}

#[test]
fn the_address_is_read_without_the_tensors() {
    let asked = ModelInferRequest {
        model_name: "label".to_owned(),
        model_version: "3".to_owned(),
        id: "7".to_owned(),
        ..ModelInferRequest::default()
    };
    let broken = [asked.encode_to_vec(), field_of_bytes(field::INPUTS, &[0xff; 3])].concat();
    let message = InferMessage(broken.into());
    let expected = Address { model_name: "label".to_owned(), model_version: "3".to_owned(), id: Some("7".to_owned()) };
    assert_eq!(message.address().unwrap(), expected);
    assert_eq!(message.request(&ReadLimits::of_bytes(BYTES_MAX)).unwrap_err().code, RefusalCode::Malformed);
}
