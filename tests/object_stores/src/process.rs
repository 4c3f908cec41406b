//! A server as a process of its own, in a temporary directory.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Long enough for a machine that builds something else meanwhile.
const PATIENCE: Duration = Duration::from_mins(1);
const LOG: &str = "log";

/// A running server; killed when dropped, and its directory removed.
pub(crate) struct Process {
    child: Child,
    directory: TempDir,
}

impl Process {
    /// Starts a program in a directory. It sees nothing of the surroundings that could configure it.
    pub(crate) fn start(program: &Path, arguments: &[String], directory: TempDir) -> Self {
        let log = File::create(directory.path().join(LOG)).expect("a log can be written");
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", directory.path())
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file has a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        Self { child, directory }
    }

    /// Waits until the server is ready, as `ready` finds.
    pub(crate) fn wait_until(&mut self, mut ready: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !ready() {
            let ended = self.child.try_wait().expect("the process is waited for");
            assert!(ended.is_none(), "the server has ended: {}", self.log());
            assert!(Instant::now() < deadline, "the server is not ready in {PATIENCE:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it without asking: what asks them to stop waits for seconds.
    pub(crate) fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join(LOG)).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
