//! Utterances side by side: each has a slot, and joins and leaves while others are being written.

use std::time::Instant;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::super::{Detail, Queue, Spoken, Transcript};
use super::model::Caches;
use super::sample::Sampler;
use super::search::{self, Search};
use super::steps::Steps;
use super::work::{Judgement, Outcome, Stage, Work};
use super::{HOP, Whisper, align, graph, words};
use crate::pipeline::failure::EngineError;

/// The longest draft that is looked at.
const LONGEST_DRAFT: usize = 96;
/// Likely words that are read before the text, in tokens: half of what there is room for, as in openai/whisper.
const LONGEST_PROMPT: usize = 223;

/// See the module.
pub(super) struct Batch<'a> {
    whisper: &'a Whisper,
    caches: Caches,
    slots: Vec<Option<Work>>,
    /// Where tokens are chosen by the device, some at a time.
    steps: Option<Steps>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(whisper: &'a Whisper, width: usize) -> Result<Self> {
        let is_ahead = !whisper.model.device().is_cpu();
        Self::writing(whisper, width, is_ahead)
    }

    /// `is_ahead`: whether tokens are chosen by the device, some at a time.
    fn writing(whisper: &'a Whisper, width: usize, is_ahead: bool) -> Result<Self> {
        let Whisper { model, vocabulary, settings, .. } = whisper;
        let mut caches = model.caches(width)?;
        let steps = || -> Result<Steps> {
            model.prepare(&mut caches, settings.trim_context)?;
            let sampler = Sampler::new(vocabulary, model.device())?;
            Steps::new(sampler, (width, model.max_tokens()), model.device())
        };
        let steps = is_ahead.then(steps).transpose()?;
        let slots = std::iter::repeat_with(|| None).take(width).collect();
        Ok(Self { whisper, caches, slots, steps })
    }

    /// Records what is done again and again, where that is possible. Takes a second or more, and is to be done
    /// before anybody has a slot.
    pub(super) fn record(&mut self) {
        let Whisper { model, settings, .. } = self.whisper;
        if let Some(steps) = &mut self.steps
            && graph::are_wanted(settings.graphs, model.device())
        {
            let started = Instant::now();
            match steps.record(model, &self.caches, graph::record) {
                Ok(count) => {
                    let ms = started.elapsed().as_millis();
                    tracing::info!(count, ms, "recognition writes with CUDA graphs");
                }
                Err(error) => tracing::warn!(%error, "recognition writes without CUDA graphs"),
            }
        }
    }

    /// Works until `queue` ends.
    pub(super) fn serve(&mut self, queue: &mut dyn Queue) {
        while self.admit(queue) {
            self.whisper.in_pool(|| self.advance());
        }
    }

    /// Fills free slots. Waits only when there is nothing else to do; `false` when there will be nothing more.
    fn admit(&mut self, queue: &mut dyn Queue) -> bool {
        while let Some(free) = self.slots.iter().position(Option::is_none) {
            let is_idle = self.slots.iter().all(Option::is_none);
            let job = if is_idle { queue.next() } else { queue.poll() };
            let Some(job) = job else { return !is_idle };
            let (model, settings) = (&self.whisper.model, &self.whisper.settings);
            self.slots[free] = Work::begin(job, model.context(), settings.trim_context);
        }
        true
    }

    /// One step of everybody.
    fn advance(&mut self) {
        self.give_up();
        self.encode();
        let begun = Instant::now();
        self.each(|work| matches!(work.stage, Stage::Read), Self::read);
        self.step();
        for work in self.slots.iter_mut().flatten() {
            work.effort.writing += begun.elapsed();
        }
        self.each(|work| matches!(work.stage, Stage::Written(_)), Self::finish);
    }

    /// Answers those whose result is no longer wanted, and frees their slots.
    fn give_up(&mut self) {
        for slot in &mut self.slots {
            if let Some(work) = slot.take_if(|work| work.job.cancel.is_cancelled()) {
                work.reply(Err(EngineError::Cancelled));
            }
        }
    }

    /// Does `work` for the slots that are at `stage`. A failure is answered, and frees the slot.
    fn each(
        &mut self,
        stage: impl Fn(&Work) -> bool,
        work: impl Fn(&mut Self, usize, Work) -> std::result::Result<Option<Work>, Failure>,
    ) {
        for slot in 0..self.slots.len() {
            let Some(taken) = self.slots[slot].take_if(|work| stage(work)) else { continue };
            match work(self, slot, taken) {
                Ok(kept) => self.slots[slot] = kept,
                Err(Failure(work, error)) => work.reply(Err(failed(error))),
            }
        }
    }

    /// Encodes the sound of those who wait for it, all that need the same context at once.
    fn encode(&mut self) {
        let waits = |slot: &Option<Work>| {
            slot.as_ref()
                .filter(|work| matches!(work.stage, Stage::Encode))
                .map(|w| w.attempt.context)
        };
        while let Some(context) = self.slots.iter().find_map(waits) {
            let group: Vec<usize> = (0..self.slots.len())
                .filter(|slot| waits(&self.slots[*slot]) == Some(context))
                .collect();
            let begun = Instant::now();
            let result = self.encode_group(context, &group);
            let error = result.err().map(|error| error.to_string());
            for slot in group {
                match (&mut self.slots[slot], &error) {
                    (Some(work), None) => {
                        work.stage = Stage::Read;
                        work.effort.encoding += begun.elapsed();
                    }
                    (place, Some(error)) => {
                        let error = candle_core::Error::msg(error);
                        if let Some(work) = place.take() {
                            work.reply(Err(failed(error)));
                        }
                    }
                    (None, None) => {}
                }
            }
        }
        self.give_up();
    }

    fn encode_group(&mut self, context: usize, group: &[usize]) -> Result<()> {
        let works: Vec<&Work> =
            group.iter().filter_map(|slot| self.slots[*slot].as_ref()).collect();
        let (mel, frames) = (&self.whisper.mel, 2 * context);
        let sounds: Vec<&[f32]> = works.iter().map(|work| work.job.audio.as_slice()).collect();
        let features: Vec<f32> = sounds
            .par_iter()
            .flat_map_iter(|sound| mel.compute(&sound[..sound.len().min(frames * HOP)], frames))
            .collect();
        let shape = (works.len(), mel.bands(), frames);
        let features = self.whisper.model.features(features, shape)?;
        let unwanted = || works.iter().all(|work| work.job.cancel.is_cancelled());
        let Some(encoded) = self.whisper.model.encode(&features, &unwanted)? else { return Ok(()) };
        for (i, slot) in group.iter().enumerate() {
            let encoded = encoded.narrow(0, i, 1)?;
            self.whisper.model.remember(&mut self.caches, *slot, &encoded)?;
        }
        Ok(())
    }

    /// Finds the language, reads the prompt and what is right of the draft, and chooses the first token.
    fn read(&mut self, slot: usize, mut work: Work) -> std::result::Result<Option<Work>, Failure> {
        match self.try_read(slot, &mut work) {
            Ok(stage) => {
                work.stage = stage;
                Ok(Some(work))
            }
            Err(error) => Err(Failure(Box::new(work), error)),
        }
    }

    fn try_read(&mut self, slot: usize, work: &mut Work) -> Result<Stage> {
        let (model, vocabulary) = (&self.whisper.model, &self.whisper.vocabulary);
        if work.language.is_none() {
            work.language = self.language(slot, work)?;
        }
        let token = work.language.as_ref().and_then(|spoken| vocabulary.language(&spoken.code));
        let words = work.job.options.prompt.as_str();
        let room = model.max_tokens() - super::sample::AHEAD - 8;
        let prompt = vocabulary.prompt(words, token, LONGEST_PROMPT.min(room / 2));
        let longest = search::longest_text(work.seconds()).min(room - prompt.tokens.len());
        let mut draft: &[u32] = &[];
        if work.attempt.temperature <= 0.0 {
            let known = |token: &u32| *token < vocabulary.end;
            let options = &work.job.options.draft;
            let usable = options.iter().take(LONGEST_DRAFT.min(longest)).take_while(|t| known(t));
            draft = &options[..usable.count()];
        }
        let (start, told) = (prompt.start, prompt.tokens.len());
        let tokens = [&prompt.tokens, draft].concat();
        self.caches.rewind(slot, 0);
        let states = model.read(&mut self.caches, slot, &tokens)?;
        // Where the text starts it is asked whether there is speech at all, and from the end of the prompt on for tokens.
        let scores = model.scores(&states.narrow(1, start, tokens.len() - start)?.contiguous()?)?;
        let mut scores: Vec<Vec<f32>> = scores.squeeze(0)?.to_vec2()?;
        let mut search = Search::new(prompt, longest, work.attempt.temperature);
        if let Some(no_speech) = vocabulary.no_speech() {
            search.no_speech = search::probability(&scores[0], no_speech);
        }
        for (i, scores) in scores[told - 1 - start..].iter_mut().enumerate() {
            if search.choose(scores, vocabulary) {
                return Ok(Stage::Written(search));
            }
            if draft.get(i) != Some(&search.last()) {
                break;
            }
        }
        self.caches.rewind(slot, told + search.tokens.len() - 1);
        Ok(Stage::Step(search))
    }

    /// The language asked for, if the checkpoint knows it, or else the most probable one of those allowed.
    fn language(&mut self, slot: usize, work: &Work) -> Result<Option<Spoken>> {
        let (model, vocabulary) = (&self.whisper.model, &self.whisper.vocabulary);
        let options = &work.job.options;
        if let Some(code) =
            options.language.as_ref().filter(|code| vocabulary.language(code).is_some())
        {
            return Ok(Some(Spoken { code: code.clone(), probability: None }));
        }
        let is_allowed =
            |code: &String| options.languages.is_empty() || options.languages.contains(code);
        let all = vocabulary.languages();
        let mut allowed: Vec<_> = all.iter().filter(|(code, _)| is_allowed(code)).collect();
        if allowed.is_empty() {
            allowed = all.iter().collect();
        }
        if allowed.is_empty() {
            return Ok(None);
        }
        self.caches.rewind(slot, 0);
        let states = model.read(&mut self.caches, slot, &[vocabulary.start])?;
        let scores: Vec<f32> = model.scores(&states)?.flatten_all()?.to_vec1()?;
        let score = |token: u32| scores.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        let best = allowed.iter().max_by(|a, b| score(a.1).total_cmp(&score(b.1)));
        Ok(best.map(|(code, token)| {
            let total: f32 = allowed.iter().map(|(_, id)| (score(*id) - score(*token)).exp()).sum();
            Spoken { code: code.clone(), probability: Some(1.0 / total) }
        }))
    }

    /// Reads a token, or some, in every slot that is being written.
    fn step(&mut self) {
        let writes = |slot: &Option<Work>| {
            slot.as_ref().is_some_and(|work| matches!(work.stage, Stage::Step(_)))
        };
        let Some(highest) = self.slots.iter().rposition(writes) else { return };
        if let Err(error) = self.try_step(highest + 1) {
            let error = error.to_string();
            for slot in &mut self.slots[..=highest] {
                if let Some(work) = slot.take_if(|work| matches!(work.stage, Stage::Step(_))) {
                    work.reply(Err(failed(candle_core::Error::msg(&error))));
                }
            }
        }
    }

    fn try_step(&mut self, count: usize) -> Result<()> {
        let mut tokens = vec![self.whisper.vocabulary.end; count];
        let mut by_chance = false;
        for (slot, token) in tokens.iter_mut().enumerate() {
            match self.slots[slot].as_ref().map(|work| &work.stage) {
                Some(Stage::Step(search)) => {
                    *token = search.last();
                    by_chance |= search.temperature > 0.0;
                }
                // Nobody is here: what is computed for it is thrown away.
                _ => self.caches.rewind(slot, 0),
            }
        }
        let model = &self.whisper.model;
        let mut scores = match &mut self.steps {
            Some(steps) if !by_chance => {
                let chosen = steps.write(model, &self.caches, &tokens)?;
                self.take_all(&chosen);
                return Ok(());
            }
            Some(steps) => {
                let scores = steps.scores(model, &self.caches, &tokens)?;
                (0..count).for_each(|slot| self.caches.advance(slot, 1));
                scores
            }
            None => {
                let tokens = Tensor::from_vec(tokens, (count, 1), model.device())?;
                let states = model.read_one(&mut self.caches, &tokens)?;
                model.scores(&states)?.squeeze(1)?.to_vec2()?
            }
        };
        for (slot, scores) in scores.iter_mut().enumerate() {
            self.take(slot, |search, vocabulary| search.choose(scores, vocabulary));
        }
        Ok(())
    }

    /// Gives tokens to everybody, as far as their texts go.
    fn take_all(&mut self, chosen: &[Vec<(u32, f32)>]) {
        for (slot, chosen) in chosen.iter().enumerate() {
            let mut used = 0;
            for (token, log_probability) in chosen {
                used += 1;
                if !self.take(slot, |search, v| search.take(*token, *log_probability, v)) {
                    break;
                }
            }
            self.caches.advance(slot, used);
        }
    }

    /// Gives the next token to whoever is written in a slot. Whether the text goes on.
    fn take(
        &mut self,
        slot: usize,
        next: impl FnOnce(&mut Search, &super::tokens::Vocabulary) -> bool,
    ) -> bool {
        let Some(work) = &mut self.slots[slot] else { return false };
        let Stage::Step(search) = &mut work.stage else { return false };
        if !next(search, &self.whisper.vocabulary) {
            return true;
        }
        if let Stage::Step(search) = std::mem::replace(&mut work.stage, Stage::Read) {
            work.stage = Stage::Written(search);
        }
        false
    }

    fn finish(
        &mut self,
        slot: usize,
        mut work: Work,
    ) -> std::result::Result<Option<Work>, Failure> {
        let Stage::Written(search) = std::mem::replace(&mut work.stage, Stage::Encode) else {
            return Ok(Some(work));
        };
        let text = match self.whisper.vocabulary.text(&search.tokens) {
            Ok(text) => text,
            Err(error) => return Err(Failure(Box::new(work), candle_core::Error::msg(error))),
        };
        match work.judge(&text, search) {
            Judgement::Again(work) => Ok(Some(*work)),
            Judgement::Done(work, outcome) => match self.transcript(slot, &work, outcome) {
                Ok(transcript) => {
                    work.reply(Ok(transcript));
                    Ok(None)
                }
                Err(error) => Err(Failure(work, error)),
            },
        }
    }

    /// The transcript, with times where they were asked for.
    fn transcript(&mut self, slot: usize, work: &Work, outcome: Outcome) -> Result<Transcript> {
        let detail = work.job.options.detail;
        let times = if detail > Detail::Text && !outcome.text.is_empty() {
            self.times(slot, work, &outcome)?
        } else {
            Vec::new()
        };
        let mut transcript = outcome.into_transcript(work.language.clone());
        transcript.effort = Some(work.effort);
        transcript.segments = words::segments(&times, &transcript.tokens);
        if detail == Detail::Words {
            transcript.words = times.into_iter().map(|(word, _)| word).collect();
        }
        Ok(transcript)
    }

    fn times(
        &mut self,
        slot: usize,
        work: &Work,
        outcome: &Outcome,
    ) -> Result<Vec<(super::super::Word, std::ops::Range<usize>)>> {
        let Whisper { model, vocabulary, alignment_heads, .. } = self.whisper;
        let token = work.language.as_ref().and_then(|spoken| vocabulary.language(&spoken.code));
        let prompt = vocabulary.prompt("", token, 0).tokens;
        let text = &outcome.search.tokens;
        let tokens = [&prompt, text.as_slice(), &[vocabulary.end]].concat();
        // What follows the sound is padding, and never enters.
        let frames = (work.job.audio.len() / HOP / 2).clamp(1, work.attempt.context);
        let attention =
            model.attention(&mut self.caches, slot, &tokens, (alignment_heads, frames))?;
        let attention: Vec<f32> = attention.flatten_all()?.to_vec1()?;
        let shape = (alignment_heads.len(), tokens.len(), frames);
        let rows = (prompt.len() - 1, prompt.len() - 1 + text.len());
        let starts = align::starts(&attention, shape, rows);
        Ok(words::words(text, &starts, &outcome.search.log_probabilities, vocabulary))
    }
}

