//! A key that asks for twenty times its rate, beside one that asks for a row now and then: the first has what its rate says, and the
//! second waits for no longer than it did alone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::{Client, run};
use crate::form::{Form, conclude, ms, percentile, row};
use crate::projects::{label_fit, label_row, predict_path};
use crate::server::{Server, drifting};

/// What the noisy key may ask for in a second, which is its burst, too.
const RATE: u32 = 100;
/// By so much more it asks for.
const TIMES: u32 = 20;
const N_NOISY: u32 = 50;

/// Makes a key.
fn key(file: &Path, name: &str, options: &[&str]) -> String {
    let mut command = drifting();
    command.args(["keys", "create", name, "--scopes", "fit,predict", "--file"]).arg(file).args(options);
    let made = command.output().expect("the program runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).expect("a text").trim().to_owned()
}

/// A row every few milliseconds, from a thread of its own; how long the answers took.
fn quiet(client: Client, path: &str, duration: Duration) -> Vec<Duration> {
    run(ask(client, path, duration))
}

async fn ask(mut client: Client, path: &str, duration: Duration) -> Vec<Duration> {
    let (begin, mut times) = (Instant::now(), Vec::new());
    while begin.elapsed() < duration {
        let answer = client.post(path, label_row(times.len())).await.expect("a row is answered");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        times.push(answer.took);
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    times
}

/// What the noisy key was answered.
#[derive(Default)]
struct Answered {
    n_served: AtomicUsize,
    n_refused: AtomicUsize,
}

/// Asks for [`TIMES`] the rate.
async fn noise(url: &str, key: &str, path: &str, duration: Duration, answered: &Arc<Answered>) {
    let (mut clients, begin) = (JoinSet::new(), tokio::time::Instant::now());
    let gap = Duration::from_secs(1) * N_NOISY / (RATE * TIMES);
    for n in 0..N_NOISY {
        let (mut client, path, answered) = (Client::with_key(url, key), path.to_owned(), Arc::clone(answered));
        clients.spawn(async move {
            let mut due = begin + gap * n / N_NOISY;
            while begin.elapsed() < duration {
                tokio::time::sleep_until(due).await;
                due += gap;
                let answer = client.post(&path, label_row(0)).await.expect("it is answered");
                let (count, is_expected) = match answer.status {
                    200 => (&answered.n_served, true),
                    status => (&answered.n_refused, status == 429 && answer.retry_after),
                };
                assert!(is_expected, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("a client ends");
    }
}

#[test]
fn a_key_beyond_its_rate_keeps_no_other_waiting() {
    let form = Form::of_environment();
    let directory = tempfile::tempdir().expect("a folder");
    let file = directory.path().join("keys.yaml");
    let rate = format!("{RATE}/s");
    let (noisy_key, quiet_key) = (key(&file, "noisy", &["--rate-limit", &rate]), key(&file, "quiet", &[]));
    let server: Server = form.start(directory.path(), &["--api-keys-file", file.to_str().expect("a path")]);
    for project in ["noisy", "quiet"] {
        let (body, header) = (label_fit().to_string(), format!("X-API-Key: {quiet_key}\r\n"));
        let path = format!("/api/v1/projects/{project}/fit");
        let answer = server.connect().try_request_with(&header, "POST", &path, Some(("application/json", &body)));
        answer.expect("it is answered").expect(201);
    }
    let (url, quiet_path, noisy_path) = (server.url.as_str(), predict_path("quiet"), predict_path("noisy"));

    // In turns: the speed of a machine changes within minutes.
    let (n_rounds, slice) = form.choose((1, 2), (10, 6));
    let slice = Duration::from_secs(slice);
    let (mut alone, mut beside, answered) = (Vec::new(), Vec::new(), Arc::new(Answered::default()));
    for _ in 0..n_rounds {
        let quiet = || quiet(Client::with_key(url, &quiet_key), &quiet_path, slice);
        alone.extend(quiet());
        std::thread::scope(|scope| {
            let others = scope.spawn(quiet);
            run(noise(url, &noisy_key, &noisy_path, slice, &answered));
            beside.extend(others.join().expect("all rows are answered"));
        });
    }
    let (n_served, n_refused) = (answered.n_served.load(Ordering::Relaxed), answered.n_refused.load(Ordering::Relaxed));
    assert!(n_refused > 0, "nothing was refused");
    let n_asked = f64::from(n_rounds) * f64::from(RATE * TIMES) * slice.as_secs_f64();
    // What it may send at once is there again after each time of rest.
    let allowed = f64::from(n_rounds) * f64::from(RATE) * (1.0 + slice.as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let (share, share_asked) = (n_served as f64 / allowed, (n_served + n_refused) as f64 / n_asked);
    let n_rows = beside.len();
    let (alone_p99, beside_p99) = (percentile(&mut alone, 0.99), percentile(&mut beside, 0.99));
    row(&format!(
        "| {n_rounds} times {} s | {n_served} of {allowed:.0} ({:.1} %) | {n_refused} | {n_rows} | {} | {} |",
        slice.as_secs(),
        share * 100.0,
        ms(alone_p99),
        ms(beside_p99),
    ));
    conclude([
        form.limit(share_asked >= 0.9, "the noisy key has not asked for what it should"),
        form.limit((share - 1.0).abs() <= 0.05, "the noisy key has not what its rate says, within 5 %"),
        form.limit(beside_p99 <= alone_p99.mul_f64(1.2), "a row of the other key takes a fifth longer (p99)"),
    ]);
}
