//! The Open Inference Protocol beside inference: probes, metadata, the repository, the predecessor's fit, documents.

use serde_json::{Value, json};

use crate::support::{TestServer, numbers};

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metadata_of_the_server() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/v2/health/live").await.json(), json!({"live": true}));
    assert_eq!(server.get("/v2/health/ready").await.json(), json!({"ready": true, "live": true}));
    for path in ["/v2", "/v2/"] {
        let told = server.get(path).await.json();
        assert_eq!(told["name"], "drifting");
        assert_eq!(told["extensions"], json!(["model_repository", "binary_tensor_data", "parameters", "drifting_fit"]));
    }
    for path in ["/v2", "/v2/health/live", "/v2/health/ready/", "/v2/models", "/v2/docs", "/v2/docs/dataplane.json"] {
        let reply = server.send("HEAD", path, &[], b"").await;
        assert_eq!((reply.status, reply.body.len()), (200, 0), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_a_model() {
    let server = TestServer::start().await;
    server.fit_price().await;
    assert_eq!(server.get("/v2/models").await.json(), json!({"models": ["price"]}));
    let told = server.get("/v2/models/price").await.json();
    assert_eq!((&told["versions"], &told["platform"]), (&json!(["1"]), &json!("drifting_mmd-online")));
    assert_eq!(
        told["inputs"],
        json!([{"name": "nswprice", "datatype": "FP64", "shape": [-1, 1]},
               {"name": "weekday", "datatype": "BYTES", "shape": [-1, 1], "parameters": {"content_type": "str"}}])
    );
    assert_eq!(told["outputs"][6], json!({"name": "test_stat", "datatype": "FP64", "shape": [-1, 1]}));
    assert_eq!(told["parameters"], json!({"content_type": "pd"}));
    assert_eq!(server.get("/v2/models/price/versions/1").await.json(), told);
    for path in ["/v2/models/price/ready", "/v2/models/price/versions/1/ready"] {
        assert_eq!(server.get(path).await.json(), json!({"name": "price", "ready": true}));
    }
    for (path, status, code) in [
        ("/v2/models/none", 404, "project_not_found"),
        ("/v2/models/none/ready", 404, "project_not_found"),
        ("/v2/models/price/versions/2", 404, "version_not_found"),
        ("/v2/models/price/versions/2/ready", 404, "version_not_found"),
        ("/v2/models/..%2fx", 400, "invalid_name"),
        ("/v2/models/stats", 501, "not_supported"),
        ("/v2/models/price/config", 501, "not_supported"),
        ("/v2/systemsharedmemory/region/x/status", 501, "not_supported"),
        ("/v2/nothing", 404, "route_not_found"),
        ("/v2/models/price/infer", 405, "method_not_allowed"),
        ("/v2/models/fit", 405, "method_not_allowed"),
    ] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{path}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.json()["error"], reply.json()["detail"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_repository_loads_and_unloads() {
    let server = TestServer::start().await;
    server.fit_label("a").await;
    server.fit_label("b").await;
    let load = |name: &str, verb: &str| format!("/v2/repository/models/{name}/{verb}");
    let body = json!({"parameters": {"unload_dependents": false}});
    let reply = server.post_json(&load("b", "unload"), &body).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0), "{}", reply.text());
    assert_eq!(server.post(&load("b", "unload")).await.status, 200, "a second time");
    let ready = json!({"name": "a", "version": "1", "state": "READY", "reason": ""});
    let inactive = json!({"name": "b", "version": "1", "state": "UNAVAILABLE", "reason": "the project is inactive; load it first"});
    for body in [&b""[..], b"{}", b" ", b"{\"ready\":false}", b"{\"ready\":null}"] {
        let index = server.send("POST", "/v2/repository/index", &[], body).await;
        assert_eq!(index.json(), json!([ready, inactive]), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(server.post_json("/v2/repository/index", &json!({"ready": true})).await.json(), json!([ready]));
    // What comes beside a load is passed over, whatever it is.
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(server.send("POST", &load("a", "load"), &form, b"x=1").await.status, 200);
    for body in [&b"{\"ready\":1}"[..], b"{", b"[1]", b"[]"] {
        assert_eq!(server.send("POST", "/v2/repository/index", &[], body).await.status, 400);
    }
    let reply = server.get("/v2/models/b/ready").await;
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("project_inactive")));
    assert_eq!(server.get("/v2/models/b").await.status, 200, "it is told all the same");
    let row = json!({"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]}]});
    assert_eq!(server.post_json("/v2/models/b/infer", &row).await.status, 409);
    assert_eq!(server.post(&load("b", "load")).await.status, 200);
    assert_eq!(server.post_json("/v2/models/b/infer", &row).await.status, 200);
    assert_eq!(server.post(&load("none", "load")).await.json()["code"], "project_not_found");
    assert_eq!(server.post(&load("none", "unload")).await.status, 404);
}

fn reference() -> Value {
    json!({"inputs": [{"name": "input-1", "shape": [100, 1], "datatype": "FP64", "parameters": {"content_type": "np"}, "data": numbers(100)}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_predecessors_fit_gives_its_detectors() {
    let server = TestServer::start().await;
    let fit = |name: &str, rest: &str| format!("/v2/models/fit/?detector_name={name}&drift_type={rest}");
    let reply = server.post_json(&fit("lab", "label&ert=50&window_size=10&n_bootstraps=200"), &reference()).await;
    assert_eq!((reply.status, reply.json()), (200, json!({"message": "Successfully fitted model 'lab'"})));
    let told = server.get("/api/v1/projects/lab").await.json();
    assert_eq!((&told["detector"]["kind"], &told["detector"]["ert"]), (&json!("cvm_online"), &json!(50.0)));
    assert_eq!(
        (&told["detector"]["window_sizes"], &told["detector"]["n_bootstraps"]),
        (&json!([40, 80]), &json!(10_000))
    );

    let columns: Vec<Value> = ["a", "b", "c"]
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let data: Vec<f64> = numbers(120).iter().map(|x| (x * 37.0 * (i + 1) as f64).sin()).collect();
            json!({"name": name, "shape": [120, 1], "datatype": "FP64", "data": data})
        })
        .collect();
    let table = json!({"inputs": columns});
    let path = fit("tab", "tabular&ert=100&window_size=10&n_bootstraps=2000").replace("/fit/", "/fit");
    assert_eq!(server.post_json(&path, &table).await.status, 200);
    let told = server.get("/api/v1/projects/tab").await.json();
    assert_eq!((&told["detector"]["kind"], &told["detector"]["window_size"]), (&json!("mmd_online"), &json!(10)));
    assert_eq!(told["preprocessing"]["n_components"], 2);
    let one = json!({"inputs": [columns[0]]});
    assert_eq!(server.post_json(&fit("one", "tabular&ert=20&window_size=5&n_bootstraps=2000"), &one).await.status, 200);

    let zeros =
        json!({"inputs": [{"name": "input-1", "shape": [2, 2], "datatype": "FP64", "data": [0.0, 0.0, 0.0, 0.0]}]});
    assert_eq!(server.post_json(&fit("dum", "dummy"), &zeros).await.status, 200);
    let judged = server.post_json("/v2/models/dum/infer", &zeros).await.json();
    assert_eq!((&judged["outputs"][0]["data"], &judged["parameters"]["name"]), (&json!([0, 0]), &json!("DummyDrift")));
    let words = ["the market rose", "prices fell again", "demand is weak", "the bank cut rates", "shares were flat"];
    let texts: Vec<String> =
        (0..100).map(|i| format!("{} on day {i} of {}", words[i % 5], words[(i / 5) % 5])).collect();
    let text = json!({"inputs": [{"name": "input-1", "shape": [100, 1], "datatype": "BYTES", "parameters": {"content_type": "str"}, "data": texts}]});
    assert_eq!(server.post_json(&fit("txt", "text&ert=20&window_size=5&n_bootstraps=2000"), &text).await.status, 200);
    let told = server.get("/api/v1/projects/txt").await.json();
    assert_eq!((&told["drift_type"], &told["detector"]["kind"]), (&json!("text"), &json!("mmd_online")));
    let one = json!({"inputs": [{"name": "input-1", "shape": [1, 1], "datatype": "BYTES", "data": ["prices rose"]}]});
    assert_eq!(server.post_json("/v2/models/txt/infer", &one).await.json()["outputs"][4]["data"], json!([1]));
    assert_eq!(server.get("/v2/models/txt").await.json()["parameters"]["content_type"], "str");
    // Bytes alone are a text.
    let raw = [("Inference-Header-Content-Length", "0")];
    let reply = server.send("POST", "/v2/models/txt/infer", &raw, b"prices rose again").await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/octet-stream")),
        "{}",
        reply.text()
    );
    assert_eq!(server.get("/v2/models/fit").await.header("allow"), Some("POST"));
    // Classes are judged as classes.
    let truths: Vec<bool> = (0..100).map(|i| i % 3 == 0).collect();
    let classes = json!({"inputs": [{"name": "input-1", "shape": [100, 1], "datatype": "BOOL", "data": truths}]});
    assert_eq!(server.post_json(&fit("classes", "label&ert=50"), &classes).await.status, 200);
    assert_eq!(server.get("/api/v1/projects/classes").await.json()["detector"]["kind"], "fet_online");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_predecessors_fit_refuses_in_its_words() {
    let server = TestServer::start().await;
    server.fit_label("lab").await;
    for (query, status, told) in [
        ("detector_name=lab&drift_type=label", 409, "Model with name 'lab' already exists."),
        ("drift_type=label", 422, "/detector_name: field required"),
        ("detector_name=x", 422, "/drift_type: field required"),
        ("detector_name=x&drift_type=label&ert=abc", 422, "/ert: value is not a valid number, \"abc\" came"),
        ("detector_name=x&drift_type=label&ert=-5", 422, "/ert: expected"),
        ("detector_name=x&drift_type=image", 422, "/drift_type: drift_type has to be one of"),
        ("detector_name=..%2Fevil&drift_type=label", 400, "expected a project name"),
        ("detector_name=&drift_type=label", 400, "expected a project name"),
        ("detector_name=fit&drift_type=label", 400, "expected another project name"),
        ("detector_name=a&detector_name=b&drift_type=label", 400, "expected each query parameter once"),
    ] {
        let reply = server.post_json(&format!("/v2/models/fit/?{query}"), &reference()).await;
        let error = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(reply.status == status && error.starts_with(told), "{query}: {} {error}", reply.status);
        assert_eq!(reply.json()["message"], error);
    }
    let path = "/v2/models/fit/?detector_name=x&drift_type=label";
    assert_eq!(server.post(path).await.status, 400, "no body");
    let few = json!({"inputs": [{"name": "input-1", "shape": [3, 1], "datatype": "FP64", "data": [1.0, 2.0, 3.0]}]});
    assert_eq!(server.post_json(path, &few).await.status, 422);
    let missing =
        json!({"inputs": [{"name": "input-1", "shape": [3, 1], "datatype": "FP64", "data": [1.0, null, 3.0]}]});
    assert_eq!(server.post_json(path, &missing).await.json()["errors"][0]["pointer"], "/inputs/0/data/1");
    assert_eq!(server.get("/v2/models").await.json(), json!({"models": ["lab"]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_all_models_and_of_one() {
    let server = TestServer::start().await;
    server.fit_price().await;
    let document = server.get("/v2/docs/dataplane.json").await.json();
    assert!(
        document["paths"].get("/v2/models/{model}/infer").is_some()
            && document["paths"].get("/v2/models/fit").is_some()
    );
    let answer = &document["components"]["schemas"]["InferenceResponse"];
    assert_eq!(answer["required"], json!(["model_name", "model_version", "id", "parameters", "outputs"]));
    let page = server.get("/v2/docs").await;
    assert!(page.status == 200 && page.text().contains("Drifting data plane"));

    let own = server.get("/v2/models/price/docs/dataplane.json").await.json();
    let operation = &own["paths"]["/v2/models/price/infer"]["post"];
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    let judged = server.post_json("/v2/models/price/infer", example).await;
    assert_eq!(judged.status, 200, "the example is taken: {}", judged.text());
    assert!(own["paths"].get("/v2/models/{model}/infer").is_none() && own["paths"].get("/v2").is_none());
    assert_eq!(server.get("/v2/models/price/docs").await.status, 200);
    assert_eq!(server.get("/v2/models/none/docs").await.status, 404);
}
