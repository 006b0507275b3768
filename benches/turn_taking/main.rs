//! How well turns are taken, on scripted sound and a clock that is turned by hand: `cargo bench --bench turn_taking`,
//! with the names of some of `endpointing overlap echo heard`, or all.
//!
//! The figures of docs/turn-taking.md are made with it. Voice activity (Silero) and end of turn (Smart Turn v3.2) are
//! the real ones; recognition and the model are scripted, and each is charged a stated time (`Costs`). Recordings come
//! from `SOTTO_SHARED`.

#[path = "../support/sections.rs"]
mod sections;

mod echo;
mod endpointing;
mod heard;
mod overlap;
mod sounds;
mod stage;

use sections::wanted;

/// Makes figures and prints them.
type Figures = fn(&stage::Stage);

fn main() {
    let Some(stage) = stage::Stage::load() else { return };
    let all: [(&str, Figures); 4] = [
        ("endpointing", endpointing::run),
        ("overlap", overlap::run),
        ("echo", echo::run),
        ("heard", heard::run),
    ];
    for (name, run) in all {
        if wanted(name) {
            println!("\n## {name}\n");
            run(&stage);
        }
    }
}
