//! Requests that may come again: each is carried out once, and its first answer is given again, byte for byte.
//!
//! An answer stands in two places. Those of the latest requests of a project move with its state and are saved with it, so that
//! they are exactly as durable as the rows that they answer. All others, of every project, are kept in memory, bounded.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::{DriftService, FitError, PredictError, Prediction, ProjectError, ProjectView};
use crate::data::{TensorError, Tensors};
use crate::project::{FittedOnce, ProjectName};

/// A SHA-256, which only whoever reads requests computes.
pub type Digest = [u8; 32];

/// Answers are given again for so long.
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// So many answers are saved with the state of a project.
const SAVED_MAX: usize = 64;
/// And so many bytes of them. An older answer gives way; that its rows were fed is known all the same.
const SAVED_BYTES_MAX: usize = 1024 * 1024;
/// About what an answer takes in memory beside its bytes.
const ENTRY_BYTES: usize = 256;

/// What makes a request the same as one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestIdentity {
    /// Of the key that the client gave, and of where the request went.
    pub key: Digest,
    /// Of everything else that came.
    pub content: Digest,
}

impl RequestIdentity {
    /// As it stands in the configuration of what it fitted.
    pub(super) fn noted(&self) -> FittedOnce {
        FittedOnce { key: hexadecimal(&self.key), content: hexadecimal(&self.content) }
    }
}

fn hexadecimal(digest: &Digest) -> String {
    digest.iter().fold(String::with_capacity(2 * digest.len()), |text, byte| text + &format!("{byte:02x}"))
}

/// Writes the answer to a prediction, as it is told now and again.
pub type WriteAnswer = Box<dyn FnOnce(&Prediction) -> Result<Vec<u8>, String> + Send>;

/// The first answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    /// As it was written.
    pub bytes: Arc<[u8]>,
    /// Whether it was given before.
    pub is_replayed: bool,
}

/// A request that has been carried out.
#[derive(Debug)]
pub(super) struct Answered {
    identity: RequestIdentity,
    at: DateTime<Utc>,
    /// Nothing where there was no room for it.
    answer: Option<Arc<[u8]>>,
}

impl Answered {
    pub(super) fn new(identity: RequestIdentity, at: DateTime<Utc>, answer: Vec<u8>) -> Arc<Self> {
        // No answer is empty.
        let answer = (!answer.is_empty()).then(|| answer.into());
        Arc::new(Self { identity, at, answer })
    }

    fn n_bytes(&self) -> usize {
        self.answer.as_ref().map_or(0, |answer| answer.len())
    }

    fn has_expired(&self, now: DateTime<Utc>) -> bool {
        now.signed_duration_since(self.at) > KEPT_FOR
    }

    /// What whoever sends the request again is told.
    pub(super) fn again(&self, identity: &RequestIdentity) -> Result<FirstAnswer, PredictError> {
        if self.identity.content != identity.content {
            return Err(PredictError::KeyReused);
        }
        let bytes = self.answer.clone().ok_or(PredictError::AnswerNotKept)?;
        Ok(FirstAnswer { bytes, is_replayed: true })
    }
}

/// The latest requests of a project that were carried out, the latest last. They move with its state.
#[derive(Debug, Clone, Default)]
pub(super) struct RecentAnswers(VecDeque<Arc<Answered>>);

const KEYS: &str = "answers.keys";
const CONTENTS: &str = "answers.contents";
const TIMES: &str = "answers.times";
const ENDS: &str = "answers.ends";
const BYTES: &str = "answers.bytes";

impl RecentAnswers {
    pub(super) fn get(&self, key: &Digest, now: DateTime<Utc>) -> Option<Arc<Answered>> {
        let answered = self.0.iter().rev().find(|answered| answered.identity.key == *key)?;
        (!answered.has_expired(now)).then(|| Arc::clone(answered))
    }

    pub(super) fn push(&mut self, answered: Arc<Answered>) {
        // One that has expired may have the same key.
        self.0.retain(|other| other.identity.key != answered.identity.key);
        self.0.push_back(answered);
        while self.0.len() > SAVED_MAX {
            self.0.pop_front();
        }
        let mut n_bytes = 0;
        for answered in self.0.iter_mut().rev() {
            n_bytes += answered.n_bytes();
            if n_bytes > SAVED_BYTES_MAX && answered.answer.is_some() {
                n_bytes -= answered.n_bytes();
                let Answered { identity, at, .. } = **answered;
                *answered = Arc::new(Answered { identity, at, answer: None });
            }
        }
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        if self.0.is_empty() {
            return;
        }
        let mut bytes = Vec::new();
        let mut ends = Vec::with_capacity(self.0.len());
        for answered in &self.0 {
            bytes.extend_from_slice(answered.answer.as_deref().unwrap_or_default());
            ends.push(bytes.len() as u64);
        }
        let digests = |digest: fn(&RequestIdentity) -> &Digest| -> Vec<u8> {
            self.0.iter().flat_map(|answered| *digest(&answered.identity)).collect()
        };
        let mut insert = |name, values: Vec<u8>| tensors.insert_bytes(name, values);
        insert(KEYS, digests(|identity| &identity.key));
        insert(CONTENTS, digests(|identity| &identity.content));
        insert(BYTES, bytes);
        tensors
            .insert_u64(TIMES, self.0.iter().map(|answered| answered.at.timestamp_micros().cast_unsigned()).collect());
        tensors.insert_u64(ENDS, ends);
    }

