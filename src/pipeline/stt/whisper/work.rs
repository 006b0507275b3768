//! An utterance on its way through attempts, from its job to its reply. Decides; computes nothing.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::guards::{self, Evidence, Rejection, Verdict};
use super::super::{Confidence, Effort, Job, MIN_SPEECH_MS, Spoken, Transcript};
use super::attempts::{Attempt, attempts};
use super::search::Search;
use crate::pipeline::failure::EngineError;
use crate::pipeline::frame::MIC_RATE_HZ;
use crate::pipeline::text::Text;

/// See the module.
pub(super) struct Work {
    pub job: Job,
    pub stage: Stage,
    pub attempt: Attempt,
    rest: VecDeque<Attempt>,
    /// Found once, from the first encoding.
    pub language: Option<Spoken>,
    pub effort: Effort,
}

/// What is to be done with an utterance next.
pub(super) enum Stage {
    /// Its sound is to be encoded.
    Encode,
    /// Its prompt is to be read.
    Read,
    /// A token is to be read.
    Step(Search),
    /// The text is complete.
    Written(Search),
}

/// What an utterance is taken for.
pub(super) enum Judgement {
    /// It goes on with another attempt.
    Again(Box<Work>),
    /// That was it.
    Done(Box<Work>, Outcome),
}

/// What came out.
pub(super) struct Outcome {
    pub text: String,
    pub search: Search,
    pub rejection: Option<Rejection>,
}

impl Work {
    /// Takes a job; `full` is the whole context. What needs no model is answered at once.
    pub(super) fn begin(job: Job, full: usize, trims: bool) -> Option<Self> {
        let samples = job.audio.len();
        let shortest = Duration::from_millis(MIN_SPEECH_MS);
        if job.audio.iter().any(|sample| !sample.is_finite()) {
            let problem = "the sound has samples that are no numbers".to_owned();
            (job.reply)(Err(EngineError::Input(problem)));
            return None;
        }
        let is_short = job.options.speech.is_some_and(|speech| speech < shortest);
        if is_short || samples == 0 {
            let rejection = is_short.then_some(Rejection::TooShort);
            (job.reply)(Ok(Transcript { rejection, ..Transcript::default() }));
            return None;
        }
        let mut rest = attempts(&job.options, samples, full, trims);
        let attempt = rest.pop_front()?;
        Some(Self {
            job,
            stage: Stage::Encode,
            attempt,
            rest,
            language: None,
            effort: Effort::default(),
        })
    }

    /// How long the sound is.
    pub(super) fn seconds(&self) -> f32 {
        self.job.audio.len() as f32 / MIC_RATE_HZ as f32
    }

    /// Answers.
    pub(super) fn reply(self, result: Result<Transcript, EngineError>) {
        (self.job.reply)(result);
    }

    /// Believes a text, throws it away or tries another one.
    pub(super) fn judge(mut self, text: &str, search: Search) -> Judgement {
        let text = text.trim();
        self.effort.attempts += 1;
        self.effort.tokens += search.log_probabilities.len() as u32;
        let evidence = Evidence {
            text,
            tokens: &search.tokens,
            mean_log_probability: search.mean_log_probability(),
            no_speech_probability: search.no_speech,
            ended: search.ended,
            speech_s: self.job.options.speech.map_or(self.seconds(), |speech| speech.as_secs_f32()),
        };
        let rejection = match guards::judge(&evidence) {
            Verdict::Good => None,
            Verdict::Nothing(reason) => Some(reason),
            Verdict::Doubtful(reason) => {
                if let Some(next) = self.rest.pop_front() {
                    let same_sound = next.context == self.attempt.context;
                    self.attempt = next;
                    self.stage = if same_sound { Stage::Read } else { Stage::Encode };
                    return Judgement::Again(Box::new(self));
                }
                Some(reason).filter(|r| guards::is_thrown_away(*r, evidence.mean_log_probability))
            }
        };
        let without = guards::without_prompt(text, self.job.options.prompt.as_str());
        let rejection = rejection.or(without.is_none().then_some(Rejection::Prompt));
        let text = without.filter(|_| rejection.is_none()).unwrap_or_default().to_owned();
        Judgement::Done(Box::new(self), Outcome { text, search, rejection })
    }
}

