//! Frames of HTTP/2 as they are written (RFC 9113), for clients that do what no library does.

/// What a client begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// Why a client gives a request up.
pub const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// A frame of this kind, with these flags.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// How a client begins, without settings.
pub fn beginning() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// A header without an index and without compression (RFC 7541, section 6.2.2).
pub fn header(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("a short text")], text.as_bytes()].concat();
    [&[0][..], &text(name), &text(value)].concat()
}

/// The head of a request, of pseudo-headers alone.
pub fn head(method: &str, path: &str) -> Vec<u8> {
    let fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost")];
    fields.iter().flat_map(|(name, value)| header(name, value)).collect()
}

/// What a frame begins with: its length, kind, flags and stream.
pub fn begun(bytes: [u8; 9]) -> (usize, u8, u8, u32) {
    let [high, middle, low, kind, flags, stream @ ..] = bytes;
    (u32::from_be_bytes([0, high, middle, low]) as usize, kind, flags, u32::from_be_bytes(stream))
}
