//! What a request may be, and how long a client may take.

use std::time::Duration;

use drifting_domain::data::COLUMNS_MAX;
use drifting_domain::detectors::{PERMUTATIONS_MAX, SIMULATED_MAX};
use drifting_inference::ReadLimits;
use serde_json::Value;

use super::error::ConfigError;
use super::settings::Settings;
use super::units::{ByteSize, Interval};

/// More headers are refused by the parser of heads.
const HEADERS_MAX: usize = 100;
/// Larger heads are refused by the parser of heads.
const HEAD_BYTES_MAX: usize = 256 * 1024;
/// The longest path of the server with the longest name of a project has some bytes less.
const URI_BYTES_MIN: usize = 200;
/// The file descriptors that a process may have on the largest machines.
const CONNECTIONS_MAX: usize = 1_000_000;

/// What a request may be, and how long a client may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestConfig {
    /// Bytes of the path and the query.
    pub max_uri_bytes: usize,
    /// Headers.
    pub max_headers: usize,
    /// Bytes of the headers' names and values.
    pub max_header_bytes: usize,
    /// Arrays and objects of JSON within one another.
    pub max_json_depth: usize,
    /// Columns of data.
    pub max_columns: usize,
    /// Tensors of a request for an inference.
    pub max_tensors: usize,
    /// Dimensions of a tensor.
    pub max_rank: usize,
    /// Permutations behind a p-value.
    pub max_permutations: usize,
    /// Streams that are simulated for thresholds.
    pub max_bootstraps: usize,
    /// Connections at once, over HTTP and over gRPC each.
    pub max_connections: usize,
    /// For the head of a request, and for a client's part of a handshake.
    pub header_timeout: Duration,
    /// Without a byte of a body.
    pub body_timeout: Duration,
    /// Without a request on a connection.
    pub idle_timeout: Duration,
    /// Without a byte of an answer being taken.
    pub write_timeout: Duration,
}

/// Most connections by default.
const CONNECTIONS_USUALLY: u64 = 10_000;

/// Four fifths of the files that may be open, for HTTP and gRPC together: without one left nothing could be read or stored.
fn connections() -> usize {
    let most = crate::open_files::limit().map_or(CONNECTIONS_USUALLY, |files| (files * 2 / 5).max(1));
    usize::try_from(most.min(CONNECTIONS_USUALLY)).unwrap_or(1)
}

/// Reads a number of things that there can be so many of.
fn up_to(most: usize) -> impl Fn(&str) -> Result<usize, String> {
    move |text| {
        let count = text.parse().ok().filter(|count| (1..=most).contains(count));
        count.ok_or_else(|| format!("expected a number from 1 to {most}, got `{text}`"))
    }
}

/// Reads a size of what stands in a head.
fn head_bytes(text: &str) -> Result<usize, String> {
    let ByteSize(bytes) = text.parse()?;
    if bytes > HEAD_BYTES_MAX {
        return Err(format!("expected at most {}, got `{text}`", ByteSize(HEAD_BYTES_MAX)));
    }
    Ok(bytes)
}

/// Reads a size of a path with its query.
fn uri_bytes(text: &str) -> Result<usize, String> {
    let bytes = head_bytes(text)?;
    if bytes < URI_BYTES_MIN {
        let least = ByteSize(URI_BYTES_MIN);
        return Err(format!("expected at least {least}, which every path of the server fits into, got `{text}`"));
    }
    Ok(bytes)
}

impl Settings {
    pub(super) fn requests(&self) -> Result<RequestConfig, ConfigError> {
        let count = |key, most| self.required_as(key, up_to(most));
        let interval = |key| self.required::<Interval>(key).map(|interval| interval.0);
        Ok(RequestConfig {
            max_uri_bytes: self.required_as("max_uri_bytes", uri_bytes)?,
            max_headers: count("max_headers", HEADERS_MAX)?,
            max_header_bytes: self.required_as("max_header_bytes", head_bytes)?,
            max_json_depth: count("max_json_depth", ReadLimits::JSON_DEPTH_MAX)?,
            max_columns: count("max_columns", COLUMNS_MAX)?,
            max_tensors: count("max_tensors", ReadLimits::TENSORS_MAX)?,
            max_rank: count("max_rank", ReadLimits::RANK_MAX)?,
            max_permutations: count("max_permutations", PERMUTATIONS_MAX)?,
            max_bootstraps: count("max_bootstraps", SIMULATED_MAX)?,
            max_connections: self.read("max_connections", up_to(CONNECTIONS_MAX))?.unwrap_or_else(connections),
            header_timeout: interval("header_timeout")?,
            body_timeout: interval("body_timeout")?,
            idle_timeout: interval("idle_timeout")?,
            write_timeout: interval("write_timeout")?,
        })
    }
}

impl RequestConfig {
    /// What a setting of these comes to.
    pub(super) fn shown(&self, name: &str) -> Value {
        let bytes = |bytes| ByteSize(bytes).to_string().into();
        let interval = |interval| Interval(interval).to_string().into();
        match name {
            "max_uri_bytes" => bytes(self.max_uri_bytes),
            "max_headers" => self.max_headers.into(),
            "max_header_bytes" => bytes(self.max_header_bytes),
            "max_json_depth" => self.max_json_depth.into(),
            "max_columns" => self.max_columns.into(),
            "max_tensors" => self.max_tensors.into(),
            "max_rank" => self.max_rank.into(),
            "max_permutations" => self.max_permutations.into(),
            "max_bootstraps" => self.max_bootstraps.into(),
            "max_connections" => self.max_connections.into(),
            "header_timeout" => interval(self.header_timeout),
            "body_timeout" => interval(self.body_timeout),
            "idle_timeout" => interval(self.idle_timeout),
            "write_timeout" => interval(self.write_timeout),
            // Every name of the list stands somewhere: a test goes through them.
            _ => Value::Null,
        }
    }
}
