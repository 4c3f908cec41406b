//! What was found for texts that came before: a column of categories repeats few of them, and a search for each value would cost more than
//! all the rest of reading it.

/// Fewer texts are searched for at once, as it takes longer to make room for more.
const WORTH_REMEMBERING: usize = 64;
const PLACES_BITS: u32 = 9;

/// Remembers the last text that fell on each of 512 places, and what was found for it. A text that fell where another one lies is searched
/// for again, so that whatever texts come, each costs a comparison more than without it at the most. Takes 512 times 16 bytes, and what was found.
pub(super) struct Recent<'t, T> {
    places: Vec<Option<(&'t str, T)>>,
}

impl<'t, T: Copy> Recent<'t, T> {
    /// For a column of so many texts.
    pub(super) fn of_texts(n_texts: usize) -> Self {
        Self { places: if n_texts < WORTH_REMEMBERING { Vec::new() } else { vec![None; 1 << PLACES_BITS] } }
    }

    /// What was found for this text, or is found for it now.
    pub(super) fn get_or_find(&mut self, text: &'t str, find: impl FnOnce() -> T) -> T {
        if self.places.is_empty() {
            return find();
        }
        let place = &mut self.places[place(text)];
        match place {
            Some((known, found)) if *known == text => *found,
            _ => {
                let found = find();
                *place = Some((text, found));
                found
            }
        }
    }
}

/// The upper bits of a product of the text's length and eight bytes of its beginning, middle and end (all of a shorter text), by the odd
/// number next to 2^64 over the golden ratio.
fn place(text: &str) -> usize {
    let bytes = text.as_bytes();
    let middle = bytes.get(bytes.len() / 2..).unwrap_or_default().first_chunk();
    let word = |chunk: &[u8; 8]| u64::from_le_bytes(*chunk);
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (word(first), word(last)),
        _ => (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
    };
    let mixed = first ^ last.rotate_left(29) ^ middle.map_or(0, word).rotate_left(43) ^ bytes.len() as u64;
    let mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> (u64::BITS - PLACES_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_texts_come_each_has_what_was_found_for_it() {
        // The same length, beginning, middle and end, so that all fall on one place; texts of no bytes and of less than eight.
        let alike = (0..10).map(|n| format!("beginning {n} and a middle, then the end of it"));
        let short = (0..2_000).map(|n| "x".repeat(n % 9) + &n.to_string());
        let texts: Vec<String> = alike.chain(short).chain([String::new()]).collect();
        assert!(texts[..10].iter().all(|text| place(text) == place(&texts[0])));
        for n_texts in [1, texts.len()] {
            let mut recent = Recent::of_texts(n_texts);
            for _ in 0..2 {
                for (number, text) in texts.iter().enumerate() {
                    assert_eq!(recent.get_or_find(text, || number), number, "{text}");
                }
            }
        }
    }

    #[test]
    fn a_text_that_repeats_is_found_once() {
        let texts = ["mon", "tue", "a longer one than eight bytes"];
        let mut recent = Recent::of_texts(WORTH_REMEMBERING);
        let mut n_found = 0;
        for text in texts.iter().cycle().take(300) {
            recent.get_or_find(text, || n_found += 1);
        }
        assert_eq!(n_found, 3);
    }
}
