//! How much may be asked for: of everybody together, of one address, of one person.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::StatusCode;
use governor::clock::{Clock, DefaultClock, QuantaInstant};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};

use super::ApiError;
use super::address::counted;
use crate::auth::id::PersonId;
use crate::config;

/// Those who have been quiet are forgotten this often.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
/// Addresses or people that are remembered at once. When there are more, all share what one may ask for this often.
const MOST: usize = 100_000;
const SHARE: u32 = 16;

/// All limits of the door.
pub struct Limits {
    /// Calls that an address opens.
    offers: PerKey<IpAddr>,
    /// Attempts of an address to come in.
    sign_ins: PerKey<IpAddr>,
    addresses: PerKey<IpAddr>,
    people: PerKey<PersonId>,
    all: DefaultDirectRateLimiter,
}

impl Limits {
    /// As configured.
    pub fn new(config: &config::Limits) -> Self {
        let requests = &config.requests_per_minute;
        Self {
            // A third of them at once.
            offers: PerKey::new(config.offers_per_minute, config.offers_per_minute.div_ceil(3)),
            sign_ins: PerKey::new(config.sign_ins_per_minute, config.sign_ins_per_minute),
            addresses: PerKey::new(requests.address, requests.address),
            people: PerKey::new(requests.person, requests.person),
            all: RateLimiter::direct(quota(requests.global, requests.global)),
        }
    }

    /// Counts a request of an address.
    pub fn request(&self, address: IpAddr) -> Result<(), ApiError> {
        self.addresses
            .check(&counted(address))
            .map_err(|wait| refused("this address asks too often; wait a little", wait))?;
        self.all.check().map_err(|until| {
            refused("this server is asked too often at the moment; wait a little", wait(&until))
        })
    }

    /// Counts a request of a person.
    pub fn person(&self, person: &PersonId) -> Result<(), ApiError> {
        self.people.check(person).map_err(|wait| refused("you ask too often; wait a little", wait))
    }

    /// Counts an attempt of an address to come in.
    pub fn sign_in(&self, address: IpAddr) -> Result<(), ApiError> {
        self.sign_ins
            .check(&counted(address))
            .map_err(|wait| refused("this address tries to come in too often; wait a little", wait))
    }

    /// Counts a call that an address opens.
    pub fn offer(&self, address: IpAddr) -> Result<(), ApiError> {
        self.offers
            .check(&counted(address))
            .map_err(|wait| refused("this address opens calls too often; wait a little", wait))
    }

    /// Forgets those who have been quiet, for ever.
    pub async fn keep_sweeping(&self) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            for limit in [&self.offers, &self.sign_ins, &self.addresses] {
                limit.limiter.retain_recent();
            }
            self.people.limiter.retain_recent();
        }
    }
}

/// A limit with a memory for each key.
struct PerKey<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    /// For all together when the memory is full.
    shared: DefaultDirectRateLimiter,
}

impl<K: Hash + Eq + Clone> PerKey<K> {
    fn new(per_minute: u32, at_once: u32) -> Self {
        let together = quota(per_minute.saturating_mul(SHARE), at_once.saturating_mul(SHARE));
        Self {
            limiter: RateLimiter::keyed(quota(per_minute, at_once)),
            shared: RateLimiter::direct(together),
        }
    }

    /// Counts one of this key; how long to wait if it is one too many.
    fn check(&self, key: &K) -> Result<(), Duration> {
        if self.limiter.len() >= MOST {
            return self.shared.check().map_err(|until| wait(&until));
        }
        self.limiter.check_key(key).map_err(|until| wait(&until))
    }
}

fn quota(per_minute: u32, at_once: u32) -> Quota {
    let least = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_minute(least(per_minute)).allow_burst(least(at_once))
}

fn wait(until: &NotUntil<QuantaInstant>) -> Duration {
    until.wait_time_from(DefaultClock::default().now())
}

fn refused(text: &str, wait: Duration) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", text).wait(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::new(&config::Limits {
            offers_per_minute: 6,
            sign_ins_per_minute: 3,
            requests_per_minute: config::Requests { person: 2, address: 4, global: 7 },
            ..config::Limits::default()
        })
    }

    #[test]
    fn one_address_too_often_is_refused_and_others_are_not() {
        let limits = limits();
        let [a, b] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        assert!(limits.offer(a).is_ok() && limits.offer(a).is_ok());
        assert!(limits.offer(a).is_err());
        assert!(limits.offer(b).is_ok());
        assert!((0..3).all(|_| limits.sign_in(a).is_ok()) && limits.sign_in(a).is_err());
    }

    #[test]
    fn a_network_of_addresses_counts_as_one() {
        let limits = limits();
        let address = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        assert!((0..4).all(|last| limits.request(address(last)).is_ok()));
        assert!(limits.request(address(5)).is_err());
    }

    #[test]
    fn all_together_are_limited_too() {
        let limits = limits();
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        assert!((0..7).all(|last| limits.request(address(last)).is_ok()));
        assert!(limits.request(address(8)).is_err());
    }

    #[test]
    fn a_person_is_limited_from_wherever() {
        let (limits, id) = (limits(), PersonId::random().unwrap());
        assert!(limits.person(&id).is_ok() && limits.person(&id).is_ok());
        assert!(limits.person(&id).is_err());
    }
}
