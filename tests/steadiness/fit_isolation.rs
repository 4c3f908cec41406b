//! Fits of large references beside predictions of one row.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Client, run};
use crate::form::{Form, conclude, ms, percentile, row};
use crate::projects::{fit, label_fit, label_row, predict_path, table_fit};

const N_FITS: usize = 4;

/// Sends a row every few milliseconds, and asks for the health, while something goes on; how long the answers took.
async fn times(url: &str, mut goes_on: impl AsyncFnMut(&mut Client) -> bool) -> (Vec<Duration>, Vec<Duration>) {
    let (mut rows, mut others) = (Client::new(url), Client::new(url));
    let (mut of_rows, mut of_health) = (Vec::new(), Vec::new());
    let path = predict_path("label");
    for n in 0.. {
        if n % 20 == 19 && !goes_on(&mut others).await {
            break;
        }
        let answer = rows.post(&path, label_row(n)).await.expect("a row is answered");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        of_rows.push(answer.took);
        let answer = others.get("/livez").await.expect("its health is told");
        assert_eq!(answer.status, 200);
        of_health.push(answer.took);
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    (of_rows, of_health)
}

#[test]
fn rows_are_answered_while_references_are_fitted() {
    let form = Form::of_environment();
    let directory = tempfile::tempdir().expect("a folder");
    let server = form.start(directory.path(), &[]);
    fit(&server, "label", &label_fit());
    let (idle_time, n_rows) = form.choose((1, 3_000), (20, 100_000));

    let begin = Instant::now();
    let idle = Duration::from_secs(idle_time);
    let (mut idle, _) = run(times(&server.url, async |_| begin.elapsed() < idle));
    let mut operations: Vec<String> =
        (0..N_FITS).map(|n| server.begin(&format!("large-{n}"), &table_fit(n as u64, n_rows))).collect();
    let begin = Instant::now();
    let (mut beside, mut health) = run(times(&server.url, async |client| {
        while let Some(path) = operations.last() {
            let answer = client.get(path).await.expect("the operation is told");
            let operation: Value = serde_json::from_slice(&answer.body).expect("JSON");
            if operation["ended_at"].is_null() {
                return true;
            }
            assert_eq!(operation["status"], "succeeded", "{operation}");
            operations.pop();
        }
        false
    }));
    let fits = begin.elapsed();
    assert!(!beside.is_empty(), "no row was answered");

    let n_answers = beside.len();
    let (idle_p99, beside_p99, health_p99) =
        (percentile(&mut idle, 0.99), percentile(&mut beside, 0.99), percentile(&mut health, 0.99));
    row(&format!(
        "| {N_FITS} fits of {n_rows} rows, {:.1} s | {n_answers} | {} | {} | {} |",
        fits.as_secs_f64(),
        ms(idle_p99),
        ms(beside_p99),
        ms(health_p99),
    ));
    conclude([
        form.limit(beside_p99 <= idle_p99 * 2, "a row beside fits takes more than twice as long (p99)"),
        form.limit(health_p99 <= Duration::from_millis(50), "the health took more than 50 ms (p99)"),
    ]);
}
