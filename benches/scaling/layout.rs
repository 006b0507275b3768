//! What is simulated, for how long, and what came of it.

/// How a media node finds a speech node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// The one with the fewest jobs: a proxy that counts connections.
    Least,
    /// Any, for each request.
    Random,
    /// Any, for each connection; connections are kept, and the last one used is used first. A Kubernetes service without
    /// a proxy does this.
    Sticky,
}

/// Machines and what is configured on them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    pub calls: usize,
    pub media_nodes: usize,
    pub media_cores: f64,
    /// None: media nodes recognise and speak themselves.
    pub speech_nodes: usize,
    pub speech_cores: f64,
    /// `stt.remote.concurrency` and `tts.remote.concurrency`.
    pub concurrency: usize,
    pub balance: Balance,
    /// `limits.queue`.
    pub queue: usize,
    /// Everything on the cores of one machine, as when it is tried out. Only with one node of each.
    pub together: bool,
}

/// How long it is simulated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub warm_up_s: f64,
    pub measured_s: f64,
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// From the decision that a turn is over to the first sound of its reply, in seconds.
    pub waits_s: Vec<f64>,
    /// From the end of speech to there.
    pub stopwatch_s: Vec<f64>,
    pub turns: usize,
    /// Without a reply, or without its end, because too much was waiting.
    pub failed: usize,
    /// Replies that fell silent before their end.
    pub gaps: usize,
    pub interims: usize,
    pub interims_dropped: usize,
    /// The part of the time that people spoke.
    pub talk_share: f64,
    /// How busy the cores of speech nodes (or of media nodes, where there are none) were.
    pub speech_use: f64,
    pub media_use: f64,
}
