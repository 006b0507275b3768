//! The forms of an answer: JSON, bare text, and subtitles of two kinds.

use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::fields::{Format, Times};
use super::work::Heard;
use crate::pipeline::stt::Segment;
use crate::pipeline::text::Text;

/// A recording that was recognised to its end.
#[derive(Debug)]
pub(super) struct Recording {
    pub duration: Duration,
    pub pieces: Vec<Heard>,
}

impl Recording {
    /// The answer in the form that was asked for.
    pub(super) fn answer(&self, format: Format, times: Times) -> Response {
        let plain =
            |kind: &'static str, text: String| ([(CONTENT_TYPE, kind)], text).into_response();
        match format {
            Format::Json => axum::Json(self.json()).into_response(),
            Format::VerboseJson => axum::Json(self.verbose(times)).into_response(),
            Format::Text => {
                plain("text/plain; charset=utf-8", format!("{}\n", self.text().as_str()))
            }
            Format::Srt => plain("application/x-subrip; charset=utf-8", self.srt()),
            Format::Vtt => plain("text/vtt; charset=utf-8", self.vtt()),
        }
    }

    fn text(&self) -> Text {
        let mut text = Text::default();
        for piece in &self.pieces {
            text.push_phrase(piece.transcript.text.as_str());
        }
        text
    }

    fn json(&self) -> Value {
        json!({ "text": self.text(), "usage": usage(self.duration) })
    }

    fn verbose(&self, times: Times) -> Value {
        let language = self.pieces.iter().find_map(|piece| piece.transcript.language.as_ref());
        let mut told = json!({
            "task": "transcribe",
            "language": language.map_or("", |spoken| &spoken.code),
            "duration": seconds(self.duration),
            "text": self.text(),
            "usage": usage(self.duration),
        });
        if times != Times::Words {
            told["segments"] = self.segments().enumerate().map(numbered).collect();
        }
        if times != Times::Segments {
            told["words"] = self.words().collect();
        }
        told
    }

    /// Subtitles as `SubRip` writes them.
    fn srt(&self) -> String {
        let block = |(i, (_, segment)): (usize, (&Heard, Segment))| {
            let (start, end) = (stamp(segment.start, ','), stamp(segment.end, ','));
            format!("{}\n{start} --> {end}\n{}\n\n", i + 1, line(&segment.text))
        };
        self.segments().enumerate().map(block).collect()
    }

    /// Subtitles as `WebVTT` writes them, in which some characters are markup.
    fn vtt(&self) -> String {
        let block = |(_, segment): (&Heard, Segment)| {
            let text = line(&segment.text).replace('&', "&amp;").replace('<', "&lt;");
            let text = text.replace('>', "&gt;");
            let (start, end) = (stamp(segment.start, '.'), stamp(segment.end, '.'));
            format!("{start} --> {end}\n{text}\n\n")
        };
        let blocks = self.segments().map(block);
        std::iter::once("WEBVTT\n\n".to_owned()).chain(blocks).collect()
    }

    /// Segments with times in the recording. A piece of an engine that knows no times is one.
    fn segments(&self) -> impl Iterator<Item = (&Heard, Segment)> {
        self.pieces.iter().filter(|piece| !piece.transcript.text.is_empty()).flat_map(|piece| {
            let Heard { offset, length, transcript } = piece;
            let segments = if transcript.segments.is_empty() {
                vec![Segment {
                    start: *offset,
                    end: *offset + *length,
                    text: transcript.text.clone(),
                    tokens: transcript.tokens.clone(),
                }]
            } else {
                transcript.segments.clone()
            };
            segments.into_iter().map(move |segment| (piece, segment))
        })
    }

    fn words(&self) -> impl Iterator<Item = Value> {
        let words = self.pieces.iter().flat_map(|piece| &piece.transcript.words);
        words.map(|word| {
            json!({ "word": word.text, "start": seconds(word.start), "end": seconds(word.end) })
        })
    }
}

/// What it cost, as `OpenAI` counts: whole seconds of sound.
pub(super) fn usage(duration: Duration) -> Value {
    json!({ "type": "duration", "seconds": duration.as_millis().div_ceil(1_000) as u64 })
}

/// A segment as `verbose_json` has it. An engine that does not say how sure it is gets zeros: clients want numbers.
fn numbered((id, (piece, segment)): (usize, (&Heard, Segment))) -> Value {
    let sure = piece.transcript.confidence.unwrap_or_default();
    json!({
        "id": id,
        // In frames of 10 ms, where the engine began to listen.
        "seek": piece.offset.as_millis() as u64 / 10,
        "start": seconds(segment.start),
        "end": seconds(segment.end),
        "text": segment.text,
        "tokens": segment.tokens,
        "temperature": rounded(sure.temperature),
        "avg_logprob": rounded(sure.mean_log_probability),
        "compression_ratio": rounded(sure.compression_ratio),
        "no_speech_prob": rounded(sure.no_speech_probability),
    })
}

fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1_000.0
}

/// With four places; an `f32` would be written with digits that it does not have.
fn rounded(number: f32) -> f64 {
    (f64::from(number) * 10_000.0).round() / 10_000.0
}

/// `01:02:03,004`, with the sign that stands before milliseconds.
fn stamp(time: Duration, sign: char) -> String {
    let (seconds, ms) = (time.as_secs(), time.subsec_millis());
    format!("{:02}:{:02}:{:02}{sign}{ms:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// In one line: an empty one would end the subtitle, and an arrow would begin another.
fn line(text: &Text) -> String {
    text.as_str().split_whitespace().collect::<Vec<_>>().join(" ").replace("-->", "->")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::stt::{Confidence, Spoken, Transcript, Word};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Two pieces: one with times, and one an hour later without.
    fn recording() -> Recording {
        let segment = |start, end, text| Segment {
            start: ms(start),
            end: ms(end),
            text: Text::from(text),
            tokens: vec![7],
        };
        let word = |start, end, text| Word {
            start: ms(start),
            end: ms(end),
            text: Text::from(text),
            probability: 0.9,
        };
        let first = Transcript {
            text: Text::from("Good day. A < B."),
            segments: vec![segment(250, 900, "Good day."), segment(1_000, 2_040, "A <\n\nB.")],
            words: vec![word(250, 600, "Good"), word(600, 900, "day.")],
            language: Some(Spoken { code: "en".to_owned(), probability: Some(0.9) }),
            confidence: Some(Confidence { mean_log_probability: -0.23, ..Confidence::default() }),
            ..Transcript::default()
        };
        let later = Transcript { text: Text::from("Bye."), ..first.clone() };
        let later = Transcript { segments: Vec::new(), ..later };
        let piece = |offset, length, transcript| Heard {
            offset: ms(offset),
            length: ms(length),
            transcript: Transcript::shifted(transcript, ms(offset)),
        };
        let silent = piece(20_000, 20_000, Transcript::default());
        let pieces = vec![piece(0, 20_000, first), silent, piece(3_600_000, 1_500, later)];
        Recording { duration: ms(3_601_500), pieces }
    }

    #[test]
    fn json_holds_the_text() {
        let told = recording().json();
        assert_eq!(told["text"], "Good day. A < B. Bye.");
        assert_eq!(told["usage"], json!({ "type": "duration", "seconds": 3_602 }));
    }

    #[test]
    fn subtitles_count_and_have_the_times_of_the_recording() {
        let expected = "1\n00:00:00,250 --> 00:00:00,900\nGood day.\n\n\
                        2\n00:00:01,000 --> 00:00:02,040\nA < B.\n\n\
                        3\n01:00:00,000 --> 01:00:01,500\nBye.\n\n";
        assert_eq!(recording().srt(), expected);
        let expected = "WEBVTT\n\n00:00:00.250 --> 00:00:00.900\nGood day.\n\n\
                        00:00:01.000 --> 00:00:02.040\nA &lt; B.\n\n\
                        01:00:00.000 --> 01:00:01.500\nBye.\n\n";
        assert_eq!(recording().vtt(), expected);
    }

    #[test]
    fn verbose_json_has_what_was_chosen() {
        let both = recording().verbose(Times::Both);
        assert_eq!((&both["task"], &both["language"]), (&json!("transcribe"), &json!("en")));
        assert_eq!(both["duration"], 3_601.5);
        let last = &both["segments"][2];
        assert_eq!((&last["id"], &last["seek"]), (&json!(2), &json!(360_000)));
        assert_eq!((&last["start"], &last["end"]), (&json!(3_600.0), &json!(3_601.5)));
        assert_eq!((&last["text"], &last["avg_logprob"]), (&json!("Bye."), &json!(-0.23)));
        let word = json!({ "word": "day.", "start": 0.6, "end": 0.9 });
        assert_eq!((&both["words"][1], &both["words"][3]["end"]), (&word, &json!(3_600.9)));
        let words = recording().verbose(Times::Words);
        assert!(words.get("segments").is_none() && words.get("words").is_some());
        let segments = recording().verbose(Times::Segments);
        assert!(segments.get("segments").is_some() && segments.get("words").is_none());
    }

    #[test]
    fn silence_has_no_segments() {
        let silence = Recording { duration: ms(500), pieces: Vec::new() };
        assert_eq!((silence.srt().as_str(), silence.vtt().as_str()), ("", "WEBVTT\n\n"));
        assert_eq!(silence.verbose(Times::Both)["segments"], json!([]));
        assert_eq!(silence.text().as_str(), "");
    }
}
