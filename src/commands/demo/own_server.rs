//! A server of the demo's own: in memory, on a free port of this machine, whatever the surroundings configure.

use anyhow::{Context, anyhow};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::client::ServerUrl;
use crate::config::Config;

pub(super) struct OwnServer {
    url: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl OwnServer {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let config = Config::of_flags(
            &json!({"artifacts_path": "memory://", "database_uri": "none", "port": "0", "grpc_port": "none"}),
        )?;
        let app = App::build(config).await.context("the demo's own server does not start")?;
        let url = format!("http://{}", app.local_addr());
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // Where the sender is gone, it is time to stop as well.
            let _ = stopped.await;
        };
        Ok(Self { url, stop, task: tokio::spawn(app.run_until(shutdown)) })
    }

    pub(super) fn url(&self) -> anyhow::Result<ServerUrl> {
        self.url.parse().map_err(|error: String| anyhow!(error))
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        // It may have ended by itself, which the task then tells.
        let _ = self.stop.send(());
        self.task.await.context("the demo's own server ended unexpectedly")?
    }
}
