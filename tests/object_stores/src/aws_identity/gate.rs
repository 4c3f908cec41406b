//! The gate before the store.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::Utc;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Method, Request, Response, StatusCode};

use super::policy::Asked;
use super::signature::{Claim, sign_again};
use super::{State, lock};
use crate::forwarding;
use crate::serving::{Answer, Reset};

const TOKEN: &str = "x-amz-security-token";

/// How S3 says no.
type Refused = (StatusCode, &'static str);

/// Lets a request through, or says why not in the words of S3.
pub(super) async fn pass(
    state: Arc<Mutex<State>>,
    upstream: String,
    request: Request<Incoming>,
) -> Result<Answer, Reset> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Reset)?.to_bytes();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let asked = Asked::by(&head.method, &target, &body);
    let checked = check(&mut lock(&state), &head, &target, &body, &asked);
    let claim = match checked {
        Ok(claim) => claim,
        Err((status, code)) => return Ok(refusal(&head.method, status, code)),
    };
    head.headers.remove(TOKEN);
    head.headers.insert(HOST, upstream.parse().map_err(|_| Reset)?);
    let key = lock(&state).store_key.clone();
    let key = (key.0.as_str(), key.1.as_str());
    let signature = sign_again(key, &claim, head.method.as_str(), &target, &head.headers, &body);
    head.headers.insert(AUTHORIZATION, signature.parse().map_err(|_| Reset)?);
    let (method, address) = (head.method.clone(), upstream.parse::<SocketAddr>().map_err(|_| Reset)?);
    let answer = forwarding::forward(address, Request::from_parts(head, body)).await.map_err(|_| Reset)?;
    // Whoever may not list does not get to know what is absent.
    let is_absent = answer.status() == StatusCode::NOT_FOUND && [Method::GET, Method::HEAD].contains(&method);
    if is_absent && !asked.iter().all(|asked| lock(&state).policy.permits(&asked.absence())) {
        return Ok(refusal(&method, StatusCode::FORBIDDEN, "AccessDenied"));
    }
    Ok(answer)
}

fn check(
    state: &mut State,
    head: &hyper::http::request::Parts,
    target: &str,
    body: &Bytes,
    asked: &[Asked],
) -> Result<Claim, Refused> {
    let claim = Claim::of(&head.headers).ok_or((StatusCode::FORBIDDEN, "AccessDenied"))?;
    let token = head.headers.get(TOKEN).and_then(|token| token.to_str().ok());
    let issued = state.issued.get(&claim.key_id);
    let secret = match issued {
        Some(keys) => &keys.secret,
        None if claim.key_id == state.store_key.0 => &state.store_key.1,
        None => return Err((StatusCode::FORBIDDEN, "InvalidAccessKeyId")),
    };
    if !claim.is_by(secret, head.method.as_str(), target, &head.headers, body) {
        return Err((StatusCode::FORBIDDEN, "SignatureDoesNotMatch"));
    }
    if issued.map(|keys| keys.token.as_str()) != token {
        return Err((StatusCode::BAD_REQUEST, "InvalidToken"));
    }
    if issued.is_some_and(|keys| keys.end <= Utc::now()) {
        return Err((StatusCode::BAD_REQUEST, "ExpiredToken"));
    }
    state.actions.extend(asked.iter().map(|asked| asked.action.to_owned()));
    if !asked.iter().all(|asked| state.policy.permits(asked)) {
        return Err((StatusCode::FORBIDDEN, "AccessDenied"));
    }
    Ok(claim)
}

fn refusal(method: &Method, status: StatusCode, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>as the stub finds</Message></Error>");
    let body = if method == Method::HEAD { String::new() } else { body };
    let answer = Response::builder().status(status).header("content-type", "application/xml");
    answer.body(Full::new(Bytes::from(body))).expect("a refusal is an answer")
}
