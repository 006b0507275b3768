//! What is left of a call that was lost: enough for another call to go on where it stopped. It is in memory only, for
//! a minute, and nowhere else.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::keep::Stay;
use super::record::Replies;
use super::seat::Place;
use super::session::Session;
use super::turn_log::TurnLog;
use crate::chat::Tier;
use crate::pipeline::history::{History, ItemId};
use crate::pipeline::text::Text;

/// For so long after its end a lost call can be resumed.
const KEPT_FOR: Duration = Duration::from_mins(1);
/// What is left of so many calls is kept; of more, that of the latest.
const MOST: usize = 64;

/// See the module. Its `Debug` shows nothing of what was said.
pub(super) struct Remains {
    /// Whose call it was, if that is known.
    pub(super) person: Option<Arc<str>>,
    /// What was set.
    pub(super) session: Session,
    /// What was said and heard.
    pub(super) history: History,
    /// The ids of all items of `history`.
    pub(super) names: HashMap<ItemId, String>,
    /// Ids that no new item may have.
    pub(super) taken: HashSet<String>,
    /// Those that were stored.
    pub(super) stored: HashSet<String>,
    /// Replies that a client may still cut in what is stored.
    pub(super) replies: Replies,
    /// The conversation as the client knows it.
    pub(super) conversation: String,
    /// What was made and not heard of a reply.
    pub(super) missed: Text,
    /// How its turns went.
    pub(super) turns: Arc<TurnLog>,
    /// The conversation that it was in.
    pub(super) home: Option<Home>,
}

/// The conversation of a call that is over.
#[derive(Clone)]
pub(super) struct Home {
    /// While this is there, an ephemeral conversation does not end.
    pub(super) stay: Arc<Stay>,
    /// Cancelled when everything that was said is stored, and the conversation is free.
    pub(super) stored: CancellationToken,
}

/// What a call takes over of one that was lost.
#[derive(Debug, Default)]
pub(super) struct Resumed {
    /// Which.
    pub(super) call_id: String,
    /// The conversation as the client knows it.
    pub(super) conversation: String,
    /// What can be said again, once.
    pub(super) missed: Text,
}

impl fmt::Debug for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remains").finish_non_exhaustive()
    }
}

impl Remains {
    /// Goes on in `place`, where `said` was said before: what is known of both.
    pub(super) fn join(self, call_id: &str, said: &History, place: &mut Place) -> History {
        let Self { mut history, mut names, taken, stored, .. } = self;
        let Self { replies, conversation, missed, session, turns, .. } = self;
        // The conversation may have been changed since. Of a private one nobody here knows what is in it.
        if place.keeper.is_some() && session.tier() != Some(Tier::Private) {
            let is_gone = |name: &String| stored.contains(name) && !place.ids.contains(name);
            history.retain(|item| !names.get(&item).is_some_and(is_gone));
            for (item, name) in mem::take(&mut place.earlier) {
                if !names.values().any(|known| *known == name)
                    && let Some((role, text)) = said.said(item)
                {
                    let item = history.begin();
                    history.add(item, role, text.clone());
                    names.insert(item, name);
                }
            }
        }
        place.earlier = names.into_iter().collect();
        place.ids.extend(taken);
        place.ids.extend(place.earlier.iter().map(|(_, name)| name.clone()));
        place.replies = replies;
        place.turns.begin_with(&turns);
        place.resumed = Some(Resumed { call_id: call_id.to_owned(), conversation, missed });
        history
    }
}

/// One of them on the shelf.
struct Kept {
    call_id: String,
    until: Instant,
    remains: Remains,
}

impl Kept {
    /// Whether this is left of that call, and `person` can still have it.
    fn is_theirs(&self, call_id: &str, person: Option<&str>) -> bool {
        self.call_id == call_id
            && self.remains.person.as_deref() == person
            && Instant::now() < self.until
    }
}

/// Where they lie. Whoever takes one has it alone.
pub(super) struct Shelf {
    kept: Mutex<VecDeque<Kept>>,
    kept_for: Mutex<Duration>,
    changed: Notify,
}