    pub(super) fn restore(tensors: &Tensors) -> Result<Self, TensorError> {
        if tensors.get(KEYS).is_none() {
            return Ok(Self::default());
        }
        let invalid = |name: &str| TensorError::Value {
            name: name.to_owned(),
            reason: "these are no answers of former requests".to_owned(),
        };
        let (keys, contents, bytes) = (tensors.bytes(KEYS)?, tensors.bytes(CONTENTS)?, tensors.bytes(BYTES)?);
        let (keys, _) = keys.as_chunks::<32>();
        let (contents, _) = contents.as_chunks::<32>();
        let (times, ends) = (tensors.u64s_of_length(TIMES, keys.len())?, tensors.u64s_of_length(ENDS, keys.len())?);
        if contents.len() != keys.len() || keys.len() > SAVED_MAX {
            return Err(invalid(CONTENTS));
        }
        let mut recent = VecDeque::with_capacity(keys.len());
        let mut start = 0;
        for (((key, content), time), end) in keys.iter().zip(contents).zip(times).zip(ends) {
            let end = usize::try_from(*end).map_err(|_| invalid(ENDS))?;
            let answer = bytes.get(start..end).ok_or_else(|| invalid(ENDS))?;
            start = end;
            let at = DateTime::from_timestamp_micros(time.cast_signed()).ok_or_else(|| invalid(TIMES))?;
            let identity = RequestIdentity { key: *key, content: *content };
            recent.push_back(Answered::new(identity, at, answer.to_vec()));
        }
        Ok(Self(recent))
    }
}

/// How many answers are kept in memory for requests that come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerLimits {
    /// At most so many.
    pub n_max: usize,
    /// At most so many bytes of them.
    pub bytes_max: usize,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self { n_max: 100_000, bytes_max: 64 * 1024 * 1024 }
    }
}

/// The answers that are kept in memory, of all projects; the oldest give way.
pub(super) struct KeptAnswers {
    limits: AnswerLimits,
    kept: Mutex<Kept>,
}

/// Which fit of which project: when it was fitted, in microseconds. The key holds the name.
type Fit = i64;

#[derive(Default)]
struct Kept {
    by_key: HashMap<(Fit, Digest), Arc<Answered>>,
    in_order: VecDeque<(Fit, Arc<Answered>)>,
    n_bytes: usize,
}

impl KeptAnswers {
    pub(super) fn new(limits: AnswerLimits) -> Self {
        Self { limits, kept: Mutex::default() }
    }

    pub(super) fn get(&self, fit: Fit, key: &Digest, now: DateTime<Utc>) -> Option<Arc<Answered>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_key.get(&(fit, *key)).filter(|answered| !answered.has_expired(now)).map(Arc::clone)
    }

    pub(super) fn keep(&self, fit: Fit, answered: &Arc<Answered>, now: DateTime<Utc>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.n_bytes += answered.n_bytes() + ENTRY_BYTES;
        kept.by_key.insert((fit, answered.identity.key), Arc::clone(answered));
        kept.in_order.push_back((fit, Arc::clone(answered)));
        while kept.in_order.len() > self.limits.n_max
            || kept.n_bytes > self.limits.bytes_max
            || kept.in_order.front().is_some_and(|(_, oldest)| oldest.has_expired(now))
        {
            let Some((fit, oldest)) = kept.in_order.pop_front() else { break };
            kept.n_bytes -= oldest.n_bytes() + ENTRY_BYTES;
            let place = (fit, oldest.identity.key);
            if kept.by_key.get(&place).is_some_and(|current| Arc::ptr_eq(current, &oldest)) {
                kept.by_key.remove(&place);
            }
        }
    }
}

impl DriftService {
    /// The project that a request for a fit has fitted, if it came before, to this server or to one before it.
    ///
    /// # Errors
    /// When the project was fitted by another request under the same key, and when the store cannot be reached.
    pub async fn fitted_once(
        &self,
        name: &ProjectName,
        identity: &RequestIdentity,
    ) -> Result<Option<ProjectView>, FitError> {
        if !self.is_fitted_by(name, identity).await? {
            return Ok(None);
        }
        match self.show(name).await {
            Ok(view) => Ok(Some(view)),
            Err(ProjectError::Storage(error)) => Err(error.into()),
            // It has been deleted meanwhile.
            Err(_) => Ok(None),
        }
    }

