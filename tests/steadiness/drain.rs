//! SIGTERM under load, again and again: what was sent on a connection that was kept is answered, what was fed was answered, and the server
//! ends well.

use std::cell::Cell;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tokio::task::{JoinSet, LocalSet};

use crate::client::{Client, Unanswered, run};
use crate::form::{Form, conclude, ms, percentile, row};
use crate::projects::{fit, label_fit, label_row, predict_path};
use crate::server::Server;

const N_CLIENTS: usize = 8;

/// Feeds rows until the server is gone, and sends it SIGTERM after a while. Rows that were answered, and answers that are
/// neither verdicts nor say that the server stops.
async fn feed_through(server: &Server, patience: Duration) -> (u64, Vec<String>) {
    let set = LocalSet::new();
    let mut clients = JoinSet::new();
    for _ in 0..N_CLIENTS {
        let mut client = Client::new(&server.url);
        let path = predict_path("label");
        clients.spawn_local_on(
            async move {
                let (mut n_answered, mut faults) = (0, Vec::new());
                for n in 0.. {
                    match client.post(&path, label_row(n)).await {
                        Ok(answer) if answer.status == 200 => n_answered += 1,
                        Ok(answer) if answer.status == 503 => break,
                        Ok(answer) => faults.push(answer.status.to_string()),
                        // The server is gone. Whether a row was fed is seen in the count of the project.
                        Err(Unanswered::NotConnected) => break,
                        Err(Unanswered::Broken) => {
                            faults.push("a connection that was kept broke before the answer".to_owned());
                            break;
                        }
                    }
                }
                (n_answered, faults)
            },
            &set,
        );
    }
    let signal = async {
        tokio::time::sleep(patience).await;
        let process = rustix::process::Pid::from_child(&server.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("the signal is sent");
    };
    let n_answered = Cell::new(0);
    let mut faults = Vec::new();
    let answers = async {
        while let Some(client) = clients.join_next().await {
            let (n, of_client) = client.expect("a client ends");
            n_answered.set(n_answered.get() + n);
            faults.extend(of_client);
        }
    };
    set.run_until(async { tokio::join!(signal, answers) }).await;
    (n_answered.get(), faults)
}

#[test]
fn no_row_that_was_fed_goes_unanswered_when_the_server_is_stopped() {
    let form = Form::of_environment();
    let seed = 20_260;
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let directory = tempfile::tempdir().expect("a folder");
    let n_stops = form.choose(4, 100);
    let (mut n_total, mut ends, mut findings) = (0, Vec::new(), Vec::new());
    for stop in 0..=n_stops {
        // At once, or after a time in which clients are to go elsewhere: these come back, on a new connection for each row.
        let mut server = form.start(directory.path(), &["--drain-delay", ["0s", "200ms"][stop % 2]]);
        if stop == 0 {
            fit(&server, "label", &label_fit());
        }
        let project = server.get("/api/v1/projects/label").expect(200);
        if project["rows_seen"] != n_total {
            findings.push(format!("stop {stop}: {n_total} rows were answered, {} were fed", project["rows_seen"]));
            n_total = project["rows_seen"].as_u64().expect("a number");
        }
        if stop == n_stops {
            break;
        }
        let patience = Duration::from_millis(generator.random_range(20..300));
        let (n_answered, faults) = run(feed_through(&server, patience));
        n_total += n_answered;
        findings.extend(faults.into_iter().map(|fault| format!("stop {stop}: {fault}")));
        let begin = Instant::now();
        match server.ended(Duration::from_secs(30)) {
            Some(status) if status.success() => ends.push(begin.elapsed()),
            Some(status) => findings.push(format!("stop {stop}: it ended with {status}: {}", server.log())),
            None => findings.push(format!("stop {stop}: it still runs after 30 s: {}", server.log())),
        }
    }
    row(&format!(
        "| {n_stops} times SIGTERM, {N_CLIENTS} clients | {n_total} | {} | {} | {} |",
        findings.len(),
        ms(percentile(&mut ends, 0.5)),
        ms(percentile(&mut ends, 1.0)),
    ));
    assert!(findings.is_empty(), "seed {seed}: {findings:?}");
    conclude([form.limit(n_total > 10_000, "there was hardly any load")]);
}
