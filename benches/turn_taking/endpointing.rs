//! Pauses of chosen lengths at quiet points of recordings: who cuts people off, and how long do they wait?

use sotto::pipeline::frame::Samples;
use sotto::pipeline::rehearsal::{GATE, POLICY};
use sotto::pipeline::turn::endpointing::{Endpointing, Policy, Reason, Verdict};
use sotto::pipeline::turn::patience::{Patience, patience};
use sotto::pipeline::turn::{SmartTurn, TurnDetector, WINDOW};
use sotto::pipeline::vad::{Change, FRAME, SpeechGate};

use super::stage::{Chance, RATE, Stage, quantile};

/// Pauses that are put into each recording: 30, or what `SOTTO_DRAWS` says.
const DRAWS: usize = 30;
/// A pause that begins so long before the end of a recording at most is its end.
const AFTER_THE_END_MS: f64 = 250.0;
/// So much silence follows a recording.
const AFTER_END_MS: usize = 4_000;
/// The words of a pause are there so many frames after it was noticed: 160 ms. So long a turn waits for them.
const WORDS_AFTER: usize = 5;

/// A silence as voice activity saw it.
#[derive(Clone)]
struct Pause {
    /// Silence until speech went on, in frames from where it was noticed; none if it did not.
    until: Option<usize>,
    /// The model's answer after so many frames of silence, asked at each of the checks.
    answers: Vec<(usize, f32)>,
    /// Frames of silence when it was noticed.
    noticed: usize,
    /// By how much what was heard as the end is before the true one, in ms; negative: after.
    early_ms: f64,
}

#[derive(Clone)]
struct Trace {
    pauses: Vec<Pause>,
    finished: bool,
    /// What the words of its last pause ask for, where they are known.
    patience: Option<Patience>,
}

/// The recording with a pause in it, and where the recording ends.
fn with_pause(sound: &[f32], chance: &mut Chance) -> Vec<f32> {
    let piece = RATE / 50;
    let energies: Vec<f32> =
        sound.chunks(piece).map(|piece| piece.iter().map(|s| s * s).sum::<f32>()).collect();
    let inner = energies.len() / 5..energies.len() * 4 / 5;
    let mut quiet: Vec<usize> = inner.collect();
    quiet.sort_by(|a, b| energies[*a].total_cmp(&energies[*b]));
    let Some(at) = quiet.get(chance.below((quiet.len() / 10).max(1))) else {
        return sound.to_vec();
    };
    let at = at * piece;
    let length = (chance.log_between(0.2, 1.5) * RATE as f64) as usize;
    // Silence as soft as the quiet point itself.
    let soft = &sound[at..(at + piece).min(sound.len())];
    let mut out = sound[..at].to_vec();
    out.extend(soft.iter().cycle().take(length).map(|sample| sample * 0.3));
    out.extend_from_slice(&sound[at..]);
    out
}

fn trace(stage: &Stage, turn: &mut SmartTurn, sound: &[f32], finished: bool) -> Option<Trace> {
    let end = sound.len();
    let mut whole = vec![0.0; RATE / 2];
    whole.extend_from_slice(sound);
    whole.resize(whole.len() + AFTER_END_MS * RATE / 1_000, 0.0);
    let true_end = RATE / 2 + last_energetic(&sound[..end]);
    let (mut vad, mut speech) = (stage.vad.open(), SpeechGate::new(GATE));
    let (frames, _) = whole.as_chunks::<FRAME>();
    let mut pauses: Vec<Pause> = Vec::new();
    let mut started = None;
    let mut since = None;
    for (index, frame) in frames.iter().enumerate() {
        match speech.push(vad.probability(frame).ok()?) {
            Some(Change::Started { at }) => {
                started.get_or_insert(at.0.saturating_sub(5_120));
                if let (Some(begun), Some(last)) = (since.take(), pauses.last_mut()) {
                    last.until = Some(index + 1 - begun);
                }
            }
            Some(Change::Paused { at }) => {
                let begun = at.0 as usize / FRAME;
                since = Some(begun);
                let early = true_end as f64 - at.0 as f64;
                pauses.push(Pause {
                    until: None,
                    answers: Vec::new(),
                    noticed: index + 1 - begun,
                    early_ms: early * 1_000.0 / RATE as f64,
                });
            }
            None => {}
        }
        let (Some(begun), Some(last), Some(started)) = (since, pauses.last_mut(), started) else {
            continue;
        };
        let silence = index + 1 - begun;
        let asked =
            [0, 350, 700, 1_200, 1_800].map(|ms: usize| (ms * RATE / 1_000).div_ceil(FRAME));
        if silence == last.noticed || asked[1..].contains(&silence) {
            let now = (index + 1) * FRAME;
            let from = (started as usize).max(now.saturating_sub(WINDOW));
            last.answers.push((silence, turn.predict(&whole[from..now]).ok()?));
        }
    }
    (!pauses.is_empty()).then_some(Trace { pauses, finished, patience: None })
}

