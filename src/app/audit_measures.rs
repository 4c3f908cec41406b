//! What has become of the lines of the audit log, as `/metrics` tells it.

use std::fmt;

use drifting_access::{AuditCounts, AuditLog};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

/// The counts of the audit log for a registry.
#[derive(Debug)]
pub struct AuditMeasures(pub AuditLog);

impl Collector for AuditMeasures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let AuditCounts { written, lost } = self.0.counts();
        let help = "Lines of the audit log, by whether they could be written";
        let mut lines = encoder.encode_descriptor("drifting_audit_lines", help, None, MetricType::Counter)?;
        for (outcome, n) in [("written", written), ("lost", lost)] {
            ConstCounter::new(n).encode(lines.encode_family(&[("outcome", outcome)])?)?;
        }
        Ok(())
    }
}
