//! The file operations of a server, recorded by strace: in their order, with the moments at which clients got answers.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a server did to its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A file was opened with these flags: created or emptied, perhaps.
    Open {
        path: PathBuf,
        flags: String,
    },
    /// Bytes were written, at a place or at the file's own.
    Write {
        path: PathBuf,
        offset: Option<u64>,
        bytes: Vec<u8>,
    },
    Seek {
        path: PathBuf,
        offset: u64,
    },
    Truncate {
        path: PathBuf,
        length: u64,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink {
        path: PathBuf,
    },
    MakeFolder {
        path: PathBuf,
    },
    RemoveFolder {
        path: PathBuf,
    },
    /// Began, so that later writes are none of its business.
    SyncBegins {
        path: PathBuf,
    },
    /// Ended: what was written before it began is durable.
    Sync {
        path: PathBuf,
    },
    /// The beginning of an answer went to a client.
    Answer,
}

/// The calls that are recorded. Those that the model does not know fail the test when they meet the store.
const CALLS: &str = "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,rename,renameat,renameat2,link,\
                     linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,truncate,ftruncate,fallocate,fsync,\
                     fdatasync,sync_file_range,lseek,mmap,copy_file_range,sendfile,splice,io_uring_setup";

/// The command that starts a server under the recorder, which writes to `trace`. The server is its own process.
pub fn recorder(trace: &Path) -> Vec<String> {
    let fixed = ["strace", "-D", "-f", "-y", "-xx", "-s", "16777216"].map(str::to_owned);
    let own = ["-o".to_owned(), trace.display().to_string(), "-e".to_owned(), format!("trace={CALLS}")];
    fixed.into_iter().chain(own).collect()
}

/// Says in one line why nothing can be recorded here.
pub fn assert_possible() {
    let output = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let output = output.expect("strace is missing: apt-get install strace");
    let reason = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "strace cannot trace here, ptrace is not allowed: {}", reason.trim());
}

/// Reads the trace of a server that has ended: what it and its children did under `store`.
pub fn read(trace: &Path, store: &Path) -> Vec<Record> {
    let text = complete(trace);
    let mut records = Vec::new();
    let mut unfinished: HashMap<&str, String> = HashMap::new();
    for line in text.lines() {
        let (process, rest) = line.split_once(' ').expect("a process");
        let rest = rest.trim_start();
        if let Some(beginning) = rest.strip_suffix(" <unfinished ...>") {
            let call = Call::of(beginning);
            records.extend(call.begins(store));
            unfinished.insert(process, beginning.to_owned());
        } else if rest.starts_with("<... ") {
            let end = rest.split_once(" resumed>").expect("a call that goes on").1;
            let whole = unfinished.remove(process).expect("it has begun") + end;
            records.extend(Call::of(&whole).ends(store));
        } else if !rest.starts_with(['+', '-']) {
            let call = Call::of(rest);
            records.extend(call.begins(store));
            records.extend(call.ends(store));
        }
    }
    records
}

/// The recorder ends a little after the server.
fn complete(trace: &Path) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut size = None;
    loop {
        let now = fs::metadata(trace).map(|metadata| metadata.len()).ok();
        if now.is_some() && now == size {
            let text = fs::read_to_string(trace).expect("a trace is text");
            if text.lines().last().is_some_and(|line| line.contains("+++ ")) {
                return text;
            }
        }
        assert!(Instant::now() < deadline, "the recorder does not end");
        size = now;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A call as strace prints it: `name(arguments) = result`.
struct Call<'a> {
    name: &'a str,
    arguments: Vec<&'a str>,
    /// None while it is under way, or where it failed.
    result: Option<&'a str>,
}

impl<'a> Call<'a> {
    fn of(text: &'a str) -> Self {
        let (name, rest) = text.split_once('(').unwrap_or_else(|| panic!("expected a call, {text} came"));
        // All strings are hexadecimal, so that neither commas nor equality signs stand in them.
        let (arguments, result) = match rest.rsplit_once(" = ") {
            Some((arguments, result)) => (arguments.trim_end().trim_end_matches(')'), Some(result)),
            None => (rest, None),
        };
        let result = result.filter(|result| !result.starts_with("-1") && !result.starts_with('?'));
        Self { name, arguments: arguments.split(", ").collect(), result }
    }

