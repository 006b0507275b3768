//! A program that does as it is told: recogniser or voice, good or bad.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

/// Does what the file `mode` says. Its folder is `$0`; what it is given ends up in the file `input`.
const SCRIPT: &str = r#"
cd "$0" && echo "$@" > args
case "$(cat mode)" in
    good) cat > input; cat output ;;
    fail) exit 3 ;;
    nothing) cat > input ;;
    garbage) cat > input; printf '\377\376\001 \000 garbage' ;;
    hang) echo $$ > pid; exec sleep 60 ;;
esac
"#;

/// A folder in which the script does as it is told.
pub struct Script(TempDir);

impl Script {
    pub fn new(output: &[u8]) -> Self {
        let script = Self(tempfile::tempdir().unwrap());
        std::fs::write(script.path("output"), output).unwrap();
        script.will("good");
        script
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    pub fn will(&self, mode: &str) {
        std::fs::write(self.path("mode"), mode).unwrap();
    }

    pub fn args(&self, more: &[&str]) -> Vec<String> {
        let folder = self.0.path().to_str().unwrap();
        ["-c", SCRIPT, folder].iter().chain(more).map(|arg| (*arg).to_owned()).collect()
    }

    /// The process that hangs, once there is one.
    pub async fn pid(&self) -> u32 {
        for _ in 0..300 {
            let pid = std::fs::read_to_string(self.path("pid")).unwrap_or_default();
            if let Ok(pid) = pid.trim().parse() {
                return pid;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the program was not started");
    }
}
