//! `check`: whether the server would find all that it needs.

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

use super::failure::FAILED;
use super::output::{printable, table};
use super::serve::file_of;
use crate::app::check::{Finding, check};
use crate::cli::ServeArgs;
use crate::config::Config;

pub(super) fn run(args: &ServeArgs, json: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let findings = match Config::load(file_of(args), &args.settings) {
        Ok(config) => {
            let file =
                config.file.as_ref().map_or("valid, no file".to_owned(), |file| format!("valid, {}", file.display()));
            let mut findings = vec![Finding::ok("configuration", file)];
            findings.extend(super::block_on(async { Ok(check(&config).await) })?);
            findings
        }
        Err(error) if error.is_usage() => return Err(error.into()),
        Err(error) => {
            let remedy = "mend it; `drifting serve --help` explains the settings";
            vec![Finding::failed("configuration", error.to_string(), remedy)]
        }
    };
    let ok = findings.iter().all(|finding| finding.ok);
    if json {
        writeln!(out, "{}", json!({"ok": ok, "checks": findings}))?;
    } else {
        write!(out, "{}", overview(&findings))?;
    }
    Ok(if ok { ExitCode::SUCCESS } else { FAILED.into() })
}

fn overview(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        let remedy = finding.remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let verdict = if finding.ok { "ok" } else { "failed" };
        vec![finding.check.to_owned(), verdict.to_owned(), printable(&finding.detail) + &remedy]
    };
    table(&["CHECK", "RESULT", "DETAIL"], &findings.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_with_what_to_do() {
        let findings = [Finding::ok("artifacts", "x"), Finding::failed("address", "taken", "take another")];
        assert_eq!(
            overview(&findings),
            "CHECK      RESULT  DETAIL\nartifacts  ok      x\naddress    failed  taken; take another\n"
        );
    }
}
