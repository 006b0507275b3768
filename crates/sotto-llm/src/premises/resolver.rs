//! Who says which addresses a name has.

use std::{io, net::IpAddr};

use futures_util::{FutureExt, future::BoxFuture};

/// Says which addresses a name has.
pub trait Resolver: Send + Sync + 'static {
    /// Resolves a name.
    fn resolve(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the system, as every program does: `/etc/hosts`, DNS, and what else it is set up for.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        }
        .boxed()
    }
}
