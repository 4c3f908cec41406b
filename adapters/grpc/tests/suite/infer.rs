//! Inferences.

use tonic::Code;

use crate::calls::word;
use crate::support::protocol::infer_parameter::ParameterChoice;
use crate::support::protocol::model_infer_request::InferInputTensor;
use crate::support::protocol::{InferParameter, InferTensorContents, ModelInferRequest};
use crate::support::{
    TestServer, fp64, label_request, numbers, output, parameter, raw_request, request, tensor, texts, time, wanted,
};

#[tokio::test]
async fn online_detectors_answer_seven_outputs_a_row() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let asked = ModelInferRequest { id: "order-918".to_owned(), ..label_request("label", &numbers(6)) };
    let answer = client.model_infer(asked).await.unwrap().into_inner();
    assert_eq!((answer.model_name.as_str(), answer.id.as_str()), ("label", "order-918"));
    let outputs: Vec<_> = answer
        .outputs
        .iter()
        .map(|output| (output.name.as_str(), output.datatype.as_str(), output.shape.as_slice()))
        .collect();
    let expected = [
        ("is_drift", "INT64", &[6, 1][..]),
        ("distance", "FP64", &[6, 1]),
        ("p_val", "FP64", &[6, 1]),
        ("threshold", "FP64", &[6, 1]),
        ("time", "INT64", &[6, 1]),
        ("ert", "FP64", &[6, 1]),
        ("test_stat", "FP32", &[6, 1, 1]),
    ];
    assert_eq!(outputs, expected);
    assert!(answer.raw_output_contents.is_empty());
    let contents = |name| output(&answer, name).contents.clone().unwrap();
    assert_eq!(contents("time").int64_contents, [1, 2, 3, 4, 5, 6]);
    assert_eq!(contents("ert").fp64_contents, [20.0; 6]);
    for nothing in ["distance", "p_val"] {
        let values = contents(nothing).fp64_contents;
        assert!(values.len() == 6 && values.iter().all(|value| value.is_nan()), "{values:?}");
    }
    let statistics = contents("test_stat").fp32_contents;
    assert!(statistics[..3].iter().all(|value| *value == 0.0) && statistics[4] != 0.0, "{statistics:?}");
    let online = &answer.parameters["online"].parameter_choice;
    assert_eq!(online, &Some(ParameterChoice::BoolParam(true)));
    assert_eq!(
        answer.parameters["name"].parameter_choice,
        Some(ParameterChoice::StringParam("CVMDriftOnline".to_owned()))
    );
}

