//! The same files in a bucket: S3 and its like, and Google Cloud Storage.
//!
//! # What differs from a directory
//!
//! * There are no folders and nothing to synchronise: what the store has acknowledged is durable.
//! * A [`Lease`] takes the place of the file lock.
//! * The configuration and the state are written on the condition that the version stands which this process has seen
//!   last, parameters on the condition that there are none of their name. So a server that was paused while another took
//!   over cannot overwrite what the other has written.
//! * New parameters never take the place of others, whoever left those: a configuration that names them may be on its
//!   way. The next free number is taken then.
//! * What was left behind is swept after an hour only, and a write of which nobody knows whether it was done is not undone.

mod abilities;
mod calls;
mod connect;
mod failure;
mod files;
mod google_tokens;
mod holder;
mod lease;
mod listing;
mod location;
mod look;
mod mirror;
mod random;
mod region;
mod store;
mod sweep;
mod term;

pub use files::{Access, RemoteFiles};
pub use lease::{Lease, LeaseSettings};
pub use location::{GcsLocation, RemoteLocation, RemoteSettings, S3Location, StaticCredentials};
pub use look::{RemoteLook, look_at_remote};
pub use mirror::RemoteFile;
pub use store::RemoteStore;
