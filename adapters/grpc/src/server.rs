//! The server: bound first, so that its address is known, then serving.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use drifting_inference::Inference;
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::Error as ReflectionError;
use tower::layer::layer_fn;

use crate::connection::{self, Scissors};
use crate::front::{Front, HostCheck, Rules};
use crate::protocol;
use crate::protocol::grpc_inference_service_server::{GrpcInferenceServiceServer, SERVICE_NAME};
use crate::service::InferenceService;
use crate::settings::GrpcSettings;
use crate::stop::{Stopper, Stopping};

/// The services that the health service knows: the server as a whole, and the one of the protocol.
const SERVICES: [&str; 2] = ["", SERVICE_NAME];
/// Who watches the health gets so long to read that the server stops.
const WATCHERS: Duration = Duration::from_millis(200);

/// A server that is bound and not yet serving.
pub struct GrpcServer {
    listener: TcpListener,
    address: SocketAddr,
    inference: Inference,
    settings: GrpcSettings,
}

impl GrpcServer {
    /// Binds an address; with port 0 the system chooses a free one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr, inference: Inference, settings: GrpcSettings) -> io::Result<Self> {
        let listener = drifting_listening::listen(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, inference, settings })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes, then finishes the calls under way for up to `grace`.
    ///
    /// # Errors
    /// When serving fails.
    pub async fn run_until(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> io::Result<()> {
        self.run_draining(std::future::pending(), shutdown, grace).await
    }

    /// The same; once `draining` completes the server says that it is not serving, and goes on.
    ///
    /// # Errors
    /// When serving fails.
    pub async fn run_draining(
        self,
        draining: impl Future<Output = ()> + Send + 'static,
        shutdown: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> io::Result<()> {
        let Self { listener, address: _, inference, settings } = self;
        let (stopper, stopping) = Stopper::new();
        let (scissors, cut) = Scissors::new();
        let health = HealthReporter::new();
        for service in SERVICES {
            health.set_service_status(service, ServingStatus::Serving).await;
        }
        let incoming = connection::incoming(listener, &settings, cut);
        let begun = stopping.clone().begun();
        let predicting = Some(inference.clone());
        let routes = routes(inference, &settings, &health, stopping.clone()).map_err(io::Error::other)?;
        let rules = Arc::new(Rules {
            inference: predicting,
            hosts: HostCheck::new(settings.allowed_hosts.as_deref()),
            gate: Arc::clone(&settings.gate),
            audit: settings.audit.clone(),
            bodies: settings.bodies.clone(),
            timeouts: settings.timeouts,
            max_message_bytes: settings.max_message_bytes,
            stopping,
            measures: Arc::clone(&settings.requests),
            tracing: settings.tracing.clone(),
        });
        let server = Server::builder()
            // Small at first, so that little of what is refused is on its way by then.
            .http2_adaptive_window(Some(true))
            .max_concurrent_streams(settings.streams_max)
            .http2_max_header_list_size(settings.max_header_bytes)
            .http2_keepalive_interval(Some(settings.timeouts.ping_every))
            .http2_keepalive_timeout(Some(settings.timeouts.ping_answer))
            .layer(layer_fn(move |inner| Front { inner, rules: Arc::clone(&rules) }))
            .add_routes(routes);
        let mut serving = tokio::spawn(server.serve_with_incoming_shutdown(incoming, begun));
        let mut shutdown = pin!(shutdown);
        tokio::select! {
            ended = &mut serving => return flat(ended),
            () = draining => {
                stopper.drain();
                for service in SERVICES {
                    health.set_service_status(service, ServingStatus::NotServing).await;
                }
                tokio::select! {
                    ended = &mut serving => return flat(ended),
                    () = &mut shutdown => {}
                }
            }
            () = &mut shutdown => {}
        }
        // Whoever watches the health is told, and waited for no longer then. Where nobody is there it is not waited at all.
        let leave = async {
            for service in SERVICES {
                health.set_service_status(service, ServingStatus::NotServing).await;
            }
            stopper.stop();
            tokio::time::sleep(WATCHERS).await;
            let mut health = health;
            for service in SERVICES {
                health.clear_service_status(service).await;
            }
            std::future::pending::<Infallible>().await
        };
        let drained = async {
            if let Ok(ended) = tokio::time::timeout(grace, &mut serving).await {
                return flat(ended);
            }
            tracing::warn!("gRPC calls under way were cut off: they took longer than the server waits");
            drop(scissors);
            flat(serving.await)
        };
        tokio::select! {
            biased;
            never = leave => match never {},
            ended = drained => ended,
        }
    }
}

/// Everything that is served.
fn routes(
    inference: Inference,
    settings: &GrpcSettings,
    health: &HealthReporter,
    stopping: Stopping,
) -> Result<Routes, ReflectionError> {
    let service = InferenceService::new(inference, settings.read_limits(), stopping);
    let mut service = GrpcInferenceServiceServer::new(service)
        .max_decoding_message_size(settings.max_message_bytes)
        .max_encoding_message_size(usize::MAX);
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Deflate, CompressionEncoding::Zstd] {
        service = service.accept_compressed(encoding).send_compressed(encoding);
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(protocol::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok(Routes::new(service)
        .add_service(HealthServer::new(HealthService::from_health_reporter(health.clone())))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .prepare())
}

fn flat(ended: Result<Result<(), tonic::transport::Error>, tokio::task::JoinError>) -> io::Result<()> {
    ended.map_err(io::Error::other)?.map_err(io::Error::other)
}
