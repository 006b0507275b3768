//! Programs as engines: anything that reads and writes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;

/// A program that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that can be run again and again. Runs on worker threads, which may wait.
#[derive(Debug, Clone)]
pub struct Runner {
    program: PathBuf,
    runtime: Handle,
}

impl Runner {
    /// Runs `program`, found with [`find`].
    pub fn new(program: PathBuf, runtime: Handle) -> Self {
        Self { program, runtime }
    }

    /// Runs it once with `input` on stdin and gives what it wrote to stdout. It is killed when the job is
    /// cancelled.
    pub fn run(
        &self,
        args: &[String],
        input: Vec<u8>,
        cancel: &Cancel,
    ) -> Result<Vec<u8>, EngineError> {
        self.runtime.block_on(async {
            tokio::select! {
                output = tokio::time::timeout(PATIENCE, self.run_once(args, input)) => {
                    output.unwrap_or(Err(EngineError::Timeout("the program")))
                }
                () = cancel.cancelled() => Err(EngineError::Cancelled),
            }
        })
    }

    async fn run_once(&self, args: &[String], input: Vec<u8>) -> Result<Vec<u8>, EngineError> {
        let failed = EngineError::failed::<std::io::Error>("running a program");
        let mut child = Command::new(&self.program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own, so that what it starts can be ended with it.
            .process_group(0)
            .spawn()
            .map_err(&failed)?;
        let mut group = Group::of(&child);
        // Written while it is read from: either side may fill its pipe. A program that does not read its
        // input to the end closes the pipe, which is no failure.
        let stdin = child.stdin.take();
        let write = async move {
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(&input).await;
            }
        };
        let ((), output) = tokio::join!(write, child.wait_with_output());
        group.ended();
        let output = output.map_err(&failed)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let name = self.program.display();
        Err(failed(std::io::Error::other(format!("{name} ended with {}", output.status))))
    }
}

/// A program and all that it started; killed when dropped before its end.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id as i32)))
    }

    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // It may have ended by itself a moment ago.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// The full path of a program: as given if it has a folder, else where `PATH` finds it.
pub fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn on_a_worker<T: Send + 'static>(work: impl FnOnce(Handle) -> T + Send + 'static) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(1)
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        std::thread::scope(|scope| scope.spawn(|| work(handle)).join().unwrap())
    }

    #[test]
    fn more_than_a_pipe_holds_goes_through() {
        let input = vec![7; 1 << 20];
        let output = on_a_worker(|runtime| {
            Runner::new(find("cat").unwrap(), runtime).run(
                &[],
                vec![7; 1 << 20],
                &Cancel::default(),
            )
        });
        assert_eq!(output.unwrap(), input);
    }

    #[test]
    fn a_program_that_does_not_listen_is_no_failure() {
        let output = on_a_worker(|runtime| {
            let args = ["hello".to_owned()];
            Runner::new(find("echo").unwrap(), runtime).run(
                &args,
                vec![7; 1 << 20],
                &Cancel::default(),
            )
        });
        assert_eq!(output.unwrap(), b"hello\n");
    }

    #[test]
    fn a_failing_program_is_a_failure() {
        let output = on_a_worker(|runtime| {
            Runner::new(find("false").unwrap(), runtime).run(&[], Vec::new(), &Cancel::default())
        });
        assert!(matches!(output, Err(EngineError::Failed { .. })));
    }

    #[test]
    fn a_cancelled_program_is_not_waited_for() {
        let token = CancellationToken::new();
        token.cancel();
        let output = on_a_worker(|runtime| {
            let args = ["60".to_owned()];
            Runner::new(find("sleep").unwrap(), runtime).run(&args, Vec::new(), &Cancel::new(token))
        });
        assert!(matches!(output, Err(EngineError::Cancelled)));
    }

    #[test]
    fn what_a_program_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let token = CancellationToken::new();
        let cancel = Cancel::new(token.clone());
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let id = std::thread::scope(|scope| {
            scope.spawn(move || {
                on_a_worker(move |runtime| {
                    let args = ["-c".to_owned(), script];
                    Runner::new(find("sh").unwrap(), runtime).run(&args, Vec::new(), &cancel)
                })
            });
            let id = loop {
                match std::fs::read_to_string(&file) {
                    Ok(id) if id.ends_with('\n') => break id.trim().to_owned(),
                    _ => std::thread::sleep(Duration::from_millis(5)),
                }
            };
            token.cancel();
            id
        });
        let alive = || {
            let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        for _ in 0..200 {
            if !alive() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the sleep goes on");
    }

    #[test]
    fn programs_are_looked_for_in_the_path() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-such-program-anywhere"), None);
        assert_eq!(find("/no/such/program"), None);
    }
}