impl Outcome {
    /// The transcript, without times.
    pub(super) fn into_transcript(self, language: Option<Spoken>) -> Transcript {
        let Self { text, search, rejection } = self;
        let confidence = Confidence {
            mean_log_probability: search.mean_log_probability(),
            no_speech_probability: search.no_speech,
            compression_ratio: guards::compression_ratio(&text),
            temperature: search.temperature,
        };
        let tokens = if rejection.is_none() { search.tokens } else { Vec::new() };
        Transcript {
            text: Text::from(text),
            tokens,
            language,
            confidence: Some(confidence),
            rejection,
            ..Transcript::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::tokens::Prompt;
    use super::*;
    use crate::pipeline::cancel::Cancel;
    use crate::pipeline::stt::{Options, Urgency};

    type Reply = Arc<Mutex<Option<Result<Transcript, EngineError>>>>;

    fn job(audio: Vec<f32>, options: Options) -> (Job, Reply) {
        let reply = Reply::default();
        let place = Arc::clone(&reply);
        let job = Job {
            audio: Arc::new(audio),
            options,
            cancel: Cancel::default(),
            reply: Box::new(move |result| *place.lock().unwrap() = Some(result)),
        };
        (job, reply)
    }

    fn search(log_probability: f32, no_speech: f32, ended: bool) -> Search {
        let mut search = Search::new(Prompt { tokens: vec![0], start: 0 }, 10, 0.0);
        search.tokens = vec![1, 2, 3];
        search.log_probabilities = vec![log_probability; 4];
        (search.no_speech, search.ended) = (no_speech, ended);
        search
    }

    fn begin(options: Options) -> Work {
        Work::begin(job(vec![0.1; 16_000], options).0, 1_500, true).unwrap()
    }

    #[test]
    fn what_is_no_speech_or_no_sound_never_reaches_the_model() {
        let speech = Some(Duration::from_millis(200));
        let (short, reply) = job(vec![0.1; 16_000], Options { speech, ..Options::default() });
        assert!(Work::begin(short, 1_500, true).is_none());
        let transcript = reply.lock().unwrap().take().unwrap().unwrap();
        assert_eq!(transcript.rejection, Some(Rejection::TooShort));
        let (broken, reply) = job(vec![f32::NAN], Options::default());
        assert!(Work::begin(broken, 1_500, true).is_none());
        assert!(matches!(reply.lock().unwrap().take(), Some(Err(EngineError::Input(_)))));
        let (empty, reply) = job(Vec::new(), Options::default());
        assert!(Work::begin(empty, 1_500, true).is_none());
        assert!(reply.lock().unwrap().take().unwrap().unwrap().text.is_empty());
    }

    #[test]
    fn what_is_doubtful_is_tried_until_nothing_is_left_to_try() {
        let mut work = begin(Options::default());
        let mut tried = vec![work.attempt];
        loop {
            match work.judge("on and on", search(-0.2, 0.0, false)) {
                Judgement::Again(again) => {
                    let encodes = matches!(again.stage, Stage::Encode);
                    assert_eq!(encodes, again.attempt.context != tried[tried.len() - 1].context);
                    tried.push(again.attempt);
                    work = *again;
                }
                Judgement::Done(work, outcome) => {
                    assert_eq!(outcome.rejection, Some(Rejection::TooManyWords));
                    assert_eq!((work.effort.attempts, work.effort.tokens), (4, 16));
                    assert!(outcome.text.is_empty());
                    break;
                }
            }
        }
        assert_eq!(tried.len(), 4);
    }

    #[test]
    fn captions_are_tried_once_and_silence_is_believed_at_once() {
        let options = Options { urgency: Urgency::Interim, ..Options::default() };
        let judged = begin(options).judge("on and on", search(-0.2, 0.0, false));
        assert!(matches!(judged, Judgement::Done(_, Outcome { rejection: Some(_), .. })));
        let judged = begin(Options::default()).judge("The end", search(-1.2, 0.9, true));
        let Judgement::Done(_, outcome) = judged else { panic!() };
        assert_eq!(outcome.rejection, Some(Rejection::NoSpeech));
    }

    #[test]
    fn a_good_text_comes_through_without_a_leaked_prompt() {
        let prompt = Text::from("Sotto Kokoro WebRTC Opus");
        let work = begin(Options { prompt, ..Options::default() });
        let judged = work.judge(" Sotto Kokoro WebRTC Opus hello", search(-0.2, 0.0, true));
        let Judgement::Done(_, outcome) = judged else { panic!() };
        let transcript = outcome.into_transcript(None);
        assert_eq!(transcript.text.as_str(), "hello");
        assert_eq!(transcript.tokens, [1, 2, 3]);
        assert!((transcript.confidence.unwrap().mean_log_probability + 0.2).abs() < 1e-6);
    }
}
