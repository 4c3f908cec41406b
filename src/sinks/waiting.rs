//! Events as they wait for their sink.

use std::io;

use drifting_sinks::DriftEvent;

use crate::outbox::Waits;

impl Waits for DriftEvent {
    /// In events: some 250 bytes.
    fn weight(&self) -> usize {
        1
    }

    fn encode(events: &[Self]) -> io::Result<Vec<u8>> {
        postcard::to_allocvec(events).map_err(io::Error::other)
    }

    fn decode(bytes: &[u8]) -> io::Result<Vec<Self>> {
        postcard::from_bytes(bytes).map_err(io::Error::other)
    }
}
