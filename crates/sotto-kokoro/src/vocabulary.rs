//! From phonemes to tokens.

use std::collections::HashMap;

/// The token before the first phoneme and after the last.
pub(crate) const EDGE: u32 = 0;

/// The phonemes that the model knows: one character each.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    ids: HashMap<char, u32>,
    /// The most phonemes that the model takes at once.
    most: usize,
}

impl Vocabulary {
    pub(crate) fn new(ids: HashMap<char, u32>, positions: usize) -> Self {
        Self { ids, most: positions - 2 }
    }

    /// The tokens of these phonemes. Characters that the model does not know are left out, and so is what is beyond
    /// the most that it takes.
    pub fn ids(&self, phonemes: &str) -> Vec<u32> {
        phonemes.chars().filter_map(|phoneme| self.id(phoneme)).take(self.most).collect()
    }

    /// The token of a phoneme.
    pub fn id(&self, phoneme: char) -> Option<u32> {
        self.ids.get(&phoneme).copied()
    }

    /// The most phonemes that the model takes at once.
    pub fn most(&self) -> usize {
        self.most
    }
}
