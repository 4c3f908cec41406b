//! `keys`: makes API keys, and shows which there are. No server is asked: a file of keys is read by it when it changes.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use chrono::{SecondsFormat, SubsecRound, Utc};
use drifting_access::{KEY_LENGTH_MIN, KeyDigest, KeyEntry, new_key, read_keys, with_key};
use serde_json::{Value, json};

use super::output::{printable, table};
use crate::cli::{CreateKeyArgs, KeysCommand};

/// A longer line is no key.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Commands that add keys at once wait for each other for so long.
const LOCKED_WITHIN: Duration = Duration::from_secs(10);
const LOOKED_AT_EVERY: Duration = Duration::from_millis(5);

pub(super) fn run(command: &KeysCommand, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        KeysCommand::Create(args) => create(args, json, out),
        KeysCommand::Hash => hash(json, out),
        KeysCommand::List { file } => list(file, json, out),
    }
}

fn create(args: &CreateKeyArgs, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let key = new_key().context("cannot make a key")?;
    let entry = KeyEntry {
        name: args.name.clone(),
        digest: KeyDigest::of(&key),
        scopes: args.scopes.iter().copied().collect(),
        projects: (!args.projects.is_empty()).then(|| args.projects.clone()),
        created_at: Some(Utc::now().trunc_subsecs(0)),
        expires_at: args.expires.map(|at| at.trunc_subsecs(0)),
        rate_limit: args.rate_limit,
    };
    let written = with_key("", &entry)?;
    if let Some(file) = &args.file {
        add(file, &entry).with_context(|| file.display().to_string())?;
    }
    if json {
        let file = args.file.as_ref().map(|file| file.display().to_string());
        writeln!(
            out,
            "{}",
            json!({"key": key, "hash": entry.digest.to_string(), "entry": told(&entry), "file": file})
        )?;
        return Ok(());
    }
    writeln!(out, "{key}")?;
    out.flush()?;
    match &args.file {
        Some(file) => eprintln!("Keep this key: it is stored nowhere. Its digest is in {}.", file.display()),
        None => eprint!("Keep this key: it is stored nowhere. Its entry for a file of keys:\n{written}"),
    }
    Ok(())
}

/// Adds a key to a file, which is replaced as a whole: a server that reads it never sees half of it. Of several commands at once each waits
/// for the one before, so that none puts back what stood there before another added its key.
fn add(file: &Path, entry: &KeyEntry) -> anyhow::Result<()> {
    let _until_the_end = lock_folder_of(file)?;
    let (text, mode) = match fs::read_to_string(file) {
        Ok(text) => (text, fs::metadata(file)?.permissions().mode()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (String::new(), 0o600),
        Err(error) => return Err(error.into()),
    };
    let text = with_key(&text, entry)?;
    let mut name = file.file_name().context("expected the name of a file")?.to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let beside = file.with_file_name(name);
    let written = (|| {
        let mut new = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        new.set_permissions(fs::Permissions::from_mode(mode))?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&beside, file)
    })();
    if written.is_err() {
        // What is left of it would only be in the way; why it was left is told.
        let _ = fs::remove_file(&beside);
    }
    Ok(written?)
}

/// Locks the folder of a file, until what is returned is dropped: of the file itself each command leaves another one behind.
fn lock_folder_of(file: &Path) -> anyhow::Result<File> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let locked = File::open(folder).with_context(|| format!("the folder {}", folder.display()))?;
    let begin = Instant::now();
    let error = loop {
        match locked.try_lock() {
            Ok(()) => return Ok(locked),
            Err(TryLockError::WouldBlock) if begin.elapsed() < LOCKED_WITHIN => std::thread::sleep(LOOKED_AT_EVERY),
            // As on some network file systems.
            Err(error) => break error,
        }
    };
    Err(error).with_context(|| {
        format!(
            "the folder {} cannot be locked against other commands; without --file the entry is printed, to be added by hand",
            folder.display()
        )
    })
}

fn hash(json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let mut line = String::new();
    io::BufReader::new(io::Read::take(io::stdin(), LINE_BYTES_MAX)).read_line(&mut line).context("standard input")?;
    let key = line.trim();
    if key.chars().count() < KEY_LENGTH_MIN {
        bail!(
            "expected a key of at least {KEY_LENGTH_MIN} characters on standard input; `drifting keys create` makes one"
        );
    }
    let digest = KeyDigest::of(key);
    if json {
        writeln!(out, "{}", json!({"hash": digest.to_string()}))?;
    } else {
        writeln!(out, "{digest}")?;
    }
    Ok(())
}

fn list(file: &Path, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let keys = read_keys(&text).with_context(|| file.display().to_string())?;
    if json {
        writeln!(out, "{}", json!({"keys": keys.iter().map(told).collect::<Vec<_>>()}))?;
        return Ok(());
    }
    let row = |key: &KeyEntry| {
        let told = told(key);
        let text = |member: &str, without: &str| match &told[member] {
            Value::Null => without.to_owned(),
            Value::String(text) => printable(text),
            Value::Array(items) => printable(&items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
            other => other.to_string(),
        };
        vec![
            text("name", ""),
            text("id", ""),
            text("scopes", ""),
            text("projects", "all"),
            text("expires_at", "never"),
            text("rate_limit", "the server's"),
        ]
    };
    let headings = ["NAME", "ID", "SCOPES", "PROJECTS", "EXPIRES", "RATE"];
    write!(out, "{}", table(&headings, &keys.iter().map(row).collect::<Vec<_>>()))?;
    Ok(())
}

/// What is told of a key; `id` is what logs call it by.
fn told(key: &KeyEntry) -> Value {
    let at = |at: chrono::DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "name": key.name,
        "id": key.digest.fingerprint(),
        "scopes": key.scopes.named().map(drifting_access::Scope::as_str).collect::<Vec<_>>(),
        "projects": key.projects,
        "created_at": key.created_at.map(at),
        "expires_at": key.expires_at.map(at),
        "rate_limit": key.rate_limit.map(|rate| rate.to_string()),
    })
}
