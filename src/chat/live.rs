//! Which conversations something is going on in. One at a time: a call, or a reply being written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::ChatError;

/// What goes on in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A call.
    Call,
    /// A reply to a typed message.
    Reply,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Live {
    uses: Mutex<HashMap<String, Running>>,
}

/// Something that goes on.
#[derive(Debug)]
struct Running {
    person: String,
    what: Use,
    stop: CancellationToken,
}

/// A conversation in use, until this is dropped.
#[derive(Debug)]
pub struct InUse {
    live: Arc<Live>,
    id: String,
    /// Cancelled when a person asks for its end.
    pub stop: CancellationToken,
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.live.uses().remove(&self.id);
    }
}

impl Live {
    /// Begins to use a conversation.
    pub(super) fn begin(
        live: &Arc<Self>,
        person: &str,
        id: &str,
        what: Use,
    ) -> Result<InUse, ChatError> {
        let mut uses = live.uses();
        match uses.get(id).map(|running| running.what) {
            Some(Use::Call) => Err(ChatError::InCall),
            Some(Use::Reply) => Err(ChatError::Busy),
            None => {
                let stop = CancellationToken::new();
                let running = Running { person: person.to_owned(), what, stop: stop.clone() };
                uses.insert(id.to_owned(), running);
                Ok(InUse { live: Arc::clone(live), id: id.to_owned(), stop })
            }
        }
    }

    /// What goes on in a conversation.
    pub(super) fn what(&self, id: &str) -> Option<Use> {
        self.uses().get(id).map(|running| running.what)
    }

    /// Asks for the end of what goes on. Whether something did.
    pub(super) fn stop(&self, id: &str, what: Option<Use>) -> bool {
        let uses = self.uses();
        let found = uses.get(id).filter(|running| what.is_none_or(|what| what == running.what));
        found.inspect(|running| running.stop.cancel()).is_some()
    }

    /// Asks for the end of everything that somebody has going on.
    pub(super) fn stop_all(&self, person: &str) {
        for running in self.uses().values().filter(|running| running.person == person) {
            running.stop.cancel();
        }
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
