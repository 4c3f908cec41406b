//! What a text is made of, hashed: words, pairs of words, and runs of characters.

/// Words, pairs of words and runs of characters have buckets of their own, in this order.
pub(super) const WORDS: std::ops::Range<u32> = 0..1 << 16;
const PAIRS: std::ops::Range<u32> = 1 << 16..1 << 17;
const RUNS: std::ops::Range<u32> = 1 << 17..1 << 18;
/// Number of buckets.
pub(super) const N_BUCKETS: usize = 1 << 18;
/// The first bucket of runs of characters; words and pairs of words are below.
pub(super) const FIRST_RUN: u32 = RUNS.start;

/// Lengths of runs of characters.
const RUN_LENGTHS: std::ops::RangeInclusive<usize> = 3..=5;
/// More occurrences than this are counted in a table, so that a long text takes no more memory than the table.
const LISTED_MAX: usize = 1 << 17;

/// The counts of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grams {
    /// The buckets that occur, ascending, and how often.
    pub(super) counts: Vec<(u32, u32)>,
    /// Characters of the text.
    pub(super) n_characters: u64,
    /// Words of the text.
    pub(super) n_words: u64,
}

/// Counts what a text is made of: its words (runs of letters and digits) and pairs of neighbouring words, and the runs of 3 to
/// 5 of its characters, where blanks between words are one blank. Upper case is lower case. Time O(b log b) for `b` bytes
/// up to some 40 kilobytes, O(b) beyond, with at most a few megabytes of memory.
pub(super) fn count(text: &str) -> Grams {
    let mut counter = Counter::default();
    let (mut runs, mut words) = (Runs::default(), Words::default());
    let mut n_characters = 0;
    // Blanks at both ends, so that a short text has runs, and first and last words are as those between.
    runs.push(' ', &mut counter);
    let mut is_blank = true;
    for character in text.chars() {
        n_characters += 1;
        let was_blank = is_blank;
        is_blank = character.is_whitespace();
        for character in character.to_lowercase() {
            words.push(character, &mut counter);
            if !is_blank {
                runs.push(character, &mut counter);
            }
        }
        if is_blank && !was_blank {
            runs.push(' ', &mut counter);
        }
    }
    words.end(&mut counter);
    if !is_blank {
        runs.push(' ', &mut counter);
    }
    Grams { counts: counter.counts(), n_characters, n_words: words.n }
}

/// The FNV-1a hash (Fowler, Noll & Vo 1991) over whole characters. It is part of what is stored, so it never changes.
#[derive(Debug, Clone, Copy)]
struct Hash(u64);

impl Hash {
    const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    fn then(self, value: u64) -> Self {
        Self((self.0 ^ value).wrapping_mul(0x0100_0000_01b3))
    }

    /// A bucket of a range whose length is a power of two. The last bits of the hash depend on the last bits of the values
    /// alone, so the first ones are mixed in.
    fn bucket(self, range: &std::ops::Range<u32>) -> u32 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let mixed = mixed as u32;
        range.start + mixed % (range.end - range.start)
    }
}

/// The hashes of the runs that end at the last character, by length from 1.
struct Runs {
    hashes: [Hash; *RUN_LENGTHS.end()],
    n: usize,
}

impl Default for Runs {
    fn default() -> Self {
        Self { hashes: [Hash::EMPTY; *RUN_LENGTHS.end()], n: 0 }
    }
}

impl Runs {
    fn push(&mut self, character: char, counter: &mut Counter) {
        let value = u64::from(u32::from(character));
        for length in (1..self.hashes.len()).rev() {
            self.hashes[length] = self.hashes[length - 1].then(value);
        }
        self.hashes[0] = Hash::EMPTY.then(value);
        self.n += 1;
        for length in RUN_LENGTHS.filter(|length| *length <= self.n) {
            counter.add(self.hashes[length - 1].bucket(&RUNS));
        }
    }
}

/// The word that is being read, and the one before it.
#[derive(Default)]
struct Words {
    word: Option<Hash>,
    before: Option<Hash>,
    n: u64,
}