/// A recording that is cut at an unfinished point, from where somebody goes on after a while.
fn goes_on(mut trace: Trace, chance: &mut Chance) -> Trace {
    let until = chance.log_between(0.2, 1.5) * RATE as f64 / FRAME as f64;
    if let Some(last) = trace.pauses.last_mut() {
        last.until = Some((until as usize).max(last.noticed));
    }
    trace
}

/// The turns of these recordings: as many as there are draws of each.
fn turns(stage: &Stage, half: usize, draws: usize) -> Option<Vec<Trace>> {
    let turn = &mut SmartTurn::load(&stage.runtime, &stage.turn_model).ok()?;
    let chance = &mut Chance::new(42 + half as u64);
    let mut traces = Vec::new();
    for clip in stage.clips.iter().skip(half).step_by(2).filter(|clip| clip.sound.len() >= RATE) {
        if clip.unfinished {
            let once = trace(stage, turn, &clip.sound, false)?;
            traces.extend((0..draws).map(|_| goes_on(once.clone(), chance)));
            continue;
        }
        for _ in 0..draws {
            let sound = with_pause(&clip.sound, chance);
            traces.extend(trace(stage, turn, &sound, true));
        }
    }
    Some(traces)
}

/// What the model said at first, in pauses within a turn and after it.
fn describe(traces: &[&Trace]) {
    let pauses = || traces.iter().flat_map(|trace| trace.pauses.iter().map(move |p| (trace, p)));
    let first = |inside: bool| -> Vec<f64> {
        pauses()
            .filter(|(trace, p)| (p.early_ms > AFTER_THE_END_MS || !trace.finished) == inside)
            .filter_map(|(_, p)| p.answers.first().map(|(_, answer)| f64::from(*answer)))
            .collect()
    };
    for (what, inside) in [("within turns", true), ("after turns", false)] {
        let mut answers = first(inside);
        let parts = [0.1, 0.25, 0.5, 0.75, 0.9].map(|part| quantile(&mut answers, part));
        println!(
            "first answers {what} ({}), 10, 25, 50, 75 and 90 %: {parts:.2?}\n",
            answers.len()
        );
    }
}

/// Where the last 10 ms end that are more than a hundredth as strong as the strongest.
fn last_energetic(sound: &[f32]) -> usize {
    let piece = RATE / 100;
    let energies: Vec<f32> =
        sound.chunks(piece).map(|piece| piece.iter().map(|s| s * s).sum::<f32>()).collect();
    let most = energies.iter().copied().fold(0.0, f32::max);
    energies.iter().rposition(|energy| *energy > 0.001 * most).map_or(0, |at| (at + 1) * piece)
}

