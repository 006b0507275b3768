//! Engines outside this process: language models and voices behind HTTP, and programs. What they do well is
//! heard; what they do badly is told, and the call lives on.

mod answers;
mod audio_server;
mod canaries;
mod choices;
mod installed;
pub mod model_server;
mod premises;
mod programs;
mod remote;
mod script;
mod stage;
mod troubles;
