//! The server with projects in memory and one more operation, `POST /api/v1/echo`, which parses its JSON body and
//! writes it back: what a request costs before anything is detected. `scripts/bench-predict` compares both.
//!
//!     cargo run --release -p drifting-http --features echo --example echo

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use drifting_domain::ports::{Clock, NoEvents};
use drifting_domain::use_cases::{Access, DriftService, Ports, ServiceSettings, StateDurability};
use drifting_http::{AllowedHosts, HttpServer, HttpSettings};
use drifting_inference::Inference;
use drifting_inference::events::EventIntake;
use drifting_memory::{InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};
use tracing_appender::non_blocking::NonBlockingBuilder;

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // As in the program that is shipped: one line of JSON a request, written by a thread of its own.
    let (writer, _last_lines) = NonBlockingBuilder::default().lossy(true).finish(std::io::stderr());
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false);
    log.with_env_filter("info").with_writer(writer).init();
    let metrics = Arc::new(MemoryMetrics::new());
    let ports = Ports {
        artifacts: Arc::new(MemoryArtifacts::new()),
        index: Arc::new(MemoryIndex::new()),
        operations: Arc::new(MemoryOperations::new()),
        sink: Arc::clone(&metrics) as _,
        events: Arc::new(NoEvents),
        metrics,
        clock: Arc::new(SystemClock),
        fit_pool: Arc::new(InlineCpuPool),
        predict_pool: Arc::new(InlineCpuPool),
    };
    let settings = ServiceSettings {
        access: Access::ReadWrite,
        durability: StateDurability::Interval,
        records_features: false,
        fitted_by: "echo".to_owned(),
    };
    let service = Arc::new(DriftService::new(ports, settings));
    let checkpoints = Arc::clone(&service);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if let Err(error) = checkpoints.checkpoint().await {
                tracing::error!(%error, "online state cannot be saved");
            }
        }
    });
    let intake = EventIntake::new(Inference::new(Arc::clone(&service)));
    let loopback = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into();
    let http = HttpSettings { allowed_hosts: AllowedHosts::Loopback(loopback), ..HttpSettings::default() };
    let server = HttpServer::bind("127.0.0.1:0".parse()?, service, intake, http).await?;
    println!("listening on http://{}", server.local_addr());
    let stop = async {
        // An error says that no signal can be waited for; the process is then ended by force.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    server.run_until(stop, Duration::from_secs(1)).await?;
    Ok(())
}
