//! What the operator does with accounts, on a database of its own.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use super::{sotto, stderr, stdout};

/// Runs `sotto user …`; `typed` is a line on stdin.
fn user(folder: &Path, arguments: &[&str], typed: &str) -> Output {
    let mut running = sotto(folder)
        .env("SOTTO__AUTH__PASSWORD__MEMORY_KIB", "19456")
        .env("SOTTO__AUTH__PASSWORD__PASSES", "2")
        .arg("user")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that asks for nothing may have ended already.
    let _ = running.stdin.take().unwrap().write_all(typed.as_bytes());
    running.wait_with_output().unwrap()
}

#[test]
fn accounts_are_made_listed_kept_out_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], typed: &str| {
        let output = user(folder.path(), arguments, typed);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    run(&["add", "Ada", "--admin"], "some long words\n");
    run(&["add", "bob"], "other long words");
    assert_eq!(run(&["list"], ""), "ada  admin\nbob\n");
    run(&["password", "bob"], "entirely new words\n");
    run(&["disable", "bob"], "");
    assert_eq!(run(&["list"], ""), "ada  admin\nbob  disabled\n");
    run(&["enable", "bob"], "");
    run(&["remove", "bob"], "");
    assert_eq!(run(&["list"], ""), "ada  admin\n");
    let [one, other] = [run(&["invite"], ""), run(&["invite", "--days", "30"], "")];
    assert!(one.trim().len() == 43 && one != other, "{one}");
}

#[test]
fn what_cannot_be_done_is_said_and_no_password_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "hunter2";
    for (arguments, word) in [
        (&["add", "ada"][..], "at least 8"),
        (&["add", "a b"], "letters"),
        (&["password", "nobody"], "nobody"),
        (&["disable", "nobody"], "nobody"),
        (&["remove", "nobody"], "nobody"),
        (&["invite", "--days", "0"], "--days"),
    ] {
        let output = user(folder.path(), arguments, secret);
        assert!(!output.status.success(), "{arguments:?}");
        let text = stderr(&output);
        assert!(text.contains(word) && !text.contains(secret), "{arguments:?}: {text}");
    }
}
