//! Starting and stopping the server of the cluster.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::account::Account;
use crate::diagnosis::last_words;
use crate::place::{Place, data_in};
use crate::postmaster::{self, Recorded};
use crate::probe::{NAME, PORT, answers};
use crate::programs::Programs;
use crate::settings::server_arguments;
use crate::{LocalPostgresError, SearchPath, cluster, unfinished};

/// Usually a tenth of a second; recovering on a slow disk takes longer, and giving up would only begin it anew.
const START_TIMEOUT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(20);

/// Fast shutdown; shutdown without a checkpoint, of which the next start recovers; the end.
const STEPS_DOWN: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(10)),
    (Signal::QUIT, Duration::from_secs(6)),
    (Signal::KILL, Duration::from_secs(2)),
];

/// A running cluster. Dropping it without [`Self::stop`] shuts it down at once and does not wait.
#[derive(Debug)]
pub struct LocalPostgres {
    place: Place,
    socket_folder: PathBuf,
    process: Process,
}

#[derive(Debug)]
enum Process {
    Ours(Child),
    /// Started by a server before us that was killed.
    Adopted(Pid),
}

impl LocalPostgres {
    /// Starts the cluster in the directory, with the programs that are installed; creates it where there is none. The
    /// server of a cluster that outlived its starter is adopted.
    ///
    /// # Errors
    /// Every [`LocalPostgresError`]. On [`LocalPostgresError::NotInstalled`], [`LocalPostgresError::NotTraversable`],
    /// [`LocalPostgresError::NoAccount`] and [`LocalPostgresError::NotCreated`] another database can take the cluster's
    /// place, unless there is one ([`Self::has_cluster`]).
    pub async fn start(directory: &Path) -> Result<Self, LocalPostgresError> {
        Self::start_with(directory, &SearchPath::of_system().await).await
    }

    /// Like [`Self::start`], with the programs of this search path.
    ///
    /// # Errors
    /// Like [`Self::start`].
    pub async fn start_with(directory: &Path, search: &SearchPath) -> Result<Self, LocalPostgresError> {
        let directory =
            std::path::absolute(directory).map_err(LocalPostgresError::io("find the directory of postgres"))?;
        let data = data_in(&directory);
        let account = Account::choose(&data)?;
        let programs = Programs::find(search, cluster::version_of(&data)?, &directory, account).await?;
        let place = Place::claim(&directory, account)?;
        unfinished::remove_leftovers(&place).await;
        if cluster::version_of(&place.data())?.is_none() {
            cluster::create(&place, &programs).await?;
        }
        let socket_folder = place.socket_folder()?;
        match running(&place, &socket_folder).await? {
            Some(postmaster) => {
                info!(pid = postmaster.pid.as_raw_pid(), "adopted the postgres server of an earlier start");
                let process = Process::Adopted(postmaster.pid);
                Ok(Self { place, socket_folder: postmaster.socket_folder, process })
            }
            None => spawn(place, socket_folder, &programs).await,
        }
    }

    /// Whether an earlier start created a cluster in the directory: then its records are there, and another database
    /// would hide them.
    pub fn has_cluster(directory: &Path) -> bool {
        data_in(directory).exists()
    }

    /// Where the database is: a `postgres://` address without a password, good while the cluster runs.
    pub fn uri(&self) -> String {
        uri_of(&self.socket_folder)
    }

    /// Whether the server is gone although nobody stopped it. It is not waited for. Then this can be dropped, and the
    /// cluster started again at once, which recovers it.
    pub fn has_ended(&mut self) -> bool {
        match &mut self.process {
            // A child that cannot be asked for was reaped by somebody else.
            Process::Ours(child) => !matches!(child.try_wait(), Ok(None)),
            Process::Adopted(pid) => !postmaster::serves(*pid, &self.place.data()),
        }
    }

    /// Shuts the cluster down and waits until it is.
    ///
    /// # Errors
    /// When it goes on.
    pub async fn stop(mut self) -> Result<(), LocalPostgresError> {
        for (signal, patience) in STEPS_DOWN {
            self.signal(signal);
            if timeout(patience, self.ended()).await.is_ok() {
                // Only where it is in the folder for temporary files it would be left behind; else it stays.
                if !self.socket_folder.starts_with(&self.place.directory) {
                    fs::remove_dir(&self.socket_folder).ok();
                }
                return Ok(());
            }
            warn!(?signal, seconds = patience.as_secs(), "postgres did not stop in time");
        }
        Err(LocalPostgresError::NotStopped { pid: Pid::as_raw(self.pid()) })
    }

