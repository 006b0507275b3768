//! What is left of a call in the memory of the server when it is over.

use std::time::{Duration, Instant};

use super::calls::Serving;
use super::{recording, sotto, sotto_with_models, stderr};
use crate::support::{memory, shared};

const CLIP: &str = "speech/gs_describe.wav";
/// Connections linger, and buffers go with them.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often `words` stand in the memory of a process; `None` if it may not be read.
fn count(process: u32, words: &[u8]) -> Option<usize> {
    let mut found = 0;
    // What cannot be written holds nothing that was said.
    memory::each(
        process,
        |mapping| mapping.rights.starts_with("rw"),
        |_, bytes| {
            found += bytes.windows(words.len()).filter(|part| *part == words).count();
        },
    )?;
    Some(found)
}

#[test]
fn nothing_that_was_said_is_left_in_memory_when_the_call_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = sotto_with_models(folder.path()) else { return };
    let server = Serving::start(server);
    if count(server.id(), b"sotto").is_none() {
        return shared::skip("only root may read the memory of a server");
    }
    let expected = shared::clip(CLIP).unwrap().fixture_text.unwrap();
    let mut call = sotto(folder.path());
    let output = call.args(["call", &server.url, "--audio"]).arg(recording(CLIP)).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains(&expected));
    server.wait_for_calls(0);
    let begun = Instant::now();
    loop {
        let left = count(server.id(), expected.as_bytes()).unwrap();
        if left == 0 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{left} times in memory");
        std::thread::sleep(Duration::from_millis(500));
    }
    server.stop();
}
