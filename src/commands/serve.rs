//! `serve`: from the configuration to the last checkpoint.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::banner::Facts;
use super::failure::INTERRUPTED;
use crate::app::App;
use crate::cli::ServeArgs;
use crate::config::{Config, LogFormat};
use crate::moderation::Moderation;
use crate::telemetry;

/// What is still running when the server has checkpointed gets this long.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(1);

/// Files that are no connections: stores, the database, sinks.
const OTHER_FILES: usize = 256;

/// The configuration file that was asked for. An empty `DRIFTING_CONFIG` is one that was not set.
pub(super) fn file_of(args: &ServeArgs) -> Option<&Path> {
    args.config.as_deref().filter(|file| !file.as_os_str().is_empty())
}

pub(super) fn run(args: &ServeArgs, json: bool) -> anyhow::Result<ExitCode> {
    let config = Config::load(file_of(args), &args.settings)?;
    crate::open_files::raise();
    crate::allocator::give_large_blocks_back();
    let format = config.log_format;
    let moderation = Arc::new(Moderation::default());
    let parking = Arc::clone(&moderation);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(crate::runtime::n_blocking_threads())
        .on_thread_park(move || parking.pause())
        .build()
        .context("cannot start the runtime")?;
    let telemetry = {
        let _within = runtime.enter();
        telemetry::init(format, &config.log_level)?
    };
    let served = runtime.block_on(serve(config, json, &moderation));
    let exit = match served {
        Err(error) if format == LogFormat::Json => {
            // Whoever reads JSON lines gets this one too.
            tracing::error!(error = format!("{error:#}"), "the server failed");
            Ok(ExitCode::FAILURE)
        }
        served => served.map(|()| ExitCode::SUCCESS),
    };
    let _last_lines = telemetry.finish();
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    exit
}

async fn serve(config: Config, json: bool, moderation: &Moderation) -> anyhow::Result<()> {
    // Before anything is opened, so that a signal in the middle of the start ends in an orderly stop too.
    let shutdown = shutdown_signal().context("cannot listen for signals")?;
    let format = config.log_format;
    // Both servers have as many connections.
    crate::open_files::make_room(2 * config.requests.max_connections + OTHER_FILES);
    let facts = Facts::of(&config);
    let is_open_to_rebinding = config.is_open_to_rebinding();
    let app = App::build(config).await?;
    app.begin_moderation(moderation);
    let scheme = if app.speaks_tls() { "https" } else { "http" };
    let url = format!("{scheme}://{}", app.local_addr());
    let grpc = app.grpc_addr();
    if is_open_to_rebinding {
        tracing::warn!(
            "nobody needs a key and every Host is served: a web page may do everything from a browser that reaches this server, by \
             a name that it lets point here (DNS rebinding); name the hosts in `--allowed-hosts`"
        );
    }
    announce(&facts.serving(&url, app.grpc(), app.database()), &url, grpc, format, json);
    app.run_until(shutdown).await?;
    tracing::info!("stopped");
    Ok(())
}

fn announce(facts: &Facts, url: &str, grpc: Option<SocketAddr>, format: LogFormat, json: bool) {
    if format == LogFormat::Pretty && std::io::stderr().is_terminal() {
        eprint!("{}", facts.banner());
    } else {
        facts.log();
    }
    // For scripts, which learn the port here when they asked for any.
    let mut out = std::io::stdout().lock();
    let told = if json {
        format!("{}\n", json!({"url": url, "grpc_address": grpc}))
    } else {
        let grpc = grpc.map(|grpc| format!("gRPC on {grpc}\n")).unwrap_or_default();
        format!("listening on {url}\n{grpc}")
    };
    if let Err(error) = out.write_all(told.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%error, "cannot say on standard output where the server listens");
    }
}

/// Ready at the first SIGINT or SIGTERM. A second one ends the process at once.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(async move {
        let name = next(&mut interrupt, &mut terminate).await;
        tracing::info!(
            signal = name,
            "stopping: answering what is under way and saving state; a second signal ends it at once"
        );
        // Nobody listens any more when the server has failed meanwhile.
        let _ = sender.send(());
        next(&mut interrupt, &mut terminate).await;
        std::process::exit(INTERRUPTED.into());
    });
    Ok(async move {
        // An error says that the runtime is going down, which is a reason to stop as well.
        let _ = receiver.await;
    })
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}
