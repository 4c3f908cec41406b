//! The gRPC interface: the Open Inference Protocol, health and server reflection.
//!
//! A call passes these places:
//!
//! 1. `connection`: one accepted socket, with its deadlines;
//! 2. `front`: request id, span and counts, host check, access log, deadlines of messages, and failures below the service in words for people;
//! 3. `codec` and `message`: from bytes to the tensors of [`drifting_inference`], counted before they are made;
//! 4. `service`: one method a use case;
//! 5. `answer` and `status`: from answers and refusals to messages and statuses.

mod answer;
mod codec;
mod connection;
mod front;
mod message;
#[expect(clippy::allow_attributes, clippy::enum_variant_names, clippy::pedantic, reason = "generated code is as it is")]
mod protocol;
mod server;
mod service;
mod settings;
mod status;
mod stop;

pub use front::request_measures;
pub use server::GrpcServer;
pub use settings::{GrpcSettings, GrpcTimeouts};
