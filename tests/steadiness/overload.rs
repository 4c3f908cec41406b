//! Ten times as many predictions as the server can judge: what it takes it judges, what it does not take it refuses at once. Whoever asks for
//! its health is answered, and so is whoever sends a row of another project now and then.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::{JoinSet, LocalSet};

use crate::client::{Client, run};
use crate::form::{Form, conclude, ms, percentile, row};
use crate::projects::{fit, label_fit, label_row, predict_path, table_fit, table_rows};
use crate::resources::Resources;

/// Projects, so that predictions need not wait for each other.
const N_PROJECTS: usize = 8;
/// One more, for which somebody asks now and then.
const QUIET: &str = "quiet";
/// By so much more than the server can do it is asked. A prediction takes some 3 ms, as 200 rows beside a reference of 10,000 do, and a refusal
/// some 60 us, which takes 21 KB in and an answer out: nine refusals for each verdict take more than a tenth of the time.
const TIMES: f64 = 10.0;

/// What clients have been answered.
#[derive(Default)]
struct Seen {
    accepted: RefCell<Vec<Duration>>,
    /// When each of these came, from the beginning of its load.
    came: RefCell<Vec<Duration>>,
    /// Of these, how many came within the time of the load.
    n_in_time: Cell<usize>,
    refused: RefCell<Vec<Duration>>,
    /// Of the refusal that took the longest, how long after the beginning of the load it came, and what it took.
    longest: Cell<(Duration, Duration)>,
    faults: RefCell<Vec<String>>,
    /// Not sent in time: every client waited for an answer.
    n_late: Cell<usize>,
}

impl Seen {
    async fn predict(&self, client: &mut Client, path: &str, body: Bytes, begin: Instant, duration: Duration) {
        match client.post(path, body).await {
            Ok(answer) if answer.status == 200 => {
                let came = begin.elapsed();
                self.accepted.borrow_mut().push(answer.took);
                self.came.borrow_mut().push(came);
                self.n_in_time.set(self.n_in_time.get() + usize::from(came <= duration));
            }
            Ok(answer) if matches!(answer.status, 429 | 503) && answer.retry_after => {
                self.refused.borrow_mut().push(answer.took);
                if answer.took > self.longest.get().1 {
                    self.longest.set((begin.elapsed(), answer.took));
                }
            }
            Ok(answer) => {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                self.faults.borrow_mut().push(format!("{}: {text}", answer.status));
            }
            Err(error) => self.faults.borrow_mut().push(format!("{error:?}")),
        }
    }

    fn per_second(&self, duration: Duration) -> f64 {
        self.n_in_time.get() as f64 / duration.as_secs_f64()
    }
}

/// Lets clients ask at this rate altogether; as fast as they are answered where there is none.
async fn load(url: &str, n_clients: usize, rate: Option<f64>, duration: Duration, seen: &'static Seen) {
    let set = LocalSet::new();
    let mut clients = JoinSet::new();
    let begin = Instant::now();
    let body = table_rows(7, 200);
    for n in 0..n_clients {
        let (mut client, path, body) =
            (Client::new(url), predict_path(&format!("table-{}", n % N_PROJECTS)), body.clone());
        let gap = rate.map(|rate| Duration::from_secs_f64(n_clients as f64 / rate));
        clients.spawn_local_on(
            async move {
                // Spread over the first gap, so that they do not come all at once.
                let mut due = begin + gap.unwrap_or_default().mul_f64(n as f64 / n_clients as f64);
                while begin.elapsed() < duration {
                    if let Some(gap) = gap {
                        tokio::time::sleep_until(due.into()).await;
                        if due.elapsed() > gap {
                            seen.n_late.set(seen.n_late.get() + 1);
                            due = Instant::now();
                        }
                        due += gap;
                    }
                    seen.predict(&mut client, &path, body.clone(), begin, duration).await;
                }
            },
            &set,
        );
    }
    set.run_until(async { while clients.join_next().await.is_some() {} }).await;
}

/// What others were answered during a load, and the most memory.
#[derive(Default)]
struct Beside {
    health: Vec<Duration>,
    /// Rows of a project for which nobody else asks.
    quiet: Vec<Duration>,
    n_quiet_refused: usize,
    faults: Vec<String>,
    memory_kib: u64,
}

