//! Everything that reads bytes from outside, as functions of bytes. The fuzzer (`fuzz/`) calls them with what it makes up, the tests
//! with the committed corpus. Each panics where something is wrong: the reader itself, or an answer that is a failure of the
//! server.

mod access;
mod grpc;
mod readers;
mod server;
mod store;
mod wire;

/// A reader and its name, which is that of its folder in the corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 26] = [
    ("arrow", readers::arrow),
    ("claims", access::claims),
    ("configuration", store::configuration),
    ("credential", access::credential),
    ("csv", server::csv),
    ("event", readers::event),
    ("event_batch", readers::event_batch),
    ("event_headers", readers::event_headers),
    ("fit", server::fit),
    ("fit_query", server::fit_query),
    ("grpc", grpc::infer),
    ("image", readers::image),
    ("infer", readers::infer),
    ("infer_answer", server::infer),
    ("infer_binary", readers::infer_binary),
    ("keys_file", access::keys_file),
    ("multipart", server::multipart),
    ("name", readers::name),
    ("ndjson", server::ndjson),
    ("parameters", store::parameters),
    ("parquet", readers::parquet),
    ("predict", server::predict),
    ("published", access::published),
    ("refused", server::refused),
    ("request", server::request),
    ("state", store::state),
];

/// Calls one by its name.
///
/// # Panics
/// When there is none of that name, and when something is wrong.
pub fn call(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of this name");
    target(data);
}
