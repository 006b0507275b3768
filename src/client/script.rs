//! What callers do: talk, pause, interrupt. A plain file, a step a line.
//!
//! ```text
//! # Asks, listens, and cuts the second answer short.
//! talk question.wav
//! pause 2s to 6s
//! talk story.wav
//! interrupt stop.wav after 800ms
//! pause until 20% speech
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;

use super::{ClientError, Recording};

/// Of a caller's time so much is speech where no script says otherwise: one of five minutes.
const USUAL_SPEECH: f64 = 0.2;

/// A step; `S` is what is said: a file, or its sound.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<S> {
    /// Says something, and waits for the answer to end unless it is interrupted.
    Talk(S),
    /// Says something over the answer, so long after that began to be heard, and waits for the next to end.
    Interrupt(S, Duration),
    /// Waits this long, or as long as chance has it between the two.
    Pause(Duration, Duration),
    /// Waits until so much of the time since the last rest was speech, 0 to 1.
    Rest(f64),
}

/// Steps, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Script<S>(Vec<Step<S>>);

/// A script that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// A line of it.
    #[error("line {line}: {problem}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it, and what it needs.
        problem: String,
    },
    /// All of it.
    #[error("nothing is said in it; it needs a line such as `talk question.wav`")]
    Silent,
}

impl Script<PathBuf> {
    /// Reads a script.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut steps = Vec::new();
        let lines = text.lines().map(str::trim).zip(1..);
        for (words, line) in lines.filter(|(words, _)| !words.is_empty() && !words.starts_with('#'))
        {
            let step = step(words).map_err(|problem| ScriptError::Line { line, problem })?;
            let answered = matches!(steps.last(), Some(Step::Talk(_) | Step::Interrupt(..)));
            if matches!(step, Step::Interrupt(..)) && !answered {
                let problem = "`interrupt` needs a `talk` right before it, whose answer it cuts";
                return Err(ScriptError::Line { line, problem: problem.to_owned() });
            }
            steps.push(step);
        }
        let speaks = steps.iter().any(|step| matches!(step, Step::Talk(_)));
        if speaks { Ok(Self(steps)) } else { Err(ScriptError::Silent) }
    }

    /// Says these, each answered before the next; the rest of the time, 80 %, is pauses.
    pub fn of(recordings: &[PathBuf]) -> Self {
        let said = recordings.iter().flat_map(|recording| {
            // Callers that begin together are not to speak together for ever.
            let moment = Step::Pause(Duration::ZERO, Duration::from_secs(5));
            [moment, Step::Talk(recording.clone()), Step::Rest(USUAL_SPEECH)]
        });
        Self(said.collect())
    }

    /// Reads the recordings, which lie beside the script unless their paths say otherwise, and encodes each once.
    pub fn load(self, folder: &Path) -> Result<Script<Recording>, ClientError> {
        let mut read = HashMap::new();
        let mut sound = |path: PathBuf| -> Result<Recording, ClientError> {
            let path = folder.join(path);
            if let Some(recording) = read.get(&path) {
                return Ok(Recording::clone(recording));
            }
            let recording = Recording::read(&path)?.encoded()?;
            read.insert(path, recording.clone());
            Ok(recording)
        };
        let steps = self.0.into_iter().map(|step| -> Result<_, ClientError> {
            Ok(match step {
                Step::Talk(path) => Step::Talk(sound(path)?),
                Step::Interrupt(path, after) => Step::Interrupt(sound(path)?, after),
                Step::Pause(least, most) => Step::Pause(least, most),
                Step::Rest(speech) => Step::Rest(speech),
            })
        });
        Ok(Script(steps.collect::<Result<_, _>>()?))
    }
}

impl<S> Script<S> {
    /// From steps that were made elsewhere.
    pub fn new(steps: Vec<Step<S>>) -> Self {
        Self(steps)
    }

    /// The steps.
    pub fn steps(&self) -> &[Step<S>] {
        &self.0
    }

    /// How long callers take from the beginning to their first rest, that included; `None` if they never rest.
    pub(super) fn cycle(&self, duration: impl Fn(&S) -> Duration) -> Option<Duration> {
        let mut spoken = Duration::ZERO;
        self.0.iter().find_map(|step| match step {
            Step::Talk(said) | Step::Interrupt(said, _) => {
                spoken += duration(said);
                None
            }
            Step::Pause(..) => None,
            Step::Rest(speech) => Some(spoken.div_f64(*speech)),
        })
    }

    /// Whether step `number` is an answer that is cut by the next one.
    pub fn is_interrupted(&self, number: usize) -> bool {
        matches!(self.0.get(number + 1), Some(Step::Interrupt(..)))
    }
}

/// How long a pause is this time.
pub(super) fn pause(least: Duration, most: Duration, chance: &mut SmallRng) -> Duration {
    least + most.saturating_sub(least).mul_f64(chance.random())
}

