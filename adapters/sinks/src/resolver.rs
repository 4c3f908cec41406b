//! From the name of a sink to the addresses that it may have, whenever a connection is made.

use std::fmt;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::Reach;

/// The system's resolver, without the addresses that are not allowed. What it gives is what is connected to: there is no second
/// look that could find something else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardedResolver {
    pub(crate) allow_private: bool,
}

/// A name has no address that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoAddressAllowed;

impl fmt::Display for NoAddressAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "its name has no address that is allowed: those of metadata services never are, those of this machine and of private \
             networks only with `allow_private`",
        )
    }
}

impl std::error::Error for NoAddressAllowed {}

impl GuardedResolver {
    fn allows(self, address: SocketAddr) -> bool {
        match Reach::of(address.ip()) {
            Reach::Public => true,
            Reach::Private => self.allow_private,
            Reach::Never => false,
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = *self;
        Box::pin(async move {
            // Port 0 becomes that of the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| resolver.allows(*address)).collect();
            if allowed.is_empty() {
                return Err(NoAddressAllowed.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_has_addresses_only_where_they_are_allowed() {
        let name = || "localhost".parse::<Name>().unwrap();
        let refused = GuardedResolver { allow_private: false }.resolve(name()).await;
        assert!(refused.is_err_and(|error| error.downcast_ref() == Some(&NoAddressAllowed)));
        let addresses = GuardedResolver { allow_private: true }.resolve(name()).await.ok().unwrap();
        assert!(addresses.into_iter().all(|address| address.ip().is_loopback()));
    }
}
