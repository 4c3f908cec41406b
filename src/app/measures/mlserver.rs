//! The same numbers under the names that MLServer gives them, for dashboards that have been made for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use drifting_domain::use_cases::DriftService;
use drifting_listening::{RequestCounts, RequestMeasures, RouteCounts};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::parts::gauge;
use super::projects::label;
use super::requests::histogram;

/// The names of MLServer.
pub(super) struct MlserverNames {
    pub(super) service: Arc<DriftService>,
    pub(super) http: Arc<RequestMeasures>,
    pub(super) grpc: Arc<RequestMeasures>,
}

impl fmt::Debug for MlserverNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MlserverNames")
    }
}

type Count = fn(&RouteCounts<'_>) -> u64;

/// What is counted of each method of gRPC. MLServer counts messages of streams alone, here the type tells them from those of other calls.
const OF_METHODS: [(&str, &str, Count); 3] = [
    ("grpc_server_started", "Total number of RPCs started on the server", |of| of.n_begun),
    ("grpc_server_msg_received", "Total number of RPC messages received on the server", |of| of.n_received),
    ("grpc_server_msg_sent", "Total number of gRPC messages sent by the server", |of| of.n_sent),
];

/// What MLServer leaves out of the counts of its REST server.
const NOT_COUNTED: [&str; 5] = ["/metrics", "/v2/health/live", "/v2/health/ready", "/livez", "/readyz"];

impl Collector for MlserverNames {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let projects = self.service.measures().projects;
        // MLServer says `None` where the path has no version; there is one of each model here.
        let of_model = |project| [("model", label(project).to_owned()), ("version", "None".to_owned())];
        let help = "Number of successful predictions";
        let mut family = encoder.encode_descriptor("model_infer_request_success", help, None, MetricType::Counter)?;
        for project in &projects {
            ConstCounter::new(project.n_predicted).encode(family.encode_family(&of_model(project))?)?;
        }
        let help = "Number of failed predictions";
        let mut family = encoder.encode_descriptor("model_infer_request_failure", help, None, MetricType::Counter)?;
        for project in &projects {
            ConstCounter::new(project.n_refused).encode(family.encode_family(&of_model(project))?)?;
        }
        // A summary without quantiles, as MLServer's is: the library of this text has none, but for the names of its parts.
        let help = "Number of predictions that were timed";
        let name = "model_infer_request_duration_count";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Unknown)?;
        for project in &projects {
            let n = project.n_predicted + project.n_refused;
            untyped(n as f64, family.encode_family(&of_model(project))?)?;
        }
        let help = "Time of predictions in seconds";
        let name = "model_infer_request_duration_sum";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Unknown)?;
        for project in &projects {
            untyped(project.predicting.as_secs_f64(), family.encode_family(&of_model(project))?)?;
        }
        self.rest(&mut encoder)?;
        self.grpc(&mut encoder)
    }
}

impl MlserverNames {
    fn rest(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let requests: Vec<RequestCounts<'_>> =
            self.http.counts().filter(|of| !NOT_COUNTED.contains(&of.route)).collect();
        let labels = |of: &RequestCounts<'_>| {
            [
                ("app_name", "mlserver".to_owned()),
                ("method", of.method.to_owned()),
                ("path", of.route.to_owned()),
                ("status_code", of.status.to_owned()),
            ]
        };
        let help = "Total HTTP requests";
        let mut family = encoder.encode_descriptor("rest_server_requests", help, None, MetricType::Counter)?;
        for of in &requests {
            ConstCounter::new(of.durations.n()).encode(family.encode_family(&labels(of))?)?;
        }
        let help = "HTTP request duration, in seconds";
        let name = "rest_server_request_duration_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for of in &requests {
            histogram(&of.durations, &mut family.encode_family(&labels(of))?)?;
        }
        let mut under_way: BTreeMap<&str, u64> = BTreeMap::new();
        for of in self.http.by_route().filter(|of| !NOT_COUNTED.contains(&of.route)) {
            *under_way.entry(of.method).or_default() += of.n_under_way;
        }
        let help = "Total HTTP requests currently in progress";
        let mut family =
            encoder.encode_descriptor("rest_server_requests_in_progress", help, None, MetricType::Gauge)?;
        for (method, n) in under_way {
            gauge(n).encode(family.encode_family(&[("app_name", "mlserver"), ("method", method)])?)?;
        }
        Ok(())
    }

    fn grpc(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let calls: Vec<RequestCounts<'_>> = self.grpc.counts().collect();
        let labels = |of: &RequestCounts<'_>| {
            let [kind, service, method] = of_method(of.route);
            [kind, service, method, ("grpc_code", of.status.to_owned())]
        };
        let help = "Total number of RPCs completed on the server";
        let mut family = encoder.encode_descriptor("grpc_server_handled", help, None, MetricType::Counter)?;
        for of in &calls {
            ConstCounter::new(of.durations.n()).encode(family.encode_family(&labels(of))?)?;
        }
        let help = "Time of RPCs in seconds";
        let mut family =
            encoder.encode_descriptor("grpc_server_handling_seconds", help, None, MetricType::Histogram)?;
        for of in &calls {
            histogram(&of.durations, &mut family.encode_family(&labels(of))?)?;
        }
        // Read last, so that no more have ended than have begun.
        let methods: Vec<RouteCounts<'_>> = self.grpc.by_route().collect();
        for (name, help, count) in OF_METHODS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for of in &methods {
                ConstCounter::new(count(of)).encode(family.encode_family(&of_method(of.route))?)?;
            }
        }
        Ok(())
    }
}

/// The labels of a method of gRPC.
fn of_method(route: &str) -> [(&'static str, String); 3] {
    let (service, method) = route.trim_start_matches('/').rsplit_once('/').unwrap_or(("", route));
    let kind = match method {
        "ModelStreamInfer" | "ServerReflectionInfo" => "BIDI_STREAMING",
        "Watch" => "SERVER_STREAMING",
        _ => "UNARY",
    };
    [("grpc_type", kind.to_owned()), ("grpc_service", service.to_owned()), ("grpc_method", method.to_owned())]
}

/// A number of a family without a type.
fn untyped(value: f64, mut encoder: prometheus_client::encoding::MetricEncoder<'_>) -> Result<(), fmt::Error> {
    encoder.encode_gauge(&value)
}
