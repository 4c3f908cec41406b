//! What `/metrics` tells. Nothing is gathered beforehand: each number is read where it is counted when somebody asks.

mod connections;
mod mlserver;
mod parts;
mod process;
mod projects;
mod requests;

use std::sync::Arc;

use drifting_artifacts::StoreCalls;
use drifting_domain::use_cases::DriftService;
use drifting_http::{Measures, MeasuresFormat};
use drifting_listening::RequestMeasures;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use self::connections::ConnectionSeries;
use self::mlserver::MlserverNames;
use self::parts::{Parts, StoreSeries};
use self::process::ProcessMeasures;
use self::projects::ProjectSeries;
use self::requests::RequestSeries;
use super::audit_measures::AuditMeasures;
use super::event_measures::EventMeasures;
use super::memory_measures::MemoryMeasures;
use crate::metrics::DeliveryCounts;
use crate::runtime::Threads;
use crate::sinks::SinkMeasures;

/// Where the numbers are.
pub struct Measured {
    /// What is counted of projects.
    pub service: Arc<DriftService>,
    /// Requests over HTTP.
    pub http: Arc<RequestMeasures>,
    /// Calls over gRPC.
    pub grpc: Arc<RequestMeasures>,
    /// The places of connections.
    pub connections: ConnectionSeries,
    /// The threads of large predictions.
    pub predictions: Arc<Threads>,
    /// The calls of the store, unless it is in memory.
    pub store: Option<StoreCalls>,
    /// The way of drift values to their database.
    pub delivery: DeliveryCounts,
    /// The event sinks, where there are any.
    pub sinks: Option<SinkMeasures>,
    /// Events that bring rows.
    pub events: EventMeasures,
    /// The memory that projects take.
    pub memory: MemoryMeasures,
    /// The audit log, where there is one.
    pub audit: Option<AuditMeasures>,
    /// Whether MLServer's names are told too.
    pub with_mlserver_names: bool,
}

/// Everything that is measured, as text whenever it is asked for.
pub fn measures(measured: Measured) -> Measures {
    let registry = Arc::new(registry(measured));
    Measures(Arc::new(move |format| {
        let mut told = String::new();
        // Writing into a text does not fail.
        let _ = match format {
            MeasuresFormat::OpenMetrics => text::encode(&mut told, &registry),
            MeasuresFormat::PrometheusText => prometheus_text::encode(&mut told, &registry),
        };
        told
    }))
}

fn registry(measured: Measured) -> Registry {
    let Measured {
        service,
        http,
        grpc,
        connections,
        predictions,
        store,
        delivery,
        sinks,
        events,
        memory,
        audit,
        with_mlserver_names,
    } = measured;
    let mut registry = Registry::default();
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("drifting_build", "What this server is", build);
    registry.register_collector(Box::new(RequestSeries { http: Arc::clone(&http), grpc: Arc::clone(&grpc) }));
    registry.register_collector(Box::new(connections));
    registry.register_collector(Box::new(ProjectSeries(Arc::clone(&service))));
    registry.register_collector(Box::new(Parts {
        service: Arc::clone(&service),
        predictions,
        metrics: delivery.counts(),
        events: events.clone(),
        sinks: sinks.clone(),
    }));
    if let Some(store) = store {
        registry.register_collector(Box::new(StoreSeries(store)));
    }
    registry.register_collector(Box::new(delivery));
    if let Some(sinks) = sinks {
        registry.register_collector(Box::new(sinks));
    }
    registry.register_collector(Box::new(events));
    registry.register_collector(Box::new(memory));
    if let Some(audit) = audit {
        registry.register_collector(Box::new(audit));
    }
    registry.register_collector(Box::new(ProcessMeasures));
    if with_mlserver_names {
        registry.register_collector(Box::new(MlserverNames { service, http, grpc }));
    }
    registry
}
