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
    uses: Mutex<HashMap<String, (Use, CancellationToken)>>,
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
    pub(super) fn begin(live: &Arc<Self>, id: &str, what: Use) -> Result<InUse, ChatError> {
        let mut uses = live.uses();
        match uses.get(id) {
            Some((Use::Call, _)) => Err(ChatError::InCall),
            Some((Use::Reply, _)) => Err(ChatError::Busy),
            None => {
                let stop = CancellationToken::new();
                uses.insert(id.to_owned(), (what, stop.clone()));
                Ok(InUse { live: Arc::clone(live), id: id.to_owned(), stop })
            }
        }
    }

    /// What goes on in a conversation.
    pub(super) fn what(&self, id: &str) -> Option<Use> {
        self.uses().get(id).map(|(what, _)| *what)
    }

    /// Asks for the end of what goes on. Whether something did.
    pub(super) fn stop(&self, id: &str, what: Option<Use>) -> bool {
        let uses = self.uses();
        let found = uses.get(id).filter(|(found, _)| what.is_none_or(|what| what == *found));
        found.inspect(|(_, stop)| stop.cancel()).is_some()
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<String, (Use, CancellationToken)>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
