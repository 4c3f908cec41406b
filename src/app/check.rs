//! Whether a start would find all that it needs, asked of each adapter without changing anything.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use drifting_artifacts::{LocalLook, OpendalArtifacts, RemoteLook, look_at_local, look_at_remote};
use drifting_domain::ports::{ArtifactStore, PortError, PortErrorKind};
use drifting_index::{Guard, Look};
use drifting_local_postgres::{Cluster, LocalPostgres};
use drifting_metrics::{Address, Rehearsal, rehearse};
use drifting_sinks::Sink;
use serde::Serialize;

use super::{VERIFY_INDEX, bucket, database_of};
use crate::config::{ArtifactsPath, Bucket, Config, DatabaseUri, EventSinkConfig, GrpcPort};
use crate::metrics::{Place, takes_sqlite};

/// Below this the index soon refuses to write.
const BYTES_AVAILABLE_MIN: u64 = 16 << 20;

/// What was found of one thing that the server needs.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// Whether a start could use it.
    pub ok: bool,
    /// What was found, or what is missing.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, ok: true, detail: detail.into(), remedy: None }
    }

    /// Something is missing.
    pub fn failed(check: &'static str, detail: impl Into<String>, remedy: &'static str) -> Self {
        Self { check, ok: false, detail: detail.into(), remedy: Some(remedy) }
    }
}

/// Looks at everything that the configuration names.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &config.artifacts_path {
        ArtifactsPath::Memory => findings.push(Finding::ok("artifacts", "in memory, gone when the server stops")),
        ArtifactsPath::Local(directory) if config.read_only => {
            findings.push(match OpendalArtifacts::open_local_read_only(directory) {
                Ok(_) => Finding::ok("artifacts", format!("{}: readable", directory.display())),
                Err(error) => refused("artifacts", &format!("{}: {}", directory.display(), told(&error)), &error),
            });
        }
        ArtifactsPath::Local(directory) => {
            let is_there = look_at_artifacts(directory, &mut findings).await;
            if is_there {
                look_at_index(directory, &mut findings).await;
            }
        }
        ArtifactsPath::Bucket(place) => look_at_bucket(place, config, &mut findings).await,
    }
    findings.push(look_at_database(config).await);
    findings.extend(config.sinks().map(look_at_sink));
    findings.push(look_at_address(config.address()).await);
    findings.extend(look_at_grpc(config).await);
    findings
}

/// Whether the directory is there.
async fn look_at_artifacts(directory: &Path, findings: &mut Vec<Finding>) -> bool {
    const ARTIFACTS: &str = "artifacts";
    const DISK: &str = "disk";
    let name = directory.display();
    let look = match look_at_local(directory).await {
        Ok(look) => look,
        Err(error) => {
            findings.push(refused(ARTIFACTS, &format!("{name}: {}", told(&error)), &error));
            return false;
        }
    };
    let LocalLook { exists, in_use, round_trip, bytes_available } = look;
    findings.push(match round_trip {
        Err(error) => refused(ARTIFACTS, &format!("{name}: {}", told(&error)), &error),
        Ok(()) if !exists => Finding::ok(ARTIFACTS, format!("{name}: not there yet, a start can make it")),
        Ok(()) if in_use => Finding::ok(
            ARTIFACTS,
            format!("{name}: readable and writable; another server holds the lock, beside which no second one starts"),
        ),
        Ok(()) => Finding::ok(ARTIFACTS, format!("{name}: readable and writable")),
    });
    findings.push(match bytes_available {
        Err(error) => refused(DISK, &told(&error), &error),
        Ok(bytes) if bytes < BYTES_AVAILABLE_MIN => {
            Finding::failed(DISK, format!("{} available", size(bytes)), "make room, or give another --artifacts-path")
        }
        Ok(bytes) => Finding::ok(DISK, format!("{} available", size(bytes))),
    });
    exists
}

