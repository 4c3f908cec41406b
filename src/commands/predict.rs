//! `predict`: the rows of a file are fed to a project, and what it says of them is told.

use std::io::Write;

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Usage;
use super::input::{self, Input, JsonData, Rows};
use super::output::json_line;
use super::progress;
use super::tally::Tally;
use crate::cli::PredictArgs;
use crate::client::{Answer, Body, Client};

const BATCH_BY_DEFAULT: usize = 1000;

/// Whether any row or window drifts.
pub(super) async fn run(args: &PredictArgs, client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<bool> {
    let tally = match input::open(&args.rows)? {
        Input::Rows(rows) => feed_rows(args, rows, client, json, out).await?,
        Input::Json(_) if args.batch.is_some() => {
            return Err(Usage("--batch does not work with JSON: such a file is one request".to_owned()).into());
        }
        Input::Json(data) => feed_json(args, &data, client, json, out).await?,
    };
    if !json {
        writeln!(out, "{}: {tally}", args.project)?;
        write!(out, "{}", tally.findings())?;
    }
    Ok(tally.is_drift())
}

async fn feed_rows(
    args: &PredictArgs,
    mut rows: Box<dyn Rows>,
    client: &Client,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<Tally> {
    let file = input::name_of(&args.rows.file);
    let batch_size = args.batch.map_or(BATCH_BY_DEFAULT, usize::from);
    let bar = progress::over_bytes(format!("feeding {}", args.project), rows.size(), json);
    let mut tally = Tally::default();
    loop {
        // Whoever has to go on after a failure needs to know how far it came.
        let so_far = || format!("stopped after feeding {} rows", tally.rows());
        let batch = rows.next_batch(batch_size).with_context(|| format!("cannot use {file}")).with_context(so_far)?;
        let Some(batch) = batch else { break };
        let (first_row, n_rows) = (batch.first_row, batch.n_rows);
        let answer = send(args, client, batch.into_body()).await.with_context(so_far)?;
        tally.add(first_row, n_rows, answer.parse()?);
        tell(&answer, json, out)?;
        bar.set_position(rows.position());
    }
    bar.finish_and_clear();
    if tally.rows() == 0 {
        bail!("{file} has none of the rows asked for");
    }
    Ok(tally)
}

async fn feed_json(
    args: &PredictArgs,
    data: &JsonData,
    client: &Client,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<Tally> {
    #[derive(Serialize)]
    struct PredictRequest<'a> {
        data: &'a RawValue,
    }
    let request = serde_json::to_vec(&PredictRequest { data: data.raw() }).context("cannot write the request")?;
    let answer = send(args, client, Body::Json(request)).await?;
    let detection: crate::client::Detection = answer.parse()?;
    let mut tally = Tally::default();
    let n_rows = detection.rows.unwrap_or(1).saturating_add(detection.rows_dropped.unwrap_or(0));
    tally.add(0, n_rows, detection);
    tell(&answer, json, out)?;
    Ok(tally)
}

async fn send(args: &PredictArgs, client: &Client, body: Body) -> anyhow::Result<Answer> {
    client.post(&["projects", args.project.as_str(), "predict"], &[], body).await
}

/// At once, so that whoever follows a stream sees each answer when it is there.
fn tell(answer: &Answer, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", json_line(answer.raw()))?;
        out.flush()?;
    }
    Ok(())
}