    /// Whether a request for a fit has fitted the project before, without a look at its parameters.
    ///
    /// # Errors
    /// When the project was fitted by another request under the same key, and when the store cannot be reached.
    pub async fn is_fitted_by(&self, name: &ProjectName, identity: &RequestIdentity) -> Result<bool, FitError> {
        let (noted, asked) = (self.fit_noted(name).await?, identity.noted());
        match noted {
            Some(noted) if noted.key == asked.key && noted.content != asked.content => Err(FitError::KeyReused),
            noted => Ok(noted == Some(asked)),
        }
    }

    /// Whether any request under this key has, whatever else came with it.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn is_fitted_under(&self, name: &ProjectName, key: &Digest) -> Result<bool, FitError> {
        Ok(self.fit_noted(name).await?.is_some_and(|noted| noted.key == hexadecimal(key)))
    }

    /// What the configuration of a project says of the request that fitted it, for as long as that may come again.
    async fn fit_noted(&self, name: &ProjectName) -> Result<Option<FittedOnce>, FitError> {
        let configuration = match self.configuration(name).await {
            Ok(configuration) => configuration,
            Err(ProjectError::Storage(error)) => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let now = self.ports.clock.now();
        let fitted = configuration.filter(|fitted| now.signed_duration_since(fitted.created_at) <= KEPT_FOR);
        Ok(fitted.and_then(|fitted| fitted.fitted_once.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + hours * 3_600, 0).unwrap()
    }

    fn identity(key: u8) -> RequestIdentity {
        RequestIdentity { key: [key; 32], content: [7; 32] }
    }

    fn answered(key: u8, hours: i64, n_bytes: usize) -> Arc<Answered> {
        Answered::new(identity(key), at(hours), vec![key; n_bytes])
    }

    #[test]
    fn an_answer_is_given_again_to_the_same_request_alone() {
        let answered = answered(1, 0, 3);
        let again = answered.again(&identity(1)).unwrap();
        assert_eq!((&*again.bytes, again.is_replayed), (&[1, 1, 1][..], true));
        let other = RequestIdentity { content: [8; 32], ..identity(1) };
        assert!(matches!(answered.again(&other), Err(PredictError::KeyReused)));
    }

    #[test]
    fn the_latest_answers_are_saved_within_their_bytes_and_come_back() {
        let mut recent = RecentAnswers::default();
        for key in 0..100 {
            recent.push(answered(key, 0, 10));
        }
        recent.push(answered(100, 0, SAVED_BYTES_MAX - 25));
        assert!(recent.get(&[36; 32], at(0)).is_none(), "only the latest");
        let mut tensors = Tensors::new();
        recent.save(&mut tensors);
        let restored = RecentAnswers::restore(&tensors).unwrap();
        assert_eq!(restored.0.len(), SAVED_MAX);
        let again = |key: u8| restored.get(&[key; 32], at(1)).unwrap().again(&identity(key));
        assert_eq!(&*again(99).unwrap().bytes, [99; 10]);
        assert_eq!(again(100).unwrap().bytes.len(), SAVED_BYTES_MAX - 25);
        assert!(matches!(again(97), Err(PredictError::AnswerNotKept)), "its rows count as fed");
        assert!(restored.get(&[99; 32], at(25)).is_none(), "it has expired");
    }

    #[test]
    fn what_no_state_writes_is_refused() {
        let mut recent = RecentAnswers::default();
        recent.push(answered(1, 0, 10));
        recent.push(answered(2, 0, 10));
        let mut tensors = Tensors::new();
        recent.save(&mut tensors);
        for (name, values) in
            [(TIMES, vec![0]), (ENDS, vec![30, 20]), (ENDS, vec![10, 2_000]), (TIMES, vec![u64::MAX / 2; 2])]
        {
            let mut damaged = tensors.clone();
            damaged.insert_u64(name, values.clone());
            assert!(RecentAnswers::restore(&damaged).is_err(), "{name}: {values:?}");
        }
    }

    #[test]
    fn the_oldest_answers_give_way() {
        let kept = KeptAnswers::new(AnswerLimits { n_max: 3, bytes_max: 3 * ENTRY_BYTES + 100 });
        for key in 0..4 {
            kept.keep(0, &answered(key, 0, 10), at(0));
        }
        let has = |key: u8, hours| kept.get(0, &[key; 32], at(hours)).is_some();
        assert_eq!([0, 1, 2, 3].map(|key| has(key, 0)), [false, true, true, true], "by number");
        assert!(kept.get(1, &[3; 32], at(0)).is_none(), "that of another fit");
        kept.keep(0, &answered(4, 0, 85), at(0));
        assert_eq!([2, 3, 4].map(|key| has(key, 0)), [false, true, true], "by bytes");
        assert!(!has(4, 25));
        kept.keep(0, &answered(5, 25, 1), at(25));
        assert_eq!(kept.kept.lock().unwrap().in_order.len(), 1, "by age");
    }
}
