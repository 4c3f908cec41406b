//! How the server of the cluster is run.

use std::ffi::OsStr;
use std::path::Path;

use crate::probe::PORT;

/// The settings of a server that holds one small table and has the machine to share.
const SETTINGS: [&str; 15] = [
    "listen_addresses=",
    "shared_buffers=16MB",
    "max_connections=20",
    "max_worker_processes=2",
    "max_parallel_workers=0",
    "max_parallel_workers_per_gather=0",
    "max_logical_replication_workers=0",
    "max_wal_senders=0",
    "wal_level=minimal",
    "min_wal_size=32MB",
    "max_wal_size=256MB",
    "autovacuum_max_workers=1",
    "jit=off",
    "log_checkpoints=off",
    "log_timezone=UTC",
];

/// The arguments of the server.
pub(crate) fn server_arguments<'a>(data: &'a Path, socket_folder: &'a Path) -> Vec<&'a OsStr> {
    let mut arguments: Vec<&OsStr> = vec!["-D".as_ref(), data.as_os_str(), "-k".as_ref(), socket_folder.as_os_str()];
    arguments.extend(["-p", PORT].map(OsStr::new));
    arguments.extend(SETTINGS.iter().flat_map(|setting| ["-c", setting]).map(OsStr::new));
    arguments
}
