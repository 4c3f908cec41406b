//! Everything but inferences.

use tonic::{Code, Status};

use crate::support::TestServer;
use crate::support::protocol::*;

#[tokio::test]
async fn the_server_tells_what_it_is() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    assert!(client.server_live(ServerLiveRequest {}).await.unwrap().into_inner().live);
    assert!(client.server_ready(ServerReadyRequest {}).await.unwrap().into_inner().ready);
    let metadata = client.server_metadata(ServerMetadataRequest {}).await.unwrap().into_inner();
    assert_eq!((metadata.name.as_str(), metadata.version.as_str()), ("drifting", env!("CARGO_PKG_VERSION")));
    assert!(metadata.extensions.contains(&"model_repository".to_owned()), "{metadata:?}");
}

#[tokio::test]
async fn a_project_tells_what_it_takes_and_answers() {
    let server = TestServer::start().await;
    server.fit_price().await;
    let mut client = server.client().await;
    let ask = |version: &str| ModelMetadataRequest { name: "price".to_owned(), version: version.to_owned() };
    let metadata = client.model_metadata(ask("")).await.unwrap().into_inner();
    assert_eq!((metadata.name.as_str(), metadata.platform.as_str()), ("price", "drifting_mmd-online"));
    let inputs =
        metadata.inputs.iter().map(|input| (input.name.as_str(), input.datatype.as_str(), input.shape.as_slice()));
    let inputs: Vec<_> = inputs.collect();
    assert_eq!(inputs, [("nswprice", "FP64", &[-1, 1][..]), ("weekday", "BYTES", &[-1, 1])]);
    assert!(metadata.inputs[1].parameters.contains_key("content_type"));
    let outputs: Vec<_> = metadata.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(outputs, ["is_drift", "distance", "p_val", "threshold", "time", "ert", "test_stat"]);
    // What is nothing is NaN in an answer, so it is said here.
    assert_eq!(metadata.outputs[1].datatype, "FP64");
    assert_eq!(metadata.versions.len(), 1);
    client.model_metadata(ask(&metadata.versions[0])).await.unwrap();
    let status = client.model_metadata(ask("99")).await.unwrap_err();
    assert_eq!((status.code(), word(&status)), (Code::NotFound, "version_not_found"));
}

#[tokio::test]
async fn readiness_tells_inactive_from_unknown() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let ask = |name: &str| ModelReadyRequest { name: name.to_owned(), version: String::new() };
    assert!(client.model_ready(ask("label")).await.unwrap().into_inner().ready);
    let unload = RepositoryModelUnloadRequest { model_name: "label".to_owned(), ..Default::default() };
    let unloaded = client.repository_model_unload(unload).await.unwrap().into_inner();
    assert_eq!((unloaded.model_name.as_str(), unloaded.is_unloaded), ("label", true));
    assert!(!client.model_ready(ask("label")).await.unwrap().into_inner().ready);
    let status = client.model_ready(ask("other")).await.unwrap_err();
    assert_eq!((status.code(), word(&status)), (Code::NotFound, "project_not_found"));
    let status = client.model_ready(ask("no name")).await.unwrap_err();
    assert_eq!((status.code(), word(&status)), (Code::InvalidArgument, "invalid_name"));
}

#[tokio::test]
async fn projects_are_listed_loaded_and_unloaded() {
    let server = TestServer::start().await;
    server.fit_label("a").await;
    server.fit_label("b").await;
    let mut client = server.client().await;
    let unload = RepositoryModelUnloadRequest { model_name: "a".to_owned(), ..Default::default() };
    client.repository_model_unload(unload.clone()).await.unwrap();
    client.repository_model_unload(unload).await.unwrap();
    let index = client.repository_index(RepositoryIndexRequest::default()).await.unwrap().into_inner();
    let states: Vec<_> = index.models.iter().map(|model| (model.name.as_str(), model.state.as_str())).collect();
    assert_eq!(states, [("a", "UNAVAILABLE"), ("b", "READY")]);
    assert!(index.models[0].reason.contains("inactive") && index.models[1].reason.is_empty(), "{index:?}");
    let ready = RepositoryIndexRequest { ready: true, ..Default::default() };
    let index = client.repository_index(ready).await.unwrap().into_inner();
    assert_eq!(index.models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(), ["b"]);

    // KServe's clients have the name in the first field.
    let load = RepositoryModelLoadRequest { repository_name: "a".to_owned(), ..Default::default() };
    let loaded = client.repository_model_load(load).await.unwrap().into_inner();
    assert_eq!((loaded.model_name.as_str(), loaded.is_loaded), ("a", true));
    let ready = ModelReadyRequest { name: "a".to_owned(), ..Default::default() };
    assert!(client.model_ready(ready).await.unwrap().into_inner().ready);
    let load = RepositoryModelLoadRequest { model_name: "other".to_owned(), ..Default::default() };
    let status = client.repository_model_load(load).await.unwrap_err();
    assert_eq!((status.code(), word(&status)), (Code::NotFound, "project_not_found"));
    assert!(status.message().contains("`other`"), "{status}");
}

#[tokio::test]
async fn what_triton_alone_has_is_said_not_to_be_here() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let statuses: Vec<Status> = vec![
        client.model_config(ModelConfigRequest {}).await.unwrap_err(),
        client.model_statistics(ModelStatisticsRequest {}).await.unwrap_err(),
        client.system_shared_memory_status(SystemSharedMemoryStatusRequest {}).await.unwrap_err(),
        client.system_shared_memory_register(SystemSharedMemoryRegisterRequest {}).await.unwrap_err(),
        client.system_shared_memory_unregister(SystemSharedMemoryUnregisterRequest {}).await.unwrap_err(),
        client.cuda_shared_memory_status(CudaSharedMemoryStatusRequest {}).await.unwrap_err(),
        client.cuda_shared_memory_register(CudaSharedMemoryRegisterRequest {}).await.unwrap_err(),
        client.cuda_shared_memory_unregister(CudaSharedMemoryUnregisterRequest {}).await.unwrap_err(),
        client.trace_setting(TraceSettingRequest {}).await.unwrap_err(),
        client.log_settings(LogSettingsRequest {}).await.unwrap_err(),
    ];
    for status in statuses {
        assert_eq!(status.code(), Code::Unimplemented);
        assert!(status.message().starts_with("this server has no "), "{status}");
    }
}

#[tokio::test]
async fn each_call_has_an_id() {
    let server = TestServer::start().await;
    let mut client = server.client().await;
    let mut given = tonic::Request::new(ServerLiveRequest {});
    given.metadata_mut().insert("x-request-id", "order-918".parse().unwrap());
    let answer = client.server_live(given).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "order-918");
    let status = client.model_config(ModelConfigRequest {}).await.unwrap_err();
    assert!(status.metadata().contains_key("x-request-id"), "{status:?}");
}

/// The word for a refusal.
pub fn word(status: &Status) -> &str {
    status.metadata().get("drifting-code").and_then(|word| word.to_str().ok()).unwrap_or_default()
}
