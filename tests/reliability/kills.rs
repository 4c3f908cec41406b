//! The server is killed while clients work, and started again.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use drifting_object_stores::FaultyProxy;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use tempfile::TempDir;

use crate::check::{check, check_answers};
use crate::client::work_until_killed;
use crate::detectors::{Detectors, N_VARIANTS};
use crate::extent::{assert_none, count, generator, report, seed};
use crate::model::{Durability, Operation, World};
use crate::place::Place;
use crate::server::{Launch, Server};
use crate::store;

/// How much of a processor's time a server with 100 projects may take until it is ready. The time on the clock is reported:
/// of the same starts, on a machine that does other work too, it says more about that work.
const READY_MAX: Duration = Duration::from_secs(1);
/// How long it may take on the clock, wherever that is.
const PATIENCE: Duration = Duration::from_secs(20);
const N_PROJECTS: usize = 100;
/// Names that are free at the start.
const N_FREE: usize = 8;

/// A store under test.
pub struct Bench {
    directory: TempDir,
    pub place: Place,
    pub world: World,
}

impl Bench {
    /// A store of some projects, and names without one; made on a server that stops in good order.
    pub fn new(durability: Durability, n_projects: usize, n_free: usize) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let store = directory.path().join("store");
        let name = |n: usize| format!("p{n:03}");
        let mut world = World::new(durability, (0..n_projects + n_free).map(name));
        let server = Server::start(directory.path(), &[]);
        let mut connection = server.connect();
        for variant in 0..N_VARIANTS.min(n_projects) {
            let path = format!("/api/v1/projects/{}/fit", name(variant));
            connection.post(&path, &crate::detectors::fit_body(variant, false)).expect(201);
        }
        server.stop();
        for n in 0..n_projects {
            if n >= N_VARIANTS {
                store::copy(&store.join(name(n % N_VARIANTS)), &store.join(name(n)));
            }
            world.acknowledge(&name(n), Operation::Fit(n % N_VARIANTS));
        }
        // The copies go into the index.
        Server::start(directory.path(), &[]).stop();
        Self { directory, place: Place::Local, world }
    }

    /// The same in a bucket, where each project is fitted.
    pub fn in_bucket(place: Place, durability: Durability, n_projects: usize, n_free: usize) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let name = |n: usize| format!("p{n:03}");
        let world = World::new(durability, (0..n_projects + n_free).map(name));
        let mut bench = Self { directory, place, world };
        let server = bench.launch(None, &[]).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
        let mut connection = server.connect();
        for n in 0..n_projects {
            let (path, variant) = (format!("/api/v1/projects/{}/fit", name(n)), n % N_VARIANTS);
            connection.post(&path, &crate::detectors::fit_body(variant, false)).expect(201);
            bench.world.acknowledge(&name(n), Operation::Fit(variant));
        }
        server.stop();
        bench
    }

    /// Starts a server on the store, with more variables; it reaches a bucket by way of a proxy where there is one.
    pub fn launch(
        &self,
        proxy: Option<&FaultyProxy>,
        environment: &[(&str, &str)],
    ) -> Result<Server, (ExitStatus, String)> {
        self.with_launch(proxy, environment, |launch| Server::launch(self.path(), launch))
    }

    fn with_launch<T>(
        &self,
        proxy: Option<&FaultyProxy>,
        environment: &[(&str, &str)],
        start: impl FnOnce(&Launch) -> T,
    ) -> T {
        let arguments = [&self.world.durability.arguments(), self.place.arguments()].concat();
        let of_place = self.place.environment(proxy);
        let of_place = of_place.iter().map(|(name, value)| (*name, value.as_str()));
        let environment: Vec<(&str, &str)> = of_place.chain(environment.iter().copied()).collect();
        start(&Launch { arguments: &arguments, environment: &environment, ..Launch::default() })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a server again and checks it; says how long it took until it was ready, too: on the clock, and on a processor.
    pub fn check(&mut self, detectors: &Detectors) -> ([Duration; 2], Vec<String>) {
        // What was logged before the crash has been seen.
        std::fs::write(self.path().join("server.log"), "").expect("the log is emptied");
        let begin = Instant::now();
        let server = match self.launch(None, &[]) {
            Ok(server) => server,
            Err((status, log)) => return ([begin.elapsed(); 2], vec![format!("it does not start: {status}: {log}")]),
        };
        server.get("/readyz").expect(200);
        let ready = [begin.elapsed(), server.processor_time()];
        let directory = self.directory.path().to_owned();
        let findings = if self.place.is_bucket() {
            check_answers(&server, &mut self.world, detectors)
        } else {
            check(&server, &directory, &mut self.world, detectors)
        };
        match self.world.durability {
            // The rows of the check have been acknowledged too, and are looked at after the next crash.
            Durability::Always => server.kill(),
            Durability::Interval => {
                server.stop();
                self.world.projects.values_mut().flatten().for_each(|present| present.saved = present.fed);
            }
        }
        (ready, findings)
    }
}

