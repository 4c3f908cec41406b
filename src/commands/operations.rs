//! `operations`: fits under way, and what became of those that ended lately.

use std::io::Write;

use serde_json::value::RawValue;

use super::output::{facts, json_line, json_list, key_values, printable, table};
use crate::cli::OperationsCommand;
use crate::client::{Answer, Body, Client, Operation};

pub(super) async fn run(
    command: &OperationsCommand,
    client: &Client,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        OperationsCommand::List => list(client, json, out).await,
        OperationsCommand::Show(args) => {
            let id = args.operation.to_string();
            show(&client.get(&["operations", &id], &[]).await?, json, out)
        }
        OperationsCommand::Cancel(args) => {
            let id = args.operation.to_string();
            show(&client.post(&["operations", &id, "cancel"], &[], Body::Empty).await?, json, out)
        }
    }
}

async fn list(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let operations = client.list(&["operations"], &[], "operations").await?;
    if json {
        writeln!(out, "{}", json_list("operations", &operations))?;
    } else if operations.is_empty() {
        writeln!(out, "no operations; `drifting fit` begins one")?;
    } else {
        write!(out, "{}", overview(&operations)?)?;
    }
    Ok(())
}

fn show(answer: &Answer, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let text = if json { json_line(answer.raw()) } else { key_values(&facts(answer.raw())?) };
    writeln!(out, "{}", text.trim_end())?;
    Ok(())
}

fn overview(operations: &[Box<RawValue>]) -> anyhow::Result<String> {
    let text = |text: Option<&str>| text.map_or("-".to_owned(), printable);
    let mut rows = Vec::with_capacity(operations.len());
    for operation in operations {
        let operation: Operation = serde_json::from_str(operation.get())?;
        let percent = operation.progress.fraction.map_or("-".to_owned(), |share| format!("{:.0}%", share * 100.0));
        rows.push(vec![
            printable(&operation.id),
            text(operation.project.as_deref()),
            text(operation.status.as_deref()),
            percent,
            text(operation.stage.as_deref()),
            text(operation.created_at.as_deref()),
        ]);
    }
    Ok(table(&["OPERATION", "PROJECT", "STATUS", "DONE", "STAGE", "ASKED FOR AT"], &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_in_a_table() {
        let operations = [
            r#"{"id": "0a", "project": "price", "status": "running", "stage": "storing", "progress": {"fraction": 0.256}}"#,
            r#"{"id": "0b", "project": "p", "status": "failed", "created_at": "2026-01-31T12:00:00Z"}"#,
        ];
        let operations = operations.map(|json| RawValue::from_string(json.to_owned()).unwrap());
        assert_eq!(
            overview(&operations).unwrap(),
            "OPERATION  PROJECT  STATUS   DONE  STAGE    ASKED FOR AT\n\
             0a         price    running  26%   storing  -\n\
             0b         p        failed   -     -        2026-01-31T12:00:00Z\n"
        );
    }
}
