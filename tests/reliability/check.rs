//! The invariants, asked of a server that has started again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::detectors::{Detectors, PROOF, TIME_MAX, row_body};
use crate::model::{Present, State, World};
use crate::server::{Connection, Server};
use crate::store;

/// Holds a server and its files against what clients know, which is brought up to date. Rows are fed.
pub fn check(server: &Server, directory: &Path, world: &mut World, detectors: &Detectors) -> Vec<String> {
    let mut findings = check_projects(server, directory, world, detectors);
    findings.extend(store::leftovers(&directory.join("store"), |name| {
        world.projects.get(name).is_some_and(Option::is_some)
    }));
    findings.extend(alarming_lines(&server.log()));
    findings
}

/// The same, of the projects alone: what stands beside them is not looked at.
pub fn check_projects(server: &Server, directory: &Path, world: &mut World, detectors: &Detectors) -> Vec<String> {
    let listed = list(&mut server.connect());
    let mut findings = store::disorder(&directory.join("store"), listed.keys());
    findings.extend(prove_all(server, world, detectors));
    findings
}

/// The same by answers and the log alone: what a crash has left in a bucket stays there for a time.
pub fn check_answers(server: &Server, world: &mut World, detectors: &Detectors) -> Vec<String> {
    let mut findings = prove_all(server, world, detectors);
    findings.extend(alarming_lines(&server.log()));
    findings
}

fn prove_all(server: &Server, world: &mut World, detectors: &Detectors) -> Vec<String> {
    let mut findings = Vec::new();
    let mut connection = server.connect();
    let listed = list(&mut connection);
    for name in listed.keys().filter(|name| !world.projects.contains_key(*name)) {
        findings.push(format!("{name} is listed and nobody asked for it"));
    }
    for name in world.projects.keys().cloned().collect::<Vec<String>>() {
        match check_project(&mut connection, &name, listed.get(&name), world, detectors) {
            Ok(state) => drop(world.projects.insert(name, state)),
            Err(fault) => findings.push(format!("{name}: {fault}")),
        }
    }
    world.pending.clear();
    findings
}

/// What no log should say after a crash.
fn alarming_lines(log: &str) -> Vec<String> {
    let is_alarming = |line: &&str| line.contains("panicked") || line.contains("damaged");
    log.lines().filter(is_alarming).map(|line| format!("the log says {line}")).collect()
}

/// What is listed, by name.
pub fn list(connection: &mut Connection) -> BTreeMap<String, Value> {
    let mut projects = BTreeMap::new();
    let mut path = "/api/v1/projects?page_size=1000".to_owned();
    loop {
        let page = connection.request("GET", &path, None).expect(200);
        for project in page["projects"].as_array().expect("a list") {
            projects.insert(project["project"].as_str().expect("a name").to_owned(), project.clone());
        }
        let Some(token) = page["next_page_token"].as_str() else { return projects };
        path = format!("/api/v1/projects?page_size=1000&page_token={token}");
    }
}

/// What is there, once it has proved to be one of the things that may be there.
fn check_project(
    connection: &mut Connection,
    name: &str,
    listed: Option<&Value>,
    world: &World,
    detectors: &Detectors,
) -> Result<State, String> {
    let Some(found) = recognised(connection, name, listed, world, detectors)? else { return Ok(None) };
    let was_pending = world.pending.contains_key(name);
    prove(connection, &format!("/api/v1/projects/{name}"), found, was_pending, world, detectors).map(Some)
}

/// What is there of a project by the server's own words; no row is fed.
pub fn look(connection: &mut Connection, name: &str, world: &World, detectors: &Detectors) -> Result<State, String> {
    let listed = list(connection);
    recognised(connection, name, listed.get(name), world, detectors)
}

/// What is there, if it seems to be one of the things that may be there.
fn recognised(
    connection: &mut Connection,
    name: &str,
    listed: Option<&Value>,
    world: &World,
    detectors: &Detectors,
) -> Result<State, String> {
    let possible = world.possible(name);
    let expected = || format!("expected one of {possible:?}");
    let path = format!("/api/v1/projects/{name}");
    let Some(listed) = listed else {
        let answer = connection.request("GET", &path, None);
        return match answer.status {
            404 if possible.contains(&None) => Ok(None),
            404 => Err(format!("{}, there is no such project", expected())),
            _ => Err(format!("it is not listed, and shown as {}", answer.body)),
        };
    };
    let found = found(listed, detectors).ok_or_else(|| format!("{}, {listed} is listed", expected()))?;
    let is_possible = |state: &State| {
        state.as_ref().is_some_and(|state| {
            (state.variant, state.generation, state.is_active) == (found.variant, found.generation, found.is_active)
                && (state.saved..=state.fed).contains(&found.fed)
        })
    };
    if !possible.iter().any(is_possible) {
        return Err(format!("{}, {found:?} is listed", expected()));
    }
    Ok(Some(found))
}

fn found(listed: &Value, detectors: &Detectors) -> Option<Present> {
    let is_active = match listed["status"].as_str()? {
        "active" => true,
        "inactive" => false,
        _ => return None,
    };
    let (variant, time) = (detectors.variant(&listed["detector"])?, listed["time"].as_u64()?);
    Some(Present { variant, generation: listed["generation"].as_u64()?, is_active, saved: time, fed: time })
}

/// Feeds a row, or several where the fit is in doubt: every answer is that of the undisturbed detector.
fn prove(
    connection: &mut Connection,
    path: &str,
    mut present: Present,
    is_in_doubt: bool,
    world: &World,
    detectors: &Detectors,
) -> Result<Present, String> {
    let was_inactive = !present.is_active;
    if was_inactive {
        let refused = connection.post(&format!("{path}/predict"), &row_body(present.variant, 1));
        if refused.status != 409 {
            return Err(format!("expected an inactive project, {} came: {}", refused.status, refused.body));
        }
        if !is_in_doubt {
            return Ok(present);
        }
        connection.post(&format!("{path}/load"), &json!({})).expect(200);
    }
    for _ in 0..if is_in_doubt { PROOF } else { 1 } {
        present.fed += 1;
        let answer = connection.post(&format!("{path}/predict"), &row_body(present.variant, present.fed));
        if let Some(fault) = detectors.fault(present.variant, present.fed, answer) {
            return Err(fault);
        }
    }
    if present.fed >= TIME_MAX {
        connection.post(&format!("{path}/reset"), &json!({})).expect(200);
        (present.saved, present.fed) = (0, 0);
    }
    if was_inactive {
        connection.post(&format!("{path}/unload"), &json!({})).expect(200);
        present.saved = present.fed;
    }
    if world.durability == crate::model::Durability::Always {
        present.saved = present.fed;
    }
    Ok(present)
}
