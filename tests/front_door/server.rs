//! A server of the built program on a free port, and a client of its interface.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pub url: String,
    log: std::path::PathBuf,
}

/// An answer.
#[derive(Debug)]
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_drifting"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DRIFTING_") {
            command.env_remove(name);
        }
    }
    command
}

impl Server {
    /// Starts on a store in `directory`, without a metrics database unless `arguments` say otherwise.
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::try_start(directory, arguments).unwrap_or_else(|(status, log)| panic!("{status}: {log}"))
    }

    /// Starts, or tells how the program ended and what it logged.
    pub fn try_start(directory: &Path, arguments: &[&str]) -> Result<Self, (ExitStatus, String)> {
        let log = directory.join("server.log");
        let mut command = drifting();
        command.arg("serve").arg("--artifacts-path").arg(directory.join("store"));
        if !arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        if !arguments.contains(&"--database-uri") {
            command.args(["--database-uri", "none"]);
        }
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("the log opens");
        let mut child = command
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("standard output is read");
        if let Some(url) = line.trim_end().strip_prefix("listening on ") {
            return Ok(Self { child, url: url.to_owned(), log });
        }
        let status = child.wait().expect("the program ends");
        Err((status, std::fs::read_to_string(log).unwrap_or_default()))
    }

    /// The processor time that it has taken.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the process is there");
        // After the name, which may hold anything: the 12th and 13th field are ticks of user and system time.
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Asks for a fit as an operation, and gives the path of that.
    pub fn begin(&self, project: &str, body: &Value) -> String {
        let path = format!("/api/v1/projects/{project}/fit");
        let headers = "Prefer: respond-async\r\n";
        let answer = Connection::open(&self.url)
            .try_request_with(headers, "POST", &path, Some(("application/json", &body.to_string())))
            .expect("the server answers");
        let id = answer.expect(202)["id"].as_str().expect("an id").to_owned();
        format!("/api/v1/operations/{id}")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it as a power cut would, for the process.
    pub fn kill(mut self) {
        self.child.kill().expect("the server is killed");
        self.child.wait().expect("the server is reaped");
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the signal is sent");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().expect("the server is waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
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
        Connection::open(&self.url).request(method, path, body)
    }

    /// A connection that is kept.
    pub fn connect(&self) -> Connection {
        Connection::open(&self.url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection to a server: one request after the other.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    fn open(url: &str) -> Self {
        let host = url.strip_prefix("http://").expect("a plain address").to_owned();
        let stream = TcpStream::connect(&host).expect("the server accepts");
        stream.set_nodelay(true).expect("an option is set");
        Self { stream: BufReader::new(stream), host }
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

    fn try_request_with(
        &mut self,
        headers: &str,
        method: &str,
        path: &str,
        body: Option<(&str, &str)>,
    ) -> std::io::Result<Answer> {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}", self.host);
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
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut self.stream, &mut body)?;
        let text = String::from_utf8(body).expect("answers are UTF-8");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }

    fn read_line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