impl Beside {
    /// Asks again and again until the load has ended: for the health, and for a row each tenth time.
    async fn watch(&mut self, url: &str, process: u32, load: impl Future<Output = ()>) {
        let has_ended = Cell::new(false);
        let load = async {
            load.await;
            has_ended.set(true);
        };
        let asking = async {
            let (mut client, mut quiet, path) = (Client::new(url), Client::new(url), predict_path(QUIET));
            let mut n = 0;
            while !has_ended.get() {
                let answer = client.get("/livez").await.expect("its health is told");
                assert_eq!(answer.status, 200);
                self.health.push(answer.took);
                self.memory_kib = self.memory_kib.max(Resources::of(process).memory_kib);
                if n % 10 == 0 {
                    let answer = quiet.post(&path, label_row(n)).await.expect("a row is answered");
                    match answer.status {
                        200 => self.quiet.push(answer.took),
                        503 if answer.retry_after => self.n_quiet_refused += 1,
                        status => self.faults.push(format!("{status}: {}", String::from_utf8_lossy(&answer.body))),
                    }
                }
                n += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::join!(load, asking);
    }
}

/// How long it takes after an overload until a quarter of a second goes as before it, if it does within this time. The clients go on from one
/// quarter to the next: what is on its way at the end of one comes in the next.
fn recovery(url: &str, before: f64, within: Duration) -> Option<Duration> {
    let (after, slice) = (seen(), Duration::from_millis(250));
    run(load(url, N_PROJECTS, None, within, after));
    assert!(after.faults.borrow().is_empty(), "{:?}", after.faults.borrow());
    let came = after.came.borrow();
    let mut quarters = (0..).map(|n| (slice * n, slice * (n + 1))).take_while(|(_, end)| *end <= within);
    let goes_as_before = |(begin, end): &(Duration, Duration)| {
        let n_came = came.iter().filter(|came| *begin < **came && **came <= *end).count();
        n_came as f64 >= 0.9 * before * slice.as_secs_f64()
    };
    quarters.find(goes_as_before).map(|(_, end)| end)
}

fn seen() -> &'static Seen {
    Box::leak(Box::default())
}

#[test]
fn what_is_too_much_is_refused_and_the_rest_goes_on() {
    let form = Form::of_environment();
    let directory = tempfile::tempdir().expect("a folder");
    let server = form.start(directory.path(), &[]);
    for n in 0..N_PROJECTS {
        fit(&server, &format!("table-{n}"), &table_fit(n as u64, form.choose(500, 10_000)));
    }
    fit(&server, QUIET, &label_fit());
    let process = server.child.id();
    let before_kib = Resources::of(process).memory_kib;
    let url = server.url.as_str();

    // In turns: the speed of a machine changes within minutes, so there is a peak before and after each overload.
    let (n_rounds, times) = form.choose((1, [1, 3, 1]), (10, [15, 30, 10]));
    let [peak_time, overload_time, recovery_time] = times.map(Duration::from_secs);
    let (peak, under) = (seen(), seen());
    let measure_peak = || {
        let n_before = peak.n_in_time.get();
        run(load(url, N_PROJECTS, None, peak_time, peak));
        (peak.n_in_time.get() - n_before) as f64 / peak_time.as_secs_f64()
    };
    let n_clients = form.choose(200, 2_000);
    let (mut beside, mut peaks, mut recoveries) = (Beside::default(), vec![measure_peak()], Vec::new());
    let mut rates = Vec::new();
    for round in 0..n_rounds {
        let (before, n_before) = (peaks[round], under.n_in_time.get());
        let load = load(url, n_clients, Some(before * TIMES), overload_time, under);
        run(beside.watch(url, process, load));
        rates.push((under.n_in_time.get() - n_before) as f64 / overload_time.as_secs_f64());
        recoveries.push(recovery(url, before, recovery_time));
        peaks.push(measure_peak());
    }
    let capacity = peaks.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).sum::<f64>() / n_rounds as f64;
    let overload_time = overload_time.mul_f64(n_rounds as f64);
    let goodput = under.per_second(overload_time);

    let faults = [peak.faults.borrow().clone(), under.faults.borrow().clone(), beside.faults].concat();
    assert!(faults.is_empty(), "{} answers are neither verdicts nor refusals: {:?}", faults.len(), faults.first());
    assert!(!under.accepted.borrow().is_empty(), "nothing was judged under overload");
    let (mut accepted, mut refused) = (under.accepted.borrow_mut(), under.refused.borrow_mut());
    let accepted_p99 = percentile(&mut accepted, 0.99);
    let usual_p99 = percentile(&mut peak.accepted.borrow_mut(), 0.99);
    let recovery = recoveries.into_iter().collect::<Option<Vec<Duration>>>().and_then(|times| times.into_iter().max());
    let (refused_usual, refused_most) = (percentile(&mut refused, 0.999), percentile(&mut refused, 1.0));
    let Beside { mut health, mut quiet, n_quiet_refused, memory_kib, .. } = beside;
    let (health_p99, quiet_p99) = (percentile(&mut health, 0.99), percentile(&mut quiet, 0.99));
    row(&format!(
        "| overload, {:.0} s | {capacity:.0} | {} | {:.0} % | {} ({}) | {} in {}, 99.9 % in {} | {} | {} | {} MiB ({} before) | {} |",
        overload_time.as_secs_f64(),
        accepted.len() + refused.len(),
        goodput / capacity * 100.0,
        ms(accepted_p99),
        ms(usual_p99),
        refused.len(),
        ms(refused_most),
        ms(refused_usual),
        ms(health_p99),
        ms(quiet_p99),
        memory_kib / 1024,
        before_kib / 1024,
        recovery.map_or_else(|| format!("not within {} s", recovery_time.as_secs()), ms),
    ));
    println!("the longest refusal came {} after the beginning of an overload", ms(under.longest.get().0));
    println!("{} requests were not sent in time: every client waited", under.n_late.get());
    let shares = rates.iter().zip(peaks.windows(2)).map(|(rate, pair)| rate / f64::midpoint(pair[0], pair[1]) * 100.0);
    let shares: Vec<String> = shares.map(|share| format!("{share:.0}")).collect();
    println!("goodput of each overload, % of the peaks before and after it: {}", shares.join(", "));
    conclude([
        form.limit(goodput >= 0.9 * capacity, "the goodput is below 90 % of the peak"),
        form.limit(!refused.is_empty(), "nothing was refused"),
        form.limit(accepted_p99 <= usual_p99 * 2, "what is accepted takes more than twice as long as usual (p99)"),
        form.limit(refused_most <= Duration::from_millis(100), "a refusal took more than 100 ms"),
        form.limit(health_p99 <= Duration::from_millis(50), "the health took more than 50 ms (p99)"),
        form.limit(n_quiet_refused == 0, "a row of a project for which nobody else asked was refused"),
        form.limit(memory_kib < before_kib + 256 * 1024, "the memory has grown by more than 256 MiB"),
        form.limit(recovery.is_some_and(|time| time <= Duration::from_secs(5)), "it took more than 5 s to recover"),
    ]);
}
