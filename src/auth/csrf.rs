//! Tokens that a page shows to prove that it was served from here: another site can make a browser send its
//! cookie, but cannot read the page.
//!
//! A token is the sum of the browser's session and 16 random bytes, and these bytes. It is bound to the session's
//! cookie, so it ends with it, and every page gets another one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::token::{Hash, Keys, Token, hmac};
use crate::vault::random::{self, NoEntropy};

const SALT: usize = 16;

/// Makes and checks tokens.
pub struct Csrf {
    /// Makes with the active one, checks with all: a change of the server's key does not break open pages.
    keys: Keys,
}

impl Csrf {
    /// With these keys.
    pub fn new(keys: Keys) -> Self {
        Self { keys }
    }

    /// A token for the browser that has this cookie.
    pub fn make(&self, session: &Token) -> Result<String, NoEntropy> {
        let salt: [u8; SALT] = random::bytes()?;
        let mut token = sum(self.keys.active(), session, &salt).to_vec();
        token.extend_from_slice(&salt);
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Whether a token was made here for the browser that has this cookie.
    pub fn holds(&self, session: &Token, token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
        let Some((claimed, salt)) = bytes.split_first_chunk::<32>() else { return false };
        let Ok(salt) = <[u8; SALT]>::try_from(salt) else { return false };
        self.keys.all().any(|key| sum(key, session, &salt).ct_eq(claimed).into())
    }
}

fn sum(key: &[u8; 32], session: &Token, salt: &[u8; SALT]) -> Hash {
    hmac(key, &[&session.sum(), salt])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const N: usize>(active: u8, older: [[u8; 32]; N]) -> Csrf {
        Csrf::new(Keys::new([active; 32], older))
    }

    fn session() -> Token {
        Token::random().unwrap()
    }

    #[test]
    fn a_token_holds_for_its_session_only() {
        let csrf = of(7, []);
        let (mine, other) = (session(), session());
        let token = csrf.make(&mine).unwrap();
        assert!(csrf.holds(&mine, &token));
        assert!(!csrf.holds(&other, &token));
        assert_ne!(token, csrf.make(&mine).unwrap(), "every page has another one");
    }

    #[test]
    fn anything_else_is_refused() {
        let csrf = of(7, []);
        let mine = session();
        let token = csrf.make(&mine).unwrap();
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(!csrf.holds(&mine, &String::from_utf8(bytes).unwrap()), "letter {at}");
        }
        for wrong in ["", "A", &token[1..], &format!("{token}AAAA"), "not base64!", &mine.reveal()]
        {
            assert!(!csrf.holds(&mine, wrong), "{wrong}");
        }
        assert!(!of(8, []).holds(&mine, &token), "of another server");
    }

    #[test]
    fn a_page_outlives_a_change_of_the_key() {
        let mine = session();
        let token = of(1, []).make(&mine).unwrap();
        assert!(of(2, [[1; 32]]).holds(&mine, &token));
    }
}
