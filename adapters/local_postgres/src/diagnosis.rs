//! What a program of Postgres said when it failed.

/// The last line that tells why a program of Postgres failed.
pub(crate) fn last_words(said: &str) -> String {
    let grave = |line: &&str| ["PANIC:", "FATAL:", "error:"].iter().any(|word| line.contains(word));
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines().rfind(grave).or_else(|| lines().next_back()).unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_grave_line_tells_most() {
        let log = "LOG:  starting\nFATAL:  lock file exists\nHINT:  is another one running?\nLOG:  shut down\n\n";
        assert_eq!(last_words(log), "FATAL:  lock file exists");
        assert_eq!(last_words("some\nthing\n"), "thing");
        assert_eq!(last_words(""), "it said nothing");
    }
}
