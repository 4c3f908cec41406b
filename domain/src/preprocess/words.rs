//! From texts to their words, by which a classifier tells texts apart.
//!
//! A word is a run of two or more letters, digits and underscores, in lower case; English words that say nothing of what a text is
//! about are left out. In languages that write without blanks a run is a phrase: their texts are better told apart by the runs of
//! characters of [`super::TextFeatures`].
//!
//! **Cost**: O(b) for a text of `b` bytes and O(w log w) for its `w` words.

mod stop_words;

use self::stop_words::is_stop_word;
use crate::data::Words;

/// A longer word is cut: what long runs of characters are, such as keys, is no word, and would be answered as one.
const CHARACTERS_MAX: usize = 64;

/// The words of texts; those of a missing one are none.
pub fn words_of(texts: &[Option<&str>]) -> Words {
    let mut words = Words::new();
    for text in texts {
        let text = text.unwrap_or_default().to_lowercase();
        let runs = text.split(|character: char| !(character.is_alphanumeric() || character == '_'));
        let runs = runs.filter(|run| run.chars().nth(1).is_some()).map(cut);
        words.push(runs.filter(|word| !is_stop_word(word)).collect());
    }
    words
}

fn cut(word: &str) -> &str {
    word.char_indices().nth(CHARACTERS_MAX).map_or(word, |(end, _)| &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, u32)> {
        let words = words_of(&[Some(text)]);
        words.of_text(0).map(|(word, n)| (word.to_owned(), n)).collect()
    }

    #[test]
    fn words_have_two_characters_and_say_something() {
        let words = of("The PARCEL, the parcel_2 — and a Größe: x 42!");
        let expected = [("42", 1), ("größe", 1), ("parcel", 1), ("parcel_2", 1)];
        assert_eq!(words, expected.map(|(word, n)| (word.to_owned(), n)));
        assert_eq!(of("go go"), []);
        assert_eq!(of("rain Rain rain"), [("rain".to_owned(), 3)]);
    }

    #[test]
    fn missing_and_empty_texts_have_no_words_and_long_ones_are_cut() {
        let words = words_of(&[None, Some(" ... ")]);
        assert!(words.is_empty() && words.n_texts() == 2);
        let long = of(&"é".repeat(1_000));
        assert_eq!(long, [("é".repeat(CHARACTERS_MAX), 1)]);
    }
}
