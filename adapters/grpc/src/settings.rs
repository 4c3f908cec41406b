//! What the owner of the server decides about its gRPC interface.

use std::sync::Arc;
use std::time::Duration;

use drifting_access::{AuditLog, Gate};
use drifting_inference::ReadLimits;
use drifting_listening::{BodyMemory, Places, RequestMeasures, Tls, Tracing};

use crate::front::request_measures;

/// Limits and names of the gRPC interface.
#[derive(Clone)]
pub struct GrpcSettings {
    /// Messages may have so many bytes, compressed and decompressed.
    pub max_message_bytes: usize,
    /// The metadata of a call may take so many bytes.
    pub max_header_bytes: u32,
    /// A request may have so many tensors.
    pub max_tensors: usize,
    /// A tensor may have so many dimensions.
    pub max_rank: usize,
    /// The hosts that a request may name as its authority, with or without a port; any where there is no list.
    pub allowed_hosts: Option<Vec<String>>,
    /// Who is let in.
    pub gate: Arc<Gate>,
    /// Where changes are written down, if anywhere.
    pub audit: Option<AuditLog>,
    /// What messages may take together, with the bodies of requests over HTTP.
    pub bodies: BodyMemory,
    /// By what the server is known, if it speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// The places of connections that are served at once. Where none is free, one that rests makes room, or else more wait in the
    /// system's queue.
    pub places: Places,
    /// So many requests are served at once on one connection; a client waits with more.
    pub streams_max: u32,
    /// How long a client may take.
    pub timeouts: GrpcTimeouts,
    /// Where calls are counted.
    pub requests: Arc<RequestMeasures>,
    /// Where calls are traced, if at all.
    pub tracing: Tracing,
}

impl GrpcSettings {
    /// What a message may hold.
    pub(crate) fn read_limits(&self) -> ReadLimits {
        let limits = ReadLimits::of_bytes(self.max_message_bytes);
        ReadLimits { tensors: self.max_tensors, rank: self.max_rank, ..limits }
    }
}

impl Default for GrpcSettings {
    fn default() -> Self {
        Self {
            max_message_bytes: 32 * 1024 * 1024,
            max_header_bytes: 32 * 1024,
            max_tensors: ReadLimits::TENSORS_MAX,
            max_rank: ReadLimits::RANK_MAX,
            allowed_hosts: None,
            gate: Arc::new(Gate::open()),
            audit: None,
            bodies: BodyMemory::default(),
            tls: None,
            places: Places::new(10_000),
            streams_max: 100,
            timeouts: GrpcTimeouts::default(),
            requests: Arc::new(request_measures()),
            tracing: Tracing::default(),
        }
    }
}

/// How long a client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcTimeouts {
    /// From the connection to the end of its first bytes, by which HTTP/2 begins.
    pub preface: Duration,
    /// From the first byte of a call's head to its last.
    pub head: Duration,
    /// Between two pings by which the server sees whether a silent client is still there.
    pub ping_every: Duration,
    /// For the answer to a ping.
    pub ping_answer: Duration,
    /// Without a byte of an answer being taken.
    pub write: Duration,
    /// Without a byte of a message arriving that has begun, or that the call cannot do without.
    pub message_chunk: Duration,
    /// A message may take this long at any rate; a longer one must come at [`Self::message_bytes_per_second_min`].
    pub message_grace: Duration,
    /// A message that takes longer than [`Self::message_grace`] must have come at this rate on average.
    pub message_bytes_per_second_min: u64,
    /// A message may take this long at most, whatever its rate.
    pub message: Duration,
}

impl Default for GrpcTimeouts {
    fn default() -> Self {
        Self {
            preface: Duration::from_secs(10),
            head: Duration::from_secs(10),
            ping_every: Duration::from_secs(30),
            ping_answer: Duration::from_secs(20),
            write: Duration::from_mins(1),
            message_chunk: Duration::from_secs(30),
            message_grace: Duration::from_secs(20),
            message_bytes_per_second_min: 1024,
            message: Duration::from_mins(5),
        }
    }
}
