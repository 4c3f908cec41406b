//! Names that are none of a project, in the spellings of those who look for a way out of a folder or a prefix.

use std::collections::BTreeSet;

/// Spellings that no operation may take for a name, as they stand in the path of a request.
const SPELLINGS: [&str; 94] = [
    ".",
    "..",
    "...",
    "%2e",
    "%2e%2e",
    "%2E%2E",
    "%252e%252e",
    "%25252e",
    "..%2f..%2fetc%2fpasswd",
    "..%2F",
    "..%5c..%5cwindows",
    "..\\..\\windows",
    "..%c0%af..%c0%afetc",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae",
    "%uff0e%uff0e",
    "price%2f..%2foff",
    "price%2fpredict",
    "%2fproc%2fself%2froot",
    "%2f%2fproc%2fself%2froot",
    "%5c%5cserver%5cshare",
    "C:%5cwindows",
    "file:%2f%2f%2fetc%2fpasswd",
    "http:%2f%2f169.254.169.254",
    "price%00",
    "%00",
    "price%00.yaml",
    "price%23",
    "price%3fpage_size=1",
    "price%20",
    "%20price",
    "price%09",
    "price%0d%0aX-Injected:%201",
    "%1b%5b31mred",
    "price%7f",
    // A Cyrillic letter, letters without a dot and full-width ones, a blank of no width, a ligature.
    "%D1%80rice",
    "pr%C4%B1ce",
    "%EF%BD%90rice",
    "%E2%80%8Bprice",
    "%EF%AC%81t",
    "pri\u{441}e",
    "%ff%fe",
    ".tmp",
    ".hidden",
    "-rf",
    "_private",
    "~root",
    "$HOME",
    "price;drop",
    "price*",
    "%",
    // Places of this machine, of others and of services.
    "..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fshadow",
    "%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd%00",
    "....%2f%2f....%2f%2fetc",
    "..;%2f..;%2fetc",
    "%2fdev%2fzero",
    "%2fproc%2fself%2ffd%2f0",
    "%2fproc%2fself%2fenviron",
    "%5c%5c.%5cpipe%5cdrifting",
    "%5c%5c%3f%5cC:%5c",
    "C:",
    "C:..%5cwindows",
    "con:",
    "nul%20",
    "aux.%20",
    "com1:.yaml",
    "lpt1%3a%3a$DATA",
    "keep::$INDEX_ALLOCATION",
    "KEEP~1",
    // What looks like a bucket, a key or an option of a request to it.
    "s3:%2f%2fprojects%2fteam%2fconfiguration.yaml",
    "gs:%2f%2fprojects%2fteam%2fconfiguration.yaml",
    "arn:aws:s3:::projects",
    "projects%2fteam%2fdrifting-other%2fkeep",
    "team%2fdrifting-other%2fkeep",
    "%2fprojects%2fteam%2fdrifting-other",
    "keep%3fversionId=null",
    "keep%3facl",
    "keep%3fuploads",
    "keep%26generation=1",
    "keep%23generation",
    "keep%2fconfiguration.yaml",
    "keep%2f",
    "%2fkeep",
    // Files of the store and words of the interface, in any case.
    ".tmp%2flease",
    ".tmp%2f..%2f..%2fconfiguration.yaml",
    "store.db",
    "ACTIVE.DB",
    "store%2edb",
    "Stats",
    "fit",
    "stats",
    "%66it",
    "..%2fstore.db",
];

/// What a separator of folders may hide as.
const SEPARATORS: [&str; 12] = [
    "%2f",
    "%2F",
    "%5c",
    "%252f",
    "%255c",
    "%25252f",
    "%c0%af",
    "%e0%80%af",
    "%c1%9c",
    // Look-alikes: full-width, of fractions, of divisions.
    "%ef%bc%8f",
    "%e2%81%84",
    "%e2%88%95",
];

/// What two dots may hide as.
const PARENTS: [&str; 11] = [
    "..",
    "%2e%2e",
    ".%2e",
    "%252e%252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%u002e%u002e",
    // Look-alikes: full-width, a leader of two dots, an ellipsis.
    "%ef%bc%8e%ef%bc%8e",
    "%e2%80%a5",
    "%e2%80%a6",
];

/// All of them: those above, each way up with each separator, each control character, and names that are too long.
pub fn hostile_names() -> Vec<String> {
    let up = PARENTS.iter().flat_map(|parent| {
        SEPARATORS.iter().map(move |separator| format!("{parent}{separator}drifting-other{separator}keep"))
    });
    let controlled = (0..32_u8).chain([127]).map(|code| format!("keep%{code:02x}"));
    let long = ["x".repeat(129), "x".repeat(300), "%61".repeat(300), "..%2f".repeat(60), "x".repeat(8_000)];
    let spelled = SPELLINGS.iter().map(|name| (*name).to_owned());
    let distinct: BTreeSet<String> = spelled.chain(up).chain(controlled).chain(long).collect();
    distinct.into_iter().collect()
}
