//! What a fit says of a reference that it takes.

use serde_json::{Value, json};

use crate::support::TestServer;

const N_ROWS: usize = 240;

/// Values without an order that anything follows from.
fn scattered(n: usize) -> f64 {
    (n * 7_919 % 1_009) as f64 / 1_009.0
}

async fn warnings(data: Value, kind: &str) -> Vec<String> {
    let server = TestServer::start().await;
    let project = server.fit("p", &json!({"drift_type": "tabular", "data": data, "detector": {"kind": kind}})).await;
    project["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_tell_rows_apart_are_told() {
    let rows = 0..N_ROWS;
    let data = json!({
        "price": rows.clone().map(scattered).collect::<Vec<_>>(),
        "carrier": rows.clone().map(|n| ["AA", "DL", "UA"][n * 7_919 % 1_009 % 3]).collect::<Vec<_>>(),
        "order": rows.clone().map(|n| format!("order {n}")).collect::<Vec<_>>(),
        "second": rows.map(|n| 1_700_000_000 + 30 * n).collect::<Vec<_>>(),
    });
    for kind in ["tabular", "mmd"] {
        let told = warnings(data.clone(), kind).await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("column `order` has 240 different values in 240 rows"), "{told:?}");
        assert!(told[1].starts_with("column `second` grows from row to row"), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_in_time_is_told() {
    let wave: Vec<f64> = (0..N_ROWS).map(|n| (n as f64 / 20.0).sin() + scattered(n) / 2.0).collect();
    let told =
        warnings(json!({"temperature": wave, "price": (0..N_ROWS).map(scattered).collect::<Vec<_>>()}), "ks").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("column `temperature` is autocorrelated in the order of the reference (0.9"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn few_rows_and_constants_are_told() {
    let data = json!({"price": (0..60).map(scattered).collect::<Vec<_>>(), "still": vec![3; 60]});
    let told = warnings(data, "ks").await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("60 rows of reference are few: small changes will not be told"), "{told:?}");
    assert!(told[1].starts_with("column `still` is constant in the reference"), "{told:?}");
}
