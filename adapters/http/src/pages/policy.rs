//! What a page may do (Content Security Policy 3): run the scripts and take the styles that stand in it, told by their digests, and
//! talk to this server. Nothing else, from wherever it gets into the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::header::HeaderValue;
use sha2::{Digest, Sha256};

/// The policy of a page.
pub(super) fn of(html: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src {}; style-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digests(html, "script"),
        digests(html, "style"),
    );
    // Digests and words alone.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// What stands within these elements, as a policy names it.
fn digests(html: &str, element: &str) -> String {
    let (opening, closing) = (format!("<{element}"), format!("</{element}>"));
    let mut digests = Vec::new();
    let mut rest = html;
    while let Some((_, from)) = rest.split_once(&opening) {
        let Some((_, from)) = from.split_once('>') else { break };
        let Some((content, after)) = from.split_once(&closing) else { break };
        digests.push(format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content))));
        rest = after;
    }
    if digests.is_empty() { "'none'".to_owned() } else { digests.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_run_what_stands_in_it_and_nothing_else() {
        let policy = of("<style>a</style><script type=\"x\">abc</script><script>abc</script>");
        let policy = policy.to_str().unwrap();
        // FIPS 180-2, appendix B.1, in base64.
        let abc = "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='";
        assert!(policy.contains(&format!("script-src {abc} {abc};")), "{policy}");
        assert!(policy.contains("style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        assert!(of("text").to_str().unwrap().contains("script-src 'none'; style-src 'none'"));
    }
}
