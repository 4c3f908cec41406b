//! Which projects have moved, as server-sent events: told at most once a second, and looked at once for all who follow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drifting_access::{Caller, Scope};
use drifting_domain::operation::OperationId;
use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{DriftService, Mark, OperationQuery, OperationView};
use futures_util::stream::{self, Stream};
use poem::web::sse::{Event, SSE};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::api::Readiness;
use crate::error::{Code, Failure};

/// So many may follow at once.
const FOLLOWERS_MAX: usize = 64;
/// How often there is a look.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// A comment is sent this often, so that proxies and clients see that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// More names than this are not told one by one.
const NAMES_MAX: usize = 1_000;
/// The latest operations are watched.
const OPERATIONS: usize = 100;

/// What everybody who follows shares.
pub(crate) struct Live {
    service: Arc<DriftService>,
    readiness: Readiness,
    places: Arc<Semaphore>,
    last: Mutex<Option<(Instant, Arc<Seen>)>>,
}

/// What a look has seen.
struct Seen {
    projects: BTreeMap<ProjectName, Mark>,
    operations: Vec<(OperationId, ProjectName, Progressed)>,
}

/// What differs once an operation has gone on.
#[derive(PartialEq)]
struct Progressed {
    stage: &'static str,
    per_mille: u64,
    has_started: bool,
    has_ended: bool,
}

/// What is told.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Moved<'s> {
    /// Projects that have come or moved.
    projects: Vec<&'s str>,
    /// Projects that are gone.
    gone: Vec<&'s str>,
    /// Whether more have moved than are told one by one.
    many: bool,
    /// Whether an operation has begun, gone on or ended.
    operations: bool,
}

impl Live {
    pub(crate) fn new(service: Arc<DriftService>, readiness: Readiness) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(FOLLOWERS_MAX));
        Arc::new(Self { service, readiness, places, last: Mutex::default() })
    }

    /// The stream for whoever may see some of it. It ends with the server, when the client leaves, and when its key is good for it no
    /// longer.
    pub(super) fn follow(self: Arc<Self>, caller: Caller, idle: Duration) -> Result<SSE, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            Failure::new(Code::Overloaded, format!("expected at most {FOLLOWERS_MAX} dashboards at once; try again"))
        })?;
        let events = self.events(caller, place);
        // Twice before the connection would count as silent.
        Ok(SSE::new(events).keep_alive(KEEP_ALIVE.min(idle / 3)))
    }

    fn events(
        self: Arc<Self>,
        caller: Caller,
        place: OwnedSemaphorePermit,
    ) -> impl Stream<Item = Event> + Send + 'static {
        // The place is free again when the stream is dropped.
        stream::unfold((self, caller, None, place), |(live, mut caller, before, place)| async move {
            let Some(before) = before else {
                let now = live.look();
                let begun = event(&Moved::default())?;
                return Some((begun, (live, caller, Some(now), place)));
            };
            let mut before: Arc<Seen> = before;
            loop {
                tokio::time::sleep(LOOKED_AT_EVERY).await;
                if live.readiness.has_ended() {
                    return None;
                }
                caller = caller.again(Scope::Read).ok()?;
                let now = live.look();
                let moved = now.moved_since(&before, &caller);
                if moved != Moved::default() {
                    let told = event(&moved)?;
                    return Some((told, (live, caller, Some(now), place)));
                }
                before = now;
            }
        })
    }

    /// What is there now, or was a moment ago when somebody else has looked.
    fn look(&self) -> Arc<Seen> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((at, seen)) = &*last
            && now.duration_since(*at) < LOOKED_AT_EVERY / 2
        {
            return Arc::clone(seen);
        }
        let operations = self.service.operations(&OperationQuery { page_size: OPERATIONS, before: None }).operations;
        let seen = Arc::new(Seen {
            projects: self.service.marks().into_iter().collect(),
            operations: operations
                .into_iter()
                .map(|view| (view.id, view.project.clone(), Progressed::of(&view)))
                .collect(),
        });
        *last = Some((now, Arc::clone(&seen)));
        seen
    }
}

fn event(moved: &Moved<'_>) -> Option<Event> {
    serde_json::to_string(moved).ok().map(|text| Event::message(text).event_type("moved"))
}

impl Progressed {
    fn of(view: &OperationView) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
        let per_mille = (view.fraction.clamp(0.0, 1.0) * 1e3) as u64;
        Self { stage: view.stage, per_mille, has_started: view.started_at.is_some(), has_ended: view.has_ended() }
    }
}

impl Seen {
    /// What has moved, as far as the caller is shown it. O(projects).
    fn moved_since<'s>(&'s self, before: &'s Self, caller: &Caller) -> Moved<'s> {
        if std::ptr::eq(self, before) {
            return Moved::default();
        }
        let is_shown = |name: &&ProjectName| caller.sees(name.as_str());
        let moved = self.projects.iter().filter(|(name, mark)| before.projects.get(*name) != Some(*mark));
        let moved = moved.map(|(name, _)| name).filter(is_shown).map(ProjectName::as_str);
        let gone = before.projects.keys().filter(|name| !self.projects.contains_key(*name)).filter(is_shown);
        let mut projects: Vec<&str> = moved.take(NAMES_MAX + 1).collect();
        let mut gone: Vec<&str> = gone.map(ProjectName::as_str).take(NAMES_MAX + 1).collect();
        let many = projects.len().max(gone.len()) > NAMES_MAX;
        if many {
            projects.clear();
            gone.clear();
        }
        let has_gone_on = |now: &&(OperationId, ProjectName, Progressed)| !before.operations.contains(now);
        let mut gone_on = self.operations.iter().filter(has_gone_on);
        let operations = gone_on.any(|(_, project, _)| caller.sees(project.as_str()));
        Moved { projects, gone, many, operations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(names: &[&str], marks: &[Mark], stages: &[(&str, &'static str)]) -> Seen {
        let named = |name: &&str| name.parse::<ProjectName>().unwrap();
        let progressed = |stage| Progressed { stage, per_mille: 0, has_started: true, has_ended: false };
        Seen {
            projects: names.iter().map(named).zip(marks.iter().cloned()).collect(),
            operations: stages
                .iter()
                .map(|(name, stage)| (OperationId::new(1), named(name), progressed(stage)))
                .collect(),
        }
    }

    #[test]
    fn what_has_not_moved_is_not_told() {
        let before = seen(&["a", "b"], &[Mark::default(), Mark::default()], &[("a", "waits")]);
        let same = seen(&["a", "b"], &[Mark::default(), Mark::default()], &[("a", "waits")]);
        assert_eq!(same.moved_since(&before, &Caller::ANYBODY), Moved::default());
        let now = seen(&["b", "c"], &[Mark::default(), Mark::default()], &[("a", "computes")]);
        let moved = now.moved_since(&before, &Caller::ANYBODY);
        assert_eq!(moved, Moved { projects: vec!["c"], gone: vec!["a"], many: false, operations: true });
    }

    #[test]
    fn many_names_are_not_told_one_by_one() {
        let names: Vec<String> = (0..=NAMES_MAX).map(|n| format!("p{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let now = seen(&names, &vec![Mark::default(); names.len()], &[]);
        let before = seen(&[], &[], &[]);
        let moved = now.moved_since(&before, &Caller::ANYBODY);
        assert!(moved.many && moved.projects.is_empty());
    }
}
