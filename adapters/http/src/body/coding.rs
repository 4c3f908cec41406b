//! Content codings of bodies, decoded within a limit on what they become.

use std::io::{self, Read, Write};

use drifting_listening::BodyShare;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use poem::http::HeaderMap;
use poem::http::header::{self, HeaderName};
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::error::{Code, Failure, shown};

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, as HTTP calls it.
    Deflate,
    /// RFC 8878.
    Zstd,
}

/// The window of a zstd stream may have so many bytes, as a power of two: 8 MiB, as RFC 8878 recommends.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// So much is decoded before it is asked whether there is room for more.
const PIECE_BYTES: u64 = 1024 * 1024;

/// So much room is taken at most before it is needed.
const RESERVED_MAX: usize = 64 * 1024 * 1024;

impl Coding {
    const ALL: [Self; 4] = [Self::Gzip, Self::Zstd, Self::Deflate, Self::Identity];

    /// Its name in headers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        let is_of = |coding: &Self| coding.as_str().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(is_of).or(name.eq_ignore_ascii_case("x-gzip").then_some(Self::Gzip))
    }

    /// The coding of a request's body.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, String> {
        let expected = "expected a body in gzip, deflate, zstd or without a content coding";
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let (Some(value), second) = (values.next(), values.next()) else { return Ok(Self::Identity) };
        let name = value.to_str().unwrap_or_default().trim();
        match Self::of_name(name) {
            Some(coding) if second.is_none() => Ok(coding),
            _ => Err(format!("{expected}, {} came", shown(name))),
        }
    }
}

/// What a client names in headers of this name, each with its weight, which is 1 where none is said (RFC 9110, section 12.4.2).
pub(crate) fn weighted<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'h str, f64)> + use<'h> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().unwrap_or_default();
        let said = parts.find_map(|parameter| parameter.strip_prefix("q=").or(parameter.strip_prefix("Q=")));
        let weight = said.map_or(Some(1.0), |weight| weight.parse().ok());
        (named, weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0))
    })
}

/// The coding that a client likes best in an answer: of those it gives the highest weight, the quickest.
pub(crate) fn accepted(headers: &HeaderMap) -> Coding {
    let mut best = (Coding::Identity, 0.0);
    for (name, weight) in weighted(headers, &header::ACCEPT_ENCODING) {
        let Some(coding) = Coding::of_name(name) else { continue };
        let rank = |coding: Coding| Coding::ALL.iter().position(|known| *known == coding);
        if weight > best.1 || (weight == best.1 && weight > 0.0 && rank(coding) < rank(best.0)) {
            best = (coding, weight);
        }
    }
    best.0
}

/// The bytes in a coding.
///
/// # Errors
/// When encoding fails, which it does not in memory.
pub(crate) fn encode(coding: Coding, bytes: &[u8]) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Identity => Ok(bytes.to_vec()),
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Coding::Zstd => zstd::bulk::compress(bytes, 1),
    }
}

