//! The trace that a request belongs to, as the W3C recommendation has it
//! ([Trace Context](https://www.w3.org/TR/trace-context/)). What is malformed is passed over, as if it had not come.

use drifting_domain::ports::Trace;

/// The header, or the metadata, that name the trace and the span of who calls.
pub const TRACE_PARENT: &str = "traceparent";
/// The header, or the metadata, with what tracing systems keep.
pub const TRACE_STATE: &str = "tracestate";

/// The version that is understood; what later ones have behind its members is passed over.
const LENGTH: usize = 55;
const STATE_BYTES_MAX: usize = 512;
const STATE_MEMBERS_MAX: usize = 32;

/// Trace, span of who calls, flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// The context in these headers, if there is one: exactly one `traceparent`, and any number of `tracestate`.
    pub fn of<'h>(
        parents: impl IntoIterator<Item = &'h [u8]>,
        states: impl IntoIterator<Item = &'h [u8]>,
    ) -> Option<Self> {
        let mut parents = parents.into_iter();
        let parent = parent_of(parents.next()?)?;
        if parents.next().is_some() {
            return None;
        }
        Some(Self { parent, state: state_of(states) })
    }

    /// A context of these ids in hexadecimal digits.
    pub fn of_ids(trace_id: &str, span_id: &str, is_sampled: bool, state: Option<String>) -> Option<Self> {
        let parent = parent_of(format!("00-{trace_id}-{span_id}-0{}", u8::from(is_sampled)).as_bytes())?;
        Some(Self { parent, state: state.filter(|state| !state.is_empty()) })
    }

    /// As it stands in a header.
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// What tracing systems keep.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The trace, in 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.parent[3..35]
    }

    /// The span of who calls, in 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.parent[36..52]
    }

    /// Whether who calls keeps the trace.
    pub fn is_sampled(&self) -> bool {
        self.parent.as_bytes()[LENGTH - 1] & 1 == 1
    }
}

impl From<&TraceContext> for Trace {
    fn from(context: &TraceContext) -> Self {
        Self { parent: context.parent().into(), state: context.state().map(Into::into) }
    }
}

fn parent_of(header: &[u8]) -> Option<String> {
    let text = str::from_utf8(header).ok()?.trim_matches([' ', '\t']);
    let (known, more) = text.split_at_checked(LENGTH)?;
    let members: Vec<&str> = known.split('-').collect();
    let [version, trace_id, span_id, flags] = members.try_into().ok()?;
    let is_hex = |text: &str, n: usize| {
        text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace_id, 32)
        && !is_zero(trace_id)
        && is_hex(span_id, 16)
        && !is_zero(span_id)
        && is_hex(flags, 2)
        && (more.is_empty() || (version != "00" && more.starts_with('-')));
    // Of the flags the first alone is known; whatever the others mean, they are not handed on.
    let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    is_valid.then(|| format!("00-{trace_id}-{span_id}-0{is_sampled}"))
}

fn state_of<'h>(headers: impl IntoIterator<Item = &'h [u8]>) -> Option<String> {
    let mut members = Vec::new();
    for header in headers {
        let text = str::from_utf8(header).ok()?;
        let came = text.split(',').map(|member| member.trim_matches([' ', '\t']));
        members.extend(came.filter(|member| !member.is_empty()));
    }
    let state = members.join(",");
    let is_valid = (1..=STATE_MEMBERS_MAX).contains(&members.len())
        && state.len() <= STATE_BYTES_MAX
        && members.iter().all(|member| is_state_member(member));
    is_valid.then_some(state)
}

fn is_state_member(member: &str) -> bool {
    let is_of_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    member.split_once('=').is_some_and(|(key, value)| {
        !key.is_empty()
            && key.bytes().all(is_of_key)
            && !value.is_empty()
            && value.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn of(parents: &[&str], states: &[&str]) -> Option<TraceContext> {
        TraceContext::of(parents.iter().map(|text| text.as_bytes()), states.iter().map(|text| text.as_bytes()))
    }

    #[test]
    fn a_context_has_its_members() {
        let context = of(&[PARENT], &["rojo=00f067aa0ba902b7", " congo=t61rcWkgMzE ,"]).unwrap();
        assert_eq!(context.parent(), PARENT);
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id(), "b7ad6b7169203331");
        assert!(context.is_sampled());
        assert_eq!(context.state(), Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let later = PARENT.replacen("00", "cc", 1);
        for text in [later.clone(), format!("{later}-what-will-be")] {
            assert_eq!(of(&[&text], &[]).unwrap().parent(), PARENT, "{text}");
        }
        let flags = format!("{}ff", &PARENT[..53]);
        assert_eq!(of(&[&flags], &[]).unwrap().parent(), PARENT);
        assert_eq!(of(&[&format!("{later}.")], &[]), None);
    }

    #[test]
    fn what_is_malformed_is_passed_over() {
        let zeros = PARENT.replace("b7ad6b7169203331", "0000000000000000");
        let upper = PARENT.to_uppercase();
        let no_trace = PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32));
        let forbidden = PARENT.replacen("00", "ff", 1);
        let longer = format!("{PARENT}-00");
        let not_ascii = PARENT.replacen("0a", "ä", 1);
        for text in ["", "00", &zeros, &upper, &no_trace, &forbidden, &longer, &not_ascii, &PARENT[1..], "\n"] {
            assert_eq!(of(&[text], &[]), None, "{text}");
        }
        assert_eq!(of(&[PARENT, PARENT], &[]), None, "two of them");
        assert_eq!(of(&[], &["rojo=1"]), None);
    }

    #[test]
    fn a_malformed_state_does_not_take_the_context_with_it() {
        let many = vec!["a=1"; 33].join(",");
        let long = format!("a={}", "x".repeat(600));
        for state in ["", "a", "=1", "a=", "A=1", "a=b=c", "a=\n", "a=ä", &many, &long] {
            let context = of(&[PARENT], &[state]).unwrap();
            assert_eq!((context.parent(), context.state()), (PARENT, None), "{state}");
        }
    }
}
