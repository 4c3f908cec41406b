//! Events as they wait for their sink.

use std::io;

use drifting_sinks::DriftEvent;

use crate::outbox::Waits;

impl Waits for DriftEvent {
    /// In bytes.
    fn weight(&self) -> usize {
        self.n_bytes()
    }

    /// Sinks take so many events at once, however large they are.
    fn part_of_batch(&self) -> usize {
        1
    }

    fn encode(events: &[Self]) -> io::Result<Vec<u8>> {
        postcard::to_allocvec(events).map_err(io::Error::other)
    }

    fn decode(bytes: &[u8]) -> io::Result<Vec<Self>> {
        postcard::from_bytes(bytes).map_err(io::Error::other)
    }
}
