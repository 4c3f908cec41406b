//! The words of texts, without their order.

use super::tensors::{TensorError, Tensors};

/// The words of each of some texts, those that come more often as often, in alphabetical order: what a text is about can be told
/// from them, what it says cannot. A text takes the bytes of its words, one more for each, and sixteen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Vec<Box<str>>);

/// Stands between words, which hold letters, digits and underscores.
const BETWEEN: &str = " ";

impl Words {
    /// Of no text.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Those of several groups of texts, one after the other.
    pub fn concat(groups: Vec<Self>) -> Self {
        Self(groups.into_iter().flat_map(|words| words.0).collect())
    }

    /// Appends the words of a text, which hold no blanks.
    pub fn push(&mut self, mut words: Vec<&str>) {
        words.sort_unstable();
        self.0.push(words.join(BETWEEN).into());
    }

    /// Number of texts.
    pub fn n_texts(&self) -> usize {
        self.0.len()
    }

    /// The words of a text, each once, and how often it comes.
    ///
    /// # Panics
    /// When there are not so many texts.
    pub fn of_text(&self, text: usize) -> impl Iterator<Item = (&str, u32)> {
        let words = self.0[text].split(BETWEEN).filter(|word| !word.is_empty());
        let mut words = words.peekable();
        std::iter::from_fn(move || {
            let word = words.next()?;
            let mut n = 1;
            while words.next_if_eq(&word).is_some() {
                n += 1;
            }
            Some((word, n))
        })
    }

    /// Bytes of all of them.
    pub fn n_bytes(&self) -> usize {
        self.0.iter().map(|words| words.len()).sum()
    }

    /// Whether no text has a word.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|words| words.is_empty())
    }

    /// The words of some texts that follow each other.
    pub(super) fn slice(&self, texts: std::ops::Range<usize>) -> Self {
        Self(self.0[texts].to_vec())
    }

    pub(super) fn append_range(&mut self, other: &Self, texts: std::ops::Range<usize>) {
        self.0.extend_from_slice(&other.0[texts]);
    }

    pub(super) fn drop_front(&mut self, n_texts: usize) {
        self.0.drain(..n_texts);
    }

    pub(super) fn replace(&mut self, at: usize, other: &Self, from: usize) {
        self.0[at].clone_from(&other.0[from]);
    }

    pub(super) fn retain(&mut self, keep: &[bool]) {
        let mut rows = keep.iter();
        self.0.retain(|_| *rows.next().unwrap_or(&true));
    }

    /// Puts them into arrays.
    pub fn save(&self, name: &str, tensors: &mut Tensors) {
        let texts: Vec<String> = self.0.iter().map(|words| words.clone().into_string()).collect();
        tensors.insert_texts(name, &texts);
    }

    /// Those that [`Self::save`] put under a name.
    ///
    /// # Errors
    /// When they are absent, or no texts.
    pub fn restore(name: &str, tensors: &Tensors) -> Result<Self, TensorError> {
        Ok(Self(tensors.texts(name)?.into_iter().map(Into::into).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Words {
        let mut words = Words::new();
        for text in texts {
            words.push(text.split_whitespace().collect());
        }
        words
    }

    fn all(words: &Words) -> Vec<Vec<(&str, u32)>> {
        (0..words.n_texts()).map(|text| words.of_text(text).collect()).collect()
    }

    #[test]
    fn words_are_counted_and_their_order_is_forgotten() {
        let words = words(&["the cat the dog", "", "dog the the cat"]);
        let expected = vec![("cat", 1), ("dog", 1), ("the", 2)];
        assert_eq!(all(&words), [expected.clone(), Vec::new(), expected]);
        assert!(!words.is_empty());
        assert!(self::words(&["", ""]).is_empty());
    }

    #[test]
    fn they_are_collected_and_come_back() {
        let other = words(&["a b", "c", "", "d d"]);
        let mut collected = Words::new();
        collected.append_range(&other, 1..4);
        assert_eq!(collected, words(&["c", "", "d d"]));
        collected.replace(1, &other, 0);
        collected.drop_front(1);
        assert_eq!(collected, words(&["a b", "d d"]));
        collected.retain(&[false, true]);
        assert_eq!(all(&collected), [[("d", 2)]]);
        let mut tensors = Tensors::new();
        other.save("words", &mut tensors);
        assert_eq!(Words::restore("words", &tensors).unwrap(), other);
    }
}
