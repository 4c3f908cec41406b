use super::name;
use crate::ports::{IndexEntry, ProjectIndex};
use crate::project::Status;

fn entry(project: &str, status: Option<Status>) -> IndexEntry {
    IndexEntry { project: name(project), path: Some(project.to_owned()), status }
}

/// The contract of [`ProjectIndex`].
///
/// # Panics
/// Where the index does other than the contract says.
pub async fn project_index(index: &dyn ProjectIndex) {
    assert_eq!(index.all().await.expect("all of an empty index"), [], "an empty index holds nothing");
    index.put(&[]).await.expect("putting nothing succeeds");

    index
        .put(&[entry("b", Some(Status::Active)), entry("a", Some(Status::Inactive)), entry("c", None)])
        .await
        .expect("put");
    assert_eq!(
        index.all().await.expect("all"),
        [entry("a", Some(Status::Inactive)), entry("b", Some(Status::Active)), entry("c", None)],
        "entries come in the order of their names, with their statuses"
    );

    index.put(&[entry("a", None)]).await.expect("put again");
    index.set_status(&name("b"), Status::Inactive).await.expect("set a status");
    assert_eq!(
        index.all().await.expect("all"),
        [entry("a", Some(Status::Inactive)), entry("b", Some(Status::Inactive)), entry("c", None)],
        "a status of none leaves the one that there is"
    );

    index.set_status(&name("d"), Status::Inactive).await.expect("a status without a path");
    let pathless = IndexEntry { path: None, ..entry("d", Some(Status::Inactive)) };
    assert!(index.all().await.expect("all").contains(&pathless), "a status without a path is told");
    index.put(&[entry("d", None)]).await.expect("its path later");
    assert!(
        index.all().await.expect("all").contains(&entry("d", Some(Status::Inactive))),
        "a status may come before the path"
    );

    index.remove(&[name("a"), name("b"), name("none")]).await.expect("remove");
    index.put(&[entry("a", None)]).await.expect("put a removed one");
    assert_eq!(
        index.all().await.expect("all"),
        [entry("a", None), entry("c", None), entry("d", Some(Status::Inactive))],
        "removing takes the status too"
    );

    let many: Vec<_> = (0..1_000).map(|n| entry(&format!("many-{n:04}"), Some(Status::Active))).collect();
    index.put(&many).await.expect("put many");
    assert_eq!(index.all().await.expect("all").len(), 1_003, "a thousand entries fit in one call");
    index.remove(&many.iter().map(|entry| entry.project.clone()).collect::<Vec<_>>()).await.expect("remove many");
    assert_eq!(index.all().await.expect("all").len(), 3);
}