impl Default for Shelf {
    fn default() -> Self {
        let (kept, changed) = (Mutex::default(), Notify::new());
        Self { kept, kept_for: Mutex::new(KEPT_FOR), changed }
    }
}

impl Shelf {
    /// Keeps them for `time` from now on, instead of a minute.
    pub(super) fn keep_for(&self, time: Duration) {
        *self.kept_for.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    /// What is left of a call that has just ended.
    pub(super) fn put(&self, call_id: &str, remains: Remains) {
        let time = *self.kept_for.lock().unwrap_or_else(PoisonError::into_inner);
        self.put_until(call_id, Instant::now() + time, remains);
    }

    /// The same, with its end. That which has waited longest makes room.
    pub(super) fn put_until(&self, call_id: &str, until: Instant, remains: Remains) {
        let call_id = call_id.to_owned();
        let gone = {
            let mut kept = self.kept();
            let gone = if kept.len() >= MOST { kept.pop_front() } else { None };
            kept.push_back(Kept { call_id, until, remains });
            gone
        };
        drop(gone);
        self.changed.notify_one();
    }

    /// What is left of this call and can still be had by `person`, and until when.
    pub(super) fn take(&self, call_id: &str, person: Option<&str>) -> Option<(Instant, Remains)> {
        let mut kept = self.kept();
        let at = kept.iter().position(|kept| kept.is_theirs(call_id, person))?;
        kept.remove(at).map(|kept| (kept.until, kept.remains))
    }

    /// How the turns of this call of `person` went, as long as it can be resumed.
    pub(super) fn turns(&self, call_id: &str, person: Option<&str>) -> Option<Arc<TurnLog>> {
        let kept = self.kept();
        let found = kept.iter().find(|kept| kept.is_theirs(call_id, person))?;
        Some(Arc::clone(&found.remains.turns))
    }

    /// Forgets what is left of a call. Whether there was anything.
    pub(super) fn forget(&self, call_id: &str) -> bool {
        let gone = {
            let mut kept = self.kept();
            let at = kept.iter().position(|kept| kept.call_id == call_id);
            at.and_then(|at| kept.remove(at))
        };
        gone.is_some()
    }

    /// Forgets what nobody has come for in time, until `ending`; then all.
    pub(super) async fn expire(&self, ending: CancellationToken) {
        loop {
            let next = self.sweep(Instant::now());
            let wait = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = ending.cancelled() => break,
                () = self.changed.notified() => {}
                () = wait => {}
            }
        }
        let all = mem::take(&mut *self.kept());
        drop(all);
    }

