//! A long time of rows, fits, deletions and restarts: memory, descriptors and threads stay as they are.

use std::time::{Duration, Instant};

use crate::client::{Client, run};
use crate::form::{Form, conclude, ms, percentile, row};
use crate::projects::{fit, label_fit, label_row, label_rows, predict_path, table_fit};
use crate::resources::Resources;
use crate::server::Server;

const N_PROJECTS: usize = 20;

/// How long it takes, and how often something happens.
struct Plan {
    restarts: usize,
    between_restarts: Duration,
    between_fits: Duration,
    between_rows: Duration,
}

/// Feeds rows, and fits and deletes a project now and then; how long answers took, and what the server held at its end, of threads the
/// most on the way.
async fn live(server: &Server, plan: &Plan) -> (Vec<Duration>, Resources) {
    let mut client = Client::new(&server.url);
    let (begin, mut fitted, mut looked) = (Instant::now(), Instant::now(), Instant::now());
    let process = server.child.id();
    let mut held = Resources::of(process);
    let fit = bytes::Bytes::from(table_fit(1, 300).to_string());
    let mut took = Vec::new();
    for n in 0.. {
        if begin.elapsed() >= plan.between_restarts {
            break;
        }
        let answer = client.post(&predict_path(&format!("label-{}", n % N_PROJECTS)), label_row(n)).await;
        let answer = answer.expect("a row is answered");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        took.push(answer.took);
        if fitted.elapsed() >= plan.between_fits {
            fitted = Instant::now();
            let mut other = Client::new(&server.url);
            let answer = other.post("/api/v1/projects/passing/fit", fit.clone()).await.expect("a fit is answered");
            assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
            let answer = other.delete("/api/v1/projects/passing").await.expect("a deletion is answered");
            assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
        }
        if looked.elapsed() >= Duration::from_millis(500) {
            looked = Instant::now();
            held = held.with(Resources::of(process));
        }
        tokio::time::sleep(plan.between_rows).await;
    }
    (took, held.with(Resources::of(process)).with_descriptors_that_stay(process).await)
}

/// Without a database each project keeps its latest 10,000 values in memory: until then memory grows as it should.
async fn fill_trends(server: &Server, form: Form) {
    const AT_ONCE: usize = 1_000;
    let (mut client, rows) = (Client::new(&server.url), label_rows(AT_ONCE));
    for n in 0..form.choose(1, N_PROJECTS) {
        for _ in 0..form.choose(1, 10_000 / AT_ONCE) {
            let answer = client.post(&predict_path(&format!("label-{n}")), rows.clone()).await;
            assert_eq!(answer.expect("rows are answered").status, 200);
        }
    }
}

#[test]
fn a_server_stays_as_it_is() {
    let form = Form::of_environment();
    let second = Duration::from_secs;
    let short = Plan {
        restarts: 2,
        between_restarts: second(2),
        between_fits: Duration::from_millis(300),
        between_rows: Duration::from_millis(2),
    };
    let full = Plan {
        restarts: 3,
        between_restarts: second(600),
        between_fits: second(20),
        between_rows: Duration::from_millis(1),
    };
    let plan = form.choose(short, full);
    let directory = tempfile::tempdir().expect("a folder");
    let mut findings = Vec::new();
    let mut lives: Vec<(Resources, Duration)> = Vec::new();
    for number in 0..=plan.restarts {
        let server = form.start(directory.path(), &[]);
        if number == 0 {
            (0..N_PROJECTS).for_each(|n| fit(&server, &format!("label-{n}"), &label_fit()));
        }
        run(fill_trends(&server, form));
        // What a first while of load takes is no growth.
        let (_, warm) = run(live(&server, &Plan { between_restarts: plan.between_restarts / 10, ..plan }));
        let (mut took, end) = run(live(&server, &plan));
        let p99 = percentile(&mut took, 0.99);
        row(&format!(
            "| life {} | {} | {} | {} to {} KiB | {} to {} | {} to {} |",
            number + 1,
            took.len(),
            ms(p99),
            warm.memory_kib,
            end.memory_kib,
            warm.n_descriptors,
            end.n_descriptors,
            warm.n_threads,
            end.n_threads,
        ));
        assert!(end.n_descriptors <= warm.n_descriptors + 4, "descriptors: {warm:?}, {end:?}");
        findings
            .push(form.limit(end.memory_kib * 100 <= warm.memory_kib * 110, "the memory has grown by more than 10 %"));
        findings.push(form.limit(end.n_threads <= warm.n_threads + 4, "there are more threads"));
        lives.push((end, p99));
        assert!(server.stop().success(), "it ends well");
    }
    let (first, last) = (lives[0].0, lives[lives.len() - 1].0);
    findings.push(form.limit(last.memory_kib * 100 <= first.memory_kib * 110, "later lives take more memory"));
    conclude(findings);
}
