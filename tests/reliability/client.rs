//! Clients: a random mix of operations, each on the names that are its own, until the server is gone.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::detectors::{Detectors, N_VARIANTS, fit_body, row_body};
use crate::model::{Operation, State, World};
use crate::server::{Answer, Connection};

/// What clients have seen.
#[derive(Default)]
pub struct Seen {
    pub n_acknowledged: usize,
    pub findings: Vec<String>,
}

/// An operation that is possible now. Fits and deletions are about as frequent as each other, rows the most frequent.
pub fn draw(generator: &mut ChaCha8Rng, state: &State) -> Operation {
    loop {
        let operation = match generator.random_range(0..100) {
            0..14 => Operation::Fit(generator.random_range(0..N_VARIANTS)),
            14..22 => Operation::Delete,
            22..34 => Operation::Load,
            34..42 => Operation::Unload,
            42..50 => Operation::Reset,
            _ => Operation::Predict,
        };
        if operation.is_possible(state) {
            return operation;
        }
    }
}

/// Carries out an operation; says what is wrong with its answer. An error where the connection breaks.
pub fn perform(
    connection: &mut Connection,
    name: &str,
    operation: Operation,
    state: &State,
    detectors: &Detectors,
) -> std::io::Result<Option<String>> {
    let path = format!("/api/v1/projects/{name}");
    let mut post = |action: &str, body: &str| {
        connection.try_request("POST", &format!("{path}/{action}"), Some(("application/json", body)))
    };
    let unless = |status: u16, answer: Answer| {
        (answer.status != status).then(|| format!("expected {status}, {} came: {}", answer.status, answer.body))
    };
    let fault = match operation {
        Operation::Fit(variant) => unless(201, post("fit", &fit_body(variant, state.is_some()).to_string())?),
        Operation::Delete => unless(204, connection.try_request("DELETE", &path, None)?),
        Operation::Load => unless(200, post("load", "{}")?),
        Operation::Unload => unless(200, post("unload", "{}")?),
        Operation::Reset => unless(200, post("reset", "{}")?),
        Operation::Predict => {
            let present = state.as_ref().expect("a project");
            let time = present.fed + 1;
            detectors.fault(present.variant, time, post("predict", &row_body(present.variant, time).to_string())?)
        }
    };
    Ok(fault.map(|fault| format!("{name}: {operation:?} on {state:?}: {fault}")))
}

/// How many clients work at once.
const N_CLIENTS: usize = 3;

/// Lets clients work until the server is gone or `n_max` operations each are done, while `meanwhile` runs, which is given how many have
/// been answered.
pub fn work_until_killed(
    url: &str,
    world: &mut World,
    detectors: &Detectors,
    generators: impl Fn(usize) -> ChaCha8Rng,
    n_max: usize,
    meanwhile: impl FnOnce(&AtomicUsize),
) -> Seen {
    let mut shares: Vec<World> = vec![World::new(world.durability, []); N_CLIENTS];
    for (place, (name, state)) in std::mem::take(&mut world.projects).into_iter().enumerate() {
        shares[place % N_CLIENTS].projects.insert(name, state);
    }
    let mut seen = Seen::default();
    let n_answered = &AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let client = |(n, mut share): (usize, World)| {
            let mut generator = generators(n);
            scope.spawn(move || {
                let seen = work(url, &mut share, detectors, &mut generator, n_max, n_answered);
                (share, seen)
            })
        };
        let clients: Vec<_> = shares.into_iter().enumerate().map(client).collect();
        meanwhile(n_answered);
        for client in clients {
            let (share, of_client) = client.join().expect("a client ends");
            world.projects.extend(share.projects);
            world.pending.extend(share.pending);
            seen.n_acknowledged += of_client.n_acknowledged;
            seen.findings.extend(of_client.findings);
        }
    });
    seen
}

fn work(
    url: &str,
    world: &mut World,
    detectors: &Detectors,
    generator: &mut ChaCha8Rng,
    n_max: usize,
    n_answered: &AtomicUsize,
) -> Seen {
    let mut seen = Seen::default();
    let Ok(mut connection) = Connection::try_open(url) else { return seen };
    let names: Vec<String> = world.projects.keys().cloned().collect();
    for _ in 0..n_max {
        let name = &names[generator.random_range(0..names.len())];
        let state = &world.projects[name];
        let operation = draw(generator, state);
        match perform(&mut connection, name, operation, state, detectors) {
            Ok(None) => {
                seen.n_acknowledged += 1;
                n_answered.fetch_add(1, Ordering::Relaxed);
                world.acknowledge(name, operation);
            }
            Ok(Some(fault)) => {
                seen.findings.push(fault);
                return seen;
            }
            Err(_) => {
                world.pending.insert(name.clone(), operation);
                return seen;
            }
        }
    }
    seen
}
