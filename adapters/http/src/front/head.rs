//! How large the head of a request may be, and that it says where its body ends. What is much larger never gets here: the connection is
//! closed on it.

use poem::Request;

use crate::connection::OddFraming;
use crate::error::{Code, Failure};
use crate::settings::HeadLimits;

/// Whether a head is within the limits, and the end of the body not in doubt. O(number of headers).
pub(super) fn check(request: &Request, limits: &HeadLimits) -> Result<(), Failure> {
    let HeadLimits { target_bytes: target_max, headers: headers_max, headers_bytes: bytes_max } = *limits;
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > target_max {
        let detail = format!("expected a path and a query of at most {target_max} bytes, {target} came");
        return Err(Failure::new(Code::TargetTooLong, detail));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > headers_max || bytes > bytes_max {
        let detail = format!(
            "expected at most {headers_max} headers of {bytes_max} bytes in all, {} of {bytes} bytes came",
            headers.len()
        );
        return Err(Failure::new(Code::HeadersTooLarge, detail));
    }
    request.extensions().get().map_or(Ok(()), |odd: &OddFraming| Err(Failure::new(Code::Malformed, odd.detail())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(target: usize, headers: usize, length: usize) -> Option<Code> {
        let mut request = Request::builder().uri_str(format!("/{}", "a".repeat(target - 1)));
        for index in 0..headers {
            request = request.header(format!("x-{index}"), "b".repeat(length));
        }
        check(&request.finish(), &HeadLimits { target_bytes: 100, headers: 20, headers_bytes: 1_000 })
            .err()
            .map(|failure| failure.code)
    }

    #[test]
    fn heads_are_taken_up_to_the_limits_and_not_beyond() {
        assert_eq!(code(100, 10, 10), None);
        assert_eq!(code(101, 10, 10), Some(Code::TargetTooLong));
        assert_eq!(code(1, 20, 10), None);
        assert_eq!(code(1, 21, 10), Some(Code::HeadersTooLarge));
        assert_eq!(code(1, 10, 97), None);
        assert_eq!(code(1, 10, 98), Some(Code::HeadersTooLarge));
    }
}
