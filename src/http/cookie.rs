//! The one cookie: the browser's session, of a visitor or of somebody who is known.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::ApiError;
use crate::auth::token::Token;

/// The prefix makes browsers refuse it from anywhere but this host over HTTPS (or localhost).
pub const NAME: &str = "__Host-sotto_sid";

/// The session that a request shows. Of several none counts: a browser has one.
pub fn read(headers: &HeaderMap) -> Option<Token> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='));
    let value = values.next()?;
    if values.next().is_some() { None } else { Token::parse(value) }
}

/// Gives the browser a session; `kept`: for so long, else until it is closed.
pub fn set(response: &mut Response, token: &Token, kept: Option<Duration>) -> Result<(), ApiError> {
    let age = kept.map_or(String::new(), |kept| format!("; Max-Age={}", kept.as_secs()));
    let text = format!("{NAME}={}{ATTRIBUTES}{age}", &*token.reveal());
    let mut value = HeaderValue::from_str(&text).map_err(|_| ApiError::internal())?;
    value.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

/// Takes it away.
pub fn clear(response: &mut Response) {
    let value = HeaderValue::from_static(
        "__Host-sotto_sid=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
    );
    response.headers_mut().append(header::SET_COOKIE, value);
}

const ATTRIBUTES: &str = "; Path=/; Secure; HttpOnly; SameSite=Lax";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn a_session_is_read_among_other_cookies() {
        let token = Token::random().unwrap();
        let pair = format!("{NAME}={}", &*token.reveal());
        for lines in [
            vec![pair.clone()],
            vec![format!("a=b; {pair}; c=d")],
            vec!["a=b".into(), pair.clone()],
        ] {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(read(&headers(&lines)).unwrap().sum(), token.sum());
        }
        let twice = format!("{pair}; {NAME}={}", &*Token::random().unwrap().reveal());
        for wrong in ["", "a=b", &format!("{NAME}=short"), &format!("x{pair}"), &twice] {
            assert!(read(&headers(&[wrong])).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_cookie_is_for_this_host_only_and_not_for_scripts() {
        let mut response = Response::default();
        let token = Token::random().unwrap();
        set(&mut response, &token, Some(Duration::from_mins(1))).unwrap();
        let value = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let expected = format!(
            "{NAME}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60",
            &*token.reveal()
        );
        assert_eq!(value, expected);
        assert!(!format!("{response:?}").contains(&**token.reveal()));
    }
}
