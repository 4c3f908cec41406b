//! What a client knows: what was acknowledged, and what was under way when the server died.

use std::collections::BTreeMap;

use crate::detectors::TIME_MAX;

/// A project as a client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    pub variant: usize,
    pub generation: u64,
    pub is_active: bool,
    /// Rows whose state is surely saved.
    pub saved: u64,
    /// Rows that were fed.
    pub fed: u64,
}

/// Whether there is a project, and which.
pub type State = Option<Present>;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Fit(usize),
    Delete,
    Load,
    Unload,
    Reset,
    Predict,
}

/// When rows are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before they are answered.
    Always,
    /// Soon after.
    Interval,
}

impl Durability {
    pub fn arguments(self) -> [&'static str; 2] {
        match self {
            Self::Always => ["--state-durability", "always"],
            Self::Interval => ["--state-interval", "20ms"],
        }
    }
}

impl Operation {
    /// Whether it can succeed.
    pub fn is_possible(self, state: &State) -> bool {
        match (self, state) {
            (Self::Fit(_), _) | (Self::Delete, Some(_)) => true,
            (_, None) => false,
            (Self::Predict, Some(present)) => present.is_active && present.fed < TIME_MAX,
            (Self::Reset | Self::Unload, Some(present)) => present.is_active,
            (Self::Load, Some(present)) => !present.is_active,
        }
    }

    /// What it makes of a project, once it is acknowledged.
    pub fn done(self, state: &State, durability: Durability) -> State {
        let Some(present) = state.clone() else {
            let Self::Fit(variant) = self else { return None };
            return Some(Present { variant, generation: 1, is_active: true, saved: 0, fed: 0 });
        };
        match self {
            Self::Fit(variant) => {
                let generation = present.generation + 1;
                Some(Present { variant, generation, is_active: true, saved: 0, fed: 0 })
            }
            Self::Delete => None,
            Self::Load => Some(Present { is_active: true, ..present }),
            Self::Unload => Some(Present { is_active: false, saved: present.fed, ..present }),
            Self::Reset => Some(Present { saved: 0, fed: 0, ..present }),
            Self::Predict => {
                let fed = present.fed + 1;
                let saved = if durability == Durability::Always { fed } else { present.saved };
                Some(Present { saved, fed, ..present })
            }
        }
    }

    /// What may be found if the server died under it, beside the state before: all of it, or a part that promises nothing.
    fn under_way(self, state: &State, durability: Durability) -> Vec<State> {
        let done = self.done(state, durability);
        match (self, state, &done) {
            // The status stands in another file than the fit.
            (Self::Fit(_), Some(before), Some(after)) if !before.is_active => {
                vec![Some(Present { is_active: false, ..after.clone() }), done]
            }
            // The row may be fed and not saved.
            (Self::Predict, Some(before), Some(after)) => vec![Some(Present { saved: before.saved, ..after.clone() })],
            _ => vec![done],
        }
    }
}

/// All projects, by their names.
#[derive(Debug, Clone)]
pub struct World {
    pub durability: Durability,
    pub projects: BTreeMap<String, State>,
    /// What was under way when the server died.
    pub pending: BTreeMap<String, Operation>,
}

impl World {
    pub fn new(durability: Durability, names: impl IntoIterator<Item = String>) -> Self {
        let projects = names.into_iter().map(|name| (name, None)).collect();
        Self { durability, projects, pending: BTreeMap::new() }
    }

    /// Takes in an acknowledgement.
    pub fn acknowledge(&mut self, name: &str, operation: Operation) {
        let state = self.projects.get_mut(name).expect("a known name");
        *state = operation.done(state, self.durability);
    }

    /// What may be found under a name.
    pub fn possible(&self, name: &str) -> Vec<State> {
        let state = self.projects.get(name).cloned().flatten();
        let mut possible = vec![state.clone()];
        if let Some(operation) = self.pending.get(name) {
            possible.extend(operation.under_way(&state, self.durability));
        }
        possible
    }

    /// How many projects were acknowledged.
    pub fn n_present(&self) -> usize {
        self.projects.values().flatten().count()
    }
}
