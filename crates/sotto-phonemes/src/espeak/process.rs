//! The program, asked line by line.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use unicode_normalization::UnicodeNormalization;

use crate::{Error, Language, vocabulary};

/// A clause takes a few milliseconds; what takes this long has gone wrong.
const TIMEOUT: Duration = Duration::from_secs(5);
/// More than this is not read from the program.
const MOST_ANSWER: u64 = 4 << 20;

/// Where the program is and what it is to speak.
pub(super) struct Program {
    path: PathBuf,
    voice: &'static str,
}

impl Program {
    /// Finds the program, at `path` or on the search path.
    pub fn find(language: Language, path: Option<PathBuf>) -> Result<Self, Error> {
        let voice = match language {
            Language::Spanish => "es",
            Language::French => "fr-fr",
            Language::Hindi => "hi",
            Language::Italian => "it",
            Language::Portuguese => "pt-br",
            Language::EnglishUs => "en-us",
            Language::EnglishGb => "en-gb",
        };
        let named = path.unwrap_or_else(|| PathBuf::from("espeak-ng"));
        let found = if named.components().count() > 1 {
            Some(named.clone()).filter(|path| path.is_file())
        } else {
            on_search_path(&named)
        };
        match found {
            Some(path) => Ok(Self { path, voice }),
            None => Err(Error::NoProgram { language, program: named }),
        }
    }

    /// The sounds of each line, in Kokoro's characters.
    pub fn ask(&self, lines: &[String]) -> Result<Vec<String>, Error> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        // An empty line between two comes back as one, and so tells the answers apart.
        let question: String = lines.iter().flat_map(|line| [line.as_str(), "\n\n"]).collect();
        let answer = self.run(&question)?;
        let mut answers = Vec::new();
        let mut current: Option<String> = None;
        for line in answer.lines() {
            if line.trim().is_empty() {
                answers.extend(current.take());
            } else {
                let current = current.get_or_insert_default();
                current.push_str(line);
                current.push(' ');
            }
        }
        answers.extend(current);
        if answers.len() != lines.len() {
            // Something has no sound, or a break of its own. One by one there is no doubt.
            answers = lines
                .iter()
                .map(|line| self.run(&format!("{line}\n")))
                .collect::<Result<_, _>>()?;
        }
        Ok(answers.iter().map(|answer| for_kokoro(answer)).collect())
    }

    fn run(&self, question: &str) -> Result<String, Error> {
        let mut child = Command::new(&self.path)
            .args(["-q", "--ipa", "--tie=^", "-b", "1", "-v", self.voice])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        std::thread::scope(|scope| {
            // Both pipes at once: the program answers while it still reads.
            scope.spawn(move || {
                // A program that stops reading is seen by its answer.
                let _ = stdin.map(|mut stdin| stdin.write_all(question.as_bytes()));
            });
            let reader = scope.spawn(move || {
                let mut answer = Vec::new();
                if let Some(stdout) = stdout {
                    stdout.take(MOST_ANSWER).read_to_end(&mut answer)?;
                }
                Ok::<_, std::io::Error>(answer)
            });
            let ended = wait(&mut child);
            if !matches!(ended, Ok(true)) {
                let _ = child.kill();
                let _ = child.wait();
            }
            let answer =
                reader.join().map_err(|_| std::io::Error::other("its answer was lost"))??;
            if !ended? {
                return Err(Error::Timeout { seconds: TIMEOUT.as_secs() });
            }
            Ok(String::from_utf8_lossy(&answer).into_owned())
        })
    }
}

/// Waits for the end of the program. `false` if it does not come.
fn wait(child: &mut Child) -> std::io::Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < TIMEOUT {
        if let Some(status) = child.try_wait()? {
            return if status.success() {
                Ok(true)
            } else {
                Err(std::io::Error::other(format!("it ended with {status}")))
            };
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(false)
}

fn on_search_path(program: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// espeak's IPA in Kokoro's characters: diphthongs and affricates are one character each, and the marks for
/// words of other languages are gone.
fn for_kokoro(ipa: &str) -> String {
    const PAIRS: [(&str, &str); 11] = [
        ("a^ɪ", "I"),
        ("a^ʊ", "W"),
        ("d^z", "ʣ"),
        ("d^ʒ", "ʤ"),
        ("e^ɪ", "A"),
        ("o^ʊ", "O"),
        ("ə^ʊ", "Q"),
        ("s^s", "S"),
        ("t^s", "ʦ"),
        ("t^ʃ", "ʧ"),
        ("ɔ^ɪ", "Y"),
    ];
    let mut plain = String::with_capacity(ipa.len());
    let mut rest = ipa;
    while let Some(open) = rest.find('(') {
        plain.push_str(&rest[..open]);
        let after = &rest[open..];
        rest = after.find(')').map_or(&after[1..], |close| &after[close + 1..]);
    }
    plain.push_str(rest);
    for (pair, one) in PAIRS {
        plain = plain.replace(pair, one);
    }
    let mut said = String::with_capacity(plain.len());
    for c in plain.chars() {
        if c.is_whitespace() {
            said.push(' ');
        } else if vocabulary::contains(c) {
            said.push(c);
        } else {
            // A letter with its tilde in one is two characters to Kokoro.
            said.extend(c.nfd().filter(|&c| vocabulary::contains(c)));
        }
    }
    said.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::for_kokoro;

    #[test]
    fn ipa_is_made_kokoros() {
        assert_eq!(for_kokoro("xˌalapˈeɲo ˈot^ʃo"), "xˌalapˈeɲo ˈoʧo");
        assert_eq!(for_kokoro("lə- (^e^n)wiːkˈɛnd ʃˈɒpɪŋ(^f^r)"), "lə wiːkˈɛnd ʃˈɒpɪŋ");
        assert_eq!(for_kokoro("bõ"), "bo\u{303}");
    }
}
