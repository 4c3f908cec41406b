//! The bytes that the predecessor's clients send, and what its server answered (`tests/data/predecessor_exchanges.yaml`): the
//! answers here are equal in every field but ids, and the deviations that docs/compatibility.md lists with their reasons.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde::Deserialize;
use serde_json::Value;

use crate::server::Server;

/// A request with the predecessor's answer, in which what follows from the order of the file is adapted to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    name: String,
    /// Method and target.
    request: String,
    body: Option<String>,
    /// The predecessor's status, where it is recorded.
    status: Option<u16>,
    /// Its body: a document, or an empty text for none.
    answer: Option<Value>,
    /// The answer here, where it is another one.
    ours: Option<Ours>,
    /// The reasons, by their names in docs/compatibility.md.
    #[serde(default)]
    deviations: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ours {
    status: u16,
    /// The whole body.
    answer: Option<Value>,
    /// The code of a refusal.
    code: Option<String>,
    /// A part of its sentence.
    says: Option<String>,
}

struct Came {
    status: u16,
    content_type: String,
    body: Value,
}

fn exchanges() -> Vec<Exchange> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/predecessor_exchanges.yaml");
    let text = std::fs::read_to_string(path).expect("the exchanges are in the repository");
    serde_yaml::from_str(&text).expect("exchanges")
}

#[test]
fn requests_of_the_predecessors_clients_are_answered_as_it_answered_them() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let mut differences = Vec::new();
    for exchange in exchanges() {
        let came = send(&server, &exchange);
        let found = exchange.differences(&came);
        println!("{}  {}", if found.is_empty() { "ok    " } else { "FAILED" }, exchange.name);
        differences.extend(found.into_iter().map(|difference| format!("{}: {difference}", exchange.name)));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_deviation_is_explained_and_every_explanation_is_used() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/compatibility.md"));
    let document = document.expect("the document is in the repository");
    let (_, section) = document.split_once("\n## F. ").expect("a section of deviations");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let explained: BTreeSet<&str> = rows.map(|(name, _)| name).filter(|name| *name != "deviation").collect();
    let exchanges = exchanges();
    let used: BTreeSet<&str> = exchanges.iter().flat_map(|exchange| &exchange.deviations).map(String::as_str).collect();
    assert_eq!(used, explained);
}

impl Exchange {
    fn deviates(&self, name: &str) -> bool {
        self.deviations.iter().any(|deviation| deviation == name)
    }

    /// Where an answer is not as it must be.
    fn differences(&self, came: &Came) -> Vec<String> {
        let mut found = Vec::new();
        let status = self.ours.as_ref().map_or(self.status, |ours| Some(ours.status));
        if status != Some(came.status) {
            found.push(format!("expected the status {status:?}, {} came: {}", came.status, came.body));
            return found;
        }
        if !came.body.is_string() && came.content_type.split(';').next() != Some("application/json") {
            found.push(format!("expected JSON, {:?} came", came.content_type));
        }
        let recorded = self.answer.as_ref();
        match &self.ours {
            None => self.compare("", recorded.unwrap_or(&Value::Null), &came.body, &mut found),
            Some(ours) => {
                if self.status == Some(ours.status) && recorded == ours.answer.as_ref() {
                    found.push("ours is the recorded one".to_owned());
                }
                if let Some(answer) = &ours.answer {
                    self.compare("", answer, &came.body, &mut found);
                }
                if ours.code.is_some() || ours.says.is_some() {
                    self.compare_refusal(ours, &came.body, &mut found);
                }
            }
        }
        found
    }

    /// A refusal has one form, whatever the predecessor's was; a `message` that was right is kept.
    fn compare_refusal(&self, ours: &Ours, came: &Value, found: &mut Vec<String>) {
        let mut expect = |is_right: bool, what: &str| {
            if !is_right {
                found.push(format!("expected {what}, {came} came"));
            }
        };
        let sentence = came["error"].as_str().unwrap_or_default();
        expect(!sentence.is_empty() && came["detail"] == sentence, "`error` and `detail` with the same sentence");
        expect(sentence.contains(ours.says.as_deref().unwrap_or_default()), ours.says.as_deref().unwrap_or_default());
        expect(came["status"] == ours.status, "the status as a member");
        expect(came["title"].is_string() && came["request_id"].is_string(), "the members of problem details");
        expect(ours.code.is_none() || came["code"] == ours.code.as_deref().unwrap_or_default(), "the code");
        if self.request.contains("/models/fit") {
            let recorded = self.answer.as_ref().filter(|_| self.status == Some(ours.status));
            let recorded = recorded.and_then(|answer| answer.get("message"));
            expect(came["message"] == *recorded.unwrap_or(&came["error"]), "`message`");
        }
    }

