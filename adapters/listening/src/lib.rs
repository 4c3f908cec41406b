//! What every listener does alike, whatever its protocol: accepts connections within a limit, in TLS where that is set, puts deadlines
//! on them, knows which hosts are served, names requests and knows those that come again, and writes what clients send into the log
//! so that it forges no line.

mod accepting;
mod guarded;
mod hosts;
mod idempotency;
mod log;
mod request_id;
mod tls;
mod transport;

pub use accepting::{Accepted, Accepting, try_bind};
pub use guarded::{Guard, GuardedStream, timed_out};
pub use hosts::{ServedHosts, normal_host};
pub use idempotency::{ContentDigest, IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, IdempotencyKey};
pub use log::{escaped, milliseconds};
pub use request_id::{REQUEST_ID, RequestId};
pub use tls::{Tls, TlsError, TlsFiles};
pub use transport::Transport;
