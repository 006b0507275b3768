//! The premises: which addresses a conversation may go to that must not leave them.
//!
//! What is judged is the address that is connected to. A name is resolved when a connection is made, and only
//! addresses that were judged are handed to the connector: a name that means something else a moment later,
//! or a redirect, or a proxy, leads nowhere.

mod resolver;

use std::{
    error::Error,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::{
    ClientBuilder, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

pub use resolver::{Resolver, SystemResolver};

/// How far a request may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Wherever the provider is.
    #[default]
    Anywhere,
    /// Nowhere but to addresses on the [`Premises`].
    OnPremises,
}

/// Which addresses are on the premises, and who says which addresses a name has.
///
/// By default these are loopback, the private networks of RFC 1918 and the unique local addresses of IPv6
/// (`fc00::/7`), and the system resolves names. Link-local addresses are not among them: the metadata services
/// of clouds live there.
#[derive(Clone)]
pub struct Premises {
    contains: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    resolver: Arc<dyn Resolver>,
}

/// The server is not on the premises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is not on the premises")]
pub struct NotOnPremises;

impl Premises {
    /// Premises that hold the addresses for which `contains` says so. IPv4 addresses inside IPv6 ones
    /// (`::ffff:192.0.2.1`) come to it as what they are.
    pub fn new(contains: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { contains: Arc::new(contains), resolver: Arc::new(SystemResolver) }
    }

    /// Lets `resolver` say which addresses a name has.
    #[must_use]
    pub fn with_resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Tells whether an address is on the premises.
    pub fn contains(&self, address: IpAddr) -> bool {
        (self.contains)(address.to_canonical())
    }

    /// Tells whether a server is on the premises with all its addresses, as far as is known now. Good for
    /// telling people; what counts is decided when a connection is made.
    pub async fn contains_server(&self, url: &Url) -> bool {
        if let Some(address) = literal(url) {
            return self.contains(address);
        }
        let Some(name) = url.host_str() else { return false };
        match self.resolver.resolve(name).await {
            Ok(addresses) => {
                !addresses.is_empty() && addresses.into_iter().all(|address| self.contains(address))
            }
            Err(_) => false,
        }
    }

    /// Refuses a server that is named by an address which is not on the premises. Addresses are not resolved,
    /// so [`guard`](Self::guard) cannot see them: ask this before every request to a guarded client.
    pub fn admit(&self, url: &Url) -> Result<(), NotOnPremises> {
        match literal(url) {
            Some(address) if !self.contains(address) => Err(NotOnPremises),
            _ => Ok(()),
        }
    }

    /// Makes a client that connects to no name with an address that is not on the premises, goes past every
    /// proxy, follows no redirect and keeps no connection. Nothing may be changed about these afterwards, and
    /// the client must be used only for such requests: a connection that others opened would be used without
    /// a look at where it leads.
    pub fn guard(&self, client: ClientBuilder) -> ClientBuilder {
        client
            .no_proxy()
            .redirect(Policy::none())
            // A connection that is kept keeps the last words in its buffers, too.
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Guard { premises: self.clone() }))
    }
}

impl Default for Premises {
    fn default() -> Self {
        Self::new(|address| match address {
            IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        })
    }
}

impl fmt::Debug for Premises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Premises").finish_non_exhaustive()
    }
}

/// Tells whether a request failed because a guarded client refused to connect.
pub fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    error.is::<NotOnPremises>() || error.source().is_some_and(is_refusal)
}

/// The address that a URL names, however it is spelled: `127.1`, `0x7f.1` and `0177.0.0.1` are 127.0.0.1.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    // The URL's parser has brought numbers into their usual form. What it took for a name must not be an
    // address all the same.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.trim_end_matches('.').parse().ok()
}

/// Resolves names to what is on the premises.
struct Guard {
    premises: Premises,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let premises = self.premises.clone();
        let resolving = premises.resolver.resolve(name.as_str());
        Box::pin(async move {
            let mut addresses = resolving.await?;
            let known = !addresses.is_empty();
            // Of a name with several addresses those that are allowed may be used.
            addresses.retain(|address| premises.contains(*address));
            if known && addresses.is_empty() {
                return Err(NotOnPremises.into());
            }
            // Port 0 stands for the URL's.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
