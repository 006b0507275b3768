//! What was said lives in this process's memory. It must not get from there to a disk, nor to other programs.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Sees to it that no crash writes the memory to a disk and no other program of the same user reads it.
/// Programs that are run as engines may not write cores either.
pub(super) fn seal() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "a crash may write the memory to a disk: core dumps cannot be forbidden");
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Covers what a limit does not: cores that are piped to a program, and debuggers.
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "other programs may read the memory");
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getrlimit;

    use super::*;

    #[test]
    fn a_sealed_process_leaves_no_core() {
        seal();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        #[cfg(target_os = "linux")]
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            rustix::process::DumpableBehavior::NotDumpable
        );
    }
}
