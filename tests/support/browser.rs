//! A browser: it keeps its cookie, and shows the proof of the page that it is on.

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::server::TestServer;

const COOKIE_NAME: &str = "__Host-sotto_sid";

/// See the module.
pub struct Browser<'a> {
    http: &'a Client,
    url: &'a str,
    pub cookie: Option<String>,
    pub csrf: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The code of a refusal.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Status and code.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.code())
    }
}

impl<'a> Browser<'a> {
    /// One that has opened the page.
    pub async fn open(server: &'a TestServer) -> Self {
        Self::at(&server.http, &server.url).await
    }

    /// One that has opened the page at this address.
    pub async fn at(http: &'a Client, url: &'a str) -> Self {
        let mut browser = Self { http, url, cookie: None, csrf: String::new() };
        browser.get("/api/v1/me").await;
        browser
    }

    /// The header that its cookie travels in.
    pub fn cookie_header(&self) -> String {
        format!("{COOKIE_NAME}={}", self.cookie.as_deref().unwrap_or_default())
    }

    /// One that has come in as a guest.
    pub async fn guest(server: &'a TestServer) -> Self {
        let mut browser = Self::open(server).await;
        let came = browser.post("/api/v1/guest", json!({})).await;
        assert_eq!(came.status, 201, "{came:?}");
        browser
    }

    /// One that has come in as a guest at this address.
    pub async fn guest_at(http: &'a Client, url: &'a str) -> Self {
        let mut browser = Self::at(http, url).await;
        assert_eq!(browser.post("/api/v1/guest", json!({})).await.status, 201);
        browser
    }

    /// One that has made an account at this address.
    pub async fn account_at(http: &'a Client, url: &'a str, name: &str) -> Self {
        let mut browser = Self::at(http, url).await;
        assert_eq!(browser.sign_up(name).await.status, 201);
        browser
    }

    /// One that has made an account.
    pub async fn account(server: &'a TestServer, name: &str) -> Self {
        let mut browser = Self::open(server).await;
        let made = browser.sign_up(name).await;
        assert_eq!(made.status, 201, "{made:?}");
        browser
    }

    pub async fn sign_up(&mut self, name: &str) -> Answer {
        let body = json!({ "name": name, "password": password(name) });
        self.post("/api/v1/sign-up", body).await
    }

    pub async fn log_in(&mut self, name: &str) -> Answer {
        let body = json!({ "name": name, "password": password(name) });
        self.post("/api/v1/login", body).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn delete(&mut self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn send(&mut self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        self.take(request.send().await.unwrap()).await
    }

    /// A request with cookie and proof, to be changed before it is sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let request = request.header("x-csrf-token", &self.csrf);
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, format!("{COOKIE_NAME}={cookie}")),
            None => request,
        }
    }

    /// Keeps the cookie and the proof of an answer.
    pub async fn take(&mut self, response: Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for value in headers.get_all(SET_COOKIE) {
            let (pair, attributes) = value.to_str().unwrap().split_once(';').unwrap();
            assert!(attributes.contains("Secure; HttpOnly; SameSite=Lax"), "{attributes}");
            let value = pair.strip_prefix(COOKIE_NAME).unwrap().strip_prefix('=').unwrap();
            self.cookie = (!value.is_empty()).then(|| value.to_owned());
        }
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        for name in ["csrf", "token"] {
            let proof = body[name].as_str().filter(|_| status < 300);
            if let Some(proof) = proof.filter(|proof| !proof.starts_with("sotto_")) {
                proof.clone_into(&mut self.csrf);
            }
        }
        Answer { status, headers, body }
    }

    /// Who the server takes this for.
    pub async fn me(&mut self) -> Value {
        self.get("/api/v1/me").await.body["person"].clone()
    }
}

/// The password that `Browser::account` chooses for this name.
pub fn password(name: &str) -> String {
    format!("the long words of {name}")
}
