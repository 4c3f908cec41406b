//! `openapi`: the document of the HTTP interface.

use std::io::Write;

use anyhow::Context;

use crate::cli::OpenapiArgs;

pub(super) fn run(args: &OpenapiArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let document = drifting_http::openapi_document();
    let text = if args.yaml { yaml(&document)? } else { document };
    writeln!(out, "{}", text.trim_end())?;
    Ok(())
}

fn yaml(json: &str) -> anyhow::Result<String> {
    // By way of YAML's own value, which keeps the order of the members.
    let value: serde_yaml::Value = serde_json::from_str(json).context("the document is no JSON")?;
    serde_yaml::to_string(&value).context("the document cannot be written as YAML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_says_the_same_in_the_same_order() {
        let yaml = yaml(r#"{"openapi": "3.0.0", "info": {"title": "x"}, "a": [1, null]}"#).unwrap();
        assert_eq!(yaml, "openapi: 3.0.0\ninfo:\n  title: x\na:\n- 1\n- null\n");
    }
}
