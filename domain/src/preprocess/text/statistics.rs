//! What people can read of a text: how long it is, of what its characters are, and how like those of the reference they follow each
//! other.

use super::vocabulary::Weighted;
use crate::data::{TensorError, Tensors};
use crate::ports::{CpuPool, Progress};
use crate::statistics::parallel::run_tasks;

/// The names of all statistics; the first [`N_BESIDE`] stand beside components, too.
pub(super) const STATISTICS: [&str; 11] = [
    "characters",
    "words",
    "unknown_words",
    "word_length",
    "letters",
    "digits",
    "punctuation",
    "blanks",
    "upper_case",
    "non_ascii",
    "surprise",
];
/// Those beside components, which the vocabulary counts anyway.
pub(super) const N_BESIDE: usize = 3;

/// Classes of characters: blanks, digits, the letters a to z, signs of ASCII, its control characters, and others by their hash.
const N_CLASSES: usize = 128;
const BLANK: usize = 0;
const DIGIT: usize = 1;
const FIRST_LETTER: usize = 2;
const FIRST_SIGN: usize = 28;
const CONTROL: usize = 60;
const FIRST_OTHER: usize = 61;
/// What every pair of classes counts before any has come: an unseen one surprises, but not without end.
const COUNT_BEFORE: f64 = 0.5;
/// Texts of one task of the pool: each counts into a table of its own.
const TEXTS_PER_TASK: usize = 256;

/// How often each class of characters follows each other one, and how many bits that tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CharacterPairs {
    counts: Vec<u64>,
    /// By the class before and then the class: `-log2` of the probability.
    bits: Vec<f64>,
}

/// The class of a character, whatever its case. It is part of what is stored, so it never changes.
fn class(character: char) -> usize {
    match character {
        _ if character.is_whitespace() => BLANK,
        '0'..='9' => DIGIT,
        'a'..='z' => FIRST_LETTER + (character as usize - 'a' as usize),
        'A'..='Z' => FIRST_LETTER + (character as usize - 'A' as usize),
        '!'..='/' => FIRST_SIGN + (character as usize - '!' as usize),
        ':'..='@' => FIRST_SIGN + 15 + (character as usize - ':' as usize),
        '['..='`' => FIRST_SIGN + 22 + (character as usize - '[' as usize),
        '{'..='~' => FIRST_SIGN + 28 + (character as usize - '{' as usize),
        _ if character.is_ascii() => CONTROL,
        _ => {
            let lower = character.to_lowercase().next().unwrap_or(character);
            // Neighbours in a script have classes of their own.
            FIRST_OTHER + lower as usize % (N_CLASSES - FIRST_OTHER)
        }
    }
}

fn pairs(text: &str) -> impl Iterator<Item = usize> {
    let mut before = BLANK;
    text.chars().map(move |character| {
        let class = class(character);
        std::mem::replace(&mut before, class) * N_CLASSES + class
    })
}

impl CharacterPairs {
    /// Learns from texts. Time O(bytes), 128 KiB of memory a task; `None` when cancelled.
    pub(super) fn learn(texts: &[&str], pool: &dyn CpuPool, progress: &dyn Progress) -> Option<Self> {
        let task = |task: usize| {
            let mut counts = vec![0_u64; N_CLASSES * N_CLASSES];
            let texts = texts.iter().skip(task * TEXTS_PER_TASK).take(TEXTS_PER_TASK);
            texts.flat_map(|text| pairs(text)).for_each(|pair| counts[pair] += 1);
            counts
        };
        let mut counts = vec![0_u64; N_CLASSES * N_CLASSES];
        for of_task in run_tasks(texts.len().div_ceil(TEXTS_PER_TASK), pool, progress, &task)? {
            counts.iter_mut().zip(of_task).for_each(|(sum, count)| *sum += count);
        }
        Some(Self::of(counts))
    }

    fn of(counts: Vec<u64>) -> Self {
        let bits = counts.chunks_exact(N_CLASSES).flat_map(|followers| {
            let total = followers.iter().map(|count| *count as f64 + COUNT_BEFORE).sum::<f64>();
            followers.iter().map(move |count| (total / (*count as f64 + COUNT_BEFORE)).log2())
        });
        let bits = bits.collect();
        Self { counts, bits }
    }

