//! Whether the items of a conversation are all there, each in its place.
//!
//! A record that was changed or put into another place does not open. What records alone do not show, that some
//! are missing, cut off at the end, or older versions of themselves, the head in the meta record does.

use serde::Serialize;

use crate::vault::chain::Head;

/// What is wrong with an item, or with the place where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Its place.
    pub seq: u64,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// It does not open: it was changed, or belongs elsewhere.
    Damaged,
    /// There is none.
    Missing,
    /// It and all that followed are gone.
    Truncated,
    /// All records open, but they are not those that were written: one of them is an earlier version.
    Replaced,
    /// There are more than were written.
    Added,
}

/// Compares the tags that are there with the head that was written. What is found is added to `problems`.
pub(super) fn verify<'a>(
    head: &Head,
    tags: impl Iterator<Item = (u64, &'a [u8])>,
    problems: &mut Vec<Problem>,
) {
    let before = problems.len();
    let mut found = Head::EMPTY;
    let mut expected = 1;
    for (seq, tag) in tags {
        if seq > head.last_seq {
            problems.push(Problem { seq, kind: ProblemKind::Added });
            break;
        }
        for missing in expected..seq {
            problems.push(Problem { seq: missing, kind: ProblemKind::Missing });
        }
        expected = seq + 1;
        // A tag that is none belongs to a record that does not open.
        let _ = found.push_tag(seq, tag);
    }
    if expected <= head.last_seq {
        problems.push(Problem { seq: expected, kind: ProblemKind::Truncated });
    }
    // Known already if something is missing or does not open.
    if problems.len() == before && problems.is_empty() && found != *head {
        problems.push(Problem { seq: head.last_seq, kind: ProblemKind::Replaced });
    }
}
