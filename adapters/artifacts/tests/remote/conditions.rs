//! Two servers at once, each of which believes that it alone may write.

use std::time::Duration;

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::{ArtifactStore, PortErrorKind};
use drifting_object_stores::{Calls, Fault, FaultyProxy};

use crate::raw::{names, raw};
use crate::support::{Server, assert_holds, kind_of, same, state};

const LATE: Duration = Duration::from_secs(3);

/// A server that can be made to hesitate, and its successor, on one prefix.
struct Two {
    hesitant: OpendalArtifacts,
    proxy: FaultyProxy,
    successor: OpendalArtifacts,
    server: Server,
}

impl Two {
    async fn on(server: Server) -> Self {
        let proxy = FaultyProxy::start(server.endpoint());
        let store = server.store_through("p", proxy.endpoint()).await;
        assert!(store.conditional_writes().await.unwrap());
        let hesitant = OpendalArtifacts::open_remote(&store, &server.other_lease("one").await);
        let successor = OpendalArtifacts::open_remote(&server.store("p").await, &server.other_lease("two").await);
        Self { hesitant, proxy, successor, server }
    }

    /// Runs the successor's work after the hesitant one has looked at the configuration, and before it goes on.
    async fn overtake<T: Send + 'static>(
        &self,
        slow: impl Future<Output = T> + Send + 'static,
        fast: impl Future<Output = ()>,
    ) -> T {
        self.proxy.forget_calls();
        self.proxy.inject(1, &[(Calls::Containing("configuration.yaml".to_owned()), Fault::Delay(LATE))]);
        let slow = tokio::spawn(slow);
        // It has seen what stands there only when the store has answered.
        while self.proxy.n_held_back() == 0 {
            tokio::task::yield_now().await;
        }
        fast.await;
        // Only the answer that is late already stays so.
        self.proxy.heal();
        slow.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_fit_is_refused_and_leaves_nothing() {
    for server in Server::both() {
        let two = Two::on(server).await;
        let slow = {
            let store = two.hesitant.clone();
            async move { store.put_project(&sample_project("a", 1, 1)).await }
        };
        let result = two.overtake(slow, async { two.successor.put_project(&sample_project("a", 1, 2)).await.unwrap() });
        assert_eq!(kind_of(result.await), PortErrorKind::InUse);
        assert_holds(&two.successor, &sample_project("a", 1, 2)).await;
        let raw = raw(&two.server.location("p", None));
        assert_eq!(names(&raw).await, ["a/configuration.yaml", "a/drift_detector.safetensors"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_overwrite_is_refused() {
    for server in Server::both() {
        let two = Two::on(server).await;
        two.successor.put_project(&sample_project("a", 1, 1)).await.unwrap();
        let slow = {
            let store = two.hesitant.clone();
            async move { store.put_project(&sample_project("a", 2, 2)).await }
        };
        let result = two.overtake(slow, async { two.successor.put_project(&sample_project("a", 2, 3)).await.unwrap() });
        assert_eq!(kind_of(result.await), PortErrorKind::InUse);
        assert_holds(&two.successor, &sample_project("a", 2, 3)).await;
        assert_holds(&two.hesitant, &sample_project("a", 2, 3)).await;
        let raw = raw(&two.server.location("p", None));
        assert_eq!(names(&raw).await, ["a/configuration.yaml", "a/drift_detector-2.safetensors"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overwrite_of_what_was_deleted_is_refused() {
    for server in Server::both() {
        let two = Two::on(server).await;
        two.successor.put_project(&sample_project("a", 1, 1)).await.unwrap();
        let slow = {
            let store = two.hesitant.clone();
            async move { store.put_project(&sample_project("a", 2, 2)).await }
        };
        let result = two.overtake(slow, async { assert!(two.successor.delete(&name("a")).await.unwrap()) });
        assert_eq!(kind_of(result.await), PortErrorKind::InUse);
        assert_eq!(two.successor.list().await.unwrap(), []);
        assert_eq!(names(&raw(&two.server.location("p", None))).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_deletion_is_refused() {
    // Where the condition of a removal is ignored, the version is looked at just before.
    for server in [Server::s3(), Server::moto(), Server::gcs()] {
        let two = Two::on(server).await;
        two.successor.put_project(&sample_project("a", 1, 1)).await.unwrap();
        let slow = {
            let store = two.hesitant.clone();
            async move { store.delete(&name("a")).await }
        };
        let result = two.overtake(slow, async { two.successor.put_project(&sample_project("a", 2, 2)).await.unwrap() });
        assert_eq!(kind_of(result.await), PortErrorKind::InUse);
        assert_holds(&two.successor, &sample_project("a", 2, 2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_checkpoint_is_refused() {
    for server in Server::both() {
        let two = Two::on(server).await;
        let a = name("a");
        two.hesitant.put_project(&sample_project("a", 1, 1)).await.unwrap();
        two.hesitant.put_state(&a, 1, &state(1)).await.unwrap();
        two.successor.put_state(&a, 1, &state(2)).await.unwrap();
        assert_eq!(kind_of(two.hesitant.put_state(&a, 1, &state(3)).await), PortErrorKind::InUse);
        assert!(same(&two.successor.state(&a, 1).await.unwrap().unwrap(), &state(2)));
        two.successor.put_state(&a, 1, &state(4)).await.unwrap();
        // One that is sent in parts, too.
        let mut large = state(5);
        large.insert_u64("large", (0..800_000).collect());
        two.hesitant.put_state(&a, 1, &large).await.unwrap();
        two.successor.put_state(&a, 1, &state(6)).await.unwrap_err();
        two.successor.put_state(&a, 1, &state(6)).await.unwrap();
        assert_eq!(kind_of(two.hesitant.put_state(&a, 1, &large).await), PortErrorKind::InUse);
        assert!(same(&two.successor.state(&a, 1).await.unwrap().unwrap(), &state(6)));
        // A first checkpoint too.
        two.hesitant.put_project(&sample_project("b", 1, 1)).await.unwrap();
        let slow = {
            let store = two.hesitant.clone();
            async move { store.put_state(&name("b"), 1, &state(1)).await }
        };
        let first = two.hesitant.state(&name("b"), 1).await.unwrap();
        assert!(first.is_none());
        let result = two.overtake(slow, async { two.successor.put_state(&name("b"), 1, &state(2)).await.unwrap() });
        assert_eq!(kind_of(result.await), PortErrorKind::InUse);
        assert!(same(&two.successor.state(&name("b"), 1).await.unwrap().unwrap(), &state(2)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_first_fits_by_two_servers_exactly_one_wins() {
    for server in Server::both() {
        let two = Two::on(server).await;
        for round in 0..50_u32 {
            let project = format!("p{round}");
            let fits = [(&two.hesitant, 1), (&two.successor, 2)].map(|(store, seed)| {
                let (store, project) = (store.clone(), sample_project(&project, 1, seed));
                tokio::spawn(async move { store.put_project(&project).await })
            });
            let mut winners = Vec::new();
            for (fit, seed) in fits.into_iter().zip(1..) {
                match fit.await.unwrap() {
                    Ok(()) => winners.push(seed),
                    Err(error) => assert!(
                        // Who looked after the other had won is told that the generation is taken.
                        [PortErrorKind::InUse, PortErrorKind::Other].contains(&error.kind()),
                        "{}",
                        error.source_text()
                    ),
                }
            }
            assert_eq!(winners.len(), 1, "round {round}");
            assert_holds(&two.successor, &sample_project(&project, 1, winners[0])).await;
        }
    }
}
