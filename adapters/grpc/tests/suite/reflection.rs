//! Server reflection, by which grpcurl and its like know the methods.

use futures_util::stream;
use prost::Message;
use prost_types::{FileDescriptorProto, MethodDescriptorProto};
use tonic_reflection::pb::{v1, v1alpha};

use crate::support::TestServer;

const SERVICE: &str = "inference.GRPCInferenceService";

#[tokio::test]
async fn the_protocol_is_told_in_both_versions_of_reflection() {
    let server = TestServer::start().await;
    let channel = server.channel().await;

    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let ask =
        |message_request| v1::ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
    let requests = stream::iter([
        ask(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
        ask(v1::server_reflection_request::MessageRequest::FileContainingSymbol(SERVICE.to_owned())),
    ]);
    let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(services)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services")
    };
    let names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
    for name in [SERVICE, "grpc.health.v1.Health"] {
        assert!(names.contains(&name.to_owned()), "{name} in {names:?}");
    }
    let Some(v1::server_reflection_response::MessageResponse::FileDescriptorResponse(files)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("no descriptor")
    };
    let file = FileDescriptorProto::decode(files.file_descriptor_proto[0].as_slice()).unwrap();
    let methods: Vec<_> = file.service[0].method.iter().map(MethodDescriptorProto::name).collect();
    assert_eq!(methods.len(), 20, "{methods:?}");
    let infer = file.message_type.iter().find(|message| message.name() == "ModelInferRequest").unwrap();
    let numbers: Vec<_> = infer.field.iter().map(|field| (field.name(), field.number())).collect();
    let expected = [
        ("model_name", 1),
        ("model_version", 2),
        ("id", 3),
        ("parameters", 4),
        ("inputs", 5),
        ("outputs", 6),
        ("raw_input_contents", 7),
    ];
    assert_eq!(numbers, expected);

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let list = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut answers = client.server_reflection_info(stream::iter([request])).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().unwrap().message_response.is_some());
}