/// What was coded, at most so many bytes, for which there must be room in the share. Takes a processor for as long as what comes out is long.
pub(super) fn decode(coding: Coding, bytes: &[u8], bytes_max: usize, share: &BodyShare) -> Result<Vec<u8>, Failure> {
    match coding {
        Coding::Identity => Ok(bytes.to_vec()),
        Coding::Gzip => read(coding, MultiGzDecoder::new(bytes), bytes_max, share),
        Coding::Deflate => read(coding, ZlibDecoder::new(bytes), bytes_max, share),
        Coding::Zstd => {
            let failed = |error: io::Error| Failure::internal(format!("a zstd decoder: {error}"));
            let mut decoder = ZstdDecoder::with_buffer(bytes).map_err(failed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(failed)?;
            read(coding, decoder, bytes_max, share)
        }
    }
}

fn read(coding: Coding, decoder: impl Read, bytes_max: usize, share: &BodyShare) -> Result<Vec<u8>, Failure> {
    // It may become as long as is taken: room that is not written to costs nothing, and one that grows is copied again and again.
    let mut decoded = Vec::with_capacity(bytes_max.min(RESERVED_MAX));
    let mut decoder = decoder.take((bytes_max as u64).saturating_add(1));
    let read = loop {
        let n_before = decoded.len();
        let read = decoder.by_ref().take(PIECE_BYTES).read_to_end(&mut decoded);
        if !share.take(decoded.len() - n_before) {
            return Err(Failure::bodies_full());
        }
        match read {
            Ok(n) if n > 0 => {}
            ended => break ended,
        }
    };
    if decoded.len() > bytes_max {
        let detail = format!("expected a body of at most {bytes_max} bytes when it is decoded, a larger one came");
        return Err(Failure::new(Code::BodyTooLarge, detail));
    }
    read.map_err(|error| {
        let name = if coding == Coding::Deflate { "deflate (a zlib stream)" } else { coding.as_str() };
        let mut failure =
            Failure::new(Code::Malformed, format!("the body is not {name}, as its `Content-Encoding` says"));
        failure.cause = Some(error.to_string());
        failure
    })?;
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use drifting_listening::{BodyMemory, FREE_BYTES};
    use poem::http::HeaderValue;

    use super::*;

    fn decoded(coding: Coding, bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Code> {
        decode(coding, bytes, bytes_max, &BodyShare::default()).map_err(|failure| failure.code)
    }

    #[test]
    fn what_is_encoded_is_decoded_within_the_limit() {
        let plain: Vec<u8> = (0..10_000_u32).flat_map(|number| (number % 100).to_le_bytes()).collect();
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            let coded = encode(coding, &plain).unwrap();
            assert!(coded.len() < plain.len());
            assert_eq!(decoded(coding, &coded, plain.len()).unwrap(), plain, "{coding:?}");
            assert_eq!(decoded(coding, &coded, plain.len() - 1), Err(Code::BodyTooLarge), "{coding:?}");
            assert_eq!(decoded(coding, &plain, plain.len()), Err(Code::Malformed), "{coding:?}");
            assert_eq!(decoded(coding, &coded[..coded.len() - 5], plain.len()), Err(Code::Malformed), "{coding:?}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let mut bomb = encode(Coding::Gzip, &vec![0; 1 << 20]).unwrap();
        bomb = bomb.repeat(100);
        assert_eq!(decoded(Coding::Gzip, &bomb, 1 << 21), Err(Code::BodyTooLarge));
        // Nor does it become what there is no room for, beside another body.
        let memory = BodyMemory::new(Some(1 << 21));
        let (other, share) = (memory.share(), memory.share());
        assert!(other.take(FREE_BYTES + 1));
        let code = decode(Coding::Gzip, &bomb, usize::MAX, &share).map_err(|failure| failure.code);
        assert_eq!(code, Err(Code::Overloaded));
        assert!(memory.n_taken() <= 1 << 21);
    }

    #[test]
    fn the_coding_of_the_highest_weight_is_taken() {
        let accepted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            super::accepted(&headers)
        };
        for (value, coding) in [
            ("", Coding::Identity),
            ("br", Coding::Identity),
            ("gzip, deflate, br", Coding::Gzip),
            ("deflate", Coding::Deflate),
            ("zstd", Coding::Zstd),
            ("gzip;q=0.5, zstd", Coding::Zstd),
            ("gzip;q=0", Coding::Identity),
            ("identity;q=1, gzip;q=0.5", Coding::Identity),
            ("gzip;q=x", Coding::Identity),
            ("gzip;Q=0.2, zstd;Q=0.4", Coding::Zstd),
        ] {
            assert_eq!(accepted(value), coding, "{value}");
        }
        assert_eq!(super::accepted(&HeaderMap::new()), Coding::Identity);
    }
}