    /// Waits until the server that was just started answers.
    async fn ready(&mut self, log_start: u64) -> Result<(), LocalPostgresError> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !answers(&self.socket_folder).await {
            if let Process::Ours(child) = &mut self.process
                && let Some(status) =
                    child.try_wait().map_err(LocalPostgresError::io("see whether postgres has ended"))?
            {
                let detail = self.said_since(log_start);
                return Err(LocalPostgresError::Ended { status: status.to_string(), detail });
            }
            if Instant::now() > deadline {
                let detail = self.said_since(log_start);
                return Err(LocalPostgresError::NotReady { seconds: START_TIMEOUT.as_secs(), detail });
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    fn said_since(&self, log_start: u64) -> String {
        let mut said = Vec::new();
        let read = File::open(self.place.log()).and_then(|mut log| {
            log.seek(SeekFrom::Start(log_start))?;
            log.read_to_end(&mut said)
        });
        match read {
            Ok(_) => last_words(&String::from_utf8_lossy(&said)),
            Err(error) => error.to_string(),
        }
    }

    /// The process, unless it is known to have ended. A process id that was read from a file is checked each time: it
    /// may have gone to another program.
    fn pid(&self) -> Option<Pid> {
        match &self.process {
            Process::Ours(child) => child.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)),
            Process::Adopted(pid) => Some(*pid).filter(|&pid| postmaster::serves(pid, &self.place.data())),
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid()
            && let Err(error) = kill_process(pid, signal)
        {
            warn!(?signal, %error, "cannot signal postgres");
        }
    }

    async fn ended(&mut self) {
        match &mut self.process {
            Process::Ours(child) => match child.wait().await {
                Ok(status) if status.success() => {}
                Ok(status) => warn!(%status, "postgres had ended before, or not cleanly"),
                Err(error) => warn!(%error, "cannot wait for postgres"),
            },
            Process::Adopted(pid) => postmaster::gone(*pid, &self.place.data()).await,
        }
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        self.signal(Signal::QUIT);
    }
}

/// A server that runs on the cluster already; one that just stops or recovers is waited for. When there is none, what
/// would keep a new one from starting is cleared away.
async fn running(place: &Place, socket_folder: &Path) -> Result<Option<postmaster::Postmaster>, LocalPostgresError> {
    let data = place.data();
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        match postmaster::recorded(&data)? {
            Recorded::Running(postmaster) if answers(&postmaster.socket_folder).await => return Ok(Some(postmaster)),
            Recorded::Running(_) if Instant::now() > deadline => {
                let detail = "it was started before this server and neither answers nor stops".to_owned();
                return Err(LocalPostgresError::NotReady { seconds: START_TIMEOUT.as_secs(), detail });
            }
            Recorded::Running(_) => sleep(POLL).await,
            // A server answers whose process cannot be seen: it runs in another container on the same files.
            _ if answers(socket_folder).await => {
                return Err(LocalPostgresError::InUse { directory: place.directory.clone() });
            }
            Recorded::Stale => {
                warn!("removing the lock files of a postgres server that is gone");
                postmaster::clear(&data, socket_folder).await?;
                return Ok(None);
            }
            Recorded::Nothing => {
                postmaster::left_by_all(&data).await?;
                return Ok(None);
            }
        }
    }
}

async fn spawn(place: Place, socket_folder: PathBuf, programs: &Programs) -> Result<LocalPostgres, LocalPostgresError> {
    let cannot_log = LocalPostgresError::io("open the log of postgres");
    let log = place.account.append(&place.log()).map_err(&cannot_log)?;
    let log_start = log.metadata().map_err(&cannot_log)?.len();
    let log_too = log.try_clone().map_err(&cannot_log)?;

    let data = place.data();
    let mut command = place.account.command(&programs.postgres);
    command.args(server_arguments(&data, &socket_folder)).current_dir(&place.directory);
    command.stdin(Stdio::null()).stdout(log).stderr(log_too);
    // In the server's own group, Ctrl-C in a terminal would stop Postgres before the last records are written.
    command.process_group(0);
    let child = command.spawn().map_err(LocalPostgresError::io("run postgres"))?;
    let mut postgres = LocalPostgres { place, socket_folder, process: Process::Ours(child) };
    postgres.ready(log_start).await?;
    Ok(postgres)
}

/// Where the database behind a socket is.
pub(crate) fn uri_of(socket_folder: &Path) -> String {
    let folder = percent_encoded(socket_folder);
    // Everything is said, because clients take what is not from the environment.
    format!("postgres:///{NAME}?host={folder}&port={PORT}&user={NAME}&sslmode=disable")
}

fn percent_encoded(path: &Path) -> String {
    let encode = |&byte: &u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().map(encode).collect()
}
