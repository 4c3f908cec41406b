//! Events that bring rows: what model servers log of their requests, and CloudEvents of anybody else.
//!
//! An event passes these places:
//!
//! 1. `envelope`, `structured`: what it says of itself, in headers or in JSON;
//! 2. `payload`: its data, in any of four forms, checked and counted as they are read;
//! 3. `intake`: what came before is left out (`recent`), the rest waits behind what came before it for the same project;
//! 4. `feeding`: the use case, one event of a project after the other.

mod counts;
mod envelope;
mod feeding;
mod intake;
mod payload;
mod recent;
mod size;
mod structured;

pub use counts::{EventCounts, Unused};
pub use envelope::{Envelope, EventKind};
pub use intake::{Accepted, Event, EventIntake, NotTaken, PROJECT_EVENTS_MAX};
pub use payload::{Payload, read_payload};
pub use structured::{StructuredEvent, read_batch, read_structured};