async fn look_at_bucket(place: &Bucket, config: &Config, findings: &mut Vec<Finding>) {
    const BUCKET: &str = "bucket";
    let store = match bucket::connect(place, config).await {
        Ok(store) => store,
        Err(error) => {
            findings.push(Finding::failed(BUCKET, format!("{error:#}"), OF_BUCKET));
            return;
        }
    };
    if config.read_only {
        let listed = OpendalArtifacts::open_remote_read_only(&store).list().await;
        findings.push(match listed {
            Ok(projects) => Finding::ok("bucket list", format!("{place}: {} project(s)", projects.len())),
            Err(error) => Finding::failed("bucket list", format!("{place}: {}", told(&error)), OF_BUCKET),
        });
        return;
    }
    let RemoteLook { put, get, list, conditional_put, delete, lease_held_by } = look_at_remote(&store).await;
    for (check, tried, done) in [
        ("bucket put", put, "an object can be written"),
        ("bucket get", get, "it comes back as it was"),
        ("bucket list", list, "it is listed"),
        ("bucket delete", delete, "it can be removed"),
    ] {
        findings.push(match tried {
            Ok(()) => Finding::ok(check, format!("{place}: {done}")),
            Err(error) => Finding::failed(check, format!("{place}: {}", told(&error)), OF_BUCKET),
        });
    }
    let check = "bucket conditional put";
    findings.push(match conditional_put {
        Ok(true) => Finding::ok(check, format!("{place}: a second write of what must not be there is refused")),
        Ok(false) => {
            Finding::ok(check, format!("{place}: conditions are ignored: see to it that no second server writes there"))
        }
        Err(error) => Finding::failed(check, format!("{place}: {}", told(&error)), OF_BUCKET),
    });
    let check = "bucket lease";
    findings.push(match lease_held_by {
        Ok(None) => Finding::ok(check, format!("{place}: no server holds it")),
        Ok(Some(host)) => Finding::ok(
            check,
            format!("{place}: a server on `{host}` holds it, beside which no second one starts, or has died with it"),
        ),
        Err(error) => Finding::failed(check, format!("{place}: {}", told(&error)), OF_BUCKET),
    });
}

const OF_BUCKET: &str = "see that the bucket is there and that the credentials have the permission; docs/storage.md says which \
                         ones it takes";

async fn look_at_index(directory: &Path, findings: &mut Vec<Finding>) {
    const INDEX: &str = "index";
    let prepared = tempfile::tempdir().and_then(|temporary| Ok((temporary, std::env::current_exe()?)));
    let (temporary, program) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            let remedy = "make the system's folder for temporary files writable (TMPDIR names another)";
            findings.push(Finding::failed(INDEX, format!("copies cannot be checked: {error}"), remedy));
            return;
        }
    };
    let guard = Guard::ChildProcess { program, arguments: vec![VERIFY_INDEX.into()] };
    for (file, seen) in drifting_index::look(directory, temporary.path(), &guard).await {
        findings.push(match seen {
            Ok(Look::Whole) => Finding::ok(file, "whole"),
            Ok(Look::InUse) => Finding::ok(file, "in use by another server"),
            Ok(Look::Missing) => Finding::ok(file, "not there yet; a start makes it from the folders of the projects"),
            Ok(Look::Damaged) => Finding::failed(
                file,
                "damaged",
                "start the server, which moves it aside and makes it anew; where active.db is lost, every project is \
                 active again",
            ),
            Err(error) => refused(file, &told(&error), &error),
        });
    }
}

async fn look_at_database(config: &Config) -> Finding {
    const DATABASE: &str = "database";
    match database_of(config) {
        None => Finding::ok(DATABASE, "none: only the latest values are kept, in memory"),
        Some(Place::At(address)) => {
            let name = config.database_uri.to_string();
            rehearsed(DATABASE, &name, rehearse(&address).await, remedy_of(&config.database_uri))
        }
        Some(Place::Local(directory)) => look_at_local_database(DATABASE, &directory).await,
    }
}

async fn look_at_local_database(check: &'static str, directory: &Path) -> Finding {
    const REMEDY: &str = "mend this, or give another --database-uri; without it, detection works and nothing is saved";
    let (cluster, file) = (directory.join("postgres"), directory.join("metrics.sqlite"));
    let name = format!("local, {}", file.display());
    if file.exists() {
        return rehearsed(check, &name, rehearse(&Address::of_file(&file)).await, REMEDY);
    }
    let place = cluster.display();
    match LocalPostgres::look(&cluster).await {
        Ok(Cluster::NotYet { major }) => {
            Finding::ok(check, format!("local, {place}: not there yet, a start makes it with Postgres {major}"))
        }
        Ok(Cluster::Stopped { major }) => {
            Finding::ok(check, format!("local, {place}: Postgres {major}, stopped; a start starts it"))
        }
        Ok(Cluster::Running { major, uri }) => {
            let name = format!("local, {place}: Postgres {major}, running");
            rehearsed(check, &name, rehearse(&Address::of_uri(&uri)).await, REMEDY)
        }
        Err(error) if takes_sqlite(&error) && !LocalPostgres::has_cluster(&cluster) => {
            match rehearse(&Address::of_file(&file)).await {
                Ok(_) => Finding::ok(check, format!("{name}: a start makes this SQLite file, because {error}")),
                failed => rehearsed(check, &name, failed, REMEDY),
            }
        }
        Err(error) => Finding::failed(check, format!("local, {place}: {}", chain(&error)), REMEDY),
    }
}

fn rehearsed(
    check: &'static str,
    name: &str,
    rehearsal: Result<Rehearsal, PortError>,
    remedy: &'static str,
) -> Finding {
    match rehearsal {
        Ok(Rehearsal::NotYet) => Finding::ok(check, format!("{name}: not there yet, a start can make it")),
        Ok(Rehearsal::Ready { n_pending: 0 }) => {
            Finding::ok(check, format!("{name}: writable, all migrations have run"))
        }
        Ok(Rehearsal::Ready { n_pending }) => {
            Finding::ok(check, format!("{name}: writable, a start runs {n_pending} migration(s), which work"))
        }
        Err(error) => Finding::failed(check, format!("{name}: {}", told(&error)), remedy),
    }
}