/// What came of an experiment.
#[derive(Default)]
pub struct Outcome {
    pub n_crashes: usize,
    pub n_acknowledged: usize,
    /// Operations that were under way.
    pub n_pending: usize,
    /// The longest starts.
    pub ready_max: [Duration; 2],
    pub findings: Vec<String>,
}

impl Outcome {
    /// Checks what a crash left.
    pub fn check(&mut self, bench: &mut Bench, detectors: &Detectors, what: &str) {
        self.n_crashes += 1;
        self.n_pending += bench.world.pending.len();
        let (ready, mut findings) = bench.check(detectors);
        if ready[0] > PATIENCE || ready[1] > READY_MAX {
            findings.push(format!("it is ready after {ready:?}, the limits are {PATIENCE:?} and {READY_MAX:?}"));
        }
        self.ready_max = [0, 1].map(|clock| self.ready_max[clock].max(ready[clock]));
        self.findings.extend(findings.into_iter().map(|finding| format!("{what}: {finding}")));
    }

    /// One line of the report.
    pub fn row(&self, what: &str) -> String {
        format!(
            "| {what} | {} | {} | {} | {} | {} ms | {} ms |",
            self.n_crashes,
            self.n_acknowledged,
            self.n_pending,
            self.findings.len(),
            self.ready_max[0].as_millis(),
            self.ready_max[1].as_millis()
        )
    }
}

/// Lets clients work and kills the server after a time, which begins with the first answer where it `waits`: on a slow machine there is
/// nothing to lose before.
pub fn kill_at(
    bench: &mut Bench,
    detectors: &Detectors,
    environment: &[(&str, &str)],
    generators: impl Fn(usize) -> ChaCha8Rng,
    (delay, waits): (Duration, bool),
    outcome: &mut Outcome,
) {
    let server = bench.launch(None, environment).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let url = server.url.clone();
    let kill = |n_answered: &AtomicUsize| {
        let deadline = Instant::now() + PATIENCE;
        while waits && n_answered.load(Ordering::Relaxed) == 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(delay);
        server.kill();
    };
    let seen = work_until_killed(&url, &mut bench.world, detectors, generators, usize::MAX, kill);
    outcome.n_acknowledged += seen.n_acknowledged;
    outcome.findings.extend(seen.findings);
}

/// Kills servers of a store at random moments, one after the other.
pub fn random_kills(mut bench: Bench, n_kills: usize, first: usize) {
    let detectors = Detectors::undisturbed();
    let (durability, place) = (bench.world.durability, bench.place.name());
    let n_projects = bench.world.n_present();
    let mut outcome = Outcome::default();
    for kill in 0..n_kills {
        let experiment = first + kill;
        let what = format!("seed {}, {place}, {durability:?}, kill {kill}", seed());
        let mut random = generator(experiment * 10);
        // What is done in a bucket takes several calls, each of them longer than one of a disk.
        let latest = if bench.place.is_bucket() { 2_500_000 } else { 400_000 };
        let delay = Duration::from_micros(random.random_range(0..latest));
        let generators = |client| generator(experiment * 10 + 1 + client);
        // Every other one at any time from its start on.
        let when = (delay, kill % 2 == 1);
        kill_at(&mut bench, &detectors, &[], generators, when, &mut outcome);
        // Some die again on their way to be ready.
        if kill.is_multiple_of(4) {
            let (mut child, _) = bench.with_launch(None, &[], |launch| Server::spawn(bench.path(), launch));
            std::thread::sleep(Duration::from_micros(random.random_range(0..120_000)));
            child.kill().expect("it is killed");
            child.wait().expect("it is reaped");
        }
        outcome.check(&mut bench, &detectors, &what);
        if !outcome.findings.is_empty() {
            break;
        }
    }
    assert!(bench.world.n_present() > n_projects / 2, "there are projects to lose");
    let what = format!("state durability {durability:?}").to_lowercase();
    report(&outcome.row(&format!("kills at random moments, {place}, {what}")));
    assert_none(&outcome.findings);
    assert!(outcome.n_acknowledged > 0 && outcome.n_pending > 0, "{}", outcome.row("too little was done"));
}

#[test]
fn no_kill_loses_what_was_acknowledged() {
    random_kills(Bench::new(Durability::Always, N_PROJECTS, N_FREE), count(6, 300), 1_000);
}

#[test]
fn kills_cost_no_more_than_the_rows_of_an_interval() {
    random_kills(Bench::new(Durability::Interval, N_PROJECTS, N_FREE), count(4, 200), 2_000);
}