/// Whether the turn was cut off, or else how long after its end it was over, in ms.
fn decide(trace: &Trace, policy: Policy) -> Option<Result<f64, ()>> {
    let mut endpointing = Endpointing::new(policy);
    for (index, pause) in trace.pauses.iter().enumerate() {
        endpointing.pause();
        let patience = trace.patience.filter(|_| index + 1 == trace.pauses.len());
        // What is heard after the end, a breath or a click, is no speech that is cut off.
        let is_last = pause.early_ms <= AFTER_THE_END_MS;
        let frames = pause.until.unwrap_or(AFTER_END_MS * RATE / 1_000 / FRAME);
        for silence in pause.noticed..frames {
            let passed = Samples((silence * FRAME) as u64);
            // The answer is there a frame after the question.
            if let Some((_, p)) = pause.answers.iter().find(|(asked, _)| asked + 1 == silence) {
                endpointing.answer(Some(*p), passed);
            }
            let words_come = patience.is_some() && silence < pause.noticed + WORDS_AFTER;
            if let Some(patience) = patience.filter(|_| !words_come) {
                endpointing.be_patient(patience);
            }
            let verdict = endpointing.at(passed);
            if words_come && verdict == Verdict::End(Reason::Model) {
                continue;
            }
            if let Verdict::End(_) = verdict {
                if !is_last || !trace.finished {
                    return Some(Err(()));
                }
                let at = (silence * FRAME) as f64 * 1_000.0 / RATE as f64;
                return Some(Ok(at - pause.early_ms));
            }
        }
        endpointing.resume();
    }
    // An unfinished sentence that is still waited for.
    (!trace.finished).then_some(Ok(f64::NAN))
}

/// False cut-offs as a part of all turns, and the mean delay of those that were over.
fn measure(traces: &[&Trace], policy: Policy) -> (f64, f64) {
    let (mut cut, mut delays, mut all) = (0, Vec::new(), 0);
    for outcome in traces.iter().filter_map(|trace| decide(trace, policy)) {
        all += 1;
        match outcome {
            Err(()) => cut += 1,
            Ok(delay) if delay.is_finite() => delays.push(delay),
            Ok(_) => {}
        }
    }
    let mean = delays.iter().sum::<f64>() / delays.len().max(1) as f64;
    (cut as f64 / all.max(1) as f64, mean)
}

/// The middle 95 % of what the mean delay and the cut-offs are on turns drawn again and again.
fn interval(traces: &[&Trace], policy: Policy) -> ((f64, f64), (f64, f64)) {
    let chance = &mut Chance::new(77);
    let mut draws: Vec<(f64, f64)> = (0..200)
        .map(|_| {
            let again: Vec<&Trace> =
                (0..traces.len()).map(|_| traces[chance.below(traces.len())]).collect();
            measure(&again, policy)
        })
        .collect();
    let mut middle = |of: fn(&(f64, f64)) -> f64| {
        draws.sort_by(|a, b| of(a).total_cmp(&of(b)));
        (of(&draws[5]), of(&draws[194]))
    };
    (middle(|draw| draw.0), middle(|draw| draw.1))
}

/// Recordings that were cut, at the end of a sentence or where it goes on, so that their words are known: what these add.
fn words(stage: &Stage, draws: usize) -> Option<()> {
    let turn = &mut SmartTurn::load(&stage.runtime, &stage.turn_model).ok()?;
    let chance = &mut Chance::new(44);
    let (mut finished, mut unfinished) = (Vec::new(), Vec::new());
    for clip in stage.clips.iter().filter(|clip| clip.cut) {
        let mut once = trace(stage, turn, &clip.sound, !clip.unfinished)?;
        once.patience = Some(patience(&clip.text, "", Some(&clip.language)));
        if clip.unfinished {
            unfinished.extend((0..draws).map(|_| goes_on(once.clone(), chance)));
        } else {
            finished.push(once);
        }
    }
    println!("\n{} sentences, {} cut where they go on\n", finished.len(), unfinished.len() / draws);
    println!("| | unfinished ones cut off | mean delay of finished ones |");
    println!("|---|---|---|");
    let row = |name: &str, finished: &[Trace], unfinished: &[Trace], policy| {
        let (cut, _) = measure(&unfinished.iter().collect::<Vec<_>>(), policy);
        let (early, delay) = measure(&finished.iter().collect::<Vec<_>>(), policy);
        println!(
            "| {name} | {:.1} % | {delay:.0} ms ({:.0} % cut off) |",
            100.0 * cut,
            100.0 * early
        );
    };
    row("with the words", &finished, &unfinished, POLICY);
    for trace in finished.iter_mut().chain(&mut unfinished) {
        trace.patience = None;
    }
    row("without", &finished, &unfinished, POLICY);
    for ms in [500, 700, 1_000] {
        let silence = Policy::Silence { silence: Samples::from_ms(ms) };
        row(&format!("a silence of {ms} ms"), &finished, &unfinished, silence);
    }
    Some(())
}

