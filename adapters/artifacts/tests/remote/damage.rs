//! Whatever happens to an object, nobody gets other values from it.

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::{ArtifactStore, PortErrorKind};

use crate::raw::raw;
use crate::support::{Server, assert_holds, kind_of, state};

const FILES: [&str; 3] = ["configuration.yaml", "drift_detector.safetensors", "state.safetensors"];

async fn assert_noticed(projects: &OpendalArtifacts, file: &str, what: &str) {
    let a = name("a");
    if file == "state.safetensors" {
        assert_eq!(kind_of(projects.state(&a, 1).await), PortErrorKind::Damaged, "{what}");
        assert_holds(projects, &sample_project("a", 1, 1)).await;
    } else {
        assert_eq!(kind_of(projects.project(&a).await), PortErrorKind::Damaged, "{what}");
    }
    assert_eq!(projects.list().await.unwrap(), [a], "{what}: a damaged project is still a project");
}

#[tokio::test]
async fn changed_and_cut_objects_are_noticed() {
    for server in Server::both() {
        let (projects, raw) = (server.projects("p").await, raw(&server.location("p", None)));
        projects.put_project(&sample_project("a", 1, 1)).await.unwrap();
        projects.put_state(&name("a"), 1, &state(1)).await.unwrap();
        for file in FILES {
            let path = format!("a/{file}");
            let whole = raw.read(&path).await.unwrap().to_vec();
            for position in (0..whole.len()).step_by(37) {
                let mut changed = whole.clone();
                changed[position] ^= 0x21;
                raw.write(&path, changed).await.unwrap();
                assert_noticed(&projects, file, &format!("{file}, byte {position}")).await;
                raw.write(&path, whole[..position].to_vec()).await.unwrap();
                assert_noticed(&projects, file, &format!("{file}, cut off at {position}")).await;
            }
            raw.write(&path, whole).await.unwrap();
        }
        assert_holds(&projects, &sample_project("a", 1, 1)).await;
        raw.delete("a/drift_detector.safetensors").await.unwrap();
        assert_eq!(kind_of(projects.project(&name("a")).await), PortErrorKind::Damaged);
        raw.write("a/configuration.yaml", vec![b'#'; (16 << 20) + 1]).await.unwrap();
        assert_eq!(kind_of(projects.project(&name("a")).await), PortErrorKind::Damaged);
        // What is damaged can be replaced and removed.
        projects.put_project(&sample_project("a", 7, 2)).await.unwrap();
        assert_holds(&projects, &sample_project("a", 7, 2)).await;
        raw.write("a/configuration.yaml", "x").await.unwrap();
        assert!(projects.delete(&name("a")).await.unwrap());
        assert_eq!(projects.list().await.unwrap(), []);
    }
}
