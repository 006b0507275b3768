//! The list of models, built into the program: `models/manifest.yml`.

use serde::Deserialize;

/// What the program was built with.
const BUILT_IN: &str = include_str!("../../models/manifest.yml");

/// All models that are known.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Manifest {
    models: Vec<Model>,
}

/// A model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name, and its folder's.
    pub name: String,
    /// What it is for.
    pub stage: Stage,
    /// In a line, for people.
    pub about: String,
    /// The licence of the weights.
    pub licence: String,
    /// Devices on which `engine: auto` may choose it.
    #[serde(default)]
    pub auto: Vec<Device>,
    /// Which of several `engine: auto` prefers: the highest.
    #[serde(default)]
    pub rank: u32,
    /// Devices on which it is fetched without being asked for.
    #[serde(default)]
    pub fetch: Vec<Device>,
    /// Where in the hub it is.
    pub hub: Option<Hub>,
    /// Its files; those of other platforms are not needed.
    pub files: Vec<File>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A library that others need.
    Runtime,
    /// Voice activity.
    Vad,
    /// End of turn.
    Turn,
    /// Recognition.
    Stt,
    /// Speech.
    Tts,
}

/// What a model runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The processor.
    Cpu,
    /// A GPU.
    Gpu,
}

/// A repository of the model hub at a fixed revision.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// `owner/name`.
    pub repository: String,
    /// The commit.
    pub revision: String,
}

/// A file, and what it must be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name in the model's folder and in the hub.
    pub path: String,
    /// The platform that needs it (`linux-x86_64`); none: all.
    pub platform: Option<String>,
    /// In bytes.
    pub size: u64,
    /// In hexadecimal.
    pub sha256: String,
    /// A Python package that carries it.
    pub package: Option<Package>,
}

/// A file inside a Python package.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file's path inside the wheel.
    pub member: String,
}

impl Manifest {
    /// The one that the program was built with.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).unwrap_or_else(|error| {
            // A test parses it, so a program that was built and tested never comes here.
            unreachable!("models/manifest.yml: {error}")
        })
    }

    /// Parses the text of a manifest.
    pub fn parse(text: &str) -> Result<Self, serde_saphyr::Error> {
        serde_saphyr::from_str(text)
    }

    /// All models, in the manifest's order.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// The model of this name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// The name nearest to one that does not exist.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        self.iter()
            .map(|model| (strsim::jaro_winkler(name, &model.name), model.name.as_str()))
            .filter(|(likeness, _)| *likeness > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name)
    }

    /// The models that a machine with this device fetches without being asked.
    pub fn essential(&self, device: Device) -> impl Iterator<Item = &Model> {
        self.iter().filter(move |model| model.fetch.contains(&device) && model.has_files())
    }

    /// Recognition models that `engine: auto` may choose on this device, the best first.
    pub fn candidates(&self, stage: Stage, device: Device) -> Vec<&Model> {
        let mut models: Vec<_> = self
            .iter()
            .filter(|model| model.stage == stage && model.auto.contains(&device))
            .collect();
        models.sort_by_key(|model| std::cmp::Reverse(model.rank));
        models
    }
}

impl Model {
    /// The files that this platform needs.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        let platform = platform();
        self.files
            .iter()
            .filter(move |file| file.platform.as_ref().is_none_or(|wanted| *wanted == platform))
    }

    /// Whether there is anything for this platform.
    pub fn has_files(&self) -> bool {
        self.files().next().is_some()
    }

    /// The size of all its files, in bytes.
    pub fn size(&self) -> u64 {
        self.files().map(|file| file.size).sum()
    }
}

/// This platform as the manifest names it.
fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_manifest_is_complete() {
        let manifest = Manifest::built_in();
        for model in manifest.iter() {
            assert!(!model.files.is_empty(), "{}", model.name);
            for file in &model.files {
                assert_eq!(file.sha256.len(), 64, "{}", file.path);
                assert!(
                    file.sha256.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
                );
                assert!(
                    model.hub.is_some() || file.package.is_some(),
                    "{} has no source",
                    file.path
                );
                assert!(!file.path.contains(".."));
            }
            if let Some(hub) = &model.hub {
                assert_eq!(hub.revision.len(), 40, "{}", model.name);
            }
        }
    }

    #[test]
    fn the_best_model_for_a_device_comes_first() {
        let manifest = Manifest::built_in();
        let best = |device| manifest.candidates(Stage::Stt, device)[0].name.clone();
        assert_eq!(best(Device::Gpu), "whisper-large-v3-turbo");
        assert_eq!(best(Device::Cpu), "whisper-small");
        assert!(manifest.essential(Device::Cpu).any(|model| model.name == "whisper-base"));
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest() {
        assert_eq!(Manifest::built_in().nearest("wisper-base"), Some("whisper-base"));
    }
}
