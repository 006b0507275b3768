//! What is stored of an interrupted reply, beside what was truly heard.

use sotto::pipeline::conversation::{Ask, Event, Notice, ReplyId};
use sotto::pipeline::frame::Samples;
use sotto::pipeline::rehearsal::{MIC_STEP, Output, drone};
use sotto::pipeline::text::Text;

use super::sounds::{levelled, trimmed};
use super::stage::{Chance, Person, RATE, STORY, Stage};

const CASES: usize = 500;

pub fn run(stage: &Stage) {
    println!("{CASES} interruptions at random moments, half by speech and half by the client\n");
    println!("| output | equal | one word off | more | context and notice agree |");
    println!("|---|---|---|---|---|");
    let clips: Vec<_> = stage.clips.iter().filter(|clip| clip.sound.len() > RATE).collect();
    for output in [Output::Track, Output::Blobs] {
        let chance = &mut Chance::new(5);
        let (mut off, mut agree) = ([0; 3], 0);
        for case in 0..CASES {
            let begin = (chance.between(0.7, 14.0) * RATE as f64) as usize / MIC_STEP * MIC_STEP;
            let clip = clips[chance.below(clips.len())];
            let sound = trimmed(clip.sound.clone());
            let sound = levelled(sound[..sound.len().min(2 * RATE)].to_vec(), 0.08);
            let by_voice = case % 2 == 0;
            let person = Person {
                said: vec![(
                    Samples(begin as u64),
                    Samples((begin + sound.len()) as u64),
                    "please stop talking about that".to_owned(),
                )],
                reply: "Fine.".to_owned(),
                voice: None,
            };
            let mut call = stage.call(person, output);
            call.handle(Event::Asked(Ask::Say(Text::from(STORY))));
            let mut failed = call.hear(&vec![0.0; begin]).is_err();
            if by_voice {
                failed |= call.hear(&sound).is_err();
            } else {
                call.handle(Event::Asked(Ask::Silence));
            }
            failed |= call.hear(&vec![0.0; 3 * RATE]).is_err();
            let stored = call.notices().iter().find_map(|(_, notice)| match notice {
                Notice::Kept { text, interrupted: true, .. } => Some(text.as_str().to_owned()),
                _ => None,
            });
            let stored = stored.unwrap_or_default();
            let (clause, played) = call.audible(ReplyId(0)).unwrap_or_default();
            let words = |text: &str| text.split_whitespace().count();
            let truly = heard_words(clause, played.as_millis() as u32);
            let difference = words(&stored).abs_diff(truly);
            off[difference.min(2)] += 1;
            if difference > 1 || failed {
                println!("<!-- {case}: {} words stored, {truly} heard -->", words(&stored));
            }
            let context = call.asked().is_none_or(|messages| {
                messages.iter().any(|(_, text)| text.as_str() == stored) || stored.is_empty()
            });
            agree += usize::from(context && STORY.starts_with(stored.as_str()));
        }
        println!("| {output:?} | {} | {} | {} | {agree} |", off[0], off[1], off[2]);
    }
}

/// Words of which half or more was heard, when `played` of a clause had been.
fn heard_words(clause: u32, played_ms: u32) -> usize {
    use sotto::pipeline::tts::clauses::Clauses;
    let mut clauses = Clauses::default();
    let mut all = clauses.push(STORY);
    all.extend(clauses.finish());
    let before: usize =
        all.iter().take(clause as usize).map(|clause| clause.split_whitespace().count()).sum();
    let words = all.get(clause as usize).map(|clause| drone(clause).words).unwrap_or_default();
    before + words.iter().filter(|w| u32::midpoint(w.start_ms, w.end_ms) <= played_ms).count()
}
