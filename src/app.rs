//! The composition root: which adapter carries out which port, and what runs beside the HTTP server.

mod audit_measures;
mod background;
mod bucket;
pub mod check;
mod event_measures;
mod exported_metrics;
mod guards;
mod limits;
mod measures;
mod memory_measures;
mod mirrored_index;
mod read_only_index;
mod stores;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use drifting_artifacts::Lease;
use drifting_domain::ports::{EventSink, NoEvents, PortError};
use drifting_domain::use_cases::{Access, DriftService, Ports, ServiceSettings, StartReport};
use drifting_encoders::EncoderFolder;
use drifting_grpc::{GrpcServer, GrpcSettings};
use drifting_http::{AllowedHosts, HttpServer, HttpSettings};
use drifting_images::ImageFiles;
use drifting_inference::Inference;
use drifting_inference::events::EventIntake;
use drifting_listening::{Places, RequestMeasures};
use drifting_metrics::{Address, ServerStart};
use futures_util::FutureExt;
use tokio::sync::oneshot;

use self::audit_measures::AuditMeasures;
use self::background::{Background, save_last};
use self::bucket::Hold;
use self::event_measures::EventMeasures;
use self::guards::Guards;
use self::measures::{ConnectionSeries, Measured, measures};
use self::memory_measures::MemoryMeasures;
use self::stores::Stores;
use crate::config::{ArtifactsPath, Config, DatabaseUri, EventSinkConfig, GrpcPort, StateDurability};
use crate::metrics::{Database, Delivery, DeliveryCounts, DeliverySettings, Metrics, Place};
use crate::moderation::Moderation;
use crate::runtime::{Load, SystemClock, Threads};
use crate::sinks::{SinkDelivery, Sinks};
use crate::telemetry::tracing_of_requests;

/// The hidden command that reads index files in a process of its own.
pub const VERIFY_INDEX: &str = "verify-index";

/// How long everything may take after the requests under way have ended, until the online state is saved: a bucket may not answer. Whoever
/// stops the server waits for longer than that, as the deployments do.
const LAST_WITHIN: Duration = Duration::from_mins(1);
/// Of this, feeding the rows of events that wait.
const EVENTS_WITHIN: Duration = Duration::from_secs(10);
/// And operations that store their project.
const STORES_WITHIN: Duration = Duration::from_secs(10);

/// The server: bound, its stores open, not yet answering.
pub struct App {
    http: HttpServer,
    grpc: Option<GrpcServer>,
    grpc_told: String,
    service: Arc<DriftService>,
    /// Of the threads that judge many rows.
    load: Arc<Load>,
    intake: EventIntake,
    delivery: Option<Delivery>,
    sinks: Option<SinkDelivery>,
    database: String,
    state_interval: Duration,
    scan_interval: Option<Duration>,
    drain_delay: Duration,
    shutdown_timeout: Duration,
    hold: Option<Hold>,
    guards: Guards,
}

impl App {
    /// Opens the stores, reads which projects there are, and binds the address.
    ///
    /// # Errors
    /// When a store or the address cannot be used.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        // Before the stores, so that a key that cannot be read leaves nothing begun.
        let guards = Guards::open(&config).await?;
        let Stores { artifacts, index, operations, calls, hold } = Stores::open(&config).await?;
        let (metrics, delivery) = match database_of(&config) {
            None => (Metrics::in_memory(), None),
            Some(place) => {
                let start = ServerStart::now(&config.instance, env!("CARGO_PKG_VERSION"));
                let settings = DeliverySettings {
                    spill_folder: spill_folder(&config),
                    spill_max_bytes: config.metrics_spill_max_bytes,
                    retention: config.metrics_retention,
                };
                let (metrics, delivery) = Metrics::with_database(Database::new(place, start), settings);
                (metrics, Some(delivery))
            }
        };
        let metrics = Arc::new(metrics);
        let (events, sinks) = start_sinks(&config)?;
        let predictions = Arc::new(Threads::for_predictions()?);
        let load = Arc::clone(predictions.load());
        let ports = Ports {
            artifacts,
            index,
            operations,
            sink: Arc::clone(&metrics) as _,
            events,
            metrics,
            clock: Arc::new(SystemClock),
            fit_pool: Arc::new(Threads::for_fits()?),
            predict_pool: Arc::clone(&predictions) as _,
        };
        let settings = ServiceSettings {
            access: if config.read_only { Access::ReadOnly } else { Access::ReadWrite },
            durability: match config.state_durability {
                StateDurability::Interval => drifting_domain::use_cases::StateDurability::Interval,
                StateDurability::Always => drifting_domain::use_cases::StateDurability::Always,
            },
            records_features: config.metrics_features,
            fitted_by: format!("drifting {}", env!("CARGO_PKG_VERSION")),
        };
        let service = DriftService::new(ports, settings).with_limits(limits::of_service(&config));
        let service = service.with_images(Arc::new(ImageFiles));
        let service = with_encoders(service, config.encoders_path.as_deref());
        let service = Arc::new(service.telling_apart(config.metrics_max_projects));
        tell(&service.start().await.map_err(explained).context("cannot read the store")?);

