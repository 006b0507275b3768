//! The voices that an engine has, and how they are asked for: one, or several mixed.

use std::fmt::Write as _;

/// A voice that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// What it is asked for by, such as `af_heart`.
    pub id: String,
    /// What people see.
    pub name: String,
    /// What it speaks, such as `en-us`; empty if that is not known.
    pub language: String,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cast {
    speakers: Vec<Speaker>,
    /// The id of the usual one.
    default: String,
    /// Whether the engine may know others, too.
    open: bool,
}

/// A part of a mix: a voice and its weight. All weights together are 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The voice's id.
    pub id: String,
    /// More than 0, at most 1.
    pub weight: f32,
}

/// A voice that cannot be had. The message is for whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct VoiceError(String);

/// What `OpenAI` calls its voices, for clients that know no others; ours come near in kind, not in sound.
const ALIASES: [(&str, &str); 13] = [
    ("alloy", "af_alloy"),
    ("ash", "am_michael"),
    ("ballad", "bm_fable"),
    ("cedar", "am_fenrir"),
    ("coral", "af_bella"),
    ("echo", "am_echo"),
    ("fable", "bm_fable"),
    ("marin", "af_heart"),
    ("nova", "af_nova"),
    ("onyx", "am_onyx"),
    ("sage", "af_sarah"),
    ("shimmer", "af_sky"),
    ("verse", "am_puck"),
];
/// What an engine's usual voice is called where it has no name.
const UNNAMED: &str = "default";
/// More voices than this in one are a mistake.
const MOST_PARTS: usize = 8;

impl Cast {
    /// These, and no others. `default` is the id of one of them.
    pub fn new(speakers: Vec<Speaker>, default: String) -> Self {
        Self { speakers, default, open: false }
    }

    /// An engine with one voice, which may have no name.
    pub fn single(voice: &str) -> Self {
        let id = if voice.is_empty() { UNNAMED } else { voice }.to_owned();
        let speaker = Speaker { id: id.clone(), name: id.clone(), language: String::new() };
        Self { speakers: vec![speaker], default: id, open: false }
    }

    /// An engine elsewhere: its usual voice, and whatever else it knows.
    pub fn open(voice: &str) -> Self {
        Self { open: true, ..Self::single(voice) }
    }

    /// The same with another usual voice, which may be a mix.
    pub fn with_default(self, wanted: &str) -> Result<Self, VoiceError> {
        self.check(wanted)?;
        let default = self.resolve(wanted).unwrap_or_else(|| self.default.clone());
        Ok(Self { default, ..self })
    }

    /// Those that can be chosen.
    pub fn speakers(&self) -> &[Speaker] {
        &self.speakers
    }

    /// The id of the usual one.
    pub fn default(&self) -> &str {
        &self.default
    }

    /// What `wanted` stands for: the id of a voice, one of `OpenAI`'s names, `default`, or a mix such as
    /// `af_heart:0.6,am_michael:0.4`, whose weights count in proportion.
    pub fn parts(&self, wanted: &str) -> Result<Vec<Part>, VoiceError> {
        if self.open {
            return Ok(vec![Part { id: wanted.to_owned(), weight: 1.0 }]);
        }
        let mut parts = Vec::new();
        for part in wanted.split([',', '+']) {
            let (name, weight) = part.split_once(':').unwrap_or((part, "1"));
            let weight = weight.trim().parse().ok().filter(|weight| (1e-3..=1e3).contains(weight));
            let weight: f32 = weight.ok_or_else(|| {
                VoiceError(format!("the weight of `{}` must be more than 0", name.trim()))
            })?;
            let id = self.find(name.trim())?;
            if self.speakers.iter().any(|speaker| speaker.id == id) {
                parts.push(Part { id: id.to_owned(), weight });
                continue;
            }
            // The usual voice, which is a mix itself, of voices that have names.
            let of_mix = self.parts(id)?.into_iter();
            parts.extend(of_mix.map(|part| Part { weight: part.weight * weight, ..part }));
        }
        if parts.len() > MOST_PARTS {
            return Err(VoiceError(format!("a voice is mixed of at most {MOST_PARTS}")));
        }
        let total: f32 = parts.iter().map(|part| part.weight).sum();
        for part in &mut parts {
            part.weight /= total;
        }
        Ok(parts)
    }

    /// How the engine is asked for it; `None`: for its usual voice.
    pub fn resolve(&self, wanted: &str) -> Option<String> {
        let parts = self.parts(wanted).ok()?;
        match parts.as_slice() {
            [one] if one.id == UNNAMED => None,
            [one] => Some(one.id.clone()),
            mix => {
                let part = |part: &Part| format!("{}:{}", part.id, part.weight);
                Some(mix.iter().map(part).collect::<Vec<_>>().join(","))
            }
        }
    }

