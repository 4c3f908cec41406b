//! How many connections are open, and may be.

use std::fmt;

use drifting_listening::Places;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;

use super::parts::gauge;

/// The places of both interfaces.
#[derive(Debug, Clone)]
pub struct ConnectionSeries {
    /// Over HTTP.
    pub http: Places,
    /// Over gRPC.
    pub grpc: Places,
}

impl ConnectionSeries {
    /// So many connections over each.
    pub fn of(n: usize) -> Self {
        Self { http: Places::new(n), grpc: Places::new(n) }
    }
}

impl Collector for ConnectionSeries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let interfaces = [("http", &self.http), ("grpc", &self.grpc)];
        let help = "Connections that are open";
        let mut open = encoder.encode_descriptor("drifting_connections", help, None, MetricType::Gauge)?;
        for (interface, places) in interfaces {
            gauge(places.n_taken() as u64).encode(open.encode_family(&[("interface", interface)])?)?;
        }
        let help = "Connections that may be open at once";
        let mut most = encoder.encode_descriptor("drifting_connections_max", help, None, MetricType::Gauge)?;
        for (interface, places) in interfaces {
            gauge(places.n_places() as u64).encode(most.encode_family(&[("interface", interface)])?)?;
        }
        Ok(())
    }
}
