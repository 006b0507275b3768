//! Which calls go on, and how to reach them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::admission::Permit;
use super::turn_log::TurnLog;
use crate::pipeline::transport::webrtc::Signalling;
use crate::pipeline::transport::{Control, HangUp};

/// The id of a call. Nobody can guess it, because whoever knows it can end the call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallId(Arc<str>);

impl CallId {
    /// A new one.
    pub fn random() -> Self {
        Self(format!("call_{:032x}", rand::random::<u128>()).into())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    /// Only its beginning: logs are not for ending calls with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get(..13).unwrap_or(&self.0))
    }
}

/// A call, as others may know it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Info {
    /// The beginning of its id.
    pub call: String,
    /// How long it has been going on.
    pub seconds: u64,
}

/// A call that goes on.
pub(super) struct Entry {
    cancel: CancellationToken,
    control: mpsc::Sender<Control>,
    signalling: Option<Signalling>,
    began: SystemTime,
    reason: Arc<OnceLock<HangUp>>,
    etag: u64,
    /// Whose call it is, if that is known.
    person: Option<Arc<str>>,
    /// Its place, unless a call that goes on with it has taken that over.
    permit: Option<Permit>,
    /// Cancelled when nothing of it goes on any more, and what is left of it can be had.
    over: CancellationToken,
    turns: Arc<TurnLog>,
}

impl Entry {
    pub(super) fn new(
        cancel: CancellationToken,
        control: mpsc::Sender<Control>,
        signalling: Option<Signalling>,
        person: Option<Arc<str>>,
        permit: Permit,
    ) -> Self {
        let (reason, etag, over) = (Arc::default(), rand::random(), CancellationToken::new());
        let (began, permit, turns) = (SystemTime::now(), Some(permit), Arc::default());
        Self { cancel, control, signalling, began, reason, etag, person, permit, over, turns }
    }

    /// The version of its ICE session.
    pub(super) fn etag(&self) -> String {
        format!("\"{:016x}\"", self.etag)
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Registry {
    calls: Mutex<HashMap<Box<str>, Entry>>,
}

/// Keeps a call in the registry until it is dropped.
pub(super) struct Registration {
    registry: Arc<Registry>,
    id: CallId,
    reason: Arc<OnceLock<HangUp>>,
    over: CancellationToken,
    turns: Arc<TurnLog>,
}

impl Registration {
    /// Which call.
    pub(super) fn id(&self) -> &CallId {
        &self.id
    }

    /// How its turns went.
    pub(super) fn turns(&self) -> &Arc<TurnLog> {
        &self.turns
    }

    /// Why the server ended the call, if it did.
    pub(super) fn reason(&self) -> Option<HangUp> {
        self.reason.get().copied()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Its place is free before whoever waits for its end knows of that.
        let entry = self.registry.calls().remove(self.id.as_str());
        drop(entry);
        self.over.cancel();
    }
}

impl Registry {
    pub(super) fn register(registry: &Arc<Self>, id: CallId, entry: Entry) -> Registration {
        let (reason, over) = (Arc::clone(&entry.reason), entry.over.clone());
        let turns = Arc::clone(&entry.turns);
        registry.calls().insert(id.as_str().into(), entry);
        Registration { registry: Arc::clone(registry), id, reason, over, turns }
    }

    /// Ends a call of this person because it goes on in another. What is cancelled once it is over, and its place, which
    /// nobody else can take meanwhile.
    pub(super) fn take_over(
        &self,
        id: &str,
        person: Option<&str>,
    ) -> Option<(CancellationToken, Option<Permit>)> {
        let mut calls = self.calls();
        let entry = calls.get_mut(id).filter(|entry| entry.person.as_deref() == person)?;
        entry.reason.get_or_init(|| HangUp::Resumed);
        // It is told, so that it can say how much was heard. One that does not listen is ended.
        if entry.control.try_send(Control::HungUp(HangUp::Resumed)).is_err() {
            entry.cancel.cancel();
        }
        Some((entry.over.clone(), entry.permit.take()))
    }

    /// Ends a call. Whether there was one.
    pub(super) fn end(&self, id: &str, how: HangUp) -> bool {
        self.calls().get(id).map(|entry| end(entry, how)).is_some()
    }

    pub(super) fn end_all(&self, how: HangUp) {
        for entry in self.calls().values() {
            end(entry, how);
        }
    }

    /// Tells every call. One that does not listen is ended all the same.
    pub(super) fn tell_all(&self, control: &Control) {
        for entry in self.calls().values() {
            let _ = entry.control.try_send(control.clone());
        }
    }

    /// How the turns of a call of this person went.
    pub(super) fn turns(&self, id: &str, person: Option<&str>) -> Option<Arc<TurnLog>> {
        let calls = self.calls();
        let entry = calls.get(id).filter(|entry| entry.person.as_deref() == person)?;
        Some(Arc::clone(&entry.turns))
    }

    pub(super) fn signalling(&self, id: &str) -> Option<(Signalling, String)> {
        let calls = self.calls();
        let entry = calls.get(id)?;
        Some((entry.signalling.clone()?, entry.etag()))
    }

    pub(super) fn restarted(&self, id: &str) -> Option<String> {
        let mut calls = self.calls();
        let entry = calls.get_mut(id)?;
        entry.etag = rand::random();
        Some(entry.etag())
    }

    pub(super) fn list(&self) -> Vec<Info> {
        let calls = self.calls();
        let info = calls.iter().map(|(id, entry)| Info {
            call: CallId(id.as_ref().into()).to_string(),
            seconds: entry.began.elapsed().unwrap_or(Duration::ZERO).as_secs(),
        });
        info.collect()
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<Box<str>, Entry>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(entry: &Entry, how: HangUp) {
    entry.reason.get_or_init(|| how);
    entry.cancel.cancel();
}