#[tokio::test]
async fn raw_requests_have_raw_answers_of_the_same_values() {
    let server = TestServer::start().await;
    server.fit_label("typed").await;
    server.fit_label("raw").await;
    let mut client = server.client().await;
    let values = numbers(9);
    let typed = client.model_infer(label_request("typed", &values)).await.unwrap().into_inner();
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let raw = client.model_infer(raw_request("raw", "FP64", &[9, 1], bytes)).await.unwrap().into_inner();
    assert_eq!(raw.raw_output_contents.len(), 7);
    for (index, output) in typed.outputs.iter().enumerate() {
        let contents = output.contents.as_ref().unwrap();
        let bytes: Vec<u8> = match output.datatype.as_str() {
            "INT64" => contents.int64_contents.iter().flat_map(|value| value.to_le_bytes()).collect(),
            "FP32" => contents.fp32_contents.iter().flat_map(|value| value.to_le_bytes()).collect(),
            _ => contents.fp64_contents.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        assert_eq!(raw.raw_output_contents[index], bytes, "{}", output.name);
        assert_eq!((&raw.outputs[index].datatype, &raw.outputs[index].shape), (&output.datatype, &output.shape));
        assert!(raw.outputs[index].contents.is_none());
    }
}

#[tokio::test]
async fn every_datatype_feeds_the_same_number() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let none = InferTensorContents::default;
    let typed = [
        ("INT8", InferTensorContents { int_contents: vec![-1, 1], ..none() }),
        ("INT16", InferTensorContents { int_contents: vec![-1, 1], ..none() }),
        ("INT32", InferTensorContents { int_contents: vec![-1, 1], ..none() }),
        ("INT64", InferTensorContents { int64_contents: vec![-1, 1], ..none() }),
        ("UINT8", InferTensorContents { uint_contents: vec![255, 1], ..none() }),
        ("UINT16", InferTensorContents { uint_contents: vec![65_535, 1], ..none() }),
        ("UINT32", InferTensorContents { uint_contents: vec![u32::MAX, 1], ..none() }),
        ("UINT64", InferTensorContents { uint64_contents: vec![u64::MAX, 1], ..none() }),
        ("FP32", InferTensorContents { fp32_contents: vec![-1.0, 1.0], ..none() }),
        ("FP64", fp64(&[-1.0, 1.0])),
    ];
    let mut n_rows = 0;
    for (datatype, contents) in typed {
        let asked = request("label", vec![tensor("x", datatype, &[2], contents)]);
        let answer = client.model_infer(asked).await.unwrap_or_else(|status| panic!("{datatype}: {status}"));
        n_rows += 2;
        let times = &output(answer.get_ref(), "time").contents.as_ref().unwrap().int64_contents;
        assert_eq!(times, &[n_rows - 1, n_rows], "{datatype}");
    }
    let raw: [(&str, Vec<u8>); 4] = [
        ("FP16", vec![0, 0x3c, 0, 0xbc]),
        ("BF16", vec![0x80, 0x3f, 0x80, 0xbf]),
        ("INT8", vec![1, 0xff]),
        ("UINT32", [1_u32.to_le_bytes(), 2_u32.to_le_bytes()].concat()),
    ];
    for (datatype, bytes) in raw {
        let answer = client.model_infer(raw_request("label", datatype, &[2], bytes)).await;
        answer.unwrap_or_else(|status| panic!("{datatype}: {status}"));
        n_rows += 2;
    }
    assert_eq!(time(&mut client, "label").await, n_rows + 1);
}

#[tokio::test]
async fn columns_of_a_frame_may_be_typed_or_raw() {
    let server = TestServer::start().await;
    server.fit_price().await;
    let mut client = server.client().await;
    let price = tensor("nswprice", "FP64", &[2, 1], fp64(&[0.1, 0.2]));
    let typed = request("price", vec![price, tensor("weekday", "BYTES", &[2], texts(&["mon", "wed"]))]);
    let answer = client.model_infer(typed).await.unwrap().into_inner();
    assert_eq!(output(&answer, "is_drift").shape, [2, 1]);
    let input = |name, datatype| InferInputTensor {
        contents: None,
        ..tensor(name, datatype, &[2, 1], InferTensorContents::default())
    };
    // Columns in another order.
    let raw = ModelInferRequest {
        raw_input_contents: vec![
            [&3_u32.to_le_bytes()[..], b"tue", &3_u32.to_le_bytes(), b"mon"].concat(),
            [0.1_f64.to_le_bytes(), 0.2_f64.to_le_bytes()].concat(),
        ],
        ..request("price", vec![input("weekday", "BYTES"), input("nswprice", "FP64")])
    };
    let answer = client.model_infer(raw).await.unwrap().into_inner();
    assert_eq!(answer.raw_output_contents[4], [3_i64.to_le_bytes(), 4_i64.to_le_bytes()].concat());
}

#[tokio::test]
async fn outputs_are_chosen_and_ordered() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let asked = |outputs: &[&str]| ModelInferRequest { outputs: wanted(outputs), ..label_request("label", &[0.5]) };
    let answer = client.model_infer(asked(&["test_stat", "is_drift"])).await.unwrap().into_inner();
    let names: Vec<_> = answer.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["test_stat", "is_drift"]);
    let status = client.model_infer(asked(&["is_drift", "score"])).await.unwrap_err();
    assert_eq!((status.code(), word(&status)), (Code::InvalidArgument, "malformed"));
    assert!(status.message().contains("/outputs/1") && status.message().contains("\"score\""), "{status}");
    let status = client.model_infer(asked(&["time"; 65])).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(time(&mut client, "label").await, 2, "what is refused is not fed");
}

