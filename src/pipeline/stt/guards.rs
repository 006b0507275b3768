//! Against words that nobody said.

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
