//! The audit log: who changed what, a line of JSON each, in a file a day. Keys stand in it by their ids, which help nobody to use them.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{InitError, RollingFileAppender, Rotation};

use crate::Caller;

/// So many files are kept, one a day.
const FILES_MAX: usize = 7;
/// A path may be as long as a head; what makes a name of it out is at its beginning.
const PATH_LENGTH_MAX: usize = 512;

/// Where changes are written down. Cloning shares it.
#[derive(Clone)]
pub struct AuditLog(Arc<Writing>);

struct Writing {
    lines: Mutex<NonBlocking>,
    /// Writes the last lines when it is dropped.
    _worker: WorkerGuard,
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
    /// `POST`, `DELETE`, or `gRPC`.
    pub method: String,
    /// What it asks for.
    pub path: String,
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
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    #[serde(flatten)]
    change: &'a Change,
    /// The status of the answer; `null` where the client left before it. What had begun to be stored is stored then.
    status: Option<&'a str>,
}

impl AuditLog {
    /// A log in this folder, which is made where it is not there.
    ///
    /// # Errors
    /// When the folder or the file of today cannot be written to.
    pub fn open(folder: &Path) -> Result<Self, InitError> {
        let files = RollingFileAppender::builder()
            .rotation(Rotation::DAILY)
            .filename_prefix("audit")
            .filename_suffix("jsonl")
            .max_log_files(FILES_MAX)
            .build(folder)?;
        // Nothing is left out: changes are few, and whoever makes one waits where the disk does not keep up.
        let (lines, worker) = NonBlockingBuilder::default().lossy(false).thread_name("audit").finish(files);
        Ok(Self(Arc::new(Writing { lines: Mutex::new(lines), _worker: worker })))
    }

    /// Begins a change. It is written down with its outcome, or without one when what is returned is dropped before.
    pub fn begin(&self, change: Change) -> Recording {
        Recording { log: self.clone(), change: Some(change) }
    }

    fn write(&self, change: &Change, status: Option<&str>) {
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let Ok(mut line) = serde_json::to_vec(&Line { at, change, status }) else { return };
        line.push(b'\n');
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = std::io::Write::write_all(&mut *lines, &line) {
            tracing::error!(%error, "a change is not in the audit log");
        }
    }
}

/// A change on its way.
pub struct Recording {
    log: AuditLog,
    change: Option<Change>,
}

impl Recording {
    /// It has been answered with this status.
    pub fn end(mut self, status: &str) {
        if let Some(change) = self.change.take() {
            self.log.write(&change, Some(status));
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(change) = self.change.take() {
            self.log.write(&change, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn each_change_is_one_line_whatever_becomes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::open(folder.path()).unwrap();
        let change = |path: &str| Change::new("r-1", Some([127, 0, 0, 1].into()), &Caller::ANYBODY, "DELETE", path);
        log.begin(change("/a\n{\"forged\": true}")).end("204");
        drop(log.begin(change("/b")));
        drop(log);
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
        assert!(file.file_name().to_str().unwrap().starts_with("audit."), "{:?}", file.file_name());
        let text = std::fs::read_to_string(file.path()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (&lines[0]["status"], &lines[0]["method"], &lines[0]["address"]),
            (&"204".into(), &"DELETE".into(), &"127.0.0.1".into())
        );
        assert_eq!(
            (&lines[1]["status"], &lines[1]["path"], &lines[1]["caller"]),
            (&Value::Null, &"/b".into(), &Value::Null)
        );
        assert!(lines[0]["at"].as_str().unwrap().ends_with('Z'));
    }
}
