//! A real Postgres in a temporary folder.

mod processes;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::account::{Account, plain_command};
use crate::certificates::Certificates;
use crate::programs::{Programs, psql};
use crate::setup::Setup;
use drifting_free_ports::Ports;

/// The database, and the role of clients that name no other.
pub(crate) const NAME: &str = "drifting";
const SUPERUSER: &str = "postgres";

/// Long enough for a machine that builds something else meanwhile.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(2);
/// What Postgres keeps for superusers unless it is told otherwise.
const N_KEPT: u32 = 3;

/// A running or stopped server; killed when dropped, and its folder removed.
#[derive(Debug)]
pub struct PostgresServer {
    child: Option<Child>,
    programs: Programs,
    account: Account,
    arguments: Vec<String>,
    login: String,
    certificates: Option<Certificates>,
    ports: Ports,
    folder: TempDir,
}

impl PostgresServer {
    /// One that trusts its clients, without TLS.
    ///
    /// # Panics
    ///
    /// When no Postgres is installed, or it does not start.
    pub fn start() -> Self {
        Self::setup().start()
    }

    /// One of a certain kind.
    pub fn setup() -> Setup {
        Setup::default()
    }

    pub(crate) fn create(setup: &Setup) -> Self {
        let (programs, account) = (Programs::find(), Account::choose());
        let folder = tempfile::tempdir().expect("a temporary folder");
        // The account works in it; others find the certificates.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("the folder is ours");
        account.own(folder.path());
        let ports = Ports::reserve();
        let authority = format!("drifting tests on port {}, worth nothing", ports.port(0));
        let certificates = setup.has_tls.then(|| Certificates::make(folder.path(), account, &authority));
        let mut server = Self {
            child: None,
            programs,
            account,
            arguments: Vec::new(),
            login: login(setup),
            certificates,
            ports,
            folder,
        };
        server.arguments = server.arguments_for(setup);
        server.make_cluster(setup);
        server.start_again();
        let password = setup.password.as_deref().map(|word| format!(" PASSWORD {}", quoted(word, '\'')));
        let role = quoted(&setup.role, '"');
        server.ask(SUPERUSER, &format!("CREATE ROLE {role} LOGIN{}", password.unwrap_or_default()));
        server.ask(SUPERUSER, &format!("CREATE DATABASE {NAME} OWNER {role}"));
        server
    }

    /// Where clients find it: `postgres://role[:password]@127.0.0.1:port/drifting`. The role owns the database, and is no
    /// superuser.
    pub fn uri(&self) -> String {
        self.uri_at(self.port())
    }

    pub(crate) fn uri_at(&self, port: u16) -> String {
        format!("postgres://{}@127.0.0.1:{port}/{NAME}", self.login)
    }

    /// The port on loopback, the same when it is started again.
    pub fn port(&self) -> u16 {
        self.ports.port(0)
    }

    /// The folder of its Unix socket, which is closed to other users. Who comes that way is trusted.
    pub fn socket_folder(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The file (PEM) of the authority that vouches for its certificate.
    ///
    /// # Panics
    ///
    /// When it has no TLS.
    pub fn certificate_authority(&self) -> &Path {
        &self.certificates.as_ref().expect("the server was set up with TLS").authority
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Shuts it down in order, without waiting for clients (as `pg_ctl stop --mode fast` does).
    ///
    /// # Panics
    ///
    /// When it goes on.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // It may have ended already.
        kill_process(Pid::from_child(&child), Signal::INT).ok();
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait().expect("our own child").is_none() {
            if Instant::now() > deadline {
                self.child = Some(child);
                panic!("postgres does not stop: {}", self.log());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Ends all its processes at once, as a crash of the machine would, but for what the system has not yet written.
    ///
    /// # Panics
    ///
    /// When one goes on.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // The head goes first: it would start others in place of those that end.
        child.kill().ok();
        child.wait().expect("our own child");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = processes::working_in(&self.data());
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "processes of postgres outlive SIGKILL: {left:?}");
            for process in left {
                kill_process(process, Signal::KILL).ok();
            }
            std::thread::sleep(POLL);
        }
    }

    /// Starts it on the same port with the same data, and waits until it accepts clients. After [`Self::kill`] it
    /// recovers first.
    ///
    /// # Panics
    ///
    /// When it runs, or does not start.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "postgres runs already");
        // What a killed one leaves: its process id may have gone to another program.
        fs::remove_file(self.record()).ok();
        fs::remove_file(self.socket_folder().join(format!(".s.PGSQL.{}.lock", self.port()))).ok();
        let log = File::options().create(true).append(true).open(self.log_file()).expect("the log opens");
        let mut command = self.account.command(&self.programs.path_of("postgres"));
        command.args(&self.arguments).current_dir(self.folder.path());
        // A signal that a terminal sends to the tests is not meant for it.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file has a second handle")).stderr(log);
        self.child = Some(command.spawn().expect("postgres runs"));
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("our own child"));
            assert!(ended.is_none(), "postgres has ended: {}", self.log());
            assert!(Instant::now() < deadline, "postgres is not ready in {PATIENCE:?}: {}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// Carries out a statement as a superuser, whatever clients may do and however many there are. It takes up none of
    /// their connections afterwards.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn execute(&self, sql: &str) {
        self.ask(NAME, sql);
    }