impl Words {
    fn push(&mut self, character: char, counter: &mut Counter) {
        if character.is_alphanumeric() {
            self.word = Some(self.word.unwrap_or(Hash::EMPTY).then(u64::from(u32::from(character))));
        } else {
            self.end(counter);
        }
    }

    fn end(&mut self, counter: &mut Counter) {
        let Some(word) = self.word.take() else { return };
        counter.add(word.bucket(&WORDS));
        if let Some(before) = self.before {
            // Turned, since the order of the two counts.
            counter.add(Hash(before.0.rotate_left(21)).then(word.0).bucket(&PAIRS));
        }
        self.before = Some(word);
        self.n += 1;
    }
}

/// Occurrences in order, which are sorted in the end; of a long text, in a table.
#[derive(Default)]
struct Counter {
    occurrences: Vec<u32>,
    table: Vec<u32>,
}

impl Counter {
    fn add(&mut self, bucket: u32) {
        if self.occurrences.len() == LISTED_MAX {
            self.tabulate();
        }
        self.occurrences.push(bucket);
    }

    fn tabulate(&mut self) {
        self.table.resize(N_BUCKETS, 0);
        for bucket in self.occurrences.drain(..) {
            let count = &mut self.table[bucket as usize];
            *count = count.saturating_add(1);
        }
    }

    fn counts(mut self) -> Vec<(u32, u32)> {
        if !self.table.is_empty() {
            self.tabulate();
            return (0..).zip(self.table).filter(|(_, count)| *count > 0).collect();
        }
        self.occurrences.sort_unstable();
        let equal = self.occurrences.chunk_by(|a, b| a == b);
        equal.map(|equal| (equal[0], u32::try_from(equal.len()).unwrap_or(u32::MAX))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(grams: &Grams, range: &std::ops::Range<u32>) -> Vec<(u32, u32)> {
        grams.counts.iter().copied().filter(|(bucket, _)| range.contains(bucket)).collect()
    }

    fn total(counts: &[(u32, u32)]) -> u32 {
        counts.iter().map(|(_, count)| count).sum()
    }

    #[test]
    fn words_pairs_and_runs_are_counted() {
        let grams = count("The cat, the DOG; the cat!");
        assert_eq!((grams.n_characters, grams.n_words), (26, 6));
        let words = of(&grams, &WORDS);
        let mut counts: Vec<u32> = words.iter().map(|(_, count)| *count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 2, 3]);
        // the cat, cat the, the dog, dog the, the cat.
        let pairs = of(&grams, &PAIRS);
        assert_eq!((pairs.len(), total(&pairs)), (4, 5));
        // 28 characters with the blanks at both ends.
        assert_eq!(total(&of(&grams, &RUNS)), 26 + 25 + 24);
        assert!(grams.counts.is_sorted());
    }

    #[test]
    fn case_and_blanks_make_no_difference_and_letters_of_any_script_make_words() {
        let counts = |text| count(text).counts;
        assert_eq!(counts("Größe  \n 42"), counts("größe 42"));
        assert_eq!(counts("größe 42"), counts(" größe 42\t"));
        assert_ne!(counts("größe 42"), counts("große 42"));
        assert_eq!(count("Жизнь прожить 東京").n_words, 3);
        for empty in ["", " \n\t"] {
            assert_eq!((counts(empty), count(empty).n_words), (Vec::new(), 0));
        }
    }

    #[test]
    fn long_texts_are_counted_as_short_ones_are() {
        let short = "spring summer autumn winter ";
        let n_times = 2 * LISTED_MAX / short.len();
        let long = count(&short.repeat(n_times));
        let once = count(&short.repeat(2));
        let buckets = |grams: &Grams| grams.counts.iter().map(|(bucket, _)| *bucket).collect::<Vec<_>>();
        assert_eq!(buckets(&long), buckets(&once));
        let words = of(&long, &WORDS);
        assert!(words.iter().all(|(_, count)| *count as usize == n_times), "{words:?}");
    }

    #[test]
    fn hashes_are_those_that_are_stored() {
        assert_eq!(of(&count("drift"), &WORDS), [(53_626, 1)]);
        assert_eq!(of(&count("concept drift"), &PAIRS), [(128_871, 1)]);
        assert_eq!(of(&count("x"), &RUNS), [(228_058, 1)]);
    }
}
