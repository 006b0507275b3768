//! The form: a file, and what is wanted of it.

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};

use super::super::calls::{content_type, wrong_type};
use crate::config::is_language;
use crate::http::ApiError;
use crate::pipeline::stt::Detail;
use crate::pipeline::text::Text;

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fields {
    pub file: Bytes,
    pub language: Option<String>,
    pub prompt: Text,
    pub format: Format,
    /// `None`: the most probable words.
    pub temperature: Option<f32>,
    pub times: Times,
    pub stream: bool,
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Json,
    Text,
    Srt,
    Vtt,
    VerboseJson,
}

/// What has times in a `verbose_json`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Times {
    #[default]
    Segments,
    Words,
    Both,
}

impl Fields {
    /// Reads the form of a request whose body is there and not too large.
    pub(super) async fn read(request: Request) -> Result<Self, ApiError> {
        const FORM: &str = "multipart/form-data";
        let kind = content_type(request.headers());
        if kind.as_deref() != Some(FORM) {
            return Err(wrong_type(kind.as_deref(), FORM));
        }
        let mut form = Multipart::from_request(request, &()).await.map_err(|error| {
            ApiError::new(error.status(), "invalid_multipart", error.body_text())
        })?;
        let (mut file, mut texts) = (None, Vec::new());
        while let Some(field) = form.next_field().await.map_err(broken)? {
            match field.name().unwrap_or_default().to_owned() {
                name if name == "file" => file = Some(field.bytes().await.map_err(broken)?),
                name => texts.push((name, field.text().await.map_err(broken)?)),
            }
        }
        let missing = || {
            ApiError::bad_request("missing_file", "the form has no field file").with_param("file")
        };
        Ok(Self { file: file.ok_or_else(missing)?, ..Self::of(texts)? })
    }

    /// What the other fields say. Those that are empty say nothing, and others are for other servers.
    fn of(texts: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut fields = Self::default();
        let mut granularities = Vec::new();
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            match name.as_str() {
                "language" => fields.language = Some(language(text)?),
                "prompt" => fields.prompt = Text::from(text),
                "response_format" => fields.format = Format::parse(&text)?,
                "temperature" => fields.temperature = temperature(&text)?,
                "stream" => fields.stream = truth(&text)?,
                GRANULARITIES | "timestamp_granularities" => granularities.push(text),
                _ => {}
            }
        }
        if !granularities.is_empty() {
            if fields.format != Format::VerboseJson {
                let text =
                    "only a response_format of verbose_json has times of the kind that you choose";
                return Err(refused(GRANULARITIES, text));
            }
            fields.times = Times::parse(&granularities)?;
        }
        if fields.stream && !matches!(fields.format, Format::Json | Format::Text) {
            return Err(refused("response_format", "what is streamed is json or text"));
        }
        Ok(fields)
    }

    /// What the engine has to find out.
    pub(super) fn detail(&self) -> Detail {
        match (self.format, self.times) {
            (Format::Json | Format::Text, _) => Detail::Text,
            (Format::VerboseJson, Times::Words | Times::Both) => Detail::Words,
            (Format::Srt | Format::Vtt | Format::VerboseJson, _) => Detail::Segments,
        }
    }
}

const GRANULARITIES: &str = "timestamp_granularities[]";

impl Format {
    fn parse(word: &str) -> Result<Self, ApiError> {
        Ok(match word {
            "json" => Self::Json,
            "text" => Self::Text,
            "srt" => Self::Srt,
            "vtt" => Self::Vtt,
            "verbose_json" => Self::VerboseJson,
            _ => {
                let text = "must be json, text, srt, vtt or verbose_json";
                return Err(refused("response_format", text));
            }
        })
    }
}

impl Times {
    fn parse(words: &[String]) -> Result<Self, ApiError> {
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        if !words.iter().all(|word| word == "segment" || word == "word") {
            return Err(refused(GRANULARITIES, "must be segment or word"));
        }
        Ok(match (has("segment"), has("word")) {
            (true, true) => Self::Both,
            (false, true) => Self::Words,
            _ => Self::Segments,
        })
    }
}

fn language(code: String) -> Result<String, ApiError> {
    if is_language(&code) {
        return Ok(code);
    }
    Err(refused("language", "must be a code of two or three letters, such as en"))
}

/// Zero means the most probable words, and others where those look wrong, which is what `None` means.
fn temperature(number: &str) -> Result<Option<f32>, ApiError> {
    let number = number.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    let number: f32 = number.ok_or_else(|| refused("temperature", "must be from 0 to 1"))?;
    Ok(Some(number).filter(|number| *number > 0.0))
}

fn truth(word: &str) -> Result<bool, ApiError> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(refused("stream", "must be true or false")),
    }
}

fn refused(param: &str, text: &str) -> ApiError {
    ApiError::bad_request("invalid_value", format!("{param} {text}")).with_param(param)
}

fn broken(error: MultipartError) -> ApiError {
    ApiError::new(error.status(), "invalid_multipart", error.body_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &str)]) -> Result<Fields, ApiError> {
        Fields::of(fields.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect())
    }

    #[test]
    fn nothing_is_needed_beside_the_file() {
        let fields = of(&[("model", "whisper-1"), ("language", ""), ("chunking", "auto")]).unwrap();
        assert_eq!(fields, Fields::default());
        assert_eq!(fields.detail(), Detail::Text);
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let fields = of(&[
            ("language", "de"),
            ("prompt", "Sotto"),
            ("response_format", "verbose_json"),
            ("temperature", "0.4"),
            ("timestamp_granularities[]", "word"),
            ("timestamp_granularities[]", "segment"),
            ("stream", "False"),
        ])
        .unwrap();
        assert_eq!(fields.language.as_deref(), Some("de"));
        assert_eq!((fields.temperature, fields.times), (Some(0.4), Times::Both));
        assert_eq!((fields.detail(), fields.prompt.as_str()), (Detail::Words, "Sotto"));
        assert_eq!(of(&[("temperature", "0")]).unwrap().temperature, None);
        assert_eq!(of(&[("response_format", "srt")]).unwrap().detail(), Detail::Segments);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (name, text) in [
            ("language", "english"),
            ("language", "EN"),
            ("response_format", "xml"),
            ("temperature", "1.5"),
            ("temperature", "NaN"),
            ("temperature", "warm"),
            ("stream", "maybe"),
            ("timestamp_granularities[]", "word"),
        ] {
            let error = format!("{:?}", of(&[(name, text)]).unwrap_err());
            assert!(error.contains(&format!("{:?}", Some(name))), "{name}: {error}");
        }
        let letters =
            [("response_format", "verbose_json"), ("timestamp_granularities[]", "letter")];
        assert!(of(&letters).is_err());
        assert!(of(&[("response_format", "srt"), ("stream", "true")]).is_err());
    }
}
