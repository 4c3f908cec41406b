//! Bodies that arrived damaged, or were made to do harm: each is fed or refused, and the server goes on.

use crate::formats::{Rows, fit};
use crate::support::{ARROW, NDJSON, PARQUET, TestServer};

/// Numbers that vary, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % n
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mutant_makes_the_server_fail() {
    let server = TestServer::start().await;
    server.fit("p", &fit()).await;
    let rows = Rows::new(25, 0.4);
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut statuses = std::collections::BTreeMap::new();
    for (media_type, whole) in [(PARQUET, rows.parquet()), (ARROW, rows.arrow()), (NDJSON, rows.ndjson())] {
        for _ in 0..1_000 {
            let mut body = whole.clone();
            for _ in 0..=numbers.below(3) {
                let at = numbers.below(body.len());
                match numbers.below(12) {
                    0 => body.truncate(at.max(1)),
                    1 => body[at] = [0x00, 0xff, b'"', b'{'][numbers.below(4)],
                    _ => body[at] ^= 1 << numbers.below(8),
                }
            }
            let reply = server.send("POST", "/api/v1/projects/p/predict", &[("Content-Type", media_type)], &body).await;
            assert!([200, 400, 413, 422].contains(&reply.status), "{media_type}: {} {body:?}", reply.text());
            *statuses.entry(reply.status).or_insert(0) += 1;
        }
    }
    assert!(statuses[&200] > 100 && statuses[&400] > 500 && statuses[&422] > 100, "{statuses:?}");
}
