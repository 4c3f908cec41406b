//! A server of the built program on a free port, and a client of its interface.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A secret that every server of these tests is given, and every request to one that asks for no key. It must come out nowhere: the
/// answers that are read here and the log of every server are searched for it.
const MARK: &str = "marked-secret-of-the-surroundings";

/// The story of the front door is told at the most talkative level, so that whatever could come out does. The others measure.
const LEVEL: Option<&str> = match env!("CARGO_CRATE_NAME").as_bytes() {
    b"front_door" => Some("trace"),
    _ => None,
};

/// A running server; killed when dropped.
pub struct Server {
    pub child: Child,
    pub url: String,
    log: std::path::PathBuf,
    /// Whether it asks nobody for a key.
    is_open: bool,
}

/// An answer.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The body of an answer that must have a status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// The program with nothing of the surroundings that could configure it.
pub fn drifting() -> Command {
    unconfigured(Command::new(env!("CARGO_BIN_EXE_drifting")))
}

fn unconfigured(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if ["DRIFTING_", "AWS_", "STORAGE_", "GOOGLE_", "OTEL_", "PG"]
            .iter()
            .any(|prefix| name_text.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    command
}

/// The program in a folder that others can enter: the one where it was built may be open to its owner alone.
fn passable_program(directory: &Path) -> std::path::PathBuf {
    let program = directory.join("drifting");
    if !program.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_drifting"), &program).expect("the program is copied");
    }
    program
}

/// How a server is started.
#[derive(Default)]
pub struct Launch<'a> {
    /// Arguments beside the store and the port.
    pub arguments: &'a [&'a str],
    /// Variables of its environment.
    pub environment: &'a [(&'a str, &'a str)],
    /// A program with its arguments that starts the server as its own process.
    pub wrapper: &'a [&'a str],
    /// Who runs the server, in place of root: the user and the group of this number.
    pub user: Option<u32>,
    /// Not to say that there is no metrics database, where the arguments say nothing.
    pub with_default_database: bool,
}

/// Secrets in settings that others win over, and the level of the log, where a test does not say them.
fn surroundings(launch: &Launch) -> Vec<(&'static str, String)> {
    let says = |prefix: &str| launch.environment.iter().any(|(name, _)| name.starts_with(prefix));
    let mut variables = Vec::new();
    if let Some(level) = LEVEL.filter(|_| !says("DRIFTING_LOG_LEVEL")) {
        variables.push(("DRIFTING_LOG_LEVEL", level.to_owned()));
    }
    if !says("DRIFTING_DATABASE_URI") && !launch.with_default_database {
        variables.push(("DRIFTING_DATABASE_URI", format!("postgres://drifting:{MARK}@127.0.0.1:9/drifting")));
    }
    if !says("PG") {
        variables.push(("PGPASSWORD", MARK.to_owned()));
    }
    if !says("AWS_") {
        variables.push(("AWS_SECRET_ACCESS_KEY", MARK.to_owned()));
        variables.push(("AWS_SESSION_TOKEN", MARK.to_owned()));
    }
    if !says("OTEL_") {
        variables.push(("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer {MARK}")));
    }
    variables
}

