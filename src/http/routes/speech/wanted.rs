//! What a client wants to hear, and how.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use serde_json::Value;

use super::encode::Format;
use crate::http::ApiError;
use crate::pipeline::tts::cast::Cast;

/// The longest text, in characters: a quarter of an hour.
const LONGEST: usize = 16_384;

/// See the module.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wanted {
    pub input: String,
    pub voice: Option<String>,
    pub format: Format,
    pub speed: f32,
    pub way: Way,
}

/// How the sound comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Way {
    /// As the body.
    #[default]
    Sound,
    /// In server-sent events.
    Events,
}

impl Wanted {
    /// Reads a body that is there and not too large. `cast` is who can speak.
    pub(super) async fn read(request: Request, cast: &Cast) -> Result<Self, ApiError> {
        let body: Result<Json<Value>, JsonRejection> = Json::from_request(request, &()).await;
        let Json(body) =
            body.map_err(|error| ApiError::new(error.status(), "invalid_json", error.body_text()))?;
        Self::of(&body, cast)
    }

    /// `model` and `instructions` are for other servers.
    fn of(body: &Value, cast: &Cast) -> Result<Self, ApiError> {
        let input = body["input"].as_str().unwrap_or_default();
        if input.trim().is_empty() {
            return Err(refused("input", "needs a text"));
        }
        if input.chars().count() > LONGEST {
            return Err(refused("input", &format!("has more than {LONGEST} characters")));
        }
        let text = |name: &str| match &body[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.as_str())),
            _ => Err(refused(name, "must be a string")),
        };
        let voice = match &body["voice"] {
            Value::Object(voice) => voice.get("id").and_then(Value::as_str),
            _ => text("voice")?,
        };
        if let Some(voice) = voice {
            cast.check(voice).map_err(|error| {
                ApiError::bad_request("unknown_voice", error.to_string()).with_param("voice")
            })?;
        }
        let speed = match &body["speed"] {
            Value::Null => 1.0,
            speed => speed
                .as_f64()
                .filter(|speed| (0.25..=4.0).contains(speed))
                .ok_or_else(|| refused("speed", "must be from 0.25 to 4"))?,
        };
        Ok(Self {
            input: input.to_owned(),
            voice: voice.map(str::to_owned),
            format: format(text("response_format")?)?,
            speed: speed as f32,
            way: match text("stream_format")? {
                None | Some("audio") => Way::Sound,
                Some("sse") => Way::Events,
                Some(_) => return Err(refused("stream_format", "must be audio or sse")),
            },
        })
    }
}

fn format(name: Option<&str>) -> Result<Format, ApiError> {
    match name {
        None | Some("wav") => Ok(Format::Wav),
        Some("pcm") => Ok(Format::Pcm),
        Some("opus") => Ok(Format::Opus),
        Some("mp3" | "aac" | "flac") => {
            let text = "response_format: this server writes wav, pcm and opus, and no other";
            Err(ApiError::bad_request("unsupported_value", text).with_param("response_format"))
        }
        Some(_) => Err(refused("response_format", "must be wav, pcm or opus")),
    }
}

fn refused(param: &str, text: &str) -> ApiError {
    ApiError::bad_request("invalid_value", format!("{param} {text}")).with_param(param)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pipeline::tts::cast::Speaker;

    fn of(body: Value) -> Result<Wanted, ApiError> {
        let heart = Speaker { id: "af_heart".into(), name: "Heart".into(), language: "en".into() };
        Wanted::of(&body, &Cast::new(vec![heart], "af_heart".into()))
    }

    #[test]
    fn a_text_is_enough() {
        let wanted = of(json!({ "model": "tts-1", "input": "Hello." })).unwrap();
        assert_eq!((wanted.input.as_str(), wanted.voice), ("Hello.", None));
        assert_eq!((wanted.format, wanted.way), (Format::Wav, Way::Sound));
        assert!((wanted.speed - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let wanted = of(json!({
            "input": "Hello.", "voice": { "id": "af_heart" }, "response_format": "opus", "speed": 1.5, "stream_format": "sse",
        }))
        .unwrap();
        assert_eq!(wanted.voice.as_deref(), Some("af_heart"));
        assert_eq!((wanted.format, wanted.way), (Format::Opus, Way::Events));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (name, value) in [
            ("input", json!("  ")),
            ("input", json!(7)),
            ("input", json!("x".repeat(50_000))),
            ("voice", json!("siri")),
            ("voice", json!(7)),
            ("response_format", json!("mp3")),
            ("response_format", json!("midi")),
            ("speed", json!(9)),
            ("speed", json!("fast")),
            ("stream_format", json!("smoke")),
        ] {
            let mut body = json!({ "input": "Hello." });
            body[name] = value;
            let error = format!("{:?}", of(body).unwrap_err());
            assert!(error.contains(&format!("{:?}", Some(name))), "{name}: {error}");
        }
    }
}
