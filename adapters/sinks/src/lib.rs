//! Verdicts as [CloudEvents](https://cloudevents.io) 1.0, posted to sinks over HTTP and signed as
//! [Standard Webhooks](https://www.standardwebhooks.com).
//!
//! A sink is named by whoever configures the server, never by a request, and still it is not trusted with the network of the
//! server: redirects are not followed, and the addresses that its name has are looked at when a connection is made.

mod address;
mod event;
mod format;
mod resolver;
mod retry_after;
mod signature;
mod sink;
mod sink_url;

pub use event::{Common, DriftEvent, EventIds};
pub use format::EventFormat;
pub use signature::{InvalidSecret, Secrets};
pub use sink::{Posted, Sink, SinkError, SinkSettings};
pub use sink_url::{InvalidSinkUrl, SinkUrl};
