//! Against words that nobody said: Whisper was trained on subtitles, and writes some also for noise.
//!
//! Thresholds are those of openai/whisper where it has one.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Why a text was thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// Too little speech to be recognised.
    TooShort,
    /// The model thinks that nobody speaks, and is not sure of its words.
    NoSpeech,
    /// The model is not sure of its words at any temperature.
    Unsure,
    /// The same words again and again.
    Repetition,
    /// More words than anybody can say in the time.
    TooManyWords,
    /// A phrase that Whisper is known to invent, for a sound that is short or hardly heard.
    KnownPhrase,
    /// Nothing but the prompt.
    Prompt,
}

impl Rejection {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 7] = [
        Self::TooShort,
        Self::NoSpeech,
        Self::Unsure,
        Self::Repetition,
        Self::TooManyWords,
        Self::KnownPhrase,
        Self::Prompt,
    ];
}

/// A text is not speech if that is more probable than this and the model is unsure of it.
const NO_SPEECH: f32 = 0.6;
/// A text whose mean log-probability is lower is doubtful.
const UNSURE: f32 = -1.0;
/// One that is still lower is not believed even when nothing better was found.
const UNBELIEVED: f32 = -1.5;
/// A text that can be compressed better than this repeats itself.
const REPETITIVE: f32 = 2.4;
/// The longest sequence of tokens looked at for repetition, and how often it may be said in a row.
const LOOP_LENGTH: usize = 8;
const LOOP_TIMES: usize = 4;
/// A known phrase is thrown away below this mean log-probability; the second holds for less than
/// [`SHORT_S`] of speech.
const PHRASE_UNSURE: f32 = -0.6;
const SHORT_PHRASE_UNSURE: f32 = -0.3;
const SHORT_S: f32 = 0.5;
/// What subtitles end with, in lower case and without punctuation.
const PHRASES: [&str; 20] = [
    "thank you",
    "thanks",
    "thanks for watching",
    "thank you for watching",
    "thank you very much",
    "thank you so much for watching",
    "please subscribe",
    "please subscribe to my channel",
    "like and subscribe",
    "see you next time",
    "see you in the next video",
    "bye",
    "bye bye",
    "you",
    "untertitel der amara org community",
    "untertitel im auftrag des zdf",
    "vielen dank fürs zuschauen",
    "sous titres réalisés par la communauté d amara org",
    "subtítulos realizados por la comunidad de amara org",
    "ご視聴ありがとうございました",
];

/// What a text is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub text: &'a str,
    pub tokens: &'a [u32],
    pub mean_log_probability: f32,
    pub no_speech_probability: f32,
    /// Whether the model said that the text is over, and did not run into its limit.
    pub ended: bool,
    /// How much speech there was; the whole sound, if nobody looked.
    pub speech_s: f32,
}

/// What is to be done with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is what was said.
    Good,
    /// Another attempt may do better.
    Doubtful(Rejection),
    /// There is nothing to be heard.
    Nothing(Rejection),
}

/// Judges a text.
pub(super) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Evidence { text, mean_log_probability: sure, .. } = *evidence;
    if text.trim().is_empty() {
        return Verdict::Good;
    }
    if evidence.no_speech_probability > NO_SPEECH && sure < UNSURE {
        return Verdict::Nothing(Rejection::NoSpeech);
    }
    if is_loop(evidence.tokens) || compression_ratio(text) > REPETITIVE {
        return Verdict::Doubtful(Rejection::Repetition);
    }
    if !evidence.ended {
        return Verdict::Doubtful(Rejection::TooManyWords);
    }
    let phrase_limit =
        if evidence.speech_s < SHORT_S { SHORT_PHRASE_UNSURE } else { PHRASE_UNSURE };
    if sure < phrase_limit && is_known_phrase(text) {
        return Verdict::Nothing(Rejection::KnownPhrase);
    }
    if sure < UNSURE { Verdict::Doubtful(Rejection::Unsure) } else { Verdict::Good }
}

/// Whether a doubtful text is thrown away when no attempt did better.
pub(super) fn is_thrown_away(reason: Rejection, mean_log_probability: f32) -> bool {
    reason != Rejection::Unsure || mean_log_probability < UNBELIEVED
}

/// The size of a text over that of its compression, as openai/whisper counts it.
pub(super) fn compression_ratio(text: &str) -> f32 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    packed.map_or(1.0, |packed| text.len() as f32 / packed.len() as f32)
}

