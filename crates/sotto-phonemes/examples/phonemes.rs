//! Prints the phonemes of each line of the standard input: `cargo run -p sotto-phonemes --example phonemes a`.
//! The argument is a voice's name, or its first letter.

use std::io::BufRead;

use sotto_phonemes::{FrontEnd, Language, Lexicon, joined};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let voice = std::env::args().nth(1).unwrap_or_else(|| "a".into());
    let front_end = FrontEnd::load(Language::of_voice(&voice)?, Lexicon::default(), None)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        println!("{line}\t{}", joined(&front_end.phonemes(&line)?));
    }
    Ok(())
}