fn remedy_of(uri: &DatabaseUri) -> &'static str {
    match uri {
        DatabaseUri::Sqlite(_) => "give a SQLite file that the server may read and write, or another --database-uri",
        _ => {
            "see that the database is up, and that its user may connect, create tables and write; or give another \
             --database-uri"
        }
    }
}

/// Whether events for a sink could be signed and sent; nothing is posted.
fn look_at_sink(sink: &EventSinkConfig) -> Finding {
    const SINK: &str = "event sink";
    let subscription = match sink.subscription() {
        Ok(subscription) => subscription,
        Err(error) => return Finding::failed(SINK, format!("{error:#}"), "give it a secret that the server may read"),
    };
    match Sink::new(subscription.sink) {
        Ok(_) => {
            let signed = if sink.secret.is_some() { "signed" } else { "not signed" };
            Finding::ok(SINK, format!("{}: {}, posts are {signed}", sink.name, sink.url))
        }
        Err(error) => Finding::failed(
            SINK,
            format!("{}: {:#}", sink.name, anyhow::Error::from(error)),
            "see that the machine has certificates of authorities, or name a file of them by SSL_CERT_FILE",
        ),
    }
}

async fn look_at_address(address: SocketAddr) -> Finding {
    const ADDRESS: &str = "address";
    match drifting_listening::listen(address).await.map(drop) {
        Ok(()) if address.port() == 0 => Finding::ok(ADDRESS, format!("{}, any free port", address.ip())),
        Ok(()) => Finding::ok(ADDRESS, format!("{address} is free")),
        Err(error) => {
            let remedy = match error.kind() {
                io::ErrorKind::AddrInUse => "stop the program that listens there, or give another --port",
                io::ErrorKind::PermissionDenied => "give a --port from 1024 on, or the right to bind this one",
                _ => "give a --host that this machine has",
            };
            Finding::failed(ADDRESS, format!("{address}: {error}"), remedy)
        }
    }
}

/// What keeps both servers from listening is told of the first one.
async fn look_at_grpc(config: &Config) -> Option<Finding> {
    const GRPC: &str = "gRPC";
    let Some(address) = config.grpc_address() else { return Some(Finding::ok(GRPC, "off")) };
    let error = match drifting_listening::listen(address).await.map(drop) {
        Ok(()) if address.port() == 0 => return Some(Finding::ok(GRPC, format!("{}, any free port", address.ip()))),
        Ok(()) => return Some(Finding::ok(GRPC, format!("{address} is free"))),
        Err(error) => error,
    };
    let remedy = match (error.kind(), config.grpc_port) {
        (io::ErrorKind::AddrInUse, GrpcPort::ByDefault(_)) => {
            let detail = format!("{address} is taken: a start serves HTTP alone, unless another --grpc-port is given");
            return Some(Finding::ok(GRPC, detail));
        }
        (io::ErrorKind::AddrInUse, _) => "stop the program that listens there, or give another --grpc-port, or none",
        (io::ErrorKind::PermissionDenied, _) => "give a --grpc-port from 1024 on, or the right to bind this one",
        _ => return None,
    };
    Some(Finding::failed(GRPC, format!("{address}: {error}"), remedy))
}

fn refused(check: &'static str, detail: &str, error: &PortError) -> Finding {
    let remedy = match error.kind() {
        PortErrorKind::Permission => {
            "let the user that runs the server read and write there (or remount it so), or give another --artifacts-path"
        }
        PortErrorKind::Full => "make room on the disk",
        PortErrorKind::Unavailable => "see that the disk is mounted and answers",
        PortErrorKind::InUse | PortErrorKind::Replaced => "stop the other server",
        PortErrorKind::Damaged | PortErrorKind::Refused | PortErrorKind::Other => {
            "give an --artifacts-path that is, or can become, a folder"
        }
    };
    Finding::failed(check, detail, remedy)
}

/// What was tried, and the innermost cause, which says why in the fewest words.
fn told(error: &PortError) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    format!("{error}: {cause}")
}

fn chain(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", chain(source)))
}

fn size(bytes: u64) -> String {
    let (unit, factor) = if bytes >= 1 << 30 { ("GiB", 30) } else { ("MiB", 20) };
    format!("{:.1} {unit}", bytes as f64 / f64::from(1 << factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_causes_are_short() {
        assert_eq!((size(5 << 30), size(1 << 20)), ("5.0 GiB".to_owned(), "1.0 MiB".to_owned()));
        let error = PortError::new(PortErrorKind::Permission, "write x", io::Error::other("denied"));
        assert_eq!(told(&error), "cannot write x: denied");
        assert_eq!(chain(&error), "cannot write x: denied");
    }
}
