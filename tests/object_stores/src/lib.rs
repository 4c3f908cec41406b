//! Object stores for tests, on loopback and on free ports, with everything in a temporary directory: real S3 and GCS
//! servers, a stub of the JSON API of GCS with true preconditions, and a proxy whose faults a test chooses.
//!
//! A store lives as long as its value, and ends with it, also when the test panics. All of it is blocking and has
//! threads of its own, so that it serves tests inside and outside of an async runtime.
//!
//! | store | what for | starts in about |
//! |---|---|---|
//! | [`SeaweedFs`] | S3 with signatures and atomic conditions | 0.7 s |
//! | [`Moto`] | the errors of AWS, checks no signature | 0.7 s |
//! | [`FakeGcs`] | the plain path of GCS by somebody else | 20 ms |
//! | [`GcsStub`] | GCS with generations, preconditions and tokens | 1 ms |
//! | [`FaultyProxy`] | any of them, failing | 1 ms |
//! | [`AwsIdentityStub`] | the identities of AWS in front of `SeaweedFS`, with policies | 1 ms |
//! | [`LedHosts`] | hosts of the wide world that are stubs | 1 ms |
//!
//! `scripts/test` installs the programs of the first three. They are looked for in `bin` of the folder that
//! `DRIFTING_OBJECT_STORES` names, then on the `PATH`, then in the target directory.

mod aws_identity;
mod fake_gcs;
mod faulty_proxy;
mod forwarding;
mod gcs_stub;
mod led_hosts;
mod moto;
mod process;
mod programs;
mod seaweedfs;
mod serving;
mod setting_up;

pub use aws_identity::{AwsIdentityStub, Keys};
pub use fake_gcs::FakeGcs;
pub use faulty_proxy::{Call, Calls, Fault, FaultyProxy};
pub use gcs_stub::GcsStub;
pub use led_hosts::LedHosts;
pub use moto::Moto;
pub use programs::{python, seaweedfs_program};
pub use seaweedfs::SeaweedFs;
