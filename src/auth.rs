//! People: who they are, how they prove it, and for how long that holds.
//!
//! `People` joins the parts and is what the door talks to. `lockout`, `csrf`, `token` and `name` are pure.
//! Nothing here knows HTTP or conversations: a new person's data key is made by a function that is
//! passed in, and what people keep is somebody else's ([`people::Belongings`]).

pub mod people;

pub mod person;

pub mod login;

pub mod password;

pub mod lockout;

pub mod csrf;

pub mod token;

pub mod api_token;

pub mod name;

pub mod id;

pub mod clock;

pub mod error;

mod strangers;

pub use self::error::AuthError;
pub use self::people::People;
pub use self::person::{Kind, Person};
