//! A fit on the server, followed to its end with a bar; Ctrl-C cancels it.

use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::time::{Instant, sleep};

use super::failure::Interrupted;
use super::output::printable;
use super::progress;
use crate::client::{Answer, Body, Client, Operation, Problem};

/// How long to wait between two looks: little at first, as most fits are short.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// A server that is silent for this long is given up: it may start anew meanwhile, and then tells.
const SILENT_MAX: Duration = Duration::from_secs(20);
/// How long the server may take to hear that a fit is cancelled.
const CANCELS_WITHIN: Duration = Duration::from_secs(5);

/// Does something until it is done or interrupted by Ctrl-C, of which this is told.
pub(super) async fn unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    told: &str,
) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("cannot listen for signals")?;
            Err(Interrupted(told.to_owned()).into())
        }
    }
}

/// Waits for an operation and gives its project.
pub(super) async fn to_its_project(
    client: &Client,
    operation: Operation,
    name: &str,
    json: bool,
) -> anyhow::Result<Answer> {
    let id = operation.id.clone();
    let bar = progress::over_share(format!("fitting {name}"), json);
    let ended = tokio::select! {
        ended = to_its_end(client, operation, name, &bar) => ended,
        interrupted = tokio::signal::ctrl_c() => {
            bar.finish_and_clear();
            interrupted.context("cannot listen for signals")?;
            return Err(cancel(client, &id).await);
        }
    };
    bar.finish_and_clear();
    let ended = ended?;
    match ended.status.as_deref() {
        Some("succeeded") => client.get(&["projects", name], &[]).await,
        Some("cancelled") => Err(anyhow!("the fit was cancelled")),
        _ => Err(ended.problem.map_or_else(|| anyhow!("the fit failed"), anyhow::Error::new)),
    }
}

async fn to_its_end(
    client: &Client,
    mut operation: Operation,
    name: &str,
    bar: &indicatif::ProgressBar,
) -> anyhow::Result<Operation> {
    let [mut pause, pause_max] = PAUSES;
    let mut heard_at = Instant::now();
    let id = operation.id.clone();
    loop {
        let stage = operation.stage.as_deref().unwrap_or_default();
        bar.set_message(format!("fitting {name}: {}", printable(stage)));
        bar.set_position(progress::position(operation.progress.fraction.unwrap_or_default()));
        if !matches!(operation.status.as_deref(), Some("queued" | "running")) {
            return Ok(operation);
        }
        sleep(pause).await;
        pause = pause_max.min(pause * 2);
        match client.get(&["operations", &id], &[]).await {
            Ok(answer) => {
                operation = answer.parse()?;
                heard_at = Instant::now();
            }
            Err(error) if error.is::<Problem>() || heard_at.elapsed() > SILENT_MAX => return Err(error),
            Err(_) => {}
        }
    }
}

/// Cancels an operation, and says what came of that.
async fn cancel(client: &Client, id: &str) -> anyhow::Error {
    let path = ["operations", id, "cancel"];
    let cancelled = client.post(&path, &[], Body::Empty);
    match tokio::time::timeout(CANCELS_WITHIN, cancelled).await {
        Ok(Ok(answer)) => {
            let operation: Operation = answer.parse().unwrap_or_default();
            let told = match operation.status.as_deref() {
                Some("succeeded") => "interrupted, but the fit had been done".to_owned(),
                Some("cancelled") => "interrupted; the fit is cancelled".to_owned(),
                _ => format!("interrupted; `drifting operations show {id}` says what becomes of the fit"),
            };
            Interrupted(told).into()
        }
        Ok(Err(error)) => Interrupted(format!("interrupted; the fit cannot be cancelled: {error:#}")).into(),
        Err(_) => Interrupted("interrupted; the server does not say whether the fit is cancelled".to_owned()).into(),
    }
}
