//! A column of texts in few pieces of memory.

/// Texts, some of them missing: one after the other in chunks, with the place where each ends. A text takes its bytes and
/// eight more, however short it is, and growing does not copy those that are there.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    chunks: Vec<String>,
    ends: Vec<End>,
}

/// Where a text ends; where the one before ended in the same chunk, it begins.
#[derive(Debug, Clone, Copy)]
struct End {
    /// The chunk; with [`Self::MISSING`] where there is no text.
    chunk: u32,
    /// The place in it; [`Self::WHOLE`] where the text has a chunk of its own.
    place: u32,
}

impl End {
    const MISSING: u32 = 1 << (u32::BITS - 1);
    const WHOLE: u32 = u32::MAX;

    fn is_missing(self) -> bool {
        self.chunk & Self::MISSING != 0
    }

    fn chunk(self) -> usize {
        (self.chunk & !Self::MISSING) as usize
    }
}

impl Texts {
    /// What a text takes beside its bytes.
    pub const BYTES_BESIDE: usize = size_of::<End>();
    /// Longer texts have a chunk of their own.
    const CHUNK_BYTES: usize = 1 << 16;

    /// No texts.
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), ends: Vec::new() }
    }

    /// No texts, with room for the ends of so many.
    pub fn with_capacity(n_texts: usize) -> Self {
        Self { chunks: Vec::new(), ends: Vec::with_capacity(n_texts) }
    }

    /// Number of texts, missing ones included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no text, and none is missing.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Number of missing texts.
    pub fn n_missing(&self) -> usize {
        self.ends.iter().filter(|end| end.is_missing()).count()
    }

    /// Bytes of all texts together.
    pub fn n_bytes(&self) -> usize {
        self.chunks.iter().map(String::len).sum()
    }

    /// What they take in memory, in bytes, room that is kept for more included.
    pub fn memory_bytes(&self) -> usize {
        let texts: usize = self.chunks.iter().map(String::capacity).sum();
        texts + self.chunks.capacity() * size_of::<String>() + self.ends.capacity() * size_of::<End>()
    }

    /// Appends a text, or a missing one.
    pub fn push(&mut self, text: Option<&str>) {
        let end = match text {
            Some(text) => self.append(text),
            None => self.missing(),
        };
        self.ends.push(end);
    }

    /// Appends missing texts until there are so many; where there are as many or more, nothing.
    pub fn pad(&mut self, n_texts: usize) {
        if n_texts > self.len() {
            self.ends.resize(n_texts, self.missing());
        }
    }

    /// A text, unless it is missing.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = self.ends[index];
        if end.is_missing() {
            return None;
        }
        let chunk = &self.chunks[end.chunk()];
        if end.place == End::WHOLE {
            return Some(chunk);
        }
        let before = index.checked_sub(1).map(|before| self.ends[before]);
        let start = before.filter(|before| before.chunk() == end.chunk()).map_or(0, |before| before.place);
        Some(&chunk[start as usize..end.place as usize])
    }

    /// The texts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        (0..self.len()).map(|index| self.get(index))
    }

    fn append(&mut self, text: &str) -> End {
        let is_long = text.len() > Self::CHUNK_BYTES;
        let fits = self.chunks.last().is_some_and(|chunk| chunk.len() + text.len() <= Self::CHUNK_BYTES);
        if is_long || !fits {
            // The first one grows, as there may be few texts.
            let is_first = self.chunks.is_empty();
            self.chunks.push(String::with_capacity(if is_first || is_long { text.len() } else { Self::CHUNK_BYTES }));
        }
        let index = self.chunks.len() - 1;
        self.chunks[index].push_str(text);
        let place = if is_long { End::WHOLE } else { narrow(self.chunks[index].len()) };
        End { chunk: narrow(index), place }
    }

    fn missing(&self) -> End {
        // After it the next text begins where the last one ended.
        let (chunk, place) = self.ends.last().map_or((0, 0), |last| (last.chunk, last.place));
        End { chunk: chunk | End::MISSING, place }
    }
}

/// A place in a chunk, or the number of a chunk, of which memory holds far fewer.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Texts {}

impl<T: AsRef<str>> FromIterator<Option<T>> for Texts {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(texts: I) -> Self {
        let texts = texts.into_iter();
        let mut joined = Self::with_capacity(texts.size_hint().0);
        texts.for_each(|text| joined.push(text.as_ref().map(AsRef::as_ref)));
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(expected: &[Option<&str>]) {
        let texts: Texts = expected.iter().copied().collect();
        assert!(texts.iter().eq(expected.iter().copied()), "{expected:?}");
        assert_eq!((texts.len(), texts.is_empty()), (expected.len(), expected.is_empty()));
    }

    #[test]
    fn texts_come_back_and_empty_ones_are_not_missing() {
        hold(&[]);
        hold(&[None, Some("mon"), None, None, Some(""), Some("ä"), None]);
        hold(&[Some(""), Some("a")]);
    }

    #[test]
    fn chunks_end_between_texts() {
        let (most, long) = ("x".repeat(Texts::CHUNK_BYTES - 1), "y".repeat(Texts::CHUNK_BYTES + 1));
        let [most, long] = [&most, &long].map(|text| Some(text.as_str()));
        hold(&[most, Some("a"), Some("b"), None, Some("c")]);
        hold(&[Some("a"), long, Some("b"), long, None, long, None, Some("c"), Some("")]);
        hold(&[long, most, most, None, most, Some("ab")]);
    }

    #[test]
    fn the_same_texts_are_equal_however_they_came() {
        let mut padded = Texts::new();
        padded.pad(2);
        padded.pad(1);
        padded.push(Some("a"));
        assert_eq!(padded, [None, None, Some("a")].into_iter().collect());
        assert_ne!(padded, [None, Some(""), Some("a")].into_iter().collect());
    }
}
