//! How long the front end takes, and how much of that is the tagger of misaki-rs.
//!
//! `cargo bench -p sotto-phonemes`. "tagger" is misaki-rs's tokenizer and tagger alone on the same text; what
//! "front end" takes more than that is our own share and the dictionaries'.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use misaki_rs::spacy_tagger::{Tagger, hash_string};
use misaki_rs::spacy_tokenizer::SpacyTokenizer;
use sotto_phonemes::{FrontEnd, Language, Lexicon};

const TEN: &str = "I will meet you at the station before dinner tonight.";
const SIGNS: &str = "At 3:45 pm Dr. Smith paid $1,234.56 for 16 GB.";
const FORTY: &str = "The flight leaves early in the morning, so we need to be at the airport before sunrise, and if the \
    road is blocked by snow again, you should call my sister, who lives near the old bridge and has a bigger car.";

fn phonemes(c: &mut Criterion) {
    let begun = Instant::now();
    let front_end =
        FrontEnd::load(Language::EnglishUs, Lexicon::default(), None).expect("English loads");
    println!("load: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    let tokenizer = SpacyTokenizer::new();
    let tagger = Tagger::load();
    let tag = |text: &str| {
        let tokens: Vec<_> = tokenizer
            .tokenize(text)
            .into_iter()
            .map(|t| {
                let norm =
                    t.norm.unwrap_or_else(|| misaki_rs::norms::norm_of(&t.text, hash_string));
                (t.text, norm, !t.whitespace.is_empty())
            })
            .collect();
        tagger.tag(&tokens).len()
    };
    for (name, text) in [("ten words", TEN), ("signs", SIGNS), ("forty words", FORTY)] {
        let mut group = c.benchmark_group(name);
        group.sample_size(30);
        group.bench_function("front end", |b| {
            b.iter(|| front_end.phonemes(black_box(text)).map(|t| t.len()));
        });
        group.bench_function("tagger", |b| b.iter(|| tag(black_box(text))));
        group.finish();
    }
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    group.bench_function("English", |b| {
        b.iter(|| FrontEnd::load(Language::EnglishUs, Lexicon::default(), None).is_ok());
    });
    group.finish();
}

criterion_group!(benches, phonemes);
criterion_main!(benches);
