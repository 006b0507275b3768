//! Words that have been worked out, remembered in bounded space.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keeps what was asked for lately: at most twice as many words as it is made for. Two generations; what is found
/// in the old one moves to the young one, and the old one is dropped when the young one is full.
pub(crate) struct Cache {
    most: usize,
    generations: Mutex<[HashMap<String, String>; 2]>,
}

impl Cache {
    pub fn new(most: usize) -> Self {
        Self { most, generations: Mutex::default() }
    }

    /// The value of `word`, worked out if it is not there.
    pub fn get(&self, word: &str, work: impl FnOnce() -> String) -> String {
        if let Some(found) = self.find(word) {
            return found;
        }
        // Worked out without the lock: it may take the rules a while, and twice does no harm.
        let value = work();
        self.put(word.to_owned(), value.clone());
        value
    }

    fn find(&self, word: &str) -> Option<String> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        if let Some(value) = young.get(word) {
            return Some(value.clone());
        }
        let (word, value) = old.remove_entry(word)?;
        let found = value.clone();
        Self::insert(&mut generations, self.most, word, value);
        Some(found)
    }

    fn put(&self, word: String, value: String) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        Self::insert(&mut generations, self.most, word, value);
    }

    fn insert(
        generations: &mut [HashMap<String, String>; 2],
        most: usize,
        word: String,
        value: String,
    ) {
        if generations[0].len() >= most {
            generations[1] = std::mem::take(&mut generations[0]);
        }
        generations[0].insert(word, value);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.generations.lock().unwrap().iter().map(HashMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn it_remembers_what_is_asked_for_and_stays_small() {
        let cache = Cache::new(10);
        assert_eq!(cache.get("kept", || "once".into()), "once");
        for n in 0..1000 {
            cache.get(&n.to_string(), || n.to_string());
            assert_eq!(cache.get("kept", || "again".into()), "once");
            assert!(cache.len() <= 21);
        }
        assert_eq!(cache.get("0", || "new".into()), "new");
    }
}
