use super::*;

const PING: u8 = 6;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;

fn frame(kind: u8, flags: u8, stream: u32, n_bytes: usize) -> Vec<u8> {
    let length = u32::try_from(n_bytes).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), &vec![0xff; n_bytes]].concat()
}

#[test]
fn a_request_is_on_its_way_from_its_head_to_the_end_of_its_answer_however_the_bytes_come() {
    let request = [frame(HEADERS, END_HEADERS, 1, 30), frame(DATA, END_STREAM, 1, 300)].concat();
    let answer = [frame(HEADERS, END_HEADERS, 1, 20), frame(DATA, 0, 1, 100), frame(DATA, END_STREAM, 1, 7)].concat();
    for step in [1, 2, 8, 9, 10, 11, 1_000] {
        let mut streams = Http2Streams::default();
        let begun: Vec<bool> = request.chunks(step).map(|bytes| streams.came(bytes)).collect();
        assert_eq!(begun.iter().filter(|begun| **begun).count(), 1, "by {step}");
        assert_eq!(begun.iter().position(|begun| *begun), Some((HEADER_BYTES - 1) / step), "by {step}");
        assert!(!streams.rests() && streams.head_since().is_none(), "by {step}");
        let (last, before) = answer.split_last().unwrap();
        assert!(before.chunks(step).filter(|bytes| streams.sent(bytes)).count() > 0, "by {step}");
        assert!(!streams.rests(), "by {step}");
        assert!(streams.sent(&[*last]), "by {step}");
        assert!(streams.rests(), "by {step}");
    }
}

#[test]
fn a_head_is_on_its_way_until_its_last_byte_has_come() {
    let parts =
        [frame(HEADERS, END_STREAM, 1, 30), frame(CONTINUATION, 0, 1, 0), frame(CONTINUATION, END_HEADERS, 1, 30)];
    let head = parts.concat();
    let mut streams = Http2Streams::default();
    for (place, byte) in head.iter().enumerate() {
        // Without the whole header of a frame nobody knows what it is.
        assert_eq!(streams.head_since().is_some(), place >= HEADER_BYTES, "{place}");
        streams.came(&[*byte]);
    }
    assert_eq!(streams.head_since(), None);
    assert!(!streams.rests(), "it has no answer");

    // The end of one and the beginning of the next.
    assert!(streams.came(&frame(HEADERS, 0, 3, 10)));
    let since = streams.head_since();
    assert!(since.is_some());
    assert!(streams.came(&[frame(CONTINUATION, END_HEADERS, 3, 1), frame(HEADERS, 0, 5, 1)].concat()));
    assert!(streams.head_since() >= since);
    assert!(!streams.came(&frame(CONTINUATION, END_HEADERS, 5, 1)));
    assert_eq!(streams.head_since(), None);
}

#[test]
fn pings_settings_and_windows_are_no_requests() {
    let mut streams = Http2Streams::default();
    let others = [
        frame(SETTINGS, 0, 0, 12),
        frame(SETTINGS, 1, 0, 0),
        frame(PING, 0, 0, 8),
        frame(PING, 1, 0, 8),
        frame(WINDOW_UPDATE, 0, 0, 4),
        frame(0xbe, 0xff, 0, 100),
    ];
    for bytes in others.iter().cycle().take(1_000) {
        assert!(!streams.came(bytes) && !streams.sent(bytes));
        assert!(streams.rests());
    }
    assert_eq!(streams.open.capacity(), 0);
}

#[test]
fn whoever_gives_a_request_up_ends_it() {
    let mut streams = Http2Streams::default();
    for stream in [1, 3, 5] {
        assert!(streams.came(&frame(HEADERS, END_HEADERS | END_STREAM, stream, 10)));
    }
    streams.came(&frame(RST_STREAM, 0, 3, 4));
    streams.sent(&frame(RST_STREAM, 0, 1, 4));
    // Once more, and of one that never was.
    streams.came(&frame(RST_STREAM, 0, 1, 4));
    streams.came(&frame(RST_STREAM, 0, 7, 4));
    assert_eq!(streams.open, [5]);
    assert!(!streams.came(&frame(HEADERS, END_HEADERS | END_STREAM, 3, 10)), "a number begins one request");
    assert_eq!(streams.open, [5]);
    assert!(streams.sent(&frame(HEADERS, END_HEADERS | END_STREAM, 5, 10)));
    assert!(streams.rests());
}

#[test]
fn what_is_beyond_the_requests_that_are_allowed_is_forgotten_once_it_is_refused() {
    let mut streams = Http2Streams::default();
    for stream in (1..200_001).step_by(2) {
        streams.came(&frame(HEADERS, END_HEADERS, stream, 1));
        streams.sent(&frame(RST_STREAM, 0, stream, 4));
    }
    assert!(streams.rests());
    assert!(streams.open.capacity() < 10);
    for stream in (200_001..400_001).step_by(2) {
        streams.came(&frame(HEADERS, END_HEADERS, stream, 1));
    }
    assert_eq!(streams.open.len(), OPEN_MAX);
}
