//! What every listener does alike, whatever its protocol: accepts connections within a limit, in TLS where that is set, puts deadlines
//! on them, bounds the memory of bodies, knows which hosts are served, names, counts and traces requests, knows those that come again, and writes what clients
//! send into the log so that it forges no line.

mod accepting;
mod body_memory;
mod guarded;
mod hosts;
mod http2;
mod idempotency;
mod log;
mod places;
mod request_id;
mod request_measures;
mod request_span;
mod tls;
mod trace_context;
mod transport;

pub use accepting::{Accepted, Accepting, listen};
pub use body_memory::{BodyMemory, BodyShare, FREE_BYTES};
pub use guarded::{Guard, GuardedStream, READ_BYTES_MAX, timed_out};
pub use hosts::{LOOPBACK_NAMES, ServedHosts, normal_host};
pub use http2::{HTTP2_PREFACE, Http2Streams};
pub use idempotency::{ContentDigest, IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, IdempotencyKey};
pub use log::{escaped, milliseconds};
pub use places::Places;
pub use request_id::{REQUEST_ID, RequestId};
pub use request_measures::{RequestCounts, RequestMeasures, RouteCounts, UNMATCHED};
pub use request_span::{RequestTracer, TRACED, Tracing};
pub use tls::{Tls, TlsError, TlsFiles};
pub use trace_context::{TRACE_PARENT, TRACE_STATE, TraceContext};
pub use transport::Transport;