    /// Forgets what is over by `now`; when the next is.
    fn sweep(&self, now: Instant) -> Option<Instant> {
        let (over, next) = {
            let mut kept = self.kept();
            let (over, stays): (VecDeque<Kept>, _) =
                mem::take(&mut *kept).into_iter().partition(|kept| kept.until <= now);
            *kept = stays;
            (over, kept.iter().map(|kept| kept.until).min())
        };
        // An ephemeral conversation ends here, which is why nothing is locked any more.
        drop(over);
        next
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The remains of a call, taken to go on with. If that comes to nothing, they are put back.
pub struct Resumption {
    pub(super) call_id: String,
    pub(super) until: Instant,
    shelf: Arc<Shelf>,
    remains: Option<Remains>,
}

impl Resumption {
    pub(super) fn new(shelf: Arc<Shelf>, call_id: &str, taken: (Instant, Remains)) -> Self {
        let (until, remains) = taken;
        Self { call_id: call_id.to_owned(), until, shelf, remains: Some(remains) }
    }

    /// The settings of a client that asks for nothing else: those of the lost call.
    pub fn session(&self, fresh: Session) -> Session {
        match &self.remains {
            Some(remains) => fresh.going_on(&remains.session),
            None => fresh,
        }
    }

    /// Whether nothing was said in the lost call, nor before it.
    pub fn is_blank(&self) -> bool {
        self.remains.as_ref().is_none_or(|remains| remains.history.is_empty())
    }

    /// Takes them for good.
    pub(super) fn begin(mut self) -> Option<Remains> {
        self.remains.take()
    }

    pub(super) fn home(&self) -> Option<&Home> {
        self.remains.as_ref()?.home.as_ref()
    }
}

impl Drop for Resumption {
    fn drop(&mut self) {
        if let Some(remains) = self.remains.take() {
            self.shelf.put_until(&self.call_id, self.until, remains);
        }
    }
}

#[cfg(test)]
mod tests {
    use sotto_llm::echo::Echo;

    use super::*;
    use crate::config::Config;
    use crate::engine::Engines;
    use crate::engine::handles::EndOfTurn;
    use crate::pipeline::history::Role;
    use crate::pipeline::meter::Metered;
    use crate::pipeline::vad::Energy;

    fn remains(person: Option<&str>) -> Remains {
        let engines = Engines {
            vad: Arc::new(Energy),
            turn: EndOfTurn::Silence,
            recogniser: None,
            llm: Arc::new(Echo),
            llm_is_near: false,
            voice: None,
            choices: Vec::new(),
            meter: Metered::default(),
        };
        let mut history = History::default();
        let item = history.begin();
        history.add(item, Role::User, Text::from("a secret"));
        Remains {
            person: person.map(Arc::from),
            session: Session::new(&Config::default(), &engines),
            history,
            names: HashMap::from([(item, "item_1".to_owned())]),
            taken: HashSet::new(),
            stored: HashSet::new(),
            replies: Replies::default(),
            conversation: "conv_1".to_owned(),
            missed: Text::from("the rest"),
            turns: Arc::default(),
            home: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn they_are_there_for_a_minute() {
        let shelf = Shelf::default();
        shelf.put("call_1", remains(None));
        shelf.put("call_2", remains(None));
        tokio::time::advance(Duration::from_millis(59_999)).await;
        assert!(shelf.take("call_1", None).is_some());
        assert!(shelf.take("call_1", None).is_none(), "only once");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(shelf.take("call_2", None).is_none());
        assert_eq!(shelf.sweep(Instant::now()), None);
        assert!(shelf.kept().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn they_go_by_themselves() {
        let (shelf, ending) = (Arc::new(Shelf::default()), CancellationToken::new());
        let expiring = shelf.expire(ending.clone());
        tokio::pin!(expiring);
        let wait = async |time| tokio::time::sleep(time).await;
        tokio::select! {
            () = &mut expiring => panic!("it goes on"),
            () = wait(Duration::from_secs(1)) => shelf.put("call_1", remains(None)),
        }
        tokio::select! {
            () = &mut expiring => panic!("it goes on"),
            () = wait(Duration::from_secs(61)) => assert!(shelf.kept().is_empty()),
        }
        shelf.put("call_2", remains(None));
        ending.cancel();
        expiring.await;
        assert!(shelf.kept().is_empty());
    }

    #[test]
    fn nobody_has_those_of_somebody_else() {
        let shelf = Shelf::default();
        shelf.put("call_1", remains(Some("ann")));
        assert!(shelf.turns("call_1", Some("bob")).is_none());
        assert!(shelf.turns("call_1", None).is_none());
        assert!(shelf.turns("call_1", Some("ann")).is_some());
        assert!(shelf.take("call_1", Some("bob")).is_none());
        assert!(shelf.take("call_1", None).is_none());
        assert!(shelf.take("call_2", Some("ann")).is_none());
        assert!(shelf.take("call_1", Some("ann")).is_some());
    }

    #[test]
    fn the_oldest_make_room() {
        let shelf = Shelf::default();
        for call in 0..=MOST {
            shelf.put(&format!("call_{call}"), remains(None));
        }
        assert_eq!(shelf.kept().len(), MOST);
        assert!(!shelf.forget("call_0"));
        assert!(shelf.forget("call_1"));
    }

    #[test]
    fn what_comes_to_nothing_is_put_back() {
        let shelf = Arc::new(Shelf::default());
        shelf.put("call_1", remains(None));
        let taken = shelf.take("call_1", None).unwrap();
        let until = taken.0;
        drop(Resumption::new(Arc::clone(&shelf), "call_1", taken));
        assert_eq!(shelf.take("call_1", None).map(|(until, _)| until), Some(until));
    }

    #[test]
    fn debug_never_shows_words() {
        assert_eq!(format!("{:?}", remains(Some("ann"))), "Remains { .. }");
    }
}