/// The text without the prompt, where the model has repeated it at the beginning; `None` if nothing else is left.
/// A few words that are the same may have been said.
pub(super) fn without_prompt<'a>(text: &'a str, prompt: &str) -> Option<&'a str> {
    const ENOUGH_WORDS: usize = 4;
    let spoken: Vec<&str> = text.split_whitespace().collect();
    let prompt: Vec<String> = prompt.split_whitespace().map(plain).collect();
    if prompt.len() < ENOUGH_WORDS || spoken.len() < prompt.len() {
        return Some(text);
    }
    if spoken.iter().zip(&prompt).any(|(spoken, prompt)| plain(spoken) != *prompt) {
        return Some(text);
    }
    let rest = spoken.get(prompt.len())?;
    // The rest begins where its first word does, which is a part of the text.
    let start = rest.as_ptr() as usize - text.as_ptr() as usize;
    Some(&text[start..])
}

/// Whether a sequence of tokens ends in the same few again and again.
fn is_loop(tokens: &[u32]) -> bool {
    (1..=LOOP_LENGTH).any(|length| {
        let span = length * LOOP_TIMES;
        tokens.len() >= span
            && tokens[tokens.len() - span..].windows(2 * length).all(|w| w[..length] == w[length..])
    })
}

fn is_known_phrase(text: &str) -> bool {
    let words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(plain).collect();
    PHRASES.contains(&words.join(" ").as_str())
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(text: &str) -> Evidence<'_> {
        Evidence {
            text,
            tokens: &[1, 2, 3],
            mean_log_probability: -0.2,
            no_speech_probability: 0.0,
            ended: true,
            speech_s: 2.0,
        }
    }

    #[test]
    fn what_is_sure_is_good_also_when_it_is_short_and_polite() {
        assert_eq!(judge(&evidence("I would like a table for two.")), Verdict::Good);
        assert_eq!(judge(&Evidence { speech_s: 0.4, ..evidence("Thank you.") }), Verdict::Good);
        assert_eq!(judge(&evidence("")), Verdict::Good);
    }

    #[test]
    fn no_speech_needs_both_signs() {
        let silent = Evidence { no_speech_probability: 0.9, ..evidence("The end") };
        assert_eq!(judge(&silent), Verdict::Good);
        let both = Evidence { mean_log_probability: -1.2, ..silent };
        assert_eq!(judge(&both), Verdict::Nothing(Rejection::NoSpeech));
    }

    #[test]
    fn repetition_is_noticed_in_tokens_and_in_text() {
        assert!(is_loop(&[9, 9, 1, 2, 1, 2, 1, 2, 1, 2]));
        assert!(is_loop(&[7, 7, 7, 7]));
        assert!(!is_loop(&[7, 7, 7]));
        assert!(!is_loop(&[1, 2, 3, 1, 2, 3, 4, 1, 2, 3]));
        let text = "and then he said that ".repeat(12);
        assert_eq!(judge(&evidence(&text)), Verdict::Doubtful(Rejection::Repetition));
        // As Python's zlib gives it: 264 bytes in 32.
        assert!((compression_ratio(&text) - 264.0 / 32.0).abs() < 0.7);
    }

    #[test]
    fn a_text_that_does_not_end_or_is_unsure_is_tried_again() {
        let endless = Evidence { ended: false, ..evidence("on and on") };
        assert_eq!(judge(&endless), Verdict::Doubtful(Rejection::TooManyWords));
        let unsure = Evidence { mean_log_probability: -1.1, ..evidence("perhaps") };
        assert_eq!(judge(&unsure), Verdict::Doubtful(Rejection::Unsure));
        assert!(!is_thrown_away(Rejection::Unsure, -1.1));
        assert!(is_thrown_away(Rejection::Unsure, -1.6));
        assert!(is_thrown_away(Rejection::Repetition, -0.1));
    }

    #[test]
    fn phrases_of_subtitles_are_thrown_away_where_the_model_hardly_heard_them() {
        let weak = Evidence { mean_log_probability: -0.8, ..evidence("Thanks for watching!") };
        assert_eq!(judge(&weak), Verdict::Nothing(Rejection::KnownPhrase));
        let short =
            Evidence { mean_log_probability: -0.4, speech_s: 0.3, ..evidence("Thank you.") };
        assert_eq!(judge(&short), Verdict::Nothing(Rejection::KnownPhrase));
        let other = Evidence { mean_log_probability: -0.8, ..evidence("Thanks for calling!") };
        assert_eq!(judge(&other), Verdict::Good);
    }

    #[test]
    fn a_prompt_that_leaked_is_cut_off() {
        let prompt = "Sotto, Kokoro, WebRTC, Opus.";
        assert_eq!(without_prompt("Sotto, Kokoro, WebRTC, Opus.", prompt), None);
        assert_eq!(without_prompt("Sotto Kokoro WebRTC Opus. Call me.", prompt), Some("Call me."));
        assert_eq!(without_prompt("I use Sotto.", prompt), Some("I use Sotto."));
        assert_eq!(without_prompt("Hello there", "Hello there"), Some("Hello there"));
    }
}
