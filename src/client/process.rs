//! What a process on this machine has used: processor time and memory, from Linux's `/proc`.

use std::path::PathBuf;
use std::time::Duration;

/// `/proc` counts processor time in hundredths of a second, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// A process whose usage can be read.
#[derive(Debug, Clone)]
pub struct Process(PathBuf);

/// What a process has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Time on processors, all threads together.
    pub cpu: Duration,
    /// Memory that is resident now.
    pub memory_kib: u64,
}

/// The usage of a process cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct ProcessError {
    path: PathBuf,
    problem: String,
}

impl Process {
    /// The process with this id.
    pub fn new(id: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{id}")))
    }

    /// This process.
    pub fn this() -> Self {
        Self(PathBuf::from("/proc/self"))
    }

    /// What it has used so far.
    pub fn usage(&self) -> Result<Usage, ProcessError> {
        let cpu = self.number("stat", cpu_ticks)?;
        let memory_kib = self.status("VmRSS:")?;
        Ok(Usage { cpu: TICK * u32::try_from(cpu).unwrap_or(u32::MAX), memory_kib })
    }

    /// Its threads.
    pub fn threads(&self) -> Result<u64, ProcessError> {
        self.status("Threads:")
    }

    /// Its open files and sockets.
    pub fn descriptors(&self) -> Result<usize, ProcessError> {
        let path = self.0.join("fd");
        match std::fs::read_dir(&path) {
            Ok(entries) => Ok(entries.count()),
            Err(error) => Err(ProcessError { path, problem: error.to_string() }),
        }
    }

    fn status(&self, name: &str) -> Result<u64, ProcessError> {
        self.number("status", |text| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        })
    }

    fn number(&self, file: &str, find: impl Fn(&str) -> Option<u64>) -> Result<u64, ProcessError> {
        let path = self.0.join(file);
        match std::fs::read_to_string(&path) {
            Ok(text) => find(&text).ok_or("it is not written as on Linux".to_owned()),
            Err(error) => Err(error.to_string()),
        }
        .map_err(|problem| ProcessError { path, problem })
    }
}

/// User and system time, which follow the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_disturb() {
        let stat = "71 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 31 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_ticks(stat), Some(281));
        assert_eq!(cpu_ticks("71 (a) S 1"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_used_something() {
        let usage = Process::this().usage().unwrap();
        assert!(usage.memory_kib > 1_000, "{usage:?}");
        assert!(Process::this().threads().unwrap() >= 1);
        assert!(Process::this().descriptors().unwrap() >= 3);
        let error = Process::new(u32::MAX).usage().unwrap_err().to_string();
        assert!(error.contains("/proc/4294967295/stat"), "{error}");
    }
}
