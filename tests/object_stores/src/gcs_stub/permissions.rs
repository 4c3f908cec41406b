//! Which permissions a request needs, in the words of roles.

use std::collections::BTreeSet;

use hyper::StatusCode;

use super::answers::Refusal;
use super::objects::Buckets;
use super::question::Question;

const CREATE: &str = "storage.objects.create";
const DELETE: &str = "storage.objects.delete";
const GET: &str = "storage.objects.get";
const LIST: &str = "storage.objects.list";
const CREATE_PARTS: &str = "storage.multipartUploads.create";
const ABORT_PARTS: &str = "storage.multipartUploads.abort";

/// What is permitted, and what has been asked for.
#[derive(Default)]
pub(super) struct Permissions {
    /// Everything, where it is not said.
    permitted: Option<Permitted>,
    asked: BTreeSet<String>,
}

struct Permitted {
    permissions: BTreeSet<String>,
    /// What the names of objects begin with, and the prefixes of listings.
    prefix: String,
}

impl Permissions {
    pub(super) fn permit(&mut self, permissions: &[&str], prefix: &str) {
        let permissions = permissions.iter().map(|permission| (*permission).to_owned()).collect();
        self.permitted = Some(Permitted { permissions, prefix: prefix.to_owned() });
    }

    pub(super) fn asked(&self) -> BTreeSet<String> {
        self.asked.clone()
    }

    /// Refuses a request whose permissions are not there.
    pub(super) fn check(&mut self, buckets: &Buckets, question: &Question) -> Result<(), Refusal> {
        let (needed, name) = needed(buckets, question);
        self.asked.extend(needed.iter().map(|permission| (*permission).to_owned()));
        let Some(permitted) = &self.permitted else { return Ok(()) };
        let missing = needed.into_iter().find(|permission| !permitted.permissions.contains(*permission));
        match missing {
            None if name.starts_with(&permitted.prefix) => Ok(()),
            missing => {
                let missing = missing.unwrap_or("a role for the object");
                let message = format!("the account does not have {missing} access");
                Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message))
            }
        }
    }
}

/// The permissions and the name that they are needed for: of an object, or the prefix of a listing.
fn needed(buckets: &Buckets, question: &Question) -> (Vec<&'static str>, String) {
    let path: Vec<&str> = question.path.iter().map(String::as_str).collect();
    let parameter = |name: &str| question.parameter(name).unwrap_or_default().to_owned();
    let writing = |bucket: &str, name: &str| {
        // Whoever replaces an object removes the former one.
        let replaces = matches!(buckets.find(bucket, name), Ok(Some(_)));
        if replaces { vec![CREATE, DELETE] } else { vec![CREATE] }
    };
    match (question.method.as_str(), path.as_slice()) {
        (_, ["upload", "storage", "v1", "b", bucket, "o"]) => {
            let name = question.object_name();
            (writing(bucket, &name), name)
        }
        ("GET", ["storage", "v1", "b", _, "o"]) => (vec![LIST], parameter("prefix")),
        ("GET", ["storage", "v1", "b", _, "o", name]) => (vec![GET], (*name).to_owned()),
        ("DELETE", ["storage", "v1", "b", _, "o", name]) => (vec![DELETE], (*name).to_owned()),
        ("POST", ["storage", "v1", "b", _, "o", name, "rewriteTo", "b", to, "o", to_name]) => {
            let mut needed = writing(to, to_name);
            needed.push(GET);
            (needed, (*name).to_owned())
        }
        ("POST" | "PUT", [bucket, name]) => {
            let mut needed = writing(bucket, name);
            needed.push(CREATE_PARTS);
            (needed, (*name).to_owned())
        }
        ("DELETE", [_, name]) => (vec![ABORT_PARTS], (*name).to_owned()),
        _ => (Vec::new(), String::new()),
    }
}
