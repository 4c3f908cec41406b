//! The services that give out keys: STS, that of containers, and that of machines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::SecondsFormat;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response, StatusCode};
use serde_json::json;

use super::signature::Claim;
use super::{Keys, State, lock};
use crate::serving::{Answer, Reset};

const MACHINE_TOKEN: &str = "worthless-machine-token";
const MACHINE_ROLE: &str = "machine-role";

/// Answers as the service does that is asked.
pub(super) async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Answer, Reset> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Reset)?.to_bytes();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let state = &mut *lock(&state);
    let refused = || said(StatusCode::FORBIDDEN, "refused".to_owned());
    Ok(match (head.method.as_str(), head.uri.path()) {
        (method, "/") => sts(state, method, target, &head.headers, &body),
        ("GET", "/container") if header("authorization") == Some(&state.container_token) => {
            let keys = state.issue("container");
            said(StatusCode::OK, as_json(&keys))
        }
        ("PUT", "/latest/api/token") if header("x-aws-ec2-metadata-token-ttl-seconds").is_some() => {
            said(StatusCode::OK, MACHINE_TOKEN.to_owned())
        }
        // The second version of this service answers nobody without a token.
        ("GET", path) if header("x-aws-ec2-metadata-token") == Some(MACHINE_TOKEN) => {
            match path.strip_prefix("/latest/meta-data/iam/security-credentials/") {
                Some("") => said(StatusCode::OK, MACHINE_ROLE.to_owned()),
                Some(MACHINE_ROLE) => {
                    let keys = state.issue(MACHINE_ROLE);
                    said(StatusCode::OK, as_json(&keys))
                }
                _ => said(StatusCode::NOT_FOUND, String::new()),
            }
        }
        _ => refused(),
    })
}

/// The service for roles. A role is given to whoever shows the token of a workload, or signs with a key.
fn sts(state: &mut State, method: &str, target: &str, headers: &HeaderMap, body: &Bytes) -> Answer {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let in_query = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    let fields: HashMap<String, String> = in_query.chain(url::form_urlencoded::parse(body).into_owned()).collect();
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let is_signed = || {
        let claim = Claim::of(headers).filter(|claim| claim.service == "sts" && claim.key_id == state.store_key.0);
        claim.is_some_and(|claim| claim.is_by(&state.store_key.1, method, target, headers, body))
    };
    let action = field("Action");
    let is_known = match action {
        "AssumeRoleWithWebIdentity" => field("WebIdentityToken") == state.web_identity_token,
        "AssumeRole" => is_signed(),
        _ => false,
    };
    if !is_known {
        let error = "<Error><Code>InvalidIdentityToken</Code><Message>refused</Message></Error>";
        return said(StatusCode::BAD_REQUEST, format!("<ErrorResponse>{error}</ErrorResponse>"));
    }
    let role = field("RoleArn").rsplit('/').next().unwrap_or_default().to_owned();
    let Keys { id, secret, token, end } = state.issue(&role);
    let end = end.to_rfc3339_opts(SecondsFormat::Secs, true);
    let keys = format!(
        "<Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{end}</Expiration></Credentials>"
    );
    said(StatusCode::OK, format!("<{action}Response><{action}Result>{keys}</{action}Result></{action}Response>"))
}

fn as_json(keys: &Keys) -> String {
    json!({
        "Code": "Success",
        "AccessKeyId": keys.id,
        "SecretAccessKey": keys.secret,
        "Token": keys.token,
        "Expiration": keys.end.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
    .to_string()
}

fn said(status: StatusCode, body: String) -> Answer {
    let answer = Response::builder().status(status);
    answer.body(Full::new(Bytes::from(body))).expect("a status and a text are an answer")
}