        let inference = Inference::new(Arc::clone(&service));
        let intake = EventIntake::new(inference.clone());
        let http_requests = Arc::new(drifting_http::request_measures());
        let grpc_requests = Arc::new(drifting_grpc::request_measures());
        let connections = ConnectionSeries::of(config.requests.max_connections);
        let measured = Measured {
            service: Arc::clone(&service),
            http: Arc::clone(&http_requests),
            grpc: Arc::clone(&grpc_requests),
            connections: connections.clone(),
            predictions,
            store: calls,
            delivery: delivery.as_ref().map_or_else(DeliveryCounts::without_database, Delivery::counts),
            sinks: sinks.as_ref().map(SinkDelivery::measures),
            events: EventMeasures(intake.clone()),
            memory: MemoryMeasures::of(&service, &guards),
            audit: guards.audit.clone().map(AuditMeasures),
            with_mlserver_names: config.mlserver_metrics,
        };
        exported_metrics::export(&measured);
        let http_settings = http_settings(&config, &guards, measured, http_requests);
        let http = HttpServer::bind(config.address(), Arc::clone(&service), intake.clone(), http_settings)
            .await
            .with_context(|| format!("cannot listen on {}", config.address()))?;
        let grpc = bind_grpc(&config, inference, grpc_requests, connections.grpc, &guards).await?;
        let grpc_told = match (&grpc, config.grpc_port) {
            (Some(grpc), _) => grpc.local_addr().to_string(),
            (None, GrpcPort::None) => "off".to_owned(),
            (None, GrpcPort::ByDefault(port) | GrpcPort::Given(port)) => format!("off: port {port} is taken"),
        };
        let database = describe_database(&config);
        let Config { state_interval, scan_interval, drain_delay, shutdown_timeout, .. } = config;
        Ok(Self {
            http,
            grpc,
            grpc_told,
            service,
            load,
            intake,
            delivery,
            sinks,
            database,
            state_interval,
            scan_interval,
            drain_delay,
            shutdown_timeout,
            hold,
            guards,
        })
    }

    /// Lets threads that answer pause while this server refuses what it cannot judge.
    pub fn begin_moderation(&self, moderation: &Moderation) {
        moderation.begin(&self.service, &self.load);
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.http.local_addr()
    }

    /// Where it listens for gRPC, if it does.
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().map(GrpcServer::local_addr)
    }

    /// Whether it speaks TLS.
    pub fn speaks_tls(&self) -> bool {
        self.guards.tls.is_some()
    }

    /// What the banner says of gRPC.
    pub fn grpc(&self) -> &str {
        &self.grpc_told
    }

    /// What the banner says of the metrics database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Answers until `shutdown` is ready, then finishes what is under way and saves everything.
    ///
    /// # Errors
    /// When a server fails, or the last state could not be saved.
    pub async fn run_until(self, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let background = Background::begin(&self.service, self.state_interval, self.scan_interval);
        let _keeping_fresh = self.guards.keep_fresh();
        let service = Arc::clone(&self.service);
        let lease = self.hold.as_ref().map(Hold::lease);
        let is_overtaken = Arc::new(AtomicBool::new(false));
        let overtaken = Arc::clone(&is_overtaken);
        let (drain, draining) = oneshot::channel::<()>();
        let draining = draining.map(drop).shared();
        let (drain_delay, grace) = (self.drain_delay, self.shutdown_timeout);
        let shutdown = async move {
            tokio::select! {
                () = shutdown => {
                    // Whoever sends requests here has this time to see that the server is not ready any more.
                    drop(drain);
                    // None that begins now could be followed to its end.
                    service.close_operations();
                    tokio::time::sleep(drain_delay).await;
                }
                () = lost(lease) => overtaken.store(true, Ordering::Release),
            }
            // Nobody waits for them, and the next start tells what became of them.
            service.interrupt_operations();
        };
        let shutdown = shutdown.boxed().shared();
        let grpc = async {
            match self.grpc {
                Some(grpc) => grpc.run_draining(draining.clone(), shutdown.clone(), grace).await,
                None => Ok(()),
            }
        };
        let (served, served_grpc) =
            tokio::join!(self.http.run_draining(draining.clone(), shutdown.clone(), grace), grpc);
        let end = Instant::now() + LAST_WITHIN;
        self.intake.finish(EVENTS_WITHIN).await;
        if tokio::time::timeout(STORES_WITHIN, self.service.operations_ended()).await.is_err() {
            tracing::warn!("a fit in the background has not been stored in time");
        }
        background.end(end.saturating_duration_since(Instant::now()) / 2).await;
        let delivering = async {
            if let Some(delivery) = self.delivery {
                delivery.finish().await;
            }
        };
        let telling = async {
            if let Some(sinks) = self.sinks {
                sinks.finish().await;
            }
        };
        let (saved, (), ()) =
            tokio::join!(save_last(&self.service, end.saturating_duration_since(Instant::now())), delivering, telling);
        if let Some(hold) = &self.hold {
            hold.release().await;
        }
        if is_overtaken.load(Ordering::Acquire) {
            bail!(
                "another server has taken over the projects while this one could not be heard; it answers from now on"
            );
        }
        served.context("the server failed")?;
        served_grpc.context("the gRPC server failed")?;
        saved.map_err(explained).context("the last state was not saved")?;
        Ok(())
    }
}

