//! The simulation of docs/scaling.md against what queueing theory knows, and against Sotto's own rules.

#[path = "../benches/scaling/capacity.rs"]
mod capacity;
#[path = "../benches/scaling/costs.rs"]
mod costs;
#[path = "../benches/scaling/events.rs"]
mod events;
#[path = "../benches/scaling/layout.rs"]
mod layout;
#[path = "../benches/scaling/machine.rs"]
mod machine;
#[path = "../benches/scaling/random.rs"]
mod random;
#[path = "../benches/scaling/report.rs"]
mod report;
#[path = "../benches/scaling/talk.rs"]
mod talk;
#[path = "../benches/scaling/world.rs"]
mod world;

mod policies;
mod theory;
mod whole;
