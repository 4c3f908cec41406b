//! Where credentials come from, as a process with an environment of its own finds them.

use std::process::{Command, Stdio};

use drifting_artifacts::look_at_remote;

use crate::child;
use crate::support::Server;

/// What the process with its own environment does; nothing in an ordinary run.
#[tokio::test]
async fn child() {
    let Some((task, store)) = child::task(false).await else { return };
    let n_looks: usize = task.parse().unwrap();
    for _ in 0..n_looks {
        match look_at_remote(&store).await.put {
            Ok(()) => println!("it works"),
            Err(error) => println!("{:?}: {}", error.kind(), error.source_text()),
        }
    }
}

/// What a process with these variables, and none of the platform's others, says of the store.
pub fn said_with<V: AsRef<str>>(server: &Server, variables: &[(&str, V)]) -> String {
    said_at(server, server.endpoint(), 1, variables)
}

/// The same at another address, and of several looks at it.
pub fn said_at<V: AsRef<str>>(server: &Server, endpoint: &str, n_looks: usize, variables: &[(&str, V)]) -> String {
    let mut child: Command = child::command_at("chains::child", server, endpoint, &n_looks.to_string());
    let inherited = std::env::vars().map(|(name, _)| name);
    for name in inherited.filter(|name| ["AWS_", "GOOGLE_", "GCE_", "CLOUDSDK_"].iter().any(|p| name.starts_with(p))) {
        child.env_remove(name);
    }
    for name in ["APPDATA", "XDG_CONFIG_HOME"] {
        child.env_remove(name);
    }
    let nowhere = "/nonexistent";
    child.envs([("HOME", nowhere), ("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_CONFIG_FILE", nowhere)]);
    // Nothing is asked for beyond this machine.
    let closed = "http://127.0.0.1:9";
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        child.env(name, closed);
    }
    child.envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")]);
    child.envs(variables.iter().map(|(name, value)| (*name, value.as_ref()))).stdout(Stdio::piped());
    String::from_utf8(child.output().unwrap().stdout).unwrap()
}

/// How many looks found the store in order.
pub fn n_working(said: &str) -> usize {
    said.matches("it works").count()
}
