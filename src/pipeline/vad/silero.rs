//! Silero VAD v5 and v6 through onnxruntime ([snakers4/silero-vad], MIT).
//!
//! Inputs: `input` f32 [1, 576] (64 samples of the frame before, then 512 new), `state` f32 [2, 1, 128],
//! `sr` i64 scalar. Outputs: probability [1, 1] and the next state. Leaving the 64 samples out is the
//! classic mistake: the model still answers, and wrongly.
//!
//! [snakers4/silero-vad]: https://github.com/snakers4/silero-vad

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use ort::session::Session;
use ort::value::TensorRef;

use super::{FRAME, Vad, VadModel};
use crate::engine::ort::{OnnxRuntime, OrtError};
use crate::pipeline::failure::EngineError;

/// Samples of the frame before that the model sees again.
const CONTEXT: usize = 64;
/// The recurrent state: [2, 1, 128].
const STATE: usize = 2 * 128;
const SAMPLE_RATE: [i64; 1] = [16_000];

/// The model, shared by all calls: as many sessions as can run at once. The state is per call.
pub struct Silero {
    sessions: Arc<[Mutex<Session>]>,
}

struct Stream {
    sessions: Arc<[Mutex<Session>]>,
    /// The context, then the frame.
    input: [f32; CONTEXT + FRAME],
    state: [f32; STATE],
}

impl Silero {
    /// Loads the model; `parallel` calls can use it at the same instant.
    pub fn load(runtime: &OnnxRuntime, path: &Path, parallel: usize) -> Result<Self, OrtError> {
        let sessions = (0..parallel.max(1))
            .map(|_| runtime.session(path).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self { sessions })
    }
}

impl VadModel for Silero {
    fn name(&self) -> &'static str {
        "silero-vad"
    }

    fn open(&self) -> Box<dyn Vad> {
        Box::new(Stream {
            sessions: Arc::clone(&self.sessions),
            input: [0.0; CONTEXT + FRAME],
            state: [0.0; STATE],
        })
    }
}

impl Vad for Stream {
    fn probability(&mut self, frame: &[f32; FRAME]) -> Result<f32, EngineError> {
        self.input.copy_within(FRAME.., 0);
        self.input[CONTEXT..].copy_from_slice(frame);
        self.infer().map_err(EngineError::failed("voice activity detection"))
    }
}

impl Stream {
    fn infer(&mut self) -> Result<f32, ort::Error> {
        let mut session = free_session(&self.sessions);
        let outputs = session.run(ort::inputs![
            "input" => TensorRef::from_array_view(([1_usize, CONTEXT + FRAME], &self.input[..]))?,
            "state" => TensorRef::from_array_view(([2_usize, 1, 128], &self.state[..]))?,
            "sr" => TensorRef::from_array_view(([0_usize; 0], &SAMPLE_RATE[..]))?,
        ])?;
        let (_, probability) = outputs[0].try_extract_tensor::<f32>()?;
        let (_, state) = outputs[1].try_extract_tensor::<f32>()?;
        self.state.copy_from_slice(state);
        Ok(probability[0])
    }
}

/// A session that nobody uses. There are as many as runtime threads, so waiting is rare and short.
fn free_session(sessions: &[Mutex<Session>]) -> MutexGuard<'_, Session> {
    for session in sessions {
        match session.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    sessions[0].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
