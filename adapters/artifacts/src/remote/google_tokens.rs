//! Tokens of Google, each kept for as long as it holds.
//!
//! The key of a service account would do for every call by itself: the signing library would take the key for what is to
//! be kept, and ask Google for another token before each request. So the key is exchanged here, where credentials are
//! looked for, and what is kept is the token; it is renewed two minutes before its end.

use reqsign_core::{Context, ProvideCredential, ProvideCredentialChain, Result};
use reqsign_google::{
    Credential, DefaultCredentialProvider, FileCredentialProvider, ServiceAccountTokenCredentialProvider,
};

use super::location::GcsLocation;

/// The whole chain: a given file, else that of `GOOGLE_APPLICATION_CREDENTIALS`, else that of `gcloud`, else the metadata
/// server.
#[derive(Debug)]
pub struct GoogleTokens {
    chain: ProvideCredentialChain<Credential>,
}

impl GoogleTokens {
    /// The chain of a place. The scope of the tokens comes with the context of each call.
    pub fn of(location: &GcsLocation) -> Self {
        let mut chain = ProvideCredentialChain::new().push(DefaultCredentialProvider::builder().build());
        if let Some(path) = &location.credential_path {
            chain = chain.push_front(FileCredentialProvider::new(path));
        }
        Self { chain }
    }
}

impl ProvideCredential for GoogleTokens {
    type Credential = Credential;

    async fn provide_credential(&self, context: &Context) -> Result<Option<Credential>> {
        match self.chain.provide_credential(context).await? {
            Some(Credential { service_account: Some(account), .. }) => {
                ServiceAccountTokenCredentialProvider::new(account).provide_credential(context).await
            }
            found => Ok(found),
        }
    }
}
