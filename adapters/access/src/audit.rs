//! The audit log: who changed what, a line of JSON each, in a file a day. Keys stand in it by their ids, which help nobody to use them.
//!
//! A line is written before the change is answered, so that a kill takes no change away that somebody was told of. Where it cannot be
//! written the change is answered all the same, the loss is counted and told, and the next line is tried anew.

mod daily_file;
mod losses;

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use std::{fmt, io};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;

use self::daily_file::DailyFile;
use self::losses::Losses;
use crate::Caller;

/// A path may be as long as a head; what makes a name of it out is at its beginning.
const PATH_LENGTH_MAX: usize = 512;
/// More than any name of a project has, so that none that is cut off looks like another.
const NAME_LENGTH_MAX: usize = 256;
/// The method of lines that tell the end of an operation.
const OPERATION: &str = "operation";

/// Where changes are written down. Cloning shares it.
#[derive(Clone)]
pub struct AuditLog(Arc<Writing>);

struct Writing {
    lines: Mutex<Lines>,
    n_written: AtomicU64,
    n_lost: AtomicU64,
}

struct Lines {
    file: DailyFile,
    losses: Losses,
}

/// What has become of lines since the log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCounts {
    /// They stand in a file.
    pub written: u64,
    /// They could not be written.
    pub lost: u64,
}

/// A change that is asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The id of the request.
    pub request_id: String,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// The name of the key or the subject of the token.
    pub caller: Option<String>,
    /// Which key or subject of that name.
    pub key_id: Option<String>,
    /// `POST`, `DELETE`, `gRPC`, or `operation` at the end of one.
    pub method: String,
    /// What it asks for.
    pub path: String,
    /// The project, where it is known: as it was asked for, whether or not there is one.
    pub project: Option<String>,
    /// The operation that is begun, cancelled or ended.
    pub operation: Option<String>,
}

impl Change {
    /// A change that this caller asks for.
    pub fn new(request_id: &str, address: Option<IpAddr>, caller: &Caller, method: &str, path: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            address,
            caller: caller.name().map(str::to_owned),
            key_id: caller.key_id().map(str::to_owned),
            method: method.to_owned(),
            path: path.chars().take(PATH_LENGTH_MAX).collect(),
            project: None,
            operation: None,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    #[serde(flatten)]
    change: &'a Change,
    /// The status of the answer; `null` where the client left before it, or a stop of the server. What had begun to be stored is stored then.
    status: Option<&'a str>,
}

impl AuditLog {
    /// A log in this folder, which is made where it is not there.
    ///
    /// # Errors
    /// When the folder or the file of today cannot be made or opened.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let file = DailyFile::open(folder, Utc::now().date_naive())?;
        let lines = Mutex::new(Lines { file, losses: Losses::default() });
        Ok(Self(Arc::new(Writing { lines, n_written: AtomicU64::new(0), n_lost: AtomicU64::new(0) })))
    }

    /// Begins a change. It is written down with its outcome, or without one when what is returned is dropped before.
    pub fn begin(&self, change: Change) -> Recording {
        let noted = Noted { change, is_written: false, ends: Vec::new() };
        Recording(Arc::new(Telling { log: self.clone(), noted: Mutex::new(noted) }))
    }

    /// What has become of lines until now.
    pub fn counts(&self) -> AuditCounts {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        AuditCounts { written: count(&self.0.n_written), lost: count(&self.0.n_lost) }
    }

    /// Writes a line on the thread that serves the request: about a kilobyte into the system's cache takes less than to have another
    /// thread do it and to wait for that. Nothing is synchronised with the disk; only one that hangs holds requests up.
    fn write(&self, change: &Change, status: Option<&str>) {
        let news = {
            let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
            // Within the lock, so that times stand in their order.
            let now = Utc::now();
            let at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
            let written = serde_json::to_vec(&Line { at, change, status }).map_err(io::Error::from);
            let written = written.and_then(|mut line| {
                line.push(b'\n');
                lines.file.append(&line, now.date_naive())
            });
            match written {
                Ok(()) => {
                    self.0.n_written.fetch_add(1, Ordering::Relaxed);
                    lines.losses.written()
                }
                Err(error) => {
                    self.0.n_lost.fetch_add(1, Ordering::Relaxed);
                    lines.losses.lost(error.to_string(), Instant::now())
                }
            }
        };
        if let Some(news) = news {
            news.tell();
        }
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuditLog").field(&self.counts()).finish()
    }
}

/// A change, with where it is told.
struct Telling {
    log: AuditLog,
    noted: Mutex<Noted>,
}

struct Noted {
    change: Change,
    is_written: bool,
    /// Operations of the change that have ended before it was answered, and how: their lines follow its own.
    ends: Vec<(Change, &'static str)>,
}

impl Telling {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, status: Option<&str>) {
        let mut noted = self.noted();
        if noted.is_written {
            return;
        }
        noted.is_written = true;
        self.log.write(&noted.change, status);
        for (operation, status) in noted.ends.drain(..) {
            self.log.write(&operation, Some(status));
        }
    }

    fn ended(&self, operation: Change, status: &'static str) {
        let mut noted = self.noted();
        if noted.is_written {
            self.log.write(&operation, Some(status));
        } else {
            noted.ends.push((operation, status));
        }
    }
}

/// A change on its way.
pub struct Recording(Arc<Telling>);

impl Recording {
    /// It has been answered with this status.
    pub fn end(self, status: &str) {
        self.0.answered(Some(status));
    }

    /// The change, for whoever carries it out.
    pub fn audited(&self) -> Audited {
        Audited(Some(Arc::clone(&self.0)))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.0.answered(None);
    }
}

/// A change as whoever carries it out sees it, who finds out what it is about. Cloning shares it; the default is of a change that
/// nobody writes down.
#[derive(Clone, Default)]
pub struct Audited(Option<Arc<Telling>>);

impl Audited {
    /// It is about this project, as it was asked for.
    pub fn of_project(&self, project: &str) {
        if let Some(telling) = &self.0 {
            telling.noted().change.project = Some(cut_off(project));
        }
    }

    /// It begins or cancels this operation.
    pub fn of_operation(&self, operation: &str) {
        if let Some(telling) = &self.0 {
            telling.noted().change.operation = Some(cut_off(operation));
        }
    }

    /// It has begun an operation, whose end is written down too, as `failed` when what is returned is dropped before.
    pub fn begin(&self, operation: &str, project: &str) -> OperationRecording {
        let begun = self.0.as_ref().map(|telling| {
            let operation = Change {
                method: OPERATION.to_owned(),
                path: format!("/api/v1/operations/{operation}"),
                project: Some(cut_off(project)),
                operation: Some(cut_off(operation)),
                ..telling.noted().change.clone()
            };
            (Arc::clone(telling), operation)
        });
        OperationRecording(begun)
    }
}

fn cut_off(name: &str) -> String {
    name.chars().take(NAME_LENGTH_MAX).collect()
}

/// An operation that goes on after its request has been answered. Nothing where nobody writes it down.
pub struct OperationRecording(Option<(Arc<Telling>, Change)>);

impl OperationRecording {
    /// It has ended like this.
    pub fn end(mut self, status: &'static str) {
        self.tell(status);
    }

    fn tell(&mut self, status: &'static str) {
        if let Some((telling, operation)) = self.0.take() {
            telling.ended(operation, status);
        }
    }
}

impl Drop for OperationRecording {
    fn drop(&mut self) {
        self.tell("failed");
    }
}

#[cfg(test)]
mod tests;
