//! The messages and the service of `proto/inference.proto`, as generated.

tonic::include_proto!("inference");

/// The protocol itself, for server reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