/// The service with the encoders of a folder, if there is one.
fn with_encoders(service: DriftService, folder: Option<&Path>) -> DriftService {
    let Some(folder) = folder else { return service };
    let encoders = Arc::new(EncoderFolder::at(folder.to_owned()));
    service.with_text_encoders(Arc::clone(&encoders) as _).with_image_encoders(encoders)
}

/// What the HTTP interface is told.
fn http_settings(config: &Config, guards: &Guards, measured: Measured, requests: Arc<RequestMeasures>) -> HttpSettings {
    HttpSettings {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        max_body_bytes: config.max_body_bytes,
        fit_max_body_bytes: config.fit_max_body_bytes,
        head: limits::of_heads(&config.requests),
        max_json_depth: config.requests.max_json_depth,
        max_tensors: config.requests.max_tensors,
        max_rank: config.requests.max_rank,
        places: measured.connections.http.clone(),
        timeouts: limits::http_timeouts(&config.requests),
        allowed_hosts: match config.checked_hosts() {
            None => AllowedHosts::Any,
            Some(hosts) if config.allowed_hosts.is_empty() => AllowedHosts::Loopback(hosts),
            Some(hosts) => AllowedHosts::Named(hosts),
        },
        cors_origins: config.cors_origins.clone(),
        gate: Arc::clone(&guards.gate),
        audit: guards.audit.clone(),
        bodies: guards.bodies.clone(),
        fit_bodies: guards.fit_bodies.clone(),
        tls: guards.tls.clone(),
        event_projects: config.event_projects.clone(),
        mlserver_headers: config.mlserver_headers,
        measures: measures(measured),
        requests,
        tracing: tracing_of_requests(),
    }
}

