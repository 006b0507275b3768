//! A WebSocket: events in both directions, sound inside them. The socket itself belongs to the HTTP server;
//! these are the pipeline's ends.

use tokio::sync::mpsc;

use super::{Control, Line, Output, control, events, microphone};

/// What whoever owns the socket fills and drains.
pub struct Ends {
    /// What the client does.
    pub control: mpsc::Sender<Control>,
    /// Events for the client.
    pub events: mpsc::Receiver<String>,
}

/// The two sides of a call on a WebSocket.
pub fn line() -> (Line, Ends) {
    let (control_sender, control) = control();
    let (events, event_receiver) = events();
    // Sound comes in events, so nothing ever comes here.
    let (_, microphone) = microphone::lane();
    let line = Line { microphone, control, events, output: Output::Events };
    (line, Ends { control: control_sender, events: event_receiver })
}