impl Server {
    /// Starts on a store in `directory`, without a metrics database unless `arguments` say otherwise.
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::try_start(directory, arguments).unwrap_or_else(|(status, log)| panic!("{status}: {log}"))
    }

    /// Starts, or tells how the program ended and what it logged.
    pub fn try_start(directory: &Path, arguments: &[&str]) -> Result<Self, (ExitStatus, String)> {
        Self::launch(directory, &Launch { arguments, ..Launch::default() })
    }

    /// Starts, or tells how the program ended and what it logged.
    pub fn launch(directory: &Path, launch: &Launch) -> Result<Self, (ExitStatus, String)> {
        let (mut child, log) = Self::spawn(directory, launch);
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("standard output is read");
        if let Some(url) = line.trim_end().strip_prefix("listening on ") {
            let variables = launch.environment.iter().map(|(name, _)| name.to_lowercase().replace('_', "-"));
            let mut settings = variables.chain(launch.arguments.iter().map(ToString::to_string));
            let is_open = !settings.any(|name| ["api-key", "jwt", "client-ca"].iter().any(|asks| name.contains(asks)));
            return Ok(Self { child, url: url.to_owned(), log, is_open });
        }
        let status = child.wait().expect("the program ends");
        Err((status, std::fs::read_to_string(log).unwrap_or_default()))
    }

    /// Asks for a fit as an operation, and gives the path of that.
    pub fn begin(&self, project: &str, body: &Value) -> String {
        let path = format!("/api/v1/projects/{project}/fit");
        let headers = "Prefer: respond-async\r\n";
        let answer = self
            .connect()
            .try_request_with(headers, "POST", &path, Some(("application/json", &body.to_string())))
            .expect("the server answers");
        let id = answer.expect(202)["id"].as_str().expect("an id").to_owned();
        format!("/api/v1/operations/{id}")
    }

    /// The process on its way to be a server, and where it logs.
    pub fn spawn(directory: &Path, launch: &Launch) -> (Child, std::path::PathBuf) {
        let log = directory.join("server.log");
        let mut command = match launch.wrapper {
            [] => drifting(),
            [wrapper, arguments @ ..] => {
                let mut command = unconfigured(Command::new(wrapper));
                command.args(arguments).arg(env!("CARGO_BIN_EXE_drifting"));
                command
            }
        };
        if let Some(user) = launch.user {
            command = unconfigured(Command::new(passable_program(directory)));
            command.uid(user).gid(user);
        }
        command.arg("serve");
        if !launch.arguments.contains(&"--artifacts-path") {
            command.arg("--artifacts-path").arg(directory.join("store"));
        }
        if !launch.arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        if !launch.arguments.contains(&"--database-uri") && !launch.with_default_database {
            command.args(["--database-uri", "none"]);
        }
        command.envs(surroundings(launch));
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("the log opens");
        let child = command
            .args(launch.arguments)
            .envs(launch.environment.iter().copied())
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("the program starts");
        (child, log)
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How long it has had a processor, with the processes that it has waited for, to a hundredth of a second.
    pub fn processor_time(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the server runs");
        // The name, in brackets, may hold anything. After it, at 11 to 14: own and waited-for, user and system.
        let (_, fields) = text.rsplit_once(") ").expect("a name in brackets");
        let ticks = fields.split(' ').skip(11).take(4).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum::<u64>();
        Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second())
    }

    /// Ends it as a power cut would, for the process.
    pub fn kill(mut self) {
        self.child.kill().expect("the server is killed");
        self.child.wait().expect("the server is reaped");
    }

    fn assert_silent(&self) {
        // The tests that ask for an audit log have it beside the log.
        let audit = std::fs::read_dir(self.log.with_file_name("audit")).into_iter().flatten().flatten();
        for path in audit.map(|file| file.path()).chain([self.log.clone()]) {
            let text = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let line = text.lines().find(|line| line.contains(MARK));
            assert_eq!(line, None, "a secret is written to {}", path.display());
        }
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the signal is sent");
        self.ended(Duration::from_secs(30)).unwrap_or_else(|| panic!("the server does not stop: {}", self.log()))
    }

    /// How it ended by itself, if it did so in time.
    pub fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            let status = self.child.try_wait().expect("the server is waited for");
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, None)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(("application/json", &body.to_string())))
    }

    fn request(&self, method: &str, path: &str, body: Option<(&str, &str)>) -> Answer {
        self.connect().request(method, path, body)
    }

    /// A connection that is kept.
    pub fn connect(&self) -> Connection {
        Connection { is_marked: self.is_open, ..Connection::open(&self.url) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            self.assert_silent();
        }
    }
}

/// A connection to a server: one request after the other.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    /// Whether its requests carry a secret that nobody asks for.
    is_marked: bool,
}

impl Connection {
    fn open(url: &str) -> Self {
        Self::try_open(url).expect("the server accepts")
    }

    /// A connection, unless the server is gone.
    pub fn try_open(url: &str) -> std::io::Result<Self> {
        let host = url.strip_prefix("http://").expect("a plain address").to_owned();
        let stream = TcpStream::connect(&host)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), host, is_marked: false })
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(("application/json", &body.to_string())))
    }

    pub fn request(&mut self, method: &str, path: &str, body: Option<(&str, &str)>) -> Answer {
        self.try_request(method, path, body).expect("the server answers")
    }

    /// An answer, or an error where the connection breaks.
    pub fn try_request(&mut self, method: &str, path: &str, body: Option<(&str, &str)>) -> std::io::Result<Answer> {
        self.try_request_with("", method, path, body)
    }

    /// The same with lines of the head beside those that every request has.
    pub fn try_request_with(
        &mut self,
        headers: &str,
        method: &str,
        path: &str,
        body: Option<(&str, &str)>,
    ) -> std::io::Result<Answer> {
        let mark = if self.is_marked { format!("X-API-Key: {MARK}\r\n") } else { String::new() };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{mark}{headers}", self.host);
        let request = match body {
            Some((kind, body)) => {
                format!("{head}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            }
            None => format!("{head}\r\n"),
        };
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.read_answer()
    }

    fn read_answer(&mut self) -> std::io::Result<Answer> {
        let status = self.read_line()?.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
        let mut length = 0;
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                break;
            }
            assert!(!line.contains(MARK), "a secret is told: {line}");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut self.stream, &mut body)?;
        let text = String::from_utf8(body).expect("answers are UTF-8");
        assert!(!text.contains(MARK), "a secret is told: {text}");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }

    fn read_line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
