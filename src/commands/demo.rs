//! `demo`: a detector is fitted and fed real rows, in which it tells a known change.

use std::io::Write;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::connect;
use super::failure::Interrupted;
use crate::cli::{ClientFlags, DemoArgs};
use crate::client::{Client, Problem};

mod data;
mod own_server;
mod story;

use own_server::OwnServer;
use story::Story;

/// What the project is called, unless somebody else's is called so.
const PROJECT: &str = "demo";
/// So many demos at once are none.
const NAMES_MAX: usize = 100;

pub(super) fn run(args: &DemoArgs, flags: &ClientFlags, out: &mut impl Write) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(demo(args, flags, out))
}

async fn demo(args: &DemoArgs, flags: &ClientFlags, out: &mut impl Write) -> anyhow::Result<()> {
    let mut teller = Teller { out, json: flags.json };
    let own = if flags.names_a_server() { None } else { Some(OwnServer::start().await?) };
    let client = match &own {
        Some(server) => Client::new(server.url()?, None)?,
        None => connect(flags)?,
    };
    let mut fitted = None;
    let told = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(Interrupted("interrupted".to_owned()).into()),
        told = tell(&client, own.as_ref(), &mut fitted, &mut teller) => told,
    };
    let left = match fitted {
        None => Ok(()),
        Some(project) if args.keep && own.is_none() => teller.say(
            &json!({"event": "kept", "project": project}),
            &format!("\n`{project}` stays; `drifting projects delete {project}` deletes it"),
        ),
        Some(project) => {
            let deleted = client.delete(&["projects", &project], &[("purge_metrics", "true".to_owned())]).await;
            let keep = if args.keep { "; --keep is for a server that --url names" } else { "" };
            let said = teller.say(
                &json!({"event": "deleted", "project": project}),
                &format!("\n`{project}` is deleted again{keep}"),
            );
            // What went wrong before says more than that nobody listens any more.
            deleted.with_context(|| format!("`{project}` is left on the server")).and(said)
        }
    };
    drop(client);
    if let Some(server) = own {
        server.stop().await?;
    }
    told.and(left)
}

async fn tell(
    client: &Client,
    own: Option<&OwnServer>,
    fitted: &mut Option<String>,
    teller: &mut Teller<'_, impl Write>,
) -> anyhow::Result<()> {
    teller.say(
        &json!({"event": "data", "source": data::SOURCE, "licence": data::LICENCE}),
        &format!("{}\n\nData: {}; {}.\n", data::STORY, data::SOURCE, data::LICENCE),
    )?;
    if let Some(own) = own {
        let url = own.url()?.to_string();
        teller.say(
            &json!({"event": "server", "url": url}),
            &format!("0. started a server in memory, {url}, which ends with this demo"),
        )?;
    }
    let story = Story { client };
    let project = free_name(&story).await?;
    *fitted = Some(project.clone());
    story.tell(&project, teller).await
}

/// Fits under the first name that nobody else has: no project is ever replaced.
async fn free_name(story: &Story<'_>) -> anyhow::Result<String> {
    let names = (1..=NAMES_MAX).map(|n| if n == 1 { PROJECT.to_owned() } else { format!("{PROJECT}-{n}") });
    for name in names {
        match story.fit(&name).await {
            Ok(()) => return Ok(name),
            Err(error) if is_taken(&error) => {}
            Err(error) => return Err(error),
        }
    }
    bail!("the names from `{PROJECT}` to `{PROJECT}-{NAMES_MAX}` are all taken: delete some of these projects")
}

fn is_taken(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<Problem>().and_then(Problem::code);
    matches!(code, Some("project_exists" | "fit_in_progress"))
}

/// Tells each event, to people or to programs.
struct Teller<'a, W> {
    out: &'a mut W,
    json: bool,
}

impl<W: Write> Teller<'_, W> {
    fn say(&mut self, event: &Value, text: &str) -> anyhow::Result<()> {
        if self.json {
            writeln!(self.out, "{event}")?;
        } else {
            writeln!(self.out, "{text}")?;
        }
        self.out.flush()?;
        Ok(())
    }
}