/// The gRPC server, bound. Nobody who did not ask for it is kept from starting by a port that is taken.
async fn bind_grpc(
    config: &Config,
    inference: Inference,
    requests: Arc<RequestMeasures>,
    places: Places,
    guards: &Guards,
) -> anyhow::Result<Option<GrpcServer>> {
    let Some(address) = config.grpc_address() else { return Ok(None) };
    let settings = GrpcSettings {
        max_message_bytes: config.max_body_bytes,
        max_header_bytes: u32::try_from(config.requests.max_header_bytes).unwrap_or(u32::MAX),
        max_tensors: config.requests.max_tensors,
        max_rank: config.requests.max_rank,
        places,
        timeouts: limits::grpc_timeouts(&config.requests),
        allowed_hosts: config.checked_hosts(),
        gate: Arc::clone(&guards.gate),
        audit: guards.audit.clone(),
        bodies: guards.bodies.clone(),
        tls: guards.tls.clone(),
        requests,
        tracing: tracing_of_requests(),
        ..GrpcSettings::default()
    };
    match GrpcServer::bind(address, inference, settings).await {
        Ok(grpc) => Ok(Some(grpc)),
        Err(error) if matches!(config.grpc_port, GrpcPort::ByDefault(_)) && error.kind() == ErrorKind::AddrInUse => {
            tracing::warn!(%address, "the port of gRPC is taken: there is HTTP alone; give another --grpc-port, or none");
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen for gRPC on {address}")),
    }
}

/// Waits until another server has the lease, if there is one.
async fn lost(lease: Option<Lease>) {
    match lease {
        Some(lease) => lease.lost().await,
        None => std::future::pending().await,
    }
}

/// The database that the configuration asks for; see the table in the README.
pub fn database_of(config: &Config) -> Option<Place> {
    match (&config.database_uri, &config.artifacts_path) {
        // Beside the artifacts stands the database of the server that writes them.
        (DatabaseUri::NotGiven, _) if config.read_only => None,
        (DatabaseUri::None, _) | (DatabaseUri::NotGiven, ArtifactsPath::Memory | ArtifactsPath::Bucket(_)) => None,
        (DatabaseUri::Postgres(uri) | DatabaseUri::Sqlite(uri), _) => {
            let file = config.database_password_file.clone();
            Some(Place::At(Address::of_uri(uri.expose()).with_password_file(file)))
        }
        (DatabaseUri::Local | DatabaseUri::NotGiven, ArtifactsPath::Local(directory)) => {
            Some(Place::Local(beside(directory)))
        }
        (DatabaseUri::Local, ArtifactsPath::Memory | ArtifactsPath::Bucket(_)) => {
            Some(Place::Local(PathBuf::from(".drifting-metrics")))
        }
    }
}

/// Who is told of verdicts, and the tasks that do so.
fn start_sinks(config: &Config) -> anyhow::Result<(Arc<dyn EventSink>, Option<SinkDelivery>)> {
    let subscriptions = config.sinks().map(EventSinkConfig::subscription).collect::<anyhow::Result<Vec<_>>>()?;
    if subscriptions.is_empty() {
        return Ok((Arc::new(NoEvents), None));
    }
    let (sinks, delivery) = Sinks::start(subscriptions, &spill_folder(config), config.event_spool_max_bytes)?;
    Ok((Arc::new(sinks), Some(delivery)))
}

/// Where metrics and events wait: on the disk of the projects, where there is one that may be written to.
fn spill_folder(config: &Config) -> PathBuf {
    match &config.artifacts_path {
        ArtifactsPath::Local(directory) if !config.read_only => directory.join(".tmp"),
        ArtifactsPath::Bucket(_) => config.cache_path.clone(),
        ArtifactsPath::Local(_) | ArtifactsPath::Memory => std::env::temp_dir(),
    }
}

/// `<artifacts>-metrics`.
fn beside(directory: &Path) -> PathBuf {
    // Made absolute, so that `.` and `..` have names too.
    let absolute = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
    let mut name = absolute.file_name().unwrap_or_default().to_os_string();
    name.push("-metrics");
    absolute.with_file_name(name)
}

fn describe_database(config: &Config) -> String {
    match (&config.database_uri, database_of(config)) {
        (_, None) => "none (the latest values are kept in memory)".to_owned(),
        (DatabaseUri::Postgres(_) | DatabaseUri::Sqlite(_), _) => config.database_uri.to_string(),
        (_, Some(Place::Local(directory))) => format!("local, in {}", directory.display()),
        (uri, _) => uri.to_string(),
    }
}

fn tell(report: &StartReport) {
    let few = |names: &[drifting_domain::project::ProjectName]| {
        const SHOWN: usize = 10;
        let shown: Vec<&str> = names.iter().take(SHOWN).map(drifting_domain::project::ProjectName::as_str).collect();
        let more = if names.len() > SHOWN { ", …" } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    for note in &report.interrupted {
        tracing::warn!(operation = %note.id, project = %note.project, "a fit was interrupted by the end of the former server");
    }
    if report.n_swept > 0 {
        tracing::info!(count = report.n_swept, "what a crash had left behind was removed");
    }
    if !report.added.is_empty() {
        tracing::info!(
            count = report.added.len(),
            projects = few(&report.added),
            "new projects were found in the store"
        );
    }
    if !report.vanished.is_empty() {
        let projects = few(&report.vanished);
        tracing::warn!(count = report.vanished.len(), projects, "projects are gone from the store");
    }
    if !report.without_status.is_empty() {
        let projects = few(&report.without_status);
        tracing::warn!(count = report.without_status.len(), projects, "projects had no status and are active");
    }
    if !report.clashing.is_empty() {
        let projects = few(&report.clashing);
        tracing::error!(projects, "projects whose names differ from others only in case do not serve; rename them");
    }
    tracing::info!(count = report.n_projects, "projects in the store");
}

/// With everything that is known, for whoever starts the server.
fn explained(error: PortError) -> anyhow::Error {
    anyhow::Error::new(error)
}