    /// Compares a document with the one that came, member by member.
    fn compare(&self, path: &str, expected: &Value, came: &Value, found: &mut Vec<String>) {
        match (expected, came) {
            (Value::Object(expected), Value::Object(members)) => {
                for (name, expected) in expected {
                    let path = format!("{path}/{name}");
                    if path == "/parameters/backend" && self.deviates("one name") {
                        if members.contains_key(name) {
                            found.push(format!("{path} came"));
                        }
                        continue;
                    }
                    match members.get(name) {
                        Some(came) => self.compare_member(&path, expected, came, found),
                        None => found.push(format!("{path} is missing")),
                    }
                }
                for name in members.keys().filter(|name| !expected.contains_key(*name)) {
                    if !(self.deviates("more members") && ["model_version", "warmup", "version"].contains(&&**name)) {
                        found.push(format!("{path}/{name} is new"));
                    }
                }
            }
            (Value::Array(expected), Value::Array(came)) if expected.len() == came.len() => {
                for (index, (expected, came)) in expected.iter().zip(came).enumerate() {
                    // Outputs have names, by which their data are known.
                    let place = expected["name"].as_str().map_or(index.to_string(), str::to_owned);
                    self.compare_member(&format!("{path}/{place}"), expected, came, found);
                }
            }
            _ if expected == came => {}
            _ => found.push(format!("{path}: expected {expected}, {came} came")),
        }
    }

    /// Compares a member, of which some are never the same or differ on purpose.
    fn compare_member(&self, path: &str, expected: &Value, came: &Value, found: &mut Vec<String>) {
        let is_right = match path {
            "/id" => {
                let id = expected.as_str().unwrap_or_default();
                let was_sent = self.body.as_ref().is_some_and(|body| body.contains(id));
                if was_sent { came == expected } else { came != expected && is_uuid(came) }
            }
            "/parameters/version" if self.deviates("own version") => came == env!("CARGO_PKG_VERSION"),
            "/parameters/name" if self.deviates("one name") => came == "MMDDriftOnline",
            "/outputs/threshold/data/0" | "/outputs/test_stat/data/0" if self.deviates("own numbers") => {
                expected.is_f64() && came.is_f64()
            }
            _ => return self.compare(path, expected, came, found),
        };
        if !is_right {
            found.push(format!("{path}: {came} came"));
        }
    }
}

fn is_uuid(value: &Value) -> bool {
    let lengths: Vec<usize> = value.as_str().unwrap_or_default().split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
}

/// Sends a request as the clients do: over a connection of its own, with the headers of their library.
fn send(server: &Server, exchange: &Exchange) -> Came {
    let host = server.url.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(host).expect("the server accepts");
    let content = match &exchange.body {
        Some(body) => format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        None if exchange.request.starts_with("POST ") => "Content-Length: 0\r\n\r\n".to_owned(),
        None => "\r\n".to_owned(),
    };
    let request = format!(
        "{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: python-requests/2.28.2\r\nAccept-Encoding: gzip, deflate, br\r\n\
         Accept: */*\r\nConnection: keep-alive\r\n{content}",
        exchange.request
    );
    stream.write_all(request.as_bytes()).expect("the request is sent");
    read(&mut BufReader::new(stream))
}

fn read(stream: &mut impl BufRead) -> Came {
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).expect("the server answers");
        line.trim_end().to_owned()
    };
    let first = line();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let (mut length, mut is_gzip, mut content_type) = (0, false, String::new());
    loop {
        let line = line();
        let Some((name, value)) = line.split_once(':') else { break };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = value.parse().expect("a length"),
            ("content-encoding", value) => is_gzip = value == "gzip",
            ("content-type", value) => value.clone_into(&mut content_type),
            _ => {}
        }
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).expect("the whole body");
    let mut text = String::new();
    if is_gzip {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("a body in gzip");
    } else {
        text = String::from_utf8(bytes).expect("answers are UTF-8");
    }
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Came { status, content_type, body }
}