    /// The one value that a question has for an answer, as text; asked like [`Self::execute`].
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn query_value(&self, sql: &str) -> String {
        self.ask(NAME, sql)
    }

    fn ask(&self, database: &str, sql: &str) -> String {
        let mut command = plain_command(&psql());
        command.arg("-h").arg(self.socket_folder()).args(["-p", &self.port().to_string()]);
        command.args(["-U", SUPERUSER, "-XAtqc", sql, database]);
        let output = command.output().expect("psql runs");
        self.wait_for_the_room_of_superusers();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// A process takes up a connection for a moment after its client has left.
    fn wait_for_the_room_of_superusers(&self) {
        // Another thread may ask something that takes long.
        let deadline = Instant::now() + Duration::from_secs(1);
        while processes::is_serving(&self.data(), SUPERUSER) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }

    fn make_cluster(&self, setup: &Setup) {
        let socket = self.socket_folder();
        fs::create_dir(&socket).expect("the folder is ours");
        fs::set_permissions(&socket, Permissions::from_mode(0o700)).expect("the folder is ours");
        self.account.own(&socket);

        let mut initdb = self.account.command(&self.programs.path_of("initdb"));
        initdb.arg("-D").arg(self.data()).args(["--username", SUPERUSER, "--encoding", "UTF8", "--locale", "C"]);
        initdb.args(["--auth-local", "trust", "--auth-host", "reject", "--no-sync"]);
        succeed(initdb.current_dir(self.folder.path()));

        // Anybody on the machine reaches the port: no superuser comes in there.
        let method = if setup.password.is_some() { "scram-sha-256" } else { "trust" };
        let role = quoted(&setup.role, '"');
        let rules = format!("local all all trust\nhost all {role} 127.0.0.1/32 {method}\n");
        fs::write(self.data().join("pg_hba.conf"), rules).expect("the cluster is there");
    }

    fn arguments_for(&self, setup: &Setup) -> Vec<String> {
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port()),
            format!("unix_socket_directories={}", self.socket_folder().display()),
            "password_encryption=scram-sha-256".to_owned(),
            format!("max_connections={}", setup.n_connections_max + N_KEPT),
            format!("superuser_reserved_connections={N_KEPT}"),
            "shared_buffers=16MB".to_owned(),
            // Nothing outlives the machine anyway.
            "fsync=off".to_owned(),
        ];
        if let Some(files) = &self.certificates {
            settings.push("ssl=on".to_owned());
            settings.push(format!("ssl_cert_file={}", files.certificate.display()));
            settings.push(format!("ssl_key_file={}", files.key.display()));
        }
        settings.extend_from_slice(&setup.settings);
        let mut arguments = vec!["-D".to_owned(), self.data().display().to_string()];
        arguments.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        arguments
    }

    /// The eighth line of its record says whether it accepts clients.
    fn is_ready(&self) -> bool {
        let record = fs::read_to_string(self.record()).unwrap_or_default();
        record.lines().nth(7).is_some_and(|status| status.trim() == "ready")
    }

    fn record(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What stands before the `@` of an address.
fn login(setup: &Setup) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let password = setup.password.as_deref().map(|word| format!(":{}", encoded(word)));
    encoded(&setup.role) + &password.unwrap_or_default()
}

/// A name or a text of SQL.
fn quoted(text: &str, mark: char) -> String {
    let doubled = text.replace(mark, &format!("{mark}{mark}"));
    format!("{mark}{doubled}{mark}")
}

fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
