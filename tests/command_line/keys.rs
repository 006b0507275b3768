//! Keys: made, changed, and never where they do not belong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use sotto::vault::keyring::Keyring;

use super::{sotto, stderr, stdout};

fn keys(folder: &Path) -> Command {
    let mut command = sotto(folder);
    for name in ["SECRET_KEYS", "SECRET_KEY", "SECRET_KEY_FILE"] {
        command.env_remove(name);
    }
    command.arg("keys");
    command
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn kids(text: &str) -> Vec<String> {
    Keyring::parse(text).unwrap().kids().map(str::to_owned).collect()
}

fn refused(output: &Output, parts: &[&str]) {
    let error = stderr(output);
    assert!(!output.status.success() && output.stdout.is_empty(), "{error}");
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn a_new_key_is_shown_and_is_another_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let new = || stdout(&keys(folder.path()).arg("new").output().unwrap());
    let (one, other) = (new(), new());
    assert_ne!(one, other);
    assert_eq!(kids(&one), ["k1"]);
    assert_eq!(one.lines().count(), 1, "what is said about it is not on the standard output");
}

#[test]
fn a_new_key_goes_into_a_file_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    let new = || keys(folder.path()).args(["new", "--file", "secret.key"]).output().unwrap();
    let output = new();
    assert!(output.status.success() && output.stdout.is_empty(), "{}", stderr(&output));
    let key = fs::read_to_string(&path).unwrap();
    assert_eq!((mode(&path), kids(&key)), (0o600, vec!["k1".to_owned()]));
    assert!(stderr(&output).contains("SECRET_KEY_FILE") && !stderr(&output).contains(key.trim()));
    refused(&new(), &["secret.key", "is there already"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), key);
    refused(&keys(folder.path()).args(["new", "--file", "no/key"]).output().unwrap(), &["no/key"]);
}

#[test]
fn a_rotation_puts_a_new_key_in_front_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let entry = stdout(&keys(folder.path()).arg("new").output().unwrap());
    let bare = entry.trim().strip_prefix("k1:").unwrap();
    let file = folder.path().join("secret.key");
    fs::write(&file, &entry).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for (name, value) in [
        ("SECRET_KEYS", entry.trim()),
        ("SECRET_KEY", bare),
        ("SECRET_KEY_FILE", file.to_str().unwrap()),
    ] {
        let output = keys(folder.path()).env(name, value).arg("rotate").output().unwrap();
        let (rotated, words) = (stdout(&output), stderr(&output));
        assert_eq!(kids(&rotated), ["k2", "k1"], "{words}");
        assert!(rotated.ends_with(&format!(",k1:{bare}\n")));
        for part in ["SECRET_KEYS", "restart", "sotto keys rewrap", "backup"] {
            assert!(words.contains(part), "{part}: {words}");
        }
        assert!(!words.contains(bare), "{words}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), entry, "only --file changes a file");
}

#[test]
fn a_file_is_rotated_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("secret.key"), folder.path().join("link"));
    keys(folder.path()).args(["new", "--file", "secret.key"]).output().unwrap();
    let before = fs::read_to_string(&path).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for (name, expected) in [("secret.key", "k2"), ("link", "k3")] {
        let output = keys(folder.path()).args(["rotate", "--file", name]).output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{}", stderr(&output));
        let after = fs::read_to_string(&path).unwrap();
        assert_eq!((kids(&after)[0].as_str(), mode(&path)), (expected, 0o600));
        assert!(after.ends_with(&before), "the old keys stay");
    }
    assert!(link.is_symlink(), "a link stays a link");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn what_cannot_be_rotated_is_named_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let weak = "bXkgbW90aGVyJ3MgbWFpZGVuIG5hbWUsIHR3aWNlIG92ZXI=";
    let rotate = |name: &str, value: &str| {
        let output = keys(folder.path()).env(name, value).arg("rotate").output().unwrap();
        assert!(!stderr(&output).contains(&weak[..12]));
        output
    };
    refused(&keys(folder.path()).arg("rotate").output().unwrap(), &["sotto keys new"]);
    refused(&rotate("SECRET_KEY", weak), &["SECRET_KEY: ", "text"]);
    refused(&rotate("SECRET_KEYS", &format!("k1:{weak}")), &["SECRET_KEYS: "]);
    let path = folder.path().join("secret.key");
    fs::write(&path, weak).unwrap();
    let file = || keys(folder.path()).args(["rotate", "--file", "secret.key"]).output().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&file(), &["secret.key", "chmod 600"]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    refused(&file(), &["secret.key", "text"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), weak);
}