#[tokio::test]
async fn parameters_of_every_kind_are_taken() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let mut asked = label_request("label", &[0.5]);
    for (name, choice) in [
        ("sequence_id", ParameterChoice::Int64Param(7)),
        ("sequence_start", ParameterChoice::BoolParam(true)),
        ("triton_x", ParameterChoice::DoubleParam(0.5)),
        ("priority", ParameterChoice::Uint64Param(2)),
        ("timeout", ParameterChoice::Int64Param(10_000_000)),
        ("content_type", ParameterChoice::StringParam("np".to_owned())),
    ] {
        asked.parameters.insert(name.to_owned(), parameter(choice.clone()));
        asked.inputs[0].parameters.insert(name.to_owned(), parameter(choice));
    }
    asked.parameters.insert("empty".to_owned(), InferParameter::default());
    client.model_infer(asked.clone()).await.unwrap();
    for (name, choice) in [
        ("timeout", ParameterChoice::StringParam("soon".to_owned())),
        ("timeout", ParameterChoice::Int64Param(-1)),
        ("content_type", ParameterChoice::BoolParam(true)),
        ("content_type", ParameterChoice::StringParam("xml".to_owned())),
    ] {
        let mut wrong = asked.clone();
        wrong.parameters.insert(name.to_owned(), parameter(choice));
        let status = client.model_infer(wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(name), "{status}");
    }
}

#[tokio::test]
async fn refusals_have_the_codes_of_the_protocol() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    server.fit_label("off").await;
    server.fit_price().await;
    server.service.unload(&"off".parse().unwrap()).await.unwrap();
    let mut client = server.client().await;
    let version = ModelInferRequest { model_version: "99".to_owned(), ..label_request("label", &[0.5]) };
    let columns =
        request("price", vec![tensor("x", "FP64", &[1], fp64(&[0.5])), tensor("y", "FP64", &[1], fp64(&[0.5]))]);
    for (asked, code, name) in [
        (label_request("other", &[0.5]), Code::NotFound, "project_not_found"),
        (label_request("../x", &[0.5]), Code::InvalidArgument, "invalid_name"),
        (label_request("", &[0.5]), Code::InvalidArgument, "invalid_name"),
        (version, Code::NotFound, "version_not_found"),
        (label_request("off", &[0.5]), Code::FailedPrecondition, "project_inactive"),
        (label_request("label", &[f64::NAN]), Code::FailedPrecondition, "invalid_data"),
        (columns, Code::FailedPrecondition, "invalid_data"),
    ] {
        let status = client.model_infer(asked).await.unwrap_err();
        assert_eq!((status.code(), word(&status)), (code, name), "{status}");
        assert!(!status.message().is_empty());
    }
    assert_eq!(time(&mut client, "label").await, 1, "what is refused is not fed");
}

#[tokio::test]
async fn rows_are_fed_whole_when_the_time_is_over() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let mut asked = label_request("label", &numbers(20_000));
    asked.parameters.insert("timeout".to_owned(), parameter(ParameterChoice::Int64Param(1)));
    let status = client.model_infer(asked).await.unwrap_err();
    assert_eq!((status.code(), word(&status)), (Code::DeadlineExceeded, "deadline_exceeded"));
    assert_eq!(time(&mut client, "label").await, 20_001);
    // None at all is waited for as long as it takes, as with Triton.
    let mut asked = label_request("label", &numbers(20_000));
    asked.parameters.insert("timeout".to_owned(), parameter(ParameterChoice::Int64Param(0)));
    assert!(client.model_infer(asked).await.is_ok());
}

#[tokio::test]
async fn rows_are_fed_whole_when_the_client_leaves() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let mut leaving = client.clone();
    let asked = label_request("label", &numbers(50_000));
    // Whenever it leaves, all rows are fed or none.
    for patience_ms in [1, 5, 20, 60] {
        let call = leaving.model_infer(asked.clone());
        let _ = tokio::time::timeout(std::time::Duration::from_millis(patience_ms), call).await;
    }
    let n_fed = time(&mut client, "label").await - 1;
    assert_eq!(n_fed % 50_000, 0, "{n_fed}");
}
