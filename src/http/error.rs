//! Errors as clients see them: one table from what went wrong to a status, a code and a text.
//!
//! Ours are logged with their cause and answered with a fixed text; the client's name what to mend.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::auth::AuthError;
use crate::auth::login::LoginError;
use crate::call::CallError;
use crate::chat::ChatError;
use crate::chat::vaults::VaultError;
use crate::pipeline::codec::container::ContainerError;
use crate::pipeline::failure::EngineError;
use crate::pipeline::transport::webrtc::WebRtcError;
use crate::store::StoreError;

/// When to try again, in seconds, where a line may be free by then.
const RETRY_SOON: u32 = 5;

/// `{"error":{"type","code","message","param"}}` and its status.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    param: Option<String>,
    retry_after: Option<u32>,
}

impl ApiError {
    /// An error with a status, a code and a text for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), param: None, retry_after: None }
    }

    /// The request makes no sense.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// There is nothing here.
    pub fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Our own mistake; the log says which.
    pub fn internal() -> Self {
        let text = "the server made a mistake; its log says which";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", text)
    }

    /// Its code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// As an event, for those who read a stream of them.
    pub fn event(&self) -> Value {
        let mut event = self.body();
        event["type"] = json!("error");
        event
    }

    /// As clients read it.
    pub fn body(&self) -> Value {
        let kind = match self.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        json!({
            "error": {
                "type": kind,
                "code": self.code,
                "message": self.message,
                "param": self.param,
            }
        })
    }

    /// Names the field at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Says when to try again, at least a second from now.
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        self.retry_after(wait.as_millis().div_ceil(1_000).clamp(1, u128::from(u32::MAX)) as u32)
    }
}

/// The code of an error, with its response, for whoever counts.
#[derive(Debug, Clone, Copy)]
pub struct Code(pub &'static str);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(Code(self.code));
        response
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        match error {
            CallError::AtCapacity(refused) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "at_capacity", message)
                    .wait(refused.retry_after)
            }
            CallError::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_stopping", message)
                    .retry_after(RETRY_SOON)
            }
            CallError::NoRecogniser(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_recogniser", message)
            }
            CallError::NoVoice(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_voice", message)
            }
            CallError::Session(error) => {
                Self::bad_request(error.code, message).with_param(error.param)
            }
            CallError::Unknown => Self::new(StatusCode::NOT_FOUND, "call_not_found", message),
            CallError::NothingToResume => Self::new(StatusCode::NOT_FOUND, "unknown_call", message)
                .with_param("session.sotto.resume"),
            CallError::WebRtc(error) => error.into(),
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let (code, text) = (error.code(), error.to_string());
        match error {
            EngineError::Overloaded(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, text).retry_after(RETRY_SOON)
            }
            // Whoever gave up reads no answer: it is the server that ends what goes on.
            EngineError::Cancelled => CallError::Stopping.into(),
            EngineError::Timeout(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, code, text),
            EngineError::NotOnPremises(_) => Self::new(StatusCode::FORBIDDEN, code, text),
            EngineError::Input(_) => Self::bad_request(code, text),
            EngineError::Failed { what, source } => {
                tracing::error!(what, cause = %source, "an engine failed");
                let text = format!("{what} failed; the server's log says why");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, text)
            }
        }
    }
}

impl From<ContainerError> for ApiError {
    fn from(error: ContainerError) -> Self {
        let text = error.to_string();
        match error {
            ContainerError::TooLong { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "recording_too_long", text)
            }
            // Whoever gave up reads no answer.
            _ => Self::bad_request("invalid_audio", text),
        }
        .with_param("file")
    }
}

