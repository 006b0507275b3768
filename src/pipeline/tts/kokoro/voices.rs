//! The voices in a folder: one file each, named as the model's authors name them (`af_heart`: American, female).

use std::path::{Path, PathBuf};

use sotto_kokoro::Voice;
use sotto_phonemes::Language;

use super::super::cast::{Cast, Speaker};
use super::{KokoroError, ModelError};

/// The best of them, by their authors' own judgement.
const BEST: &str = "af_heart";

/// See the module.
#[derive(Debug)]
pub(super) struct Voices {
    folder: PathBuf,
    files: Vec<(String, Language, PathBuf)>,
    cast: Cast,
}

impl Voices {
    /// Those in the folder `voices` of `folder` whose language can be read: English, and others where `has_espeak`.
    pub(super) fn open(folder: &Path, has_espeak: bool) -> Result<Self, KokoroError> {
        let folder = folder.join("voices");
        let failed = |source| ModelError::Read { path: folder.clone(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let is_voice = path.extension().is_some_and(|kind| kind == "pt" || kind == "bin");
            let Some(id) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            let Ok(language) = Language::of_voice(id) else { continue };
            if is_voice && (is_english(language) || has_espeak) {
                files.push((id.to_owned(), language, path.clone()));
            }
        }
        // One that is there in both forms is one.
        files.sort_by(|one, other| (&one.0, &one.2).cmp(&(&other.0, &other.2)));
        files.dedup_by(|one, other| one.0 == other.0);
        let speakers: Vec<Speaker> =
            files.iter().map(|(id, language, _)| speaker(id, *language)).collect();
        let best = speakers.iter().find(|speaker| speaker.id == BEST).or(speakers.first());
        let Some(best) = best.map(|speaker| speaker.id.clone()) else {
            return Err(KokoroError::NoVoices { folder });
        };
        Ok(Self { folder, files, cast: Cast::new(speakers, best) })
    }

    pub(super) fn cast(&self) -> &Cast {
        &self.cast
    }

    /// The languages that they speak.
    pub(super) fn languages(&self) -> impl Iterator<Item = Language> {
        self.files.iter().map(|(_, language, _)| *language)
    }

    /// Reads the voice of this id.
    pub(super) fn read(&self, id: &str) -> Result<Voice, KokoroError> {
        let file = self.files.iter().find(|(known, ..)| known == id);
        let (_, _, path) = file.ok_or_else(|| self.none())?;
        Ok(Voice::read(path)?)
    }

    /// There is no such voice.
    pub(super) fn none(&self) -> KokoroError {
        KokoroError::NoVoices { folder: self.folder.clone() }
    }
}

fn is_english(language: Language) -> bool {
    matches!(language, Language::EnglishUs | Language::EnglishGb)
}

/// `af_heart` is Heart, who speaks American English.
fn speaker(id: &str, language: Language) -> Speaker {
    let mut letters = id.split_once('_').map_or(id, |(_, name)| name).chars();
    let name: String =
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let code = match language {
        Language::EnglishUs => "en-us",
        Language::EnglishGb => "en-gb",
        Language::Spanish => "es",
        Language::French => "fr",
        Language::Hindi => "hi",
        Language::Italian => "it",
        Language::Portuguese => "pt-br",
    };
    Speaker { id: id.to_owned(), name: format!("{name} ({language})"), language: code.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("voices")).unwrap();
        for file in files {
            std::fs::write(folder.path().join("voices").join(file), b"").unwrap();
        }
        folder
    }

    fn ids(files: &[&str], has_espeak: bool) -> Vec<String> {
        let voices = Voices::open(folder(files).path(), has_espeak).unwrap();
        voices.cast().speakers().iter().map(|speaker| speaker.id.clone()).collect()
    }

    const FILES: [&str; 7] = [
        "bf_emma.bin",
        "af_heart.pt",
        "af_heart.bin",
        "ef_dora.bin",
        "jf_alpha.bin",
        "readme.md",
        "x.bin",
    ];

    #[test]
    fn voices_are_those_whose_language_can_be_read() {
        assert_eq!(ids(&FILES, false), ["af_heart", "bf_emma"]);
        assert_eq!(ids(&FILES, true), ["af_heart", "bf_emma", "ef_dora"]);
        let voices = Voices::open(folder(&FILES).path(), false).unwrap();
        assert_eq!(voices.cast().default(), "af_heart");
        assert_eq!(voices.cast().speakers()[1].name, "Emma (British English)");
    }

    #[test]
    fn a_folder_without_voices_is_named() {
        let error = Voices::open(folder(&["readme.md"]).path(), true).unwrap_err().to_string();
        assert!(error.contains("voices") && error.contains("sotto models pull"), "{error}");
        assert!(Voices::open(Path::new("/nowhere"), true).is_err());
    }
}
