//! The server: bound first, so that its address is known, then serving.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use drifting_domain::use_cases::DriftService;
use drifting_inference::events::EventIntake;
use drifting_listening::RequestMeasures;
use futures_util::FutureExt;
use poem::{Endpoint, Response, Route, RouteMethod};
use poem_openapi::OpenApi;
use tokio::net::TcpListener;

use crate::api::{
    Api, BacktestApi, EventsApi, FitAnswers, FitApi, HealthApi, MetricsApi, OperationsApi, Origins, PredictApi,
    ProjectsApi, Readiness, RootEvents,
};
use crate::connection::{Connections, GuardedAcceptor, Refuse, serve};
use crate::dashboard::{self, Dashboard, Live};
use crate::front::{Front, HostCheck, METHODS, Overload, PreparedRefusals, Routes, STATUSES, TransportSecurity, Watch};
use crate::pages;
use crate::rights::Guarded;
use crate::settings::HttpSettings;
use crate::v2;

/// A server that is bound and not yet serving.
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<DriftService>,
    intake: EventIntake,
    settings: HttpSettings,
}

impl HttpServer {
    /// Binds an address; with port 0 the system chooses a free one. Events are handed to `intake`, which feeds the same service.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(
        address: SocketAddr,
        service: Arc<DriftService>,
        intake: EventIntake,
        settings: HttpSettings,
    ) -> io::Result<Self> {
        let listener = drifting_listening::listen(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, service, intake, settings })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes, then finishes the requests under way for up to `grace`.
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

    /// The same; once `draining` completes the server says that it is not ready, and goes on serving, each connection for one more answer.
    ///
    /// # Errors
    /// When serving fails.
    pub async fn run_draining(
        self,
        draining: impl Future<Output = ()> + Send + 'static,
        shutdown: impl Future<Output = ()> + Send + 'static,
        grace: Duration,
    ) -> io::Result<()> {
        let Self { listener, address, service, intake, settings } = self;
        let connections = Connections::default();
        let readiness = Readiness::default();
        let acceptor = GuardedAcceptor::new(listener, connections.clone(), &settings)?;
        let transport_security =
            settings.tls.as_ref().map(|_| TransportSecurity::over_tls(address.ip())).unwrap_or_default();
        let endpoint = endpoint(service, intake, &settings, connections, transport_security, readiness.clone());
        let (draining, shutdown) = (draining.map(|()| readiness.end()), shutdown.map(|()| readiness.end()));
        serve(acceptor, endpoint, settings.head, draining, shutdown, grace).await;
        Ok(())
    }
}

/// Everything that is served.
fn endpoint(
    service: Arc<DriftService>,
    intake: EventIntake,
    settings: &HttpSettings,
    connections: Connections,
    transport_security: TransportSecurity,
    readiness: Readiness,
) -> impl Endpoint<Output = Response> + Refuse + use<> {
    let timeouts = settings.timeouts;
    let origins = Origins::default();
    let overload = Overload::new(Arc::clone(&service), settings.requests.routes());
    let dashboard = Dashboard {
        service: Arc::clone(&service),
        origins: origins.clone(),
        live: Live::new(Arc::clone(&service), readiness.clone()),
        idle: timeouts.idle,
    };
    let inference = intake.inference().clone();
    let v2 = v2::api(&inference, readiness.clone(), settings);
    let events = EventsApi {
        service: Arc::clone(&service),
        intake,
        limits: settings.read_limits(settings.max_body_bytes),
        timeouts,
    };
    let at_root = (!settings.event_projects.is_empty())
        .then(|| RootEvents { events: events.clone(), projects: Arc::new(settings.event_projects.clone()) });
    let api: Api = (
        ProjectsApi { service: Arc::clone(&service) },
        FitApi {
            service: Arc::clone(&service),
            limits: settings.read_limits(settings.fit_max_body_bytes),
            timeouts: timeouts.of_fits(),
            origins: origins.clone(),
            answers: FitAnswers::default(),
        },
        BacktestApi {
            service: Arc::clone(&service),
            limits: settings.read_limits(settings.fit_max_body_bytes),
            timeouts: timeouts.of_fits(),
        },
        OperationsApi { service: Arc::clone(&service), origins: origins.clone(), idle: timeouts.idle },
        PredictApi { service: Arc::clone(&service), limits: settings.read_limits(settings.max_body_bytes), timeouts },
        events.clone(),
        MetricsApi { service },
        HealthApi { readiness: readiness.clone(), measures: settings.measures.clone() },
    );
    // Not through poem-openapi's own endpoint, which parses every query string once more and nests routers.
    let mut operations = HashMap::new();
    api.add_routes(&mut operations);
    v2.add_routes(&mut operations);
    #[cfg(feature = "echo")]
    crate::api::EchoApi { body_bytes_max: settings.max_body_bytes, timeouts }.add_routes(&mut operations);
    let route = operations.into_iter().fold(Route::new(), |route, (path, methods)| {
        let methods = methods.into_iter();
        let methods = methods.fold(RouteMethod::new(), |route, (method, operation)| {
            let operation = Guarded::new(operation, &method, &path).audited(&path, settings.audit.as_ref());
            route.method(method, operation)
        });
        if !v2::has_path(&path) {
            return route.at(path, methods);
        }
        // Some clients of the protocol put a slash at the end. Sent on to another path, they would lose their body.
        let methods = Arc::new(methods);
        route.at(format!("{path}/"), Arc::clone(&methods)).at(path, methods)
    });
    let route = dashboard.add_to(v2::add_to(route, &inference));
    Front {
        inner: pages::add_to(route, &settings.version, at_root),
        hosts: HostCheck::new(&settings.allowed_hosts, &settings.cors_origins),
        gate: Arc::clone(&settings.gate),
        overload,
        bodies: settings.bodies.clone(),
        fit_bodies: settings.fit_bodies.clone(),
        refusals: PreparedRefusals::default(),
        head: settings.head,
        connections,
        readiness,
        transport_security,
        routes: routes(),
        watch: Watch::new(Arc::clone(&settings.requests), settings.tracing.clone()),
    }
}

/// What is served, and by which methods.
fn routes() -> Routes {
    let described: Vec<_> = Api::meta().into_iter().chain(v2::Api::meta()).collect();
    Routes::new(&described, &[&pages::PATHS[..], &v2::PAGES, &dashboard::FRAGMENTS].concat())
}

/// Counts of the requests of this interface.
pub fn request_measures() -> RequestMeasures {
    RequestMeasures::new(routes().patterns(), METHODS, STATUSES)
}