    /// The path of an argument that is one, or a descriptor's; none outside the store.
    fn path(&self, n: usize, store: &Path) -> Option<PathBuf> {
        let text = self.arguments.get(n)?;
        let hexadecimal = match text.split_once('<') {
            Some((_, path)) => path.split('>').next()?,
            None => text.trim_matches('"'),
        };
        let path = PathBuf::from(String::from_utf8(bytes(hexadecimal)).ok()?);
        // The folder above is the store's too: it holds its name.
        (path.starts_with(store) || Some(path.as_path()) == store.parent()).then_some(path)
    }

    fn number(&self, n: usize) -> u64 {
        self.arguments[n].parse().expect("a number")
    }

    fn is_answer(&self) -> bool {
        const BEGINNING: &str = r#""\x48\x54\x54\x50\x2f\x31\x2e\x31\x20"#;
        let is_socket =
            self.arguments[0].contains(r"\x73\x6f\x63\x6b\x65\x74\x3a") || self.arguments[0].contains("TCP");
        is_socket && self.arguments[1..].iter().any(|argument| argument.contains(BEGINNING))
    }

    /// What counts from the moment at which a call begins.
    fn begins(&self, store: &Path) -> Option<Record> {
        match self.name {
            "fsync" | "fdatasync" => Some(Record::SyncBegins { path: self.path(0, store)? }),
            "sendto" | "sendmsg" | "write" | "writev" if self.is_answer() => Some(Record::Answer),
            _ => None,
        }
    }

    /// What counts from the moment at which it has ended, if it has succeeded.
    fn ends(&self, store: &Path) -> Option<Record> {
        let result = self.result?;
        let record = match self.name {
            "sendto" | "sendmsg" => return None,
            "open" | "openat" => {
                let first = usize::from(self.name == "openat");
                Record::Open { path: self.path(first, store)?, flags: self.arguments[first + 1].to_owned() }
            }
            "write" | "pwrite64" => {
                let path = self.path(0, store)?;
                let mut written = bytes(self.arguments[1].trim_matches('"'));
                assert_eq!(written.len() as u64, self.number(2), "the recorder keeps all bytes");
                written.truncate(result.parse().expect("a number of bytes"));
                Record::Write { path, offset: (self.name == "pwrite64").then(|| self.number(3)), bytes: written }
            }
            "lseek" => Record::Seek { path: self.path(0, store)?, offset: result.parse().expect("an offset") },
            "ftruncate" => Record::Truncate { path: self.path(0, store)?, length: self.number(1) },
            "rename" => {
                Record::Rename { from: self.path(0, store)?, to: self.path(1, store).expect("it stays inside") }
            }
            "unlink" => Record::Unlink { path: self.path(0, store)? },
            "unlinkat" => {
                let path = match self.path(1, store) {
                    Some(path) => path,
                    None => {
                        self.path(0, store)?.join(String::from_utf8(bytes(self.arguments[1].trim_matches('"'))).ok()?)
                    }
                };
                let is_folder = self.arguments[2].contains("AT_REMOVEDIR");
                if is_folder { Record::RemoveFolder { path } } else { Record::Unlink { path } }
            }
            "mkdir" => Record::MakeFolder { path: self.path(0, store)? },
            "rmdir" => Record::RemoveFolder { path: self.path(0, store)? },
            "fsync" | "fdatasync" => Record::Sync { path: self.path(0, store)? },
            "mmap" => {
                let path = self.path(4, store)?;
                assert!(!self.arguments[2].contains("PROT_WRITE"), "{} is mapped for writing", path.display());
                return None;
            }
            "io_uring_setup" => panic!("the server writes where strace cannot see it: by io_uring"),
            other => {
                let touched = (0..self.arguments.len()).find_map(|n| self.path(n, store));
                assert!(touched.is_none(), "the model knows no {other}, which met {touched:?}");
                return None;
            }
        };
        Some(record)
    }
}

/// `\x41\x42` → the bytes. What is no such text is none.
fn bytes(text: &str) -> Vec<u8> {
    let pairs = text.split("\\x").skip(1);
    pairs.filter_map(|pair| u8::from_str_radix(pair.get(..2)?, 16).ok()).collect()
}
