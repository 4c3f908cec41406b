//! Starts servers and calls them with a client that is generated from the protocol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use drifting_domain::data::{Column, MissingValues, Table, Values};
use drifting_domain::detectors::DetectorRequest;
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::DriftType;
use drifting_domain::quality::QualityRequest;
use drifting_domain::use_cases::{Access, DriftService, FitRequest, Ports, ServiceSettings, StateDurability};
use drifting_grpc::{GrpcServer, GrpcSettings};
use drifting_inference::Inference;
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

use self::protocol::grpc_inference_service_client::GrpcInferenceServiceClient;
use self::protocol::infer_parameter::ParameterChoice;
use self::protocol::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use self::protocol::model_infer_response::InferOutputTensor;
use self::protocol::{InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse};

/// What a client's author has generated.
#[expect(clippy::enum_variant_names, clippy::pedantic, reason = "generated code is as it is")]
pub mod protocol {
    include!(concat!(env!("OUT_DIR"), "/client/inference.rs"));
}

pub type Client = GrpcInferenceServiceClient<Channel>;

/// A server that serves.
pub struct TestServer {
    pub address: SocketAddr,
    pub service: Arc<DriftService>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::with(GrpcSettings::default(), Duration::from_secs(20)).await
    }

    pub async fn with(settings: GrpcSettings, grace: Duration) -> Self {
        let metrics = Arc::new(MemoryMetrics::new());
        let ports = Ports {
            artifacts: Arc::new(MemoryArtifacts::new()),
            index: Arc::new(MemoryIndex::new()),
            operations: Arc::new(MemoryOperations::new()),
            sink: Arc::clone(&metrics) as _,
            events: Arc::new(drifting_domain::ports::NoEvents),
            metrics,
            clock: Arc::new(FixedClock::new(DateTime::from_timestamp(1_700_000_000, 0).unwrap())),
            fit_pool: Arc::new(InlineCpuPool),
            predict_pool: Arc::new(InlineCpuPool),
        };
        let of_service = ServiceSettings {
            access: Access::ReadWrite,
            durability: StateDurability::Interval,
            records_features: false,
            fitted_by: "test".to_owned(),
        };
        let service = Arc::new(DriftService::new(ports, of_service));
        let inference = Inference::new(Arc::clone(&service));
        let server = GrpcServer::bind("127.0.0.1:0".parse().unwrap(), inference, settings).await.unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let served = tokio::spawn(server.run_until(shutdown, grace));
        Self { address, service, stop, served }
    }

    /// Begins to stop; the handle ends when the server has.
    pub fn stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.served
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap()
    }

    pub async fn channel(&self) -> Channel {
        self.endpoint().connect().await.unwrap()
    }

    pub async fn client(&self) -> Client {
        Client::new(self.channel().await)
    }

    pub async fn fit(&self, project: &str, drift_type: DriftType, reference: Table, detector: DetectorRequest) {
        let request = FitRequest {
            project: project.parse().unwrap(),
            drift_type,
            reference,
            detector,
            standardize: None,
            n_components: None,
            texts: TextRequest::DEFAULT,
            missing_values: MissingValues::Reject,
            quality: QualityRequest::default(),
            report_run_length: false,
            overwrite: false,
        };
        let fitted = self.service.fit(request).await.unwrap();
        self.service.store(fitted).await.unwrap();
    }

    /// Fits a label of numbers with a small window.
    pub async fn fit_label(&self, project: &str) {
        let detector = DetectorRequest {
            ert: Some(20.0),
            window_sizes: Some(vec![4]),
            n_bootstraps: Some(2_000),
            ..DetectorRequest::default()
        };
        let table = Table::unnamed(vec![Values::Numeric(numbers(60))]).unwrap();
        self.fit(project, DriftType::Label, table, detector).await;
    }

    /// Fits `price`: a number and a text a row.
    pub async fn fit_price(&self) {
        let days = (0..60).map(|i| Some(["mon", "tue", "wed"][i % 3])).collect();
        let columns = vec![
            Column { name: "nswprice".to_owned(), values: Values::Numeric(numbers(60)) },
            Column { name: "weekday".to_owned(), values: Values::Text(days) },
        ];
        let detector = DetectorRequest {
            ert: Some(20.0),
            window_size: Some(4),
            n_bootstraps: Some(2_000),
            ..DetectorRequest::default()
        };
        self.fit("price", DriftType::Tabular, Table::named(columns).unwrap(), detector).await;
    }
}

/// Numbers that vary, without a generator.
pub fn numbers(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7_919) % 1_009) as f64 / 1_009.0).collect()
}

pub fn tensor(name: &str, datatype: &str, shape: &[i64], contents: InferTensorContents) -> InferInputTensor {
    InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        contents: Some(contents),
        ..InferInputTensor::default()
    }
}

pub fn fp64(values: &[f64]) -> InferTensorContents {
    InferTensorContents { fp64_contents: values.to_vec(), ..InferTensorContents::default() }
}

pub fn texts(values: &[&str]) -> InferTensorContents {
    let bytes_contents = values.iter().map(|text| text.as_bytes().to_vec()).collect();
    InferTensorContents { bytes_contents, ..InferTensorContents::default() }
}

/// A request of these tensors.
pub fn request(model: &str, inputs: Vec<InferInputTensor>) -> ModelInferRequest {
    ModelInferRequest { model_name: model.to_owned(), inputs, ..ModelInferRequest::default() }
}

/// A request of values of a label.
pub fn label_request(model: &str, values: &[f64]) -> ModelInferRequest {
    let n = i64::try_from(values.len()).unwrap();
    request(model, vec![tensor("x", "FP64", &[n, 1], fp64(values))])
}

/// A request of one raw tensor.
pub fn raw_request(model: &str, datatype: &str, shape: &[i64], bytes: Vec<u8>) -> ModelInferRequest {
    let input = InferInputTensor { contents: None, ..tensor("x", datatype, shape, InferTensorContents::default()) };
    ModelInferRequest { raw_input_contents: vec![bytes], ..request(model, vec![input]) }
}

pub fn wanted(names: &[&str]) -> Vec<InferRequestedOutputTensor> {
    let output = |name: &&str| InferRequestedOutputTensor { name: (*name).to_owned(), ..Default::default() };
    names.iter().map(output).collect()
}

pub fn parameter(choice: ParameterChoice) -> InferParameter {
    InferParameter { parameter_choice: Some(choice) }
}

pub fn output<'a>(response: &'a ModelInferResponse, name: &str) -> &'a InferOutputTensor {
    response.outputs.iter().find(|output| output.name == name).unwrap_or_else(|| panic!("no {name} in {response:?}"))
}

/// How many rows the project has been fed, as its next answer tells.
pub async fn time(client: &mut Client, model: &str) -> i64 {
    let answer = client.model_infer(label_request(model, &[0.5])).await.unwrap().into_inner();
    output(&answer, "time").contents.as_ref().unwrap().int64_contents[0]
}