fn step(words: &str) -> Result<Step<PathBuf>, String> {
    let (verb, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    match verb {
        "talk" if rest.is_empty() => Err("`talk` needs a file: `talk question.wav`".to_owned()),
        "talk" => Ok(Step::Talk(rest.into())),
        "interrupt" => {
            let cut = rest.rsplit_once(" after ").filter(|(file, _)| !file.trim().is_empty());
            let (file, after) =
                cut.ok_or("`interrupt` needs a file and a time: `interrupt stop.wav after 800ms`")?;
            Ok(Step::Interrupt(file.trim().into(), duration(after.trim())?))
        }
        "pause" => rest_or_pause(rest),
        _ => Err(format!("`{verb}` is no step; there are `talk`, `interrupt` and `pause`")),
    }
}

fn rest_or_pause(rest: &str) -> Result<Step<PathBuf>, String> {
    if let Some(speech) = rest.strip_prefix("until ").and_then(|r| r.trim().strip_suffix("speech"))
    {
        let speech = part(speech.trim())?;
        if speech > 0.0 {
            return Ok(Step::Rest(speech));
        }
        return Err("a pause until 0% speech never ends; from 1% on".to_owned());
    }
    let (least, most) = rest.split_once(" to ").unwrap_or((rest, rest));
    if least.is_empty() {
        let forms = "`pause 2s`, `pause 2s to 6s` or `pause until 20% speech`";
        return Err(format!("`pause` needs a time: {forms}"));
    }
    let (least, most) = (duration(least.trim())?, duration(most.trim())?);
    if most < least {
        return Err("a pause goes from the shorter to the longer time".to_owned());
    }
    Ok(Step::Pause(least, most))
}

/// A time with its unit: `800ms`, `2s`, `1.5s`, `10min`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit.trim() {
        "ms" => Some(0.001),
        "s" => Some(1.0),
        "min" => Some(60.0),
        _ => None,
    };
    let seconds = seconds.zip(number.parse::<f64>().ok()).map(|(unit, number)| unit * number);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("`{text}` is no time; write `800ms`, `2s` or `10min`"))
}

/// A part in per cent: `5%`, as 0 to 1.
pub fn part(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .map(|number| number / 100.0)
        .ok_or_else(|| format!("`{text}` is no part of a whole; write `5%`, from 0% to 100%"))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_script_is_what_it_says() {
        let text = "# two questions\n\ntalk the question.wav\n  pause 1.5s\ntalk b.wav\n\
                    interrupt no, after all.wav after 800ms\ninterrupt c.wav after 2s\n\
                    pause 2s to 1min\npause until 20% speech\n";
        let steps = [
            Step::Talk("the question.wav".into()),
            Step::Pause(ms(1_500), ms(1_500)),
            Step::Talk("b.wav".into()),
            Step::Interrupt("no, after all.wav".into(), ms(800)),
            Step::Interrupt("c.wav".into(), ms(2_000)),
            Step::Pause(ms(2_000), ms(60_000)),
            Step::Rest(0.2),
        ];
        let script = Script::parse(text).unwrap();
        assert_eq!(script.steps(), steps);
        let cut: Vec<usize> = (0..steps.len()).filter(|n| script.is_interrupted(*n)).collect();
        assert_eq!(cut, [2, 3]);
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_what_is_needed() {
        for (text, line, words) in [
            ("talk a.wav\n\nsing b.wav", 3, "`sing` is no step"),
            ("talk", 1, "`talk question.wav`"),
            ("talk a.wav\npause", 2, "`pause 2s`"),
            ("talk a.wav\npause 2", 2, "`800ms`, `2s`"),
            ("talk a.wav\npause -2s", 2, "no time"),
            ("talk a.wav\npause 5s to 2s", 2, "from the shorter"),
            ("talk a.wav\npause until 20 speech", 2, "`5%`"),
            ("talk a.wav\npause until 120% speech", 2, "0% to 100%"),
            ("talk a.wav\npause until 0% speech", 2, "never ends"),
            ("talk a.wav\ninterrupt b.wav", 2, "`interrupt stop.wav after 800ms`"),
            ("talk a.wav\ninterrupt b.wav after a while", 2, "`a while` is no time"),
            ("interrupt b.wav after 1s", 1, "right before it"),
            ("talk a.wav\npause 1s\ninterrupt b.wav after 1s", 3, "right before it"),
        ] {
            match Script::parse(text).unwrap_err() {
                ScriptError::Line { line: found, problem } => {
                    assert!(found == line && problem.contains(words), "{text}: {found} {problem}");
                }
                ScriptError::Silent => panic!("{text}"),
            }
        }
        assert_eq!(Script::parse("# nothing\npause 3s\n"), Err(ScriptError::Silent));
    }

    #[test]
    fn recordings_alone_are_a_fifth_of_the_time() {
        let script = Script::of(&["a.wav".into(), "b.wav".into()]);
        assert_eq!(script.steps().len(), 6);
        assert_eq!(script.steps()[1], Step::Talk("a.wav".into()));
        assert_eq!(script.steps()[5], Step::Rest(0.2));
        let second = |_: &PathBuf| Duration::from_secs(1);
        assert_eq!(script.cycle(second), Some(Duration::from_secs(5)));
        let restless = Script::parse("talk a.wav\npause 2s").unwrap();
        assert_eq!(restless.cycle(second), None);
    }

    #[test]
    fn pauses_are_between_their_bounds_and_the_same_for_a_seed() {
        let pauses = |seed| {
            let mut chance = SmallRng::seed_from_u64(seed);
            (0..100).map(|_| pause(ms(200), ms(900), &mut chance)).collect::<Vec<_>>()
        };
        assert!(pauses(1).iter().all(|pause| (ms(200)..=ms(900)).contains(pause)));
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    #[test]
    fn a_recording_that_is_not_there_is_named() {
        let script = Script::parse("talk not here.wav").unwrap();
        let error = script.load(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/not here.wav"), "{error}");
    }
}
