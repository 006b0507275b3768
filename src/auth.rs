//! People: who they are, how they prove it, and for how long that holds.

pub mod api_token;
pub mod clock;
pub mod csrf;
pub mod id;
pub mod lockout;
pub mod name;
pub mod password;
pub mod token;

mod random;