impl From<WebRtcError> for ApiError {
    fn from(error: WebRtcError) -> Self {
        use crate::pipeline::transport::webrtc::sdp::OfferError;
        let message = error.to_string();
        match error {
            WebRtcError::Offer(OfferError::NotSdp) => Self::bad_request("invalid_sdp", message),
            WebRtcError::Offer(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unsupported_offer", message)
            }
            WebRtcError::Refused(error) => {
                tracing::warn!(%error, "an offer was refused");
                Self::bad_request("invalid_sdp", message)
            }
            WebRtcError::Fragment => Self::bad_request("invalid_fragment", message),
            error => {
                tracing::error!(%error, "a connection could not be made");
                let text = "the server could not open a connection; its log says why";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", text)
            }
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let text = error.to_string();
        let forbidden = |code| Self::new(StatusCode::FORBIDDEN, code, text.as_str());
        match error {
            AuthError::WrongCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, "wrong_credentials", text)
            }
            AuthError::WrongPassword => forbidden("wrong_password"),
            AuthError::SignUpClosed => forbidden("sign_up_closed"),
            AuthError::InviteNeeded => forbidden("invite_needed"),
            AuthError::InvalidInvite => forbidden("invalid_invite"),
            AuthError::GuestsOff => forbidden("guests_off"),
            AuthError::AccountNeeded => forbidden("account_needed"),
            AuthError::Locked { wait } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "locked", text).wait(wait)
            }
            AuthError::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", text).retry_after(RETRY_SOON)
            }
            AuthError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_taken", text).with_param("name")
            }
            AuthError::InvalidName(_) => Self::bad_request("invalid_name", text).with_param("name"),
            AuthError::WeakPassword(_) => {
                Self::bad_request("weak_password", text).with_param("password")
            }
            AuthError::TooMany(_) => Self::new(StatusCode::CONFLICT, "too_many", text),
            AuthError::Unknown => Self::not_found(&text),
            AuthError::Store(error) | AuthError::Login(LoginError::Store(error)) => error.into(),
            AuthError::Login(LoginError::Redis(error)) => {
                tracing::error!(%error, "logins cannot be read or written");
                unavailable()
            }
            error => {
                tracing::error!(%error, "something about people failed");
                Self::internal()
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the database failed");
        if error.is_temporary() { unavailable() } else { Self::internal() }
    }
}

impl From<ChatError> for ApiError {
    fn from(error: ChatError) -> Self {
        let text = error.to_string();
        match error {
            ChatError::NotFound => Self::new(StatusCode::NOT_FOUND, "conversation_not_found", text),
            ChatError::NoItem => Self::new(StatusCode::NOT_FOUND, "item_not_found", text),
            ChatError::InCall => Self::new(StatusCode::CONFLICT, "in_call", text),
            ChatError::Busy => Self::new(StatusCode::CONFLICT, "busy", text),
            ChatError::Contended => {
                Self::new(StatusCode::CONFLICT, "contended", text).retry_after(1)
            }
            ChatError::Invalid { param, .. } => {
                Self::bad_request("invalid_value", text).with_param(param)
            }
            ChatError::OnlyInBrowser => Self::new(StatusCode::CONFLICT, "only_in_browser", text),
            ChatError::NoVault => Self::new(StatusCode::CONFLICT, "no_vault", text),
            ChatError::TooMany => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many", text).retry_after(RETRY_SOON)
            }
            ChatError::Store(StoreError::Conflict) => {
                Self::new(StatusCode::CONFLICT, "exists", "it is there already")
            }
            ChatError::Store(error) => error.into(),
            ChatError::Damaged(_) | ChatError::Chain(_) => {
                tracing::error!(%error, "a conversation cannot be opened");
                let text = "this conversation cannot be opened: it was changed in the database";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged", text)
            }
            error => {
                tracing::error!(%error, "something about conversations failed");
                Self::internal()
            }
        }
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        let text = error.to_string();
        match error {
            VaultError::Exists => Self::new(StatusCode::CONFLICT, "vault_exists", text),
            VaultError::LastSlot => Self::new(StatusCode::CONFLICT, "last_slot", text),
            VaultError::NoSlot => Self::new(StatusCode::NOT_FOUND, "slot_not_found", text),
            VaultError::Chat(error) => error.into(),
        }
    }
}

fn unavailable() -> ApiError {
    let text = "what this server keeps cannot be reached at the moment";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text).retry_after(RETRY_SOON)
}
