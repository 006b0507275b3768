//! Panics in the log: where, and never what. A panic's message may quote what it stumbled over.

/// From now on a panic leaves a line with its place and its thread, and without its message.
pub fn log_without_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        tracing::error!(
            place,
            thread,
            "panicked; the message is left out, for it may quote what was said"
        );
    }));
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn a_panic_is_logged_with_its_place_and_without_its_message() {
        // The hook is the process's, and other tests panic on purpose.
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "telemetry::panics::tests::panics", "--ignored", "--nocapture"]);
        let done = child.env("RUST_BACKTRACE", "full").output().unwrap();
        let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
        assert_eq!(said.matches("panics.rs:").count(), 2, "{said}");
        assert!(said.contains("worker-7"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }

    #[test]
    #[ignore = "runs in the child process of another test"]
    #[expect(clippy::disallowed_methods, reason = "a test joins what it starts")]
    fn panics() {
        crate::telemetry::start(&crate::config::Telemetry::default()).unwrap();
        super::log_without_messages();
        let named = std::thread::Builder::new().name("worker-7".to_owned());
        named.spawn(|| panic!("canary {}", "words")).unwrap().join().unwrap_err();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::spawn(async { panic!("canary") }).await.unwrap_err();
        });
    }
}
