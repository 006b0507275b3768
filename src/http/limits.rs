//! How often one address may open a call.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::StatusCode;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::ApiError;

/// Addresses that have been quiet are forgotten every so many requests.
const SWEEP_EVERY: u32 = 1_024;

/// A limiter with a memory for each address.
pub struct OfferLimit {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    requests: AtomicU32,
}

impl OfferLimit {
    /// So many in a minute; a third of them at once.
    pub fn new(per_minute: u32) -> Self {
        let rate = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(per_minute.div_ceil(3)).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::keyed(Quota::per_minute(rate).allow_burst(burst));
        Self { limiter, requests: AtomicU32::new(0) }
    }

    /// Counts a request of `address` and refuses it if it is one too many.
    pub fn check(&self, address: IpAddr) -> Result<(), ApiError> {
        if self.requests.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&address.to_canonical()).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            let text = "this address opens calls too often; wait a little";
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", text)
                .retry_after(wait.as_secs().max(1) as u32)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_too_often_is_refused_and_others_are_not() {
        let limit = OfferLimit::new(6);
        let [a, b] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        assert!(limit.check(a).is_ok() && limit.check(a).is_ok());
        assert!(limit.check(a).is_err());
        assert!(limit.check(b).is_ok());
    }
}