pub fn run(stage: &Stage) {
    let draws = std::env::var("SOTTO_DRAWS").ok().and_then(|draws| draws.parse().ok());
    let draws = draws.unwrap_or(DRAWS);
    let halves = rayon::join(|| turns(stage, 0, draws), || turns(stage, 1, draws));
    let (Some(first), Some(second)) = halves else {
        println!("left out: smart-turn-v3 is not here, or failed");
        return;
    };
    let (first, second): (Vec<&Trace>, Vec<&Trace>) =
        (first.iter().collect(), second.iter().collect());
    println!("{} turns to choose by, {} to measure by\n", first.len(), second.len());
    describe(&second);
    println!("| silence timeout | false cut-offs | mean delay |");
    println!("|---|---|---|");
    let silences: Vec<(f64, f64)> = (200..=3_000)
        .step_by(50)
        .map(|ms| {
            let found = measure(&second, Policy::Silence { silence: Samples::from_ms(ms) });
            if ms % 100 == 0 && (ms <= 1_000 || ms % 500 == 0) {
                println!("| {ms} ms | {:.1} % | {:.0} ms |", 100.0 * found.0, found.1);
            }
            found
        })
        .collect();
    println!(
        "\n| false cut-offs allowed | threshold, grace, limit | false cut-offs | mean delay | silence at as many | ratio |"
    );
    println!("|---|---|---|---|---|---|");
    for allowed in [0.05, 0.10] {
        let mut best: Option<(f64, Policy)> = None;
        for threshold in (2..20).map(|i| i as f32 * 0.05) {
            for grace in [128, 160, 220, 320, 500, 700] {
                for limit in [1_250, 1_500, 2_000, 2_500, 3_500] {
                    let policy = Policy::Model {
                        threshold,
                        grace: Samples::from_ms(grace),
                        max_silence: Samples::from_ms(limit),
                    };
                    let (cut, delay) = measure(&first, policy);
                    if cut <= allowed && best.as_ref().is_none_or(|(least, _)| delay < *least) {
                        best = Some((delay, policy));
                    }
                }
            }
        }
        let Some((_, policy)) = best else {
            println!("| {:.0} % | none | | | | |", 100.0 * allowed);
            continue;
        };
        let (cut, delay) = measure(&second, policy);
        let (cuts, delays) = interval(&second, policy);
        // The quickest plain silence that cuts off as few.
        let silence = silences
            .iter()
            .filter(|(other, _)| *other <= cut.max(allowed))
            .map(|(_, delay)| *delay)
            .fold(f64::INFINITY, f64::min);
        let Policy::Model { threshold, grace, max_silence } = policy else { continue };
        println!(
            "| {:.0} % | {threshold:.2}, {} ms, {} ms | {:.1} % ({:.1} to {:.1}) | {delay:.0} ms ({:.0} to {:.0}) | {silence:.0} ms | {:.2} |",
            100.0 * allowed,
            grace.as_ms(),
            max_silence.as_ms(),
            100.0 * cut,
            100.0 * cuts.0,
            100.0 * cuts.1,
            delays.0,
            delays.1,
            delay / silence,
        );
    }
    let (cut, delay) = measure(&second, POLICY);
    println!(
        "| as configured | 0.50, 220 ms, 2500 ms | {:.1} % | {delay:.0} ms | | |",
        100.0 * cut
    );
    if words(stage, draws).is_none() {
        println!("left out: what words add");
    }
}
