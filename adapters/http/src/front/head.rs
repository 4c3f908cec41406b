//! How large the head of a request may be. What is much larger never gets here: the connection is closed on it.

use poem::Request;

use crate::error::{Code, Failure};

/// The path and the query of a request may take so many bytes: settings of a fit may stand there.
const TARGET_BYTES_MAX: usize = 8 * 1024;
/// So many headers may come.
const HEADERS_MAX: usize = 100;
/// Their names and values may take so many bytes: tokens of an issuer may stand there.
const HEADERS_BYTES_MAX: usize = 32 * 1024;

/// Whether a head is within the limits. O(number of headers).
pub(super) fn check(request: &Request) -> Result<(), Failure> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES_MAX {
        let detail = format!("expected a path and a query of at most {TARGET_BYTES_MAX} bytes, {target} came");
        return Err(Failure::new(Code::TargetTooLong, detail));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > HEADERS_MAX || bytes > HEADERS_BYTES_MAX {
        let detail = format!(
            "expected at most {HEADERS_MAX} headers of {HEADERS_BYTES_MAX} bytes in all, {} of {bytes} bytes came",
            headers.len()
        );
        return Err(Failure::new(Code::HeadersTooLarge, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(target: usize, headers: usize, length: usize) -> Option<Code> {
        let mut request = Request::builder().uri_str(format!("/{}", "a".repeat(target - 1)));
        for index in 0..headers {
            request = request.header(format!("x-{index}"), "b".repeat(length));
        }
        check(&request.finish()).err().map(|failure| failure.code)
    }

    #[test]
    fn heads_are_taken_up_to_the_limits_and_not_beyond() {
        assert_eq!(code(TARGET_BYTES_MAX, 10, 10), None);
        assert_eq!(code(TARGET_BYTES_MAX + 1, 10, 10), Some(Code::TargetTooLong));
        assert_eq!(code(1, HEADERS_MAX, 10), None);
        assert_eq!(code(1, HEADERS_MAX + 1, 10), Some(Code::HeadersTooLarge));
        assert_eq!(code(1, 10, HEADERS_BYTES_MAX / 10 - 3), None);
        assert_eq!(code(1, 10, HEADERS_BYTES_MAX / 10), Some(Code::HeadersTooLarge));
    }
}