    /// Whether `wanted` can be had.
    pub fn check(&self, wanted: &str) -> Result<(), VoiceError> {
        self.parts(wanted).map(drop)
    }

    fn find(&self, name: &str) -> Result<&str, VoiceError> {
        let known = |id: &str| self.speakers.iter().find(|speaker| speaker.id == id);
        if let Some(speaker) = known(name) {
            return Ok(&speaker.id);
        }
        let alias = ALIASES.iter().find(|(theirs, _)| *theirs == name);
        match alias {
            // Where the nearest one is not installed, any voice is better than none.
            Some((_, ours)) => Ok(known(ours).map_or(&self.default, |speaker| &speaker.id)),
            None if name == UNNAMED => Ok(&self.default),
            None => Err(VoiceError(self.refusal(name))),
        }
    }

    fn refusal(&self, name: &str) -> String {
        let name: String = name.chars().take(64).collect();
        let mut text = format!("there is no voice `{name}`; there are");
        for (at, speaker) in self.speakers.iter().enumerate() {
            let _ = write!(text, "{} {}", if at == 0 { "" } else { "," }, speaker.id);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast() -> Cast {
        let speaker = |id: &str| Speaker {
            id: id.to_owned(),
            name: id.to_owned(),
            language: "en-us".to_owned(),
        };
        Cast::new(vec![speaker("af_heart"), speaker("am_michael")], "af_heart".to_owned())
    }

    fn parts(wanted: &str) -> Vec<(String, f32)> {
        cast().parts(wanted).unwrap().into_iter().map(|part| (part.id, part.weight)).collect()
    }

    #[test]
    fn a_voice_has_its_name_and_openai_has_others() {
        assert_eq!(parts("am_michael"), [("am_michael".to_owned(), 1.0)]);
        assert_eq!(parts("ash"), [("am_michael".to_owned(), 1.0)]);
        assert_eq!(parts("nova"), [("af_heart".to_owned(), 1.0)], "not here: the usual one");
        assert_eq!(parts("default"), parts("af_heart"));
    }

    #[test]
    fn weights_count_in_proportion() {
        let mixed = [("af_heart".to_owned(), 0.75), ("am_michael".to_owned(), 0.25)];
        assert_eq!(parts("af_heart:0.6, am_michael:0.2"), mixed);
        assert_eq!(parts("af_heart:3,am_michael"), mixed);
        assert_eq!(parts("af_heart+am_michael"), parts("af_heart:2,am_michael:2"));
    }

    #[test]
    fn the_usual_voice_may_be_a_mix_and_part_of_one() {
        let mixed = cast().with_default("default:3,am_michael").unwrap();
        assert_eq!(mixed.default(), "af_heart:0.75,am_michael:0.25");
        let parts = mixed.parts("default,am_michael:3").unwrap();
        let weights: Vec<_> = parts.iter().map(|part| (part.id.as_str(), part.weight)).collect();
        assert_eq!(weights, [("af_heart", 0.1875), ("am_michael", 0.0625), ("am_michael", 0.75)]);
        let mix = mixed.resolve("default,am_michael:3").unwrap();
        assert_eq!(mix, "af_heart:0.1875,am_michael:0.0625,am_michael:0.75");
        assert!(mixed.check("nova:1,shimmer:2").is_ok(), "not here: the usual one, twice");
        assert!(cast().with_default("siri").is_err());
    }

    #[test]
    fn engines_are_asked_for_what_they_know() {
        assert_eq!(cast().resolve("ash").as_deref(), Some("am_michael"));
        let mix = cast().resolve("af_heart:3,am_michael").unwrap();
        assert_eq!(mix, "af_heart:0.75,am_michael:0.25");
        assert_eq!(cast().resolve(&mix), Some(mix.clone()), "it stands for itself");
        assert_eq!(Cast::single("").resolve("alloy"), None);
        assert_eq!(Cast::single("de").resolve("alloy").as_deref(), Some("de"));
        assert_eq!(Cast::open("").resolve("alloy").as_deref(), Some("alloy"));
        assert!(Cast::single("de").check("siri").is_err());
    }

    #[test]
    fn what_cannot_be_had_is_named() {
        for (wanted, word) in [
            ("siri", "siri"),
            ("", "``"),
            ("af_heart:0", "af_heart"),
            ("af_heart:NaN", "af_heart"),
            ("af_heart:-1,am_michael:2", "af_heart"),
            ("af_heart,", "``"),
            (&["af_heart"; 9].join(","), "at most 8"),
        ] {
            let error = cast().check(wanted).unwrap_err().to_string();
            assert!(error.contains(word), "{wanted}: {error}");
        }
        let error = cast().check(&"x".repeat(10_000)).unwrap_err().to_string();
        assert!(error.len() < 200 && error.contains("am_michael"), "{error}");
        assert!(Cast::open("").check("whatever it knows").is_ok());
    }
}