    /// All statistics of a text, of which the vocabulary has told some; without characters, or words, or letters, their shares are 0.
    pub(super) fn statistics(&self, text: &str, weighted: &Weighted) -> [f64; STATISTICS.len()] {
        let mut of = Counts::default();
        text.chars().for_each(|character| of.add(character));
        let n_characters = weighted.n_characters as f64;
        let share = |count: u64| count as f64 / n_characters.max(1.0);
        let bits: f64 = pairs(text).map(|pair| self.bits[pair]).sum();
        [
            n_characters,
            weighted.n_words as f64,
            weighted.unknown_words,
            (of.letters + of.digits) as f64 / (weighted.n_words as f64).max(1.0),
            share(of.letters),
            share(of.digits),
            share(weighted.n_characters - of.letters - of.digits - of.blanks),
            share(of.blanks),
            of.upper_case as f64 / (of.letters as f64).max(1.0),
            share(of.non_ascii),
            bits / n_characters.max(1.0),
        ]
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        tensors.insert_u64("text.pairs", self.counts.clone());
    }

    pub(super) fn restore(tensors: &Tensors) -> Result<Self, TensorError> {
        Ok(Self::of(tensors.u64s_of_length("text.pairs", N_CLASSES * N_CLASSES)?.to_vec()))
    }
}

/// Characters by what they are.
#[derive(Default)]
struct Counts {
    letters: u64,
    digits: u64,
    blanks: u64,
    upper_case: u64,
    non_ascii: u64,
}

impl Counts {
    fn add(&mut self, character: char) {
        if character.is_whitespace() {
            self.blanks += 1;
        } else if character.is_alphabetic() {
            self.letters += 1;
            self.upper_case += u64::from(character.is_uppercase());
        } else if character.is_numeric() {
            self.digits += 1;
        }
        self.non_ascii += u64::from(!character.is_ascii());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Silent;
    use crate::test_pool::Threads;

    fn learn(texts: &[&str]) -> CharacterPairs {
        CharacterPairs::learn(texts, &Threads(2), &Silent).unwrap()
    }

    fn of(pairs: &CharacterPairs, text: &str, n_words: u64) -> [f64; STATISTICS.len()] {
        let n_characters = text.chars().count() as u64;
        pairs.statistics(text, &Weighted { weights: Vec::new(), n_characters, n_words, unknown_words: 0.25 })
    }

    #[test]
    fn characters_are_counted_by_what_they_are() {
        let pairs = learn(&["abc"]);
        let statistics = of(&pairs, "Ab 12, É!", 3);
        let ninth = 1.0 / 9.0;
        let expected =
            [9.0, 3.0, 0.25, 5.0 / 3.0, 3.0 * ninth, 2.0 * ninth, 2.0 * ninth, 2.0 * ninth, 2.0 / 3.0, ninth];
        for ((name, actual), expected) in STATISTICS.iter().zip(statistics).zip(expected) {
            assert!((actual - expected).abs() < 1e-12, "{name}: {actual}");
        }
        assert!(of(&pairs, "", 0).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn other_languages_and_keys_surprise_more_than_the_same_one() {
        let english = ["the parcel came late and the box was wet", "when will somebody call me about the order"];
        let pairs = learn(&english.repeat(20));
        let surprise = |text: &str| of(&pairs, text, 1)[10];
        let same = surprise("the order came when the box was late");
        let other = surprise("przesyłka nie dotarła, proszę o zwrot");
        let key = surprise("x9Kq#7vZ!pL0w@Qj");
        assert!(same < 4.0 && other > same + 2.0 && key > same + 2.0, "{same} {other} {key}");
    }

    #[test]
    fn every_sign_has_a_class_and_tables_come_back() {
        let classes: std::collections::BTreeSet<usize> = (' '..='~').map(class).collect();
        assert_eq!(classes.len(), 1 + 1 + 26 + 32);
        assert!(('\0'..='\u{3000}').all(|character| class(character) < N_CLASSES));
        assert_eq!(class('É'), class('é'));
        let (pairs, mut tensors) = (learn(&["abc"]), Tensors::new());
        pairs.save(&mut tensors);
        assert_eq!(CharacterPairs::restore(&tensors).unwrap(), pairs);
        assert!(CharacterPairs::restore(&Tensors::new()).is_err());
    }
}
