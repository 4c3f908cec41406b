//! Projects as files, through opendal.
//!
//! # Layout
//!
//! ```text
//! <root>/
//! ├── .tmp/                           temporary files, emptied by a sweep, and the lock of the server that serves this root
//! │                                   (in a bucket: its lease); a note of each operation under way (`operation-<id>.yaml`)
//! └── <project>/                      the folder's name is the project's name, whatever the configuration says
//!     ├── configuration.yaml          everything needed to load it; replacing it is the commit
//!     ├── drift_detector.safetensors  the fitted parameters (`drift_detector-<generation>.safetensors` after an overwrite)
//!     └── state.safetensors           the online state, replaced at each checkpoint
//! ```
//!
//! Anything else in the root is left alone, `store.db` and `active.db` too, which belong to the index.
//!
//! # What protects the files
//!
//! * The last line of `configuration.yaml` is `checksum: sha256:…` over the text above it; it is always required, since
//!   a file that was cut off has lost it. Whoever edits the file by hand writes the new checksum, which is what
//!   `head -n -1 configuration.yaml | sha256sum` prints, into the last line.
//! * The configuration names the parameter file and the checksum of its bytes.
//! * The state carries its generation, the checksum of the configuration that it belongs to, and a checksum of its own
//!   file, computed with zeros in the place of its digits. So the state of another project or fit is not taken for it,
//!   while a folder that was copied whole, under any name, keeps its state.
//!
//! # Order of writes
//!
//! * First fit: remove a leftover state, make the folder, write the parameters, then the configuration.
//! * Overwrite: write the new parameters beside the old ones, replace the configuration, then remove the old
//!   parameters and the old state.
//! * Delete: remove the configuration, then the other files, then the folder.
//!
//! In a directory every file is written under a temporary name, synchronised, then renamed; folders are synchronised after
//! each of these steps and before the next. In a bucket a file is written whole by one call, which is durable once it is
//! acknowledged. What a crash leaves behind is no project, and the next sweep removes it. A change
//! that has begun runs to its end even if whoever asked for it no longer waits.

//!
//! # In a bucket
//!
//! The root is a prefix on S3 or Google Cloud Storage, with the same files, byte for byte, so that a store can be copied
//! either way. Where there are several servers, what protects them from each other is said at [`Lease`] and
//! [`OpendalArtifacts::open_remote`]. What an operation costs:
//!
//! | operation | writes and listings | reads | removals |
//! |---|---|---|---|
//! | first fit | 4 | 1 | 0 |
//! | overwrite | 4 | 2 | 2 |
//! | checkpoint of a state | 1 | 1 | 0 |
//! | load | 0 | 4 | 0 |
//! | deletion | 1 | 1 | 2 |
//! | start with 10,000 projects | 31 | 0 | 0 |
//! | an hour of the lease | 720 | 0 | 0 |
//!
//! Google Cloud Storage takes two requests for each conditional write.

mod calls;
mod checksum;
mod configuration_file;
mod delete;
mod error;
mod files;
mod fits;
mod layout;
mod local;
mod local_files;
mod locks;
mod look;
mod notes;
mod put;
mod read;
mod remote;
mod state;
mod state_file;
mod store;
mod survey;
mod sweep;
mod tensors_file;

pub use calls::{CallCount, CallOutcome, StoreCalls};
pub use look::{LocalLook, look_at_local};
pub use remote::{
    GcsLocation, Lease, LeaseSettings, RemoteFile, RemoteLocation, RemoteLook, RemoteSettings, RemoteStore, S3Location,
    StaticCredentials, look_at_remote,
};
pub use store::OpendalArtifacts;
