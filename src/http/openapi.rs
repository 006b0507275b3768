//! The description of the API, out of the routes themselves, and the page that shows it.

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::routes::{
    calls, conversations, entry, health, logins, me, messages, models, tokens, vault,
};

/// See the module.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sotto",
        description = "People, their conversations, and what is typed in them. Calls are described in \
                       docs/protocol.md: they speak the OpenAI Realtime protocol. Everything but GET needs the \
                       header X-CSRF-Token (GET /api/v1/csrf gives it) unless a bearer token is shown. Errors \
                       are {\"error\":{\"type\",\"code\",\"message\",\"param\"}}."
    ),
    paths(
        health::status,
        calls::turns,
        me::csrf,
        me::look,
        me::change,
        me::change_password,
        me::remove,
        entry::guest,
        entry::sign_up,
        entry::log_in,
        entry::log_out,
        logins::list,
        logins::end,
        logins::end_others,
        tokens::list,
        tokens::make,
        tokens::end,
        models::models,
        models::voices,
        conversations::list,
        conversations::create,
        conversations::open,
        conversations::update,
        conversations::delete,
        conversations::turns,
        messages::send,
        messages::stop,
        conversations::search,
        conversations::export_one,
        conversations::export_all,
        conversations::import,
        vault::get,
        vault::set_up,
        vault::put_slot,
        vault::delete_slot,
        vault::adopt,
    ),
    modifiers(&Credentials),
    security(("cookie" = []), ("token" = []))
)]
pub struct Api;

/// How people show who they are.
struct Credentials;

impl utoipa::Modify for Credentials {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let cookie = ApiKey::Cookie(ApiKeyValue::new("__Host-sotto_sid"));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
    }
}

/// `GET /api/v1/openapi.json`.
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Api::openapi())
}
