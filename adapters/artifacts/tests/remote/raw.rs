//! The objects as they are, past the store.

use std::collections::BTreeMap;

use drifting_artifacts::RemoteLocation;
use opendal::services::{Gcs, S3};
use opendal::{HttpTransporter, Operator};
use opendal_http_transport_reqwest::ReqwestTransport;

/// A technician's access to a place.
pub fn raw(location: &RemoteLocation) -> Operator {
    let operator = match location {
        RemoteLocation::S3(at) => {
            let credentials = at.credentials.as_ref().unwrap();
            let service = S3::default()
                .bucket(&at.bucket)
                .root(&at.prefix)
                .endpoint(at.endpoint.as_ref().unwrap())
                .region("us-east-1")
                .access_key_id(&credentials.access_key_id)
                .secret_access_key(&credentials.secret_access_key);
            Operator::new(service).unwrap()
        }
        RemoteLocation::Gcs(at) => {
            let service = Gcs::default().bucket(&at.bucket).root(&at.prefix);
            Operator::new(service.endpoint(at.endpoint.as_ref().unwrap()).skip_signature()).unwrap()
        }
    };
    // Connections must not outlive the runtime of the test that made them.
    let transport = HttpTransporter::new(ReqwestTransport::new(reqwest::Client::new()));
    let context = operator.context().clone().with_http_transport(transport);
    operator.with_context(context)
}

/// Every object with its bytes, but for the lease.
pub async fn objects(operator: &Operator) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    for entry in operator.list_with("").recursive(true).await.unwrap() {
        let path = entry.path();
        if !path.ends_with('/') && path != ".tmp/lease" {
            objects.insert(path.to_owned(), operator.read(path).await.unwrap().to_vec());
        }
    }
    objects
}

/// The names of every object, but for the lease.
pub async fn names(operator: &Operator) -> Vec<String> {
    objects(operator).await.into_keys().collect()
}