/// Whose work failed, and why.
struct Failure(Box<Work>, candle_core::Error);

fn failed(error: candle_core::Error) -> EngineError {
    EngineError::Failed { what: "recognition", source: error.into() }
}

/// What is written for a sound at temperature 0, whether it is believed or not.
#[cfg(test)]
pub(super) fn written(
    whisper: &Whisper,
    audio: &[f32],
    options: &super::super::Options,
    writes_ahead: bool,
) -> Vec<u32> {
    let options = super::super::Options { temperature: Some(0.0), ..options.clone() };
    let job = super::super::Job {
        audio: std::sync::Arc::new(audio.to_vec()),
        options,
        cancel: crate::pipeline::cancel::Cancel::default(),
        reply: Box::new(drop),
    };
    let mut batch = Batch::writing(whisper, 1, writes_ahead).unwrap();
    batch.slots[0] = Work::begin(job, whisper.model.context(), false);
    batch.encode();
    batch.each(|work| matches!(work.stage, Stage::Read), Batch::read);
    loop {
        match &batch.slots[0].as_ref().unwrap().stage {
            Stage::Written(search) => return search.tokens.clone(),
            _ => batch.step(),
        }
    }
}

/// What becomes of utterances that are taken side by side, of which some come later than others.
#[cfg(test)]
pub(super) fn side_by_side(
    whisper: &Whisper,
    (width, is_ahead): (usize, bool),
    utterances: &[(Vec<f32>, super::super::Options)],
) -> Vec<Transcript> {
    use std::sync::{Arc, Mutex};

    use super::super::Job;

    /// Gives a job at every third question, or when it is waited for.
    struct Slow(std::vec::IntoIter<Job>, usize);

    impl Queue for Slow {
        fn next(&mut self) -> Option<Job> {
            self.0.next()
        }

        fn poll(&mut self) -> Option<Job> {
            self.1 += 1;
            self.1.is_multiple_of(3).then(|| self.0.next()).flatten()
        }
    }

    let replies = Arc::new(Mutex::new(vec![None; utterances.len()]));
    let job = |(i, (audio, options)): (usize, &(Vec<f32>, super::super::Options))| {
        let replies = Arc::clone(&replies);
        Job {
            audio: Arc::new(audio.clone()),
            options: options.clone(),
            cancel: crate::pipeline::cancel::Cancel::default(),
            reply: Box::new(move |reply| replies.lock().unwrap()[i] = Some(reply.unwrap())),
        }
    };
    let jobs: Vec<Job> = utterances.iter().enumerate().map(job).collect();
    Batch::writing(whisper, width, is_ahead).unwrap().serve(&mut Slow(jobs.into_iter(), 0));
    replies.lock().unwrap().drain(..).map(Option::unwrap).collect()
}
