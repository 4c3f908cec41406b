//! From the answers of the protocol to messages.

use drifting_inference::{Datatype, InferResponse, ModelMetadata, OutputData, OutputTensor, Parameter, TensorMetadata};

use crate::protocol::infer_parameter::ParameterChoice;
use crate::protocol::model_infer_response::InferOutputTensor;
use crate::protocol::{
    InferParameter, InferTensorContents, ModelInferResponse, ModelMetadataResponse, model_metadata_response,
};

/// The message of an answer, with raw contents or typed ones.
pub(crate) fn message(response: InferResponse, is_raw: bool) -> ModelInferResponse {
    let mut message = ModelInferResponse {
        model_name: response.model_name,
        model_version: response.model_version,
        id: response.id,
        parameters: response.parameters.into_iter().map(|(name, value)| (name.to_owned(), parameter(value))).collect(),
        ..ModelInferResponse::default()
    };
    for OutputTensor { name, shape, data, .. } in response.outputs {
        let datatype = data.datatype_in_bytes().as_str().to_owned();
        let contents = if is_raw {
            let mut bytes = Vec::with_capacity(data.n_bytes());
            data.write_bytes(&mut bytes);
            message.raw_output_contents.push(bytes.into());
            None
        } else {
            Some(contents(data))
        };
        let shape = shape.into_iter().map(|size| i64::try_from(size).unwrap_or(i64::MAX)).collect();
        message.outputs.push(InferOutputTensor {
            name: name.to_owned(),
            datatype,
            shape,
            contents,
            ..InferOutputTensor::default()
        });
    }
    message
}

fn contents(data: OutputData) -> InferTensorContents {
    let none = InferTensorContents::default();
    match data {
        OutputData::Int64(values) => InferTensorContents { int64_contents: values, ..none },
        OutputData::Fp32(values) => InferTensorContents { fp32_contents: values, ..none },
        OutputData::Fp64(values) => InferTensorContents { fp64_contents: values, ..none },
        OutputData::Nothing(n) => InferTensorContents { fp64_contents: vec![f64::NAN; n], ..none },
    }
}

/// KServe and MLServer know no unsigned integers here.
fn parameter(value: Parameter) -> InferParameter {
    let choice = match value {
        Parameter::Text(text) => ParameterChoice::StringParam(text.into_owned()),
        Parameter::Truth(truth) => ParameterChoice::BoolParam(truth),
        Parameter::Count(count) => ParameterChoice::Int64Param(i64::try_from(count).unwrap_or(i64::MAX)),
    };
    InferParameter { parameter_choice: Some(choice) }
}

/// The message of a project's metadata.
pub(crate) fn metadata(metadata: ModelMetadata) -> ModelMetadataResponse {
    ModelMetadataResponse {
        name: metadata.name,
        versions: metadata.versions.into(),
        platform: metadata.platform,
        inputs: metadata.inputs.into_iter().map(tensor).collect(),
        // What is nothing at all is null among texts in JSON, and not a number here.
        outputs: metadata.outputs.into_iter().map(|output| tensor(numeric(output))).collect(),
    }
}

fn numeric(output: TensorMetadata) -> TensorMetadata {
    match output.datatype {
        Datatype::Bytes => TensorMetadata { datatype: Datatype::Fp64, ..output },
        _ => output,
    }
}

fn tensor(tensor: TensorMetadata) -> model_metadata_response::TensorMetadata {
    let content_type = tensor.parameters.map(|parameters| {
        let choice = ParameterChoice::StringParam(parameters.content_type.to_owned());
        ("content_type".to_owned(), InferParameter { parameter_choice: Some(choice) })
    });
    model_metadata_response::TensorMetadata {
        name: tensor.name,
        datatype: tensor.datatype.as_str().to_owned(),
        shape: tensor.shape,
        parameters: content_type.into_iter().collect(),
    }
}
