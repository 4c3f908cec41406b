//! Operations on a server whose disk or bucket fails: what it answers is looked at before it is believed.

use serde_json::{Value, json};

use crate::detectors::{fit_body, row_body};
use crate::model::{Operation, State};
use crate::server::{Answer, Connection};

/// What a server says.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// It is done.
    Done,
    /// A row was fed: its verdict.
    Fed(Answer),
    /// It is not, or nobody knows: the status and the body.
    Refused(u16, Value),
}

/// Asks for an operation. An error where the connection breaks.
pub fn perform_once(
    connection: &mut Connection,
    name: &str,
    operation: Operation,
    state: &State,
) -> std::io::Result<Told> {
    let path = format!("/api/v1/projects/{name}");
    let mut post = |action: &str, body: Value| {
        connection.try_request("POST", &format!("{path}/{action}"), Some(("application/json", &body.to_string())))
    };
    let (done, answer) = match operation {
        Operation::Fit(variant) => (201, post("fit", fit_body(variant, state.is_some()))?),
        Operation::Delete => (204, connection.try_request("DELETE", &path, None)?),
        Operation::Load => (200, post("load", json!({}))?),
        Operation::Unload => (200, post("unload", json!({}))?),
        Operation::Reset => (200, post("reset", json!({}))?),
        Operation::Predict => {
            let present = state.as_ref().expect("a project");
            let answer = post("predict", row_body(present.variant, present.fed + 1))?;
            return Ok(if answer.status == 200 {
                Told::Fed(answer)
            } else {
                Told::Refused(answer.status, answer.body)
            });
        }
    };
    Ok(if answer.status == done { Told::Done } else { Told::Refused(answer.status, answer.body) })
}
