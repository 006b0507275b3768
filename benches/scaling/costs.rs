//! What the stages cost: measured here, or estimated for hardware that was not at hand.

use super::talk::Talk;

/// An engine's work, and how it is set up on a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// For a job of any length.
    pub base_s: f64,
    /// For each second of sound.
    pub each_s: f64,
    /// Cores that a job keeps busy.
    pub threads: f64,
    /// Jobs at once.
    pub workers: usize,
}

impl Stage {
    /// Work on so much sound, on a machine that does nothing else.
    pub fn work_s(&self, sound_s: f64) -> f64 {
        self.base_s + self.each_s * sound_s
    }
}

/// What a call costs, stage by stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Of a core, all the time: network, Opus, voice activity.
    pub call_cores: f64,
    /// Asking whether a turn is over.
    pub turn: Stage,
    pub stt: Stage,
    pub tts: Stage,
    /// From the transcript to the first clause of the reply, and how much that varies. Servers of language models are
    /// taken to be large enough.
    pub write_s: f64,
    pub write_variation: f64,
    /// From a piece of sound to the ear.
    pub network_s: f64,
    /// To a speech node and back, with the copying.
    pub hop_s: f64,
    /// How often captions are made where recognition is on the same machine; none: never.
    pub interim_s: Option<f64>,
}

/// Machines of one kind, and what is known of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hardware {
    pub name: &'static str,
    /// `measured`, or what the figures are derived from.
    pub basis: &'static str,
    /// What a node for calls has.
    pub media_cores: f64,
    /// What a node for speech shares out: its cores, or one GPU.
    pub speech_cores: f64,
    /// Whether one machine that does everything is simulated: its engines and its calls share the same cores.
    pub alone: bool,
    pub costs: Costs,
}

impl Costs {
    /// From the end of a turn to the reply where nobody else is, about.
    pub fn alone_s(&self, talk: &Talk) -> f64 {
        let recognised = self.stt.work_s(talk.turn_s) + self.hop_s;
        let spoken = self.tts.work_s(talk.clause_s) + self.hop_s;
        recognised.max(0.22) + self.write_s + spoken + self.network_s
    }
}

/// Smart Turn v3.2 over 8 s on one core: docs/benchmarks.md, "Stages". One thread for each four cores.
const TURN: Stage = Stage { base_s: 0.048, each_s: 0.0, threads: 1.0, workers: 1 };
const TURN_OF_EIGHT: Stage = Stage { workers: 2, ..TURN };
/// A silent call with office noise, the upper end: docs/benchmarks.md, "Whole calls".
const CALL_CORES: f64 = 0.0083;
/// A local model that begins after 200 ms and writes the ten words of a first clause at 50 a second: assumed.
const WRITE_S: f64 = 0.4;

const COMMON: Costs = Costs {
    call_cores: CALL_CORES,
    turn: TURN,
    stt: TURN,
    tts: TURN,
    write_s: WRITE_S,
    write_variation: 0.3,
    network_s: 0.05,
    hop_s: 0.003,
    interim_s: Some(0.4),
};

/// The machine of docs/benchmarks.md: two cores with AVX-512, Whisper tiny.en, Kokoro.
pub const TWO_CORES: Hardware = Hardware {
    name: "cpu2",
    basis: "measured: docs/benchmarks.md, 2 cores of an AMD EPYC",
    media_cores: 2.0,
    speech_cores: 2.0,
    alone: true,
    costs: Costs {
        // 85 to 91 ms over recordings of 1 to 8 s; nearly all of it is the trimmed window's least length.
        stt: Stage { base_s: 0.080, each_s: 0.002, threads: 2.0, workers: 1 },
        // About six times as fast as one listens.
        tts: Stage { base_s: 0.0, each_s: 0.16, threads: 2.0, workers: 1 },
        ..COMMON
    },
};

/// Eight such cores, if an engine on eight is 2.8 times as fast as on two (70 % of what four times the cores promise).
pub const EIGHT_CORES: Hardware = Hardware {
    name: "cpu8",
    basis: "estimated: cpu2 with four times the cores at 70 % of the gain",
    media_cores: 8.0,
    speech_cores: 8.0,
    alone: true,
    costs: Costs {
        turn: TURN_OF_EIGHT,
        stt: Stage { base_s: 0.080 / 2.8, each_s: 0.002 / 2.8, threads: 8.0, workers: 1 },
        tts: Stage { base_s: 0.0, each_s: 0.16 / 2.8, threads: 8.0, workers: 1 },
        ..COMMON
    },
};

/// One H200 that recognises with large-v3-turbo, up to 32 utterances side by side, and speaks with Kokoro, a clause at a time.
/// What runs together shares the GPU: that a batch takes less than its parts is left out. docs/scaling.md derives the
/// figures; nothing here was measured.
pub const H200: Hardware = Hardware {
    name: "h200",
    basis: "estimated: arithmetic of docs/scaling.md, nothing measured on a GPU",
    media_cores: 8.0,
    speech_cores: 1.0,
    alone: false,
    costs: Costs {
        turn: TURN_OF_EIGHT,
        stt: Stage { base_s: 0.017, each_s: 0.0016, threads: 1.0, workers: 32 },
        tts: Stage { base_s: 0.010, each_s: 0.005, threads: 1.0, workers: 1 },
        ..COMMON
    },
};

/// All there are.
pub const ALL: [Hardware; 3] = [TWO_CORES, EIGHT_CORES, H200];
