//! Requests by what was asked and what came of it.

use std::fmt;
use std::sync::Arc;

use drifting_domain::measures::DurationCounts;
use drifting_listening::{RequestCounts, RequestMeasures};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::parts::gauge;

/// Both interfaces.
#[derive(Debug)]
pub(super) struct RequestSeries {
    pub(super) http: Arc<RequestMeasures>,
    pub(super) grpc: Arc<RequestMeasures>,
}

/// Writes durations as a histogram.
pub(super) fn histogram(counts: &DurationCounts, encoder: &mut MetricEncoder<'_>) -> Result<(), fmt::Error> {
    encoder.encode_histogram::<NoLabelSet>(counts.sum_s, counts.n(), &counts.buckets, None)
}

impl Collector for RequestSeries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let http: Vec<RequestCounts<'_>> = self.http.counts().collect();
        let of_http = |of: &RequestCounts<'_>| {
            [("method", of.method.to_owned()), ("route", of.route.to_owned()), ("status", of.status.to_owned())]
        };
        let help = "Requests over HTTP that have ended";
        let mut totals = encoder.encode_descriptor("drifting_http_requests", help, None, MetricType::Counter)?;
        for of in &http {
            ConstCounter::new(of.durations.n()).encode(totals.encode_family(&of_http(of))?)?;
        }
        let help = "Time from the head of a request over HTTP to its answer";
        let name = "drifting_http_request_duration_seconds";
        let mut durations = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for of in &http {
            histogram(&of.durations, &mut durations.encode_family(&of_http(of))?)?;
        }
        let help = "Requests over HTTP that are being answered";
        let now = encoder.encode_descriptor("drifting_http_requests_in_progress", help, None, MetricType::Gauge)?;
        gauge(self.http.n_under_way()).encode(now)?;

        let grpc: Vec<RequestCounts<'_>> = self.grpc.counts().collect();
        let of_grpc = |of: &RequestCounts<'_>| {
            [("method", of.route.trim_start_matches('/').to_owned()), ("status", of.status.to_owned())]
        };
        let help = "Calls over gRPC that have ended";
        let mut totals = encoder.encode_descriptor("drifting_grpc_requests", help, None, MetricType::Counter)?;
        for of in &grpc {
            ConstCounter::new(of.durations.n()).encode(totals.encode_family(&of_grpc(of))?)?;
        }
        let help = "Time from the head of a call over gRPC to its status";
        let name = "drifting_grpc_request_duration_seconds";
        let mut durations = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for of in &grpc {
            histogram(&of.durations, &mut durations.encode_family(&of_grpc(of))?)?;
        }
        let help = "Calls over gRPC that are being answered";
        let now = encoder.encode_descriptor("drifting_grpc_requests_in_progress", help, None, MetricType::Gauge)?;
        gauge(self.grpc.n_under_way()).encode(now)?;

        let help = "Requests that came again by their Idempotency-Key and were given their first answers";
        let mut replays = encoder.encode_descriptor("drifting_idempotent_replays", help, None, MetricType::Counter)?;
        for (interface, measures) in [("http", &self.http), ("grpc", &self.grpc)] {
            let labels = [("interface", interface)];
            ConstCounter::new(measures.n_replayed()).encode(replays.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
